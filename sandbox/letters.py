"""Letters as citizens' programs write them: the generator for SMTP, for IMAP APPEND, and for files."""

from __future__ import annotations

import imaplib
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol

from sandbox.citizens import Citizen

SIGNATURES = ("С уважением,\n{full_name}", "--\n{full_name}\nтел. +{phone}", "Отправлено с iPhone")


class Post(Protocol):
    """Where letters go in and answers come out."""

    def deliver(self, letter: bytes) -> None:
        """Put a letter into the service's mailbox."""
        ...

    def received(self, address: str) -> Sequence[bytes]:
        """The letters that the service has sent to this address, oldest first."""
        ...


class ImapPost:
    """Puts letters into a mailbox by IMAP APPEND; what comes out is asked of `outgoing`, where there is one."""

    def __init__(self, host: str, port: int, username: str, password: str, folder: str = "INBOX") -> None:
        self._where, self._who, self._folder = (host, port), (username, password), folder
        self.outgoing: dict[str, list[bytes]] = {}

    def deliver(self, letter: bytes) -> None:
        with imaplib.IMAP4(*self._where, timeout=10) as imap:
            imap.login(*self._who)
            status, answer = imap.append(self._folder, "", imaplib.Time2Internaldate(time.time()), letter)
            if status != "OK":
                raise OSError(f"the mailbox has refused a letter: {answer!r}")

    def received(self, address: str) -> Sequence[bytes]:
        return tuple(self.outgoing.get(address, ()))


def letter(
    citizen: Citizen, text: str, *, to: str, subject: str, serial: int = 1, at: float | None = None,
    in_reply_to: str | None = None, files: Sequence[tuple[str, str, bytes]] = (),
) -> bytes:  # fmt: skip
    """One letter, the same for the same arguments. `files` are (name, media type, bytes); `at` seconds since 1970."""
    chance = random.Random(f"letter {citizen.index} {serial}")
    message = EmailMessage()
    message["From"] = f"{citizen.full_name} <{citizen.email}>"
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.fromtimestamp(time.time() if at is None else at, UTC))
    message["Message-ID"] = message_id(citizen, serial)
    if in_reply_to:
        message["In-Reply-To"] = message["References"] = f"<{in_reply_to.strip('<>')}>"
    signature = chance.choice(SIGNATURES).format(full_name=citizen.full_name, phone=citizen.phone)
    charset = chance.choice(("utf-8", "utf-8", "koi8-r", "windows-1251"))
    body = f"{text}\n\n{signature}\n"
    message.set_content(body, charset=charset if _fits(body, charset) else "utf-8", cte="base64")
    if chance.random() < 0.4:
        html = "".join(f"<p>{line}</p>" for line in _escaped(body).splitlines() if line)
        message.add_alternative(f"<html><body>{html}</body></html>", subtype="html")
    for name, media_type, content in files:
        main, _, sub = media_type.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return message.as_bytes()


def message_id(citizen: Citizen, serial: int) -> str:
    return f"<letter-{citizen.index}-{serial}@mail.example.org>"


def _fits(text: str, charset: str) -> bool:
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
