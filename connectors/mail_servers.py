"""The two servers of a mailbox, synchronous: IMAPClient and smtplib, with deadlines on every call.

Each method raises `Transient`, `Final` or `AccountTrouble`; none shows a password, a token or a citizen's address.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from connectors.base import AccountTrouble, Away, Final, Outgoing, Transient
from connectors.oauth import Tokens

if TYPE_CHECKING:
    from connectors.email import Settings

CONNECT_SECONDS, READ_SECONDS = 15.0, 60.0
PIECE = 1024 * 1024  # a large letter comes in pieces of this size: IMAPClient holds each answer in memory twice
UNKNOWN_SIZE = 2**40  # bytes; such a letter is read until there is no more of it
# NAT and servers drop a quiet connection sooner than RFC 2177's 29 minutes. After letters the first wait is short, and
# each one that brings nothing doubles it: news of a letter that comes just then is lost (see `letters_after`).
FIRST_IDLE_SECONDS, IDLE_SECONDS = 1.0, 55.0
SLICE_SECONDS = 1.0
POLL_SECONDS = 10.0  # where the server has no IDLE
SMTP_IDLE_SECONDS = 25.0
MOST_NAMES = 20  # folders that are named to who has set a wrong one
TOO_LARGE = 552  # also at MAIL FROM, by its SIZE (RFC 1870)


class Imap:
    """One session on one folder, read-only. Not for several threads, but `hang_up` is."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens = Tokens.of(settings)
        self._client: Any = None
        self._hung_up = False
        self._idle_seconds = FIRST_IDLE_SECONDS
        self.uidvalidity = 0

    def connect(self) -> None:
        """Log in and select the folder."""
        settings = self._settings
        with _imap_errors():
            client: Any = IMAPClient(  # its methods are untyped
                settings.imap_host,
                port=settings.imap_port,
                ssl=settings.imap_security == "tls",
                ssl_context=ssl.create_default_context() if settings.imap_security == "tls" else None,
                timeout=SocketTimeout(CONNECT_SECONDS, READ_SECONDS),  # type: ignore[arg-type]
            )
            self._client = client
            with contextlib.suppress(OSError):
                client.socket().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if settings.imap_security == "starttls":
                client.starttls(ssl.create_default_context())
            self._log_in()
            self.uidvalidity = self._select(settings.folder)

    def _select(self, folder: str) -> int:
        """Open the folder, read-only; its UIDVALIDITY."""
        try:
            return int(self._client.select_folder(folder, readonly=True)[b"UIDVALIDITY"])
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            if "UNAVAILABLE" in str(error) or "INUSE" in str(error):  # RFC 5530: in a moment
                raise
            names = [str(name)[:40] for _, _, name in self._client.list_folders()[:MOST_NAMES]]
            there = ", ".join(names) or "none"
            raise AccountTrouble(
                f"the mailbox has no folder {folder!r} to read: set folder to one of {there}"
            ) from None

    def _log_in(self) -> None:
        settings = self._settings
        try:
            if self._tokens is not None:
                self._client.oauth2_login(settings.username, self._tokens.access())
            elif settings.password is not None:
                self._client.login(settings.username, settings.password.get_secret_value())
        except LoginError as error:
            # IMAPClient says so too when the connection is cut before the answer; a server that is short of something
            # for a moment says UNAVAILABLE (RFC 5530). Neither is a wrong password, for which one waits minutes.
            if isinstance(error.__context__, IMAPClientAbortError) or "UNAVAILABLE" in str(error):
                raise Transient("the mail server did not finish the login") from None
            raise AccountTrouble("the mail server refuses the login: check username and password") from None

    def count(self) -> int:
        """How many letters the folder holds."""
        with _imap_errors():
            return len(self._client.search())

    def before(self, day: date, last: int) -> set[int]:
        """UIDs after `last` of what came into the mailbox before this day, whatever the letters themselves say."""
        with _imap_errors():
            return set(self._client.search(["UID", f"{last + 1}:*", "BEFORE", day]))

    def letters_after(self, last: int, *, sizes: bool = True) -> list[tuple[int, int]]:
        """(UID, size) of what came after `last`, in order. A damaged letter may have no size: then do without."""
        with _imap_errors():
            # A server may search what it has shown so far, and tell of a new letter at the end of any command, where
            # nobody listens; IDLE then keeps silent about it (seen with Dovecot: 10 s late). NOOP makes it look first.
            self._client.noop()
            # IMAPClient 4 refuses `fetch("5:*")`; and a search of "n:*" gives the last letter even when it is older.
            uids = sorted(uid for uid in self._client.search(["UID", f"{last + 1}:*"]) if uid > last)
            self._idle_seconds = FIRST_IDLE_SECONDS if uids else min(self._idle_seconds * 2, IDLE_SECONDS)
            if not sizes:
                return [(uid, UNKNOWN_SIZE) for uid in uids]
            found: list[tuple[int, int]] = []
            for start in range(0, len(uids), 1000):
                given = self._client.fetch(uids[start : start + 1000], ["RFC822.SIZE"])
                found += [(uid, int(given[uid][b"RFC822.SIZE"])) for uid in uids[start : start + 1000] if uid in given]
            return found

    def fetch(self, letters: Sequence[tuple[int, int]], most: int) -> list[bytes]:
        """The bytes of these letters; of a larger one, one byte more than `most`. One that has vanished is left out."""
        with _imap_errors():
            small = [uid for uid, size in letters if size <= PIECE]
            whole = self._client.fetch(small, ["BODY.PEEK[]"]) if small else {}
            found = []
            for uid, size in letters:
                content = _body(whole.get(uid, {})) if size <= PIECE else self._in_pieces(uid, min(size, most + 1))
                if content is not None:
                    found.append(content)
                elif self._is_there(uid):
                    raise Transient("the mail server gives a letter without its content")
            return found

    def _is_there(self, uid: int) -> bool:
        self._client.noop()  # now the server says what has vanished
        return bool(self._client.search(["UID", str(uid)]))

    def _in_pieces(self, uid: int, size: int) -> bytes | None:
        buffer = bytearray()
        while len(buffer) < size:
            length = min(PIECE, size - len(buffer))
            answer = self._client.fetch([uid], [f"BODY.PEEK[]<{len(buffer)}.{length}>"])
            piece = _body(answer.get(uid, {}))
            if piece is None:
                return None
            if not piece:  # RFC822.SIZE may be larger than what there is
                break
            buffer += piece
        return bytes(buffer)

    def wait(self) -> None:
        """Return when something may have come, at the latest after a minute. The caller looks by the cursor."""
        with _imap_errors():
            if not self._client.has_capability("IDLE"):
                self._sleep(POLL_SECONDS)
                self._client.noop()
                return
            self._client.idle()
            deadline = time.monotonic() + self._idle_seconds
            while not self._hung_up and time.monotonic() < deadline:
                began = time.monotonic()
                if self._client.idle_check(timeout=SLICE_SECONDS):
                    break
                # On a dead socket idle_check answers [] at once, for ever; only idle_done raises.
                if time.monotonic() - began < SLICE_SECONDS / 2:
                    break
            self._client.idle_done()

    def _sleep(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._hung_up and time.monotonic() < deadline:
            time.sleep(0.2)

    def hang_up(self) -> None:
        """Close the connection, from any thread: a polite LOGOUT could wait for a dead server."""
        self._hung_up = True
        if self._client is not None:
            with contextlib.suppress(OSError, IMAPClientError, AttributeError, ValueError):
                self._client.socket().shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError, IMAPClientError, AttributeError, ValueError):
                self._client.shutdown()


