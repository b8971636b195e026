"""A private Dovecot: IMAP with mailboxes in Maildir format, passwords and OAuth 2 tokens."""

import contextlib
import getpass
import grp
import http.server
import imaplib
import itertools
import json
import pwd
import secrets
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from tests.services.certificate import write_certificate
from tests.services.process import HOST, Service, find_program, free_port, speaks, unprivileged

PACKAGE = "dovecot-imapd"
# The services that a stock configuration runs as root or in a chroot, for which an unprivileged master has no right.
CONFIGURATION = """
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/run
log_path = /dev/stderr
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
auth_cache_size = 0
mail_location = maildir:~/Maildir
mail_max_userip_connections = 1000
first_valid_uid = 1
imap_idle_notify_interval = 10 s
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = {host}
    port = {port}
  }}
  inet_listener imaps {{
    address = {host}
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  # without its socket no login waits for the failed ones before it
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


class _Introspection(http.server.ThreadingHTTPServer):
    """RFC 7662 in small: says whether a token is active, and whose it is."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, free_port()), _IntrospectionHandler)
        self.tokens: dict[str, str] = {}


class _IntrospectionHandler(http.server.BaseHTTPRequestHandler):
    server: _Introspection

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        token = urllib.parse.parse_qs(body).get("token", [""])[0]
        user = self.server.tokens.get(token)
        answer = json.dumps({"active": user is not None, "username": user or ""}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the tests print enough."""


class DovecotServer(Service):
    """Dovecot, starts in about 0.2 s. `port` speaks plain and STARTTLS, `tls_port` TLS; a client trusts `ca_file`."""

    name = "dovecot"
    start_timeout = 20.0
    password = "secret"  # of every mailbox

    def __init__(self) -> None:
        self.program = find_program("dovecot", PACKAGE)
        if not Path("/usr/lib/dovecot/imap").exists():
            find_program("imap", PACKAGE, "/usr/libexec/dovecot")
        super().__init__()
        self.port, self.tls_port = free_port(), free_port()
        self.ca_file = self.folder / "certificate.pem"
        self._serial = itertools.count(1)
        self._introspection = _Introspection()
        self._introspecting = threading.Thread(target=self._introspection.serve_forever, args=(0.1,), daemon=True)
        self._introspecting.start()

    def prepare(self) -> None:
        certificate, key = write_certificate(self.folder)
        uid, _ = unprivileged()
        user = getpass.getuser() if uid is None else "nobody"
        entry = pwd.getpwnam(user)
        for name in ("run", "mail"):
            (self.folder / name).mkdir()
        (self.folder / "oauth2.conf").write_text(
            f"introspection_url = http://{HOST}:{self._introspection.server_port}/\n"
            "introspection_mode = post\n"
            "username_attribute = username\n"
            "active_attribute = active\n"
            "active_value = true\n"
        )
        values = {
            "folder": self.folder,
            "host": HOST,
            "port": self.port,
            "tls_port": self.tls_port,
            "user": user,
            "password": self.password,
        }
        values |= {"certificate": certificate, "key": key, "group": grp.getgrgid(entry.pw_gid).gr_name}
        (self.folder / "dovecot.conf").write_text(CONFIGURATION.format(**values))

    def command(self) -> tuple[list[str], dict[str, str]]:
        return [self.program, "-F", "-c", str(self.folder / "dovecot.conf")], self.base_environment()

    def ready(self) -> bool:
        return speaks(self.port, b"", b"* OK")

    def close(self) -> None:
        super().close()
        self._introspection.shutdown()
        self._introspection.server_close()
        self._introspecting.join(5)

    def add_user(self) -> str:
        """The name, an address, of a mailbox that no other test has; it comes into being with the first login."""
        return f"desk{next(self._serial)}-{secrets.token_hex(3)}@example.org"

    def token(self, user: str) -> str:
        """A bearer token for XOAUTH2 or OAUTHBEARER as this user."""
        token = secrets.token_urlsafe(16)
        self._introspection.tokens[token] = user
        return token

    def revoke(self, token: str) -> None:
        self._introspection.tokens.pop(token, None)

    @contextlib.contextmanager
    def session(self, user: str) -> Iterator[imaplib.IMAP4]:
        """A logged-in IMAP connection for a test's own looks and deeds."""
        connection = imaplib.IMAP4(HOST, self.port, timeout=20)
        try:
            connection.login(user, self.password)
            yield connection
        finally:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                connection.logout()

    def append(self, user: str, *letters: bytes, folder: str = "INBOX") -> None:
        """Puts letters into a folder by IMAP APPEND, made if missing; line ends become CRLF."""
        with self.session(user) as connection:
            for letter in letters:
                answer = connection.append(folder, "", "", letter)
                if answer[0] == "NO" and b"TRYCREATE" in answer[1][0]:
                    connection.create(folder)
                    answer = connection.append(folder, "", "", letter)
                if answer[0] != "OK":
                    raise OSError(f"APPEND: {answer!r}")

    def deliver(self, user: str, letter: bytes, folder: str = "INBOX") -> None:
        """Puts the bytes as they are into the Maildir, past IMAP, which refuses NUL and an empty letter."""
        maildir = self._maildir(user, folder)
        if not maildir.exists():
            self._make_folder(user, folder)
        name = f"{time.time_ns()}.{next(self._serial)}.test"
        path = maildir / "tmp" / name
        path.write_bytes(letter)
        self.own(path)
        path.rename(maildir / "new" / name)

    def uidvalidity(self, user: str, folder: str = "INBOX") -> int:
        with self.session(user) as connection:
            _, (answer,) = connection.status(folder, "(UIDVALIDITY)")
        return int(answer.split(b"UIDVALIDITY ")[1].rstrip(b")"))

    def change_uidvalidity(self, user: str, folder: str = "INBOX") -> int:
        """As after a restored backup: the same letters under other UIDs and a new UIDVALIDITY, which is returned.

        Open sessions on the folder are cut, by a restart of the server.
        """
        before = self.uidvalidity(user, folder)
        maildir = self._maildir(user, folder)
        self.stop()
        for index in (*maildir.glob("dovecot.index*"), *maildir.glob("dovecot.list.index*")):
            index.unlink()
        # The list of UIDs: version, V UIDVALIDITY, N next UID, G folder id; the lines of the letters are made anew.
        (maildir / "dovecot-uidlist").write_text(f"3 V{before + 1} N1 G{secrets.token_hex(16)}\n")
        self.own(maildir / "dovecot-uidlist")
        self.start()
        return self.uidvalidity(user, folder)

    def _maildir(self, user: str, folder: str) -> Path:
        root = self.folder / "mail" / user / "Maildir"
        return root if folder == "INBOX" else root / f".{folder}"

    def _make_folder(self, user: str, folder: str) -> None:
        with self.session(user) as connection:
            if folder != "INBOX":
                connection.create(folder)
            connection.select(folder)
