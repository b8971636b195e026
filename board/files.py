"""`/attachments/{id}`: a citizen's file as a download, for who is signed in to the board and for the desks' systems."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from board.safety import DOWNLOAD_POLICY, RateLimit, address_of
from board.sessions import Sessions
from ledger import accounts, attachments
from ledger.crypto import SealBroken
from ledger.storage import Missing, StorageError
from pipeline.parts import Parts

_PLAIN = re.compile(r"[^\w.\- ]", re.ASCII)


class Files:
    """The endpoint."""

    def __init__(self, parts: Parts, sessions: Sessions) -> None:
        self.parts = parts
        self.sessions = sessions
        self._refused = RateLimit(30, 600.0)

    def routes(self) -> list[Route]:
        """It."""
        return [Route("/attachments/{id}", self.download, methods=["GET"])]

    async def download(self, request: Request) -> Response:
        """The file; never shown by the browser, whatever it is."""
        who = await self.sessions.system(request)
        if who is None:
            signed = await self.sessions.current(request)
            who = signed.account.name if signed is not None and not signed.account.one_time else None
        if who is None:
            status = 401 if self._refused.allow(address_of(request)) else 429
            return PlainTextResponse("sign in, or show a key", status, headers={"WWW-Authenticate": "Bearer"})
        name = request.path_params["id"]
        known = name.isprintable()  # PostgreSQL takes no NUL
        row = await self.parts.database.look(lambda conn: attachments.find(conn, name)) if known else None
        if row is None or row["storage_key"] is None:
            return PlainTextResponse("there is no such file", 404)
        try:
            pieces = await asyncio.to_thread(self._opened, row["storage_key"], bytes(row["wrapped_key"]))
        except Missing:
            return PlainTextResponse("there is no such file", 404)
        except StorageError:
            return PlainTextResponse("the file cannot be read just now", 503)
        now = self.parts.clock()
        await self.parts.database.run(
            lambda conn: accounts.note(conn, who, "file", now, ticket=row["ticket"], detail=name)
        )
        headers = {
            "content-disposition": _disposition(self._name(row)),
            "content-security-policy": DOWNLOAD_POLICY,
            "content-length": str(row["size"]),
        }
        media_type = row["media_type"] or "application/octet-stream"
        return StreamingResponse(_each(pieces), media_type=media_type, headers=headers)

    def _opened(self, key: str, wrapped_key: bytes) -> Iterator[bytes]:
        return self.parts.storage.open(key, wrapped_key)

    def _name(self, row: object) -> str:
        sealed = row["name"]  # type: ignore[index]
        try:
            return self.parts.keys.unseal(bytes(sealed), b"name").decode() if sealed else "file"
        except SealBroken:
            return "file"


async def _each(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


def _disposition(name: str) -> str:
    """RFC 6266: the name in ASCII for old programs, and in UTF-8."""
    plain = _PLAIN.sub("_", name) or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
