"""Bodies of requests: read in memory, up to a limit, and not many at once. An upload never lies open on a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from board.safety import BodyTooLarge, limited

# How many large bodies are in memory at once, and how long one may take: a slow sender must not hold a place for ever.
AT_ONCE = 6
SECONDS = 300.0


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
        self._declared(request, most)
        async with self._places, asyncio.timeout(SECONDS):
            return await Request(request.scope, limited(request.receive, most)).body()

    async def form(self, request: Request, most: int, most_files: int) -> Sent:
        """A form, with files or without. Raises also `NotAForm`."""
        self._declared(request, most)
        async with self._places, asyncio.timeout(SECONDS):
            form = await self._parsed(request, most, most_files)
            fields, files = {}, []
            for name, value in form.multi_items():
                if isinstance(value, str):
                    fields[name] = value.replace("\r\n", "\n").replace("\x00", "")
                elif isinstance(value, UploadFile) and (value.filename or value.size):
                    declared = value.content_type or "application/octet-stream"
                    files.append((value.filename or "", declared, await value.read()))
            await form.close()
        return Sent(fields, files)

    async def _parsed(self, request: Request, most: int, most_files: int) -> FormData:
        body = Request(request.scope, limited(request.receive, most))
        try:
            if media_type(request) != "multipart/form-data":
                return await body.form(max_fields=50, max_part_size=most)
            parser = _Parser(
                Headers(raw=request.headers.raw),
                body.stream(),
                max_files=most_files + 1,
                max_fields=50,
                max_part_size=most,
            )
            parser.spool_max_size = most + 1
            return await parser.whole()
        except (MultiPartException, FormParserError, HTTPException, UnicodeError) as error:
            reason = error.message if isinstance(error, MultiPartException) else "The form cannot be read."
            raise NotAForm(reason) from None

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