def _body(answer: Mapping[bytes, Any]) -> bytes | None:
    """The content in the answer to a FETCH; None where there is none, or NIL (RFC 3501: it cannot be had just now)."""
    return next((value for key, value in answer.items() if key.startswith(b"BODY[]")), None)


@contextmanager
def _imap_errors() -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise AccountTrouble(f"the mail server's certificate is not valid: {error.verify_message}") from None
    except (IMAPClientError, OSError, ValueError, KeyError, AttributeError) as error:
        # imaplib raises AttributeError and ValueError of its own on a connection that was closed under it.
        raise Transient(f"the mail server does not answer: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


class Smtp:
    """One SMTP connection, kept while it is used. For one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens = Tokens.of(settings)
        self._client: smtplib.SMTP | None = None
        self._used = 0.0

    def send(self, message: EmailMessage) -> None:
        """Send one letter. A connection that was lost before the letter was begun is opened anew."""
        if self._client is not None and (time.monotonic() - self._used > SMTP_IDLE_SECONDS or not self._alive()):
            self.close()
        with self._errors():
            client = self._client or self._connect()
            try:
                client.send_message(message)
            except smtplib.SMTPNotSupportedError:  # nothing has been said yet
                raise Final("the SMTP server takes no address that is not ASCII") from None
            self._used = time.monotonic()

    def check(self) -> None:
        """Connect and log in."""
        self.close()
        with self._errors():
            self._connect()
        self.close()

    def close(self) -> None:
        """Leave."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                client.quit()

    def _alive(self) -> bool:
        try:
            return self._client is not None and self._client.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        host, port = settings.smtp_host or "", settings.smtp_port
        if settings.smtp_security == "tls":
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                host, port, timeout=READ_SECONDS, context=ssl.create_default_context()
            )
        else:
            client = smtplib.SMTP(host, port, timeout=READ_SECONDS)
            if settings.smtp_security == "starttls":
                client.starttls(context=ssl.create_default_context())
        self._client = client
        client.ehlo_or_helo_if_needed()
        if client.has_extn("auth"):
            self._log_in(client)
        return client

    def _log_in(self, client: smtplib.SMTP) -> None:
        settings = self._settings
        if self._tokens is not None:
            answer = f"user={settings.username}\x01auth=Bearer {self._tokens.access()}\x01\x01"
            client.auth("XOAUTH2", lambda challenge=None: "" if challenge else answer)
        elif settings.password is not None:
            client.login(settings.username, settings.password.get_secret_value())

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except smtplib.SMTPAuthenticationError:
            self.close()
            raise AccountTrouble("the SMTP server refuses the login: check username and password") from None
        except smtplib.SMTPRecipientsRefused as error:
            self.close()
            code = next(iter(error.recipients.values()))[0]
            raise _by_code(code, "the recipient is refused") from None
        except smtplib.SMTPResponseException as error:
            self.close()
            if isinstance(error, smtplib.SMTPDataError) or error.smtp_code == TOO_LARGE:
                raise _by_code(error.smtp_code, "the letter is refused") from None
            if error.smtp_code < 500:
                raise Away(f"the SMTP server takes no letters for now ({error.smtp_code})") from None
            # Before any recipient was named: no letter goes through until somebody acts.
            raise AccountTrouble(
                f"the SMTP server refuses us ({error.smtp_code}): check smtp_security, the login and from_address"
            ) from None
        except ssl.SSLCertVerificationError as error:
            self._client = None
            raise AccountTrouble(f"the SMTP server's certificate is not valid: {error.verify_message}") from None
        except (smtplib.SMTPException, OSError) as error:
            self._client = None
            raise Away(f"the SMTP server does not answer: {_reason(error)}") from None


