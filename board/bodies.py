"""Bodies of requests: read in memory, up to a limit, and not many at once. An upload never lies open on a disk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.types import Message

from board.safety import BodyTooLarge

# A larger body needs one of the places: so many are in memory at once. A smaller one waits for nobody.
SMALL = 128 * 1024
AT_ONCE = 6
# How long a body may take: at least, more as it comes at the pace of an old phone, at most. Who stops holds no place.
FIRST_SECONDS, SECONDS = 30.0, 300.0
BYTES_A_SECOND = 4 * 1024
# One field of a form that is no file: 10,000 characters (see board.form), each of up to 12 bytes, and room.
MOST_FIELD = 256 * 1024
# More files than a form takes are read all the same: it says that they are too many, and what was written is kept.
READ_FILES = 100


class NotAForm(Exception):
    """The body of a request cannot be read as a form."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A body's fields and files: name, media type as declared, content."""

    fields: dict[str, str] = field(repr=False)
    files: Sequence[tuple[str, str, bytes]] = field(default=(), repr=False)


class Bodies:
    """Reads bodies; one for all of the application."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)

    async def raw(self, request: Request, most: int) -> bytes:
        """The bytes. Raises `BodyTooLarge`, TimeoutError or ClientDisconnect."""
        async with self._incoming(request, most) as body:
            return await body.body()

    async def form(self, request: Request, most: int, most_files: int, most_field: int = MOST_FIELD) -> Sent:
        """A form, with files or without. Raises also `NotAForm`."""
        async with self._incoming(request, most) as body:
            form = await self._parsed(body, most, most_files, most_field)
            fields, files = {}, []
            for name, value in form.multi_items():
                if isinstance(value, str):
                    # A part's charset may be one that makes half characters, which no database and no page takes.
                    whole = value.encode("utf-8", "replace").decode()
                    fields[name] = whole.replace("\r\n", "\n").replace("\x00", "")
                elif isinstance(value, UploadFile) and (value.filename or value.size):
                    declared = value.content_type or "application/octet-stream"
                    files.append((value.filename or "", declared, await value.read()))
            await form.close()
        return Sent(fields, files)

    async def _parsed(self, body: Request, most: int, most_files: int, most_field: int) -> FormData:
        try:
            if media_type(body) != "multipart/form-data":
                return await body.form(max_fields=50, max_part_size=most_field)
            parser = _Parser(
                Headers(raw=body.headers.raw),
                body.stream(),
                max_files=max(most_files + 1, READ_FILES),
                max_fields=50,
                max_part_size=most_field,
            )
            parser.spool_max_size = most + 1
            return await parser.whole()
        except (MultiPartException, FormParserError, HTTPException, UnicodeError) as error:
            reason = error.message if isinstance(error, MultiPartException) else "The form cannot be read."
            raise NotAForm(reason) from None

    @contextlib.asynccontextmanager
    async def _incoming(self, request: Request, most: int) -> AsyncIterator[Request]:
        """The request, its body limited in size and time, and in a place of its own once it is not small."""
        self._declared(request, most)
        clock = asyncio.get_running_loop().time
        began, got, placed = clock(), 0, False

        async def receive() -> Message:
            nonlocal began, got, placed
            message = await request.receive()
            got += len(message.get("body", b""))
            if got > most:
                raise BodyTooLarge
            if got > SMALL and not placed:
                deadline.reschedule(None)  # the others' bodies are waited for, not this one
                asked = clock()
                await self._places.acquire()
                placed = True
                began += clock() - asked
            deadline.reschedule(began + min(FIRST_SECONDS + got / BYTES_A_SECOND, SECONDS))
            return message

        try:
            async with asyncio.timeout(FIRST_SECONDS) as deadline:
                yield Request(request.scope, receive)
        finally:
            if placed:
                self._places.release()

    def _declared(self, request: Request, most: int) -> None:
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > most:
            raise BodyTooLarge


class _Parser(MultiPartParser):
    """Starlette's takes a body that breaks off for a whole one: a file without its end was left out in silence."""

    ended = False

    def on_end(self) -> None:
        """The last boundary was seen."""
        self.ended = True

    async def whole(self) -> FormData:
        """The form. Raises MultiPartException also for one that breaks off."""
        form = await self.parse()
        if not self.ended:
            for file in self._files_to_close_on_error:
                file.close()
            raise MultiPartException("The form breaks off before its last boundary.")
        return form


def media_type(request: Request) -> str:
    """The media type of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
