"""A mailbox for the demo: IMAP and SMTP in this process, so that no mail server need be installed.

Own code, as the standard library has no server for either. It speaks as much of RFC 3501, RFC 2177 (IDLE) and
RFC 5321 as a mail reader and a sender use. Faults of mail are tested against a real Dovecot, not here.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Self

CAPABILITIES = "IMAP4rev1 IDLE UIDPLUS"
LIMIT = 64 * 1024 * 1024  # bytes of one letter
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_PART = re.compile(r"(?:BODY(?:\.PEEK)?\[(HEADER)?\](?:<(\d+)\.(\d+)>)?|RFC822(?=[ )]|$))", re.IGNORECASE)
_LITERAL = re.compile(rb"\{(\d+)(\+)?\}\r?\n$")

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Letter:
    """A letter in the mailbox."""

    uid: int
    content: bytes = field(repr=False)
    at: float
    fetched: int = 0


class MailStandIn:
    """One mailbox with its IMAP and SMTP. A `Post` for the citizens; `with` or `start()`/`stop()`.

    Record: `letters` (what citizens sent, with UIDs), `outgoing` (recipient -> letters of the service, as sent).
    """

    def __init__(
        self, *, address: str = "help@example.ru", password: str = "stand-in", host: str = "127.0.0.1",
        imap_port: int = 0, smtp_port: int = 0,
    ) -> None:  # fmt: skip
        self.address, self.password, self.host = address, password, host
        self.imap_port, self.smtp_port = imap_port, smtp_port
        self.letters: list[Letter] = []
        self.outgoing: dict[str, list[bytes]] = {}
        self.uid_validity = int(time.time())
        self._arrived: set[asyncio.Event] = set()
        self._lock = threading.RLock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    # ---- life ---------------------------------------------------------------------------------------------

    def start(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(ready)), daemon=True, name="mail")
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError("the mail stand-in did not start")
        return self

    async def _run(self, ready: threading.Event) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()

        def served(serve: Serve) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
            async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = asyncio.current_task()
                assert task is not None
                tasks.add(task)
                try:
                    with contextlib.suppress(OSError, EOFError, ValueError, asyncio.CancelledError):
                        await serve(reader, writer)
                finally:
                    tasks.discard(task)
                    writer.close()

            return connection

        imap = await asyncio.start_server(served(self._imap), self.host, self.imap_port, limit=LIMIT)
        smtp = await asyncio.start_server(served(self._smtp), self.host, self.smtp_port, limit=LIMIT)
        self.imap_port, self.smtp_port = (each.sockets[0].getsockname()[1] for each in (imap, smtp))
        ready.set()
        await self._end.wait()
        imap.close()
        smtp.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self) -> None:
        if self._thread is None or self._loop is None or self._end is None:
            return
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ---- the citizens' post -------------------------------------------------------------------------------

    def deliver(self, letter: bytes) -> None:
        """A letter arrives."""
        with self._lock:
            self.letters.append(Letter(len(self.letters) + 1, letter, time.time()))
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell_all)

    def _tell_all(self) -> None:
        for event in tuple(self._arrived):
            event.set()

    def received(self, address: str) -> Sequence[bytes]:
        with self._lock:
            return tuple(self.outgoing.get(address.lower(), ()))

    # ---- IMAP ---------------------------------------------------------------------------------------------

    async def _imap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _say(writer, f"* OK [CAPABILITY {CAPABILITIES}] ready")
        session = _Session()
        while not session.over:
            line, literals = await _command(reader, writer)
            tag, _, rest = line.partition(" ")
            name, _, rest = rest.partition(" ")
            name = name.upper()
            if name == "UID":
                name, _, rest = rest.partition(" ")
                name = f"UID {name.upper()}"
            if name == "IDLE" and session.selected:
                await self._idle(reader, writer, session)
                answer = "OK done"
            else:
                answer = await self._answer(writer, session, name, rest, literals)
            await _say(writer, f"{tag} {answer}")

    async def _answer(
        self, writer: asyncio.StreamWriter, session: _Session, name: str, rest: str, literals: list[bytes]
    ) -> str:
        """Send the untagged answers of a command; returns the tagged one."""
        if name == "CAPABILITY":
            await _say(writer, f"* CAPABILITY {CAPABILITIES}")
        elif name == "LOGIN":
            session.known = _tokens(rest, literals) == [self.address, self.password]
            return "OK logged in" if session.known else "NO [AUTHENTICATIONFAILED] Invalid credentials"
        elif name == "LOGOUT":
            session.over = True
            await _say(writer, "* BYE logging out")
        elif name == "NOOP":
            await self._exists(writer, session)
        elif not session.known:
            return "NO log in first"
        elif name in ("SELECT", "EXAMINE"):
            return await self._select(writer, session, name, _tokens(rest, literals)[0])
        elif name == "STATUS":
            counts = f"MESSAGES {len(self.letters)} UIDNEXT {len(self.letters) + 1} UIDVALIDITY {self.uid_validity}"
            await _say(writer, f"* STATUS INBOX ({counts})")
        elif name == "LIST":
            await _say(writer, '* LIST (\\HasNoChildren) "/" INBOX')
        elif name == "APPEND" and literals:
            self.deliver(literals[-1])
        elif name == "UID SEARCH" and session.selected:
            await self._exists(writer, session)
            wanted = re.search(r"\bUID\s+\(?([\d:,*]+)", rest, re.IGNORECASE)
            found = _came_before(rest, self._in(wanted.group(1) if wanted else "1:*"))
            await _say(writer, " ".join(["* SEARCH", *(str(letter.uid) for letter in found)]))
        elif name == "UID FETCH" and session.selected:
            uids, _, items = rest.partition(" ")
            for letter in self._in(uids):
                writer.write(_fetched(letter, items))
            await writer.drain()
        elif name not in ("CLOSE", "UNSELECT", "CHECK"):
            return "BAD unknown here"
        return f"OK {name} completed"

    async def _select(self, writer: asyncio.StreamWriter, session: _Session, name: str, folder: str) -> str:
        if folder.upper() != "INBOX":
            return "NO no such mailbox"
        session.selected, session.told = True, -1
        await _say(writer, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)")
        await self._exists(writer, session)
        await _say(writer, "* 0 RECENT")
        await _say(writer, f"* OK [UIDVALIDITY {self.uid_validity}] valid")
        await _say(writer, f"* OK [UIDNEXT {len(self.letters) + 1}] next")
        return "OK [READ-ONLY] examined" if name == "EXAMINE" else "OK [READ-WRITE] selected"

    async def _exists(self, writer: asyncio.StreamWriter, session: _Session) -> None:
        if session.selected and session.told != len(self.letters):
            session.told = len(self.letters)
            await _say(writer, f"* {session.told} EXISTS")

    async def _idle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, session: _Session) -> None:
        arrived = asyncio.Event()
        self._arrived.add(arrived)
        done = asyncio.ensure_future(reader.readline())
        try:
            await _say(writer, "+ idling")
            while not done.done():
                await self._exists(writer, session)
                arrived.clear()
                waiting = asyncio.ensure_future(arrived.wait())
                await asyncio.wait({done, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
        finally:
            self._arrived.discard(arrived)
            done.cancel()

    def _in(self, uids: str) -> list[Letter]:
        """The letters of a UID set; `n:*` holds at least the last one, as RFC 3501 has it."""
        with self._lock:
            chosen: set[int] = set()
            for part in uids.split(","):
                low, _, high = part.partition(":")
                ends = [len(self.letters) if each == "*" else int(each) for each in (low, high or low)]
                chosen.update(range(min(ends), min(max(ends), len(self.letters)) + 1))
            return [letter for letter in self.letters if letter.uid in chosen]

    # ---- SMTP ---------------------------------------------------------------------------------------------

    async def _smtp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _say(writer, "220 stand-in ESMTP")
        known, recipients = False, list[str]()
        while line := (await reader.readline()).decode("utf-8", "replace").strip():
            name = line.split(" ")[0].upper()
            answer = "250 OK"
            if name == "EHLO":
                answer = f"250-stand-in\r\n250-SIZE {LIMIT}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN"
            elif name == "AUTH":
                known = self._right(line.rpartition(" ")[2])
                answer = "235 accepted" if known else "535 5.7.8 Authentication credentials invalid"
            elif name == "MAIL":
                recipients = []
                answer = "250 OK" if known else "530 5.7.0 Authentication required"
            elif name == "RCPT" and known:
                recipients.append(parseaddr(line.partition(":")[2].split(" ")[0])[1].lower())
            elif name == "DATA" and recipients:
                await _say(writer, "354 go on")
                content = await _dotted(reader)
                with self._lock:
                    for each in recipients:
                        self.outgoing.setdefault(each, []).append(content)
            elif name == "QUIT":
                await _say(writer, "221 bye")
                return
            elif name not in ("HELO", "RSET", "NOOP"):
                answer = "503 5.5.1 not now"
            await _say(writer, answer)

    def _right(self, credentials: str) -> bool:
        parts = base64.b64decode(credentials + "==").split(b"\0")
        return parts[1:] == [self.address.encode(), self.password.encode()]


@dataclass(slots=True)
class _Session:
    known: bool = False
    selected: bool = False
    over: bool = False
    told: int = -1  # the last EXISTS


async def _say(writer: asyncio.StreamWriter, line: str) -> None:
    writer.write(line.encode() + b"\r\n")
    await writer.drain()


async def _command(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, list[bytes]]:
    """One command; each literal stands in the line as its own length in braces."""
    line, literals = b"", list[bytes]()
    while True:
        piece = await reader.readline()
        if not piece:
            raise EOFError
        line += piece
        literal = _LITERAL.search(piece)
        if literal is None:
            return line.decode("utf-8", "replace").rstrip("\r\n"), literals
        if not literal.group(2):
            await _say(writer, "+ go on")
        literals.append(await reader.readexactly(min(int(literal.group(1)), LIMIT)))
        line = line.rstrip(b"\r\n")


def _came_before(criteria: str, letters: list[Letter]) -> list[Letter]:
    """By the day of INTERNALDATE, as it is written (RFC 3501, 6.4.4)."""
    before = re.search(r"\bBEFORE\s+\"?(\d{1,2}-[a-z]{3}-\d{4})", criteria, re.IGNORECASE)
    if before is None:
        return letters
    day = datetime.strptime(before.group(1), "%d-%b-%Y").replace(tzinfo=UTC).timestamp()
    return [letter for letter in letters if letter.at < day]


async def _dotted(reader: asyncio.StreamReader) -> bytes:
    lines = []
    while (line := await reader.readline()) not in (b".\r\n", b""):
        lines.append(line[1:] if line.startswith(b".") else line)
    return b"".join(lines)


def _tokens(rest: str, literals: list[bytes]) -> list[str]:
    left = iter(literals)
    found = []
    for quoted, plain in _TOKEN.findall(rest):
        if re.fullmatch(r"\{\d+\+?\}", plain):
            found.append(next(left).decode("utf-8", "replace"))
        else:
            found.append(plain or re.sub(r"\\(.)", r"\1", quoted))
    return found


def _fetched(letter: Letter, items: str) -> bytes:
    """The FETCH answer: sequence numbers equal UIDs, as nothing is ever expunged."""
    upper = items.upper()
    parts = [f"UID {letter.uid}".encode()]
    if "FLAGS" in upper:
        parts.append(b"FLAGS ()")
    if "RFC822.SIZE" in upper:
        parts.append(f"RFC822.SIZE {len(letter.content)}".encode())
    if "INTERNALDATE" in upper:
        at = time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(letter.at))
        parts.append(f'INTERNALDATE "{at}"'.encode())
    for part in _PART.finditer(items):
        header, offset, length = part.groups()
        content = letter.content
        name = "RFC822" if part.group().upper() == "RFC822" else f"BODY[{(header or '').upper()}]"
        if header:
            content = re.split(rb"(?<=\r\n)\r\n|(?<=\n)\n", content, maxsplit=1)[0] + b"\r\n"
        if offset is not None:
            content = content[int(offset) : int(offset) + int(length)]
            name += f"<{offset}>"
        letter.fetched += not header
        parts.append(f"{name} {{{len(content)}}}\r\n".encode() + content)
    return f"* {letter.uid} FETCH (".encode() + b" ".join(parts) + b")\r\n"