def _by_code(code: int, what: str) -> Exception:
    """RFC 5321, 4.2.1: 4yz may go through later, 5yz will not."""
    if 500 <= code < 600:
        return Final(f"{what} ({code})")
    return Transient(f"{what} for now ({code})")


def letter(outgoing: Outgoing, address: str, from_address: str | None) -> EmailMessage:
    """The letter of an outgoing message: threaded, and marked as automatic where no person wrote it (RFC 3834).

    Raises `Final` when there is nobody to send it to.
    """
    recipient = str(outgoing.address.get("email") or outgoing.address.get("sender") or "")
    if "@" not in recipient or recipient.lower() == address:
        raise Final("there is no address to answer to")
    message = EmailMessage(policy=WIRE)
    domain = address.rpartition("@")[2]
    try:
        user, _, host = recipient.rpartition("@")
        if not host.isascii():  # few servers take SMTPUTF8, every one takes the same name so
            host = host.encode("idna").decode()
        message["To"] = Address(username=user, domain=host)
    except (ValueError, IndexError):
        raise Final("the citizen's address is not a valid one") from None
    message["From"] = from_address or address
    message["Subject"] = " ".join((outgoing.subject or "").split())
    message["X-Priemnaya"] = "1"  # by this our own letters are known when they come back
    message["Date"] = format_datetime(_now())
    message["Message-ID"] = f"<{outgoing.signed_id or outgoing.id}@{domain}>"
    references = [_clean_id(reference) for reference in outgoing.references][-20:]
    if references:
        message["In-Reply-To"] = references[-1]
        message["References"] = " ".join(references)
    if outgoing.automatic:
        message["Auto-Submitted"] = "auto-replied"
        message["X-Auto-Response-Suppress"] = "All"
        message["Precedence"] = "auto_reply"
    message.set_content(outgoing.text + "\n", cte="base64")
    for file in outgoing.files:
        main, _, sub = file.media_type.partition("/")
        message.add_attachment(file.content, maintype=main, subtype=sub or "octet-stream", filename=file.name)
    return message


def _clean_id(message_id: str) -> str:
    """A Message-ID as it may stand in a header: a broken one of a broken client loses what would break ours."""
    kept = "".join(char for char in message_id if "!" <= char <= "~" and char not in "<>")
    return f"<{kept[:200]}>"


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)
