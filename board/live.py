"""The queue as it changes, by server-sent events (WHATWG HTML, 9.2): one read of the ledger serves all who look."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from ledger import board
from ledger.database import Connection
from ledger.errors import LedgerAway
from pipeline.parts import Parts

NEWEST = 25
# The ledger is read at most this often, and never for more than a twentieth of the time.
LEAST_SECONDS, SHARE = 0.7, 20
LOOKERS = 200
ALIVE_SECONDS = 15.0
# So often it is asked whether who looks is signed in still.
ASKED_SECONDS = 15.0


class Live:
    """The state of the queue, read when somebody looks; `render` makes a page's part of it, in a language."""

    def __init__(self, parts: Parts, render: Callable[[dict[str, Any], str], str]) -> None:
        self.parts = parts
        self.render = render
        self.lookers = 0
        self._lock = asyncio.Lock()
        self._next = 0.0
        self._state: dict[str, Any] = {}
        self._rendered: dict[str, str] = {}  # of this state, by language: made once for all who look

    async def fragment(self, language: str) -> str:
        """Desks and the newest tickets, rendered. Raises `LedgerAway`."""
        async with self._lock:
            if not self._state or time.monotonic() >= self._next:
                started = time.monotonic()
                self._state, self._rendered = await self.parts.database.look(self._read), {}
                took = time.monotonic() - started
                self._next = time.monotonic() + max(LEAST_SECONDS, SHARE * took)
            if language not in self._rendered:
                self._rendered[language] = self.render(self._state, language)
            return self._rendered[language]

    def _read(self, conn: Connection) -> dict[str, Any]:
        names = [desk.name for desk in self.parts.rules.desks]
        former = board.former_desks(conn, names, opened=True)
        newest = board.page(conn, [*names, *former], "open", None, NEWEST)
        numbers = [row["number"] for row in newest]
        return {
            "desks": board.desks(conn, [*names, *former], self.parts.clock()),
            "former": former,
            "tickets": newest,
            "bodies": dict(board.first_words(conn, numbers)),
        }

    async def stream(
        self, language: str, stop: asyncio.Event, signed_in: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[bytes]:
        """Events with the fragment, whenever it has changed; until `stop`, or the end of the looker's session."""
        self.lookers += 1
        try:
            yield b"retry: 2000\n\n"
            sent, asked, spoke = "", time.monotonic(), time.monotonic()
            while not stop.is_set():
                try:
                    if time.monotonic() - asked > ASKED_SECONDS:
                        asked = time.monotonic()
                        if not await signed_in():
                            return
                    html = await self.fragment(language)
                except LedgerAway:
                    html = sent
                if html != sent:
                    sent, spoke = html, time.monotonic()
                    yield b"event: queue\ndata: " + json.dumps(html).encode() + b"\n\n"
                elif time.monotonic() - spoke > ALIVE_SECONDS:
                    spoke = time.monotonic()
                    yield b": still here\n\n"
                try:
                    async with asyncio.timeout(LEAST_SECONDS):
                        await stop.wait()
                except TimeoutError:
                    continue
        finally:
            self.lookers -= 1
