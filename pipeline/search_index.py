"""Keeps the board's search up to date, a moment behind what is staged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from ledger import search
from ledger.errors import LedgerAway
from ledger.wake import Waker
from pipeline.parts import Parts
from pipeline.roles import either, pause

log = structlog.get_logger()

IDLE_SECONDS = 5.0
LOOK_SECONDS = 0.5
# Between pages of a long backlog: the others must get at the database too.
REST_SECONDS = 0.05


@dataclass
class SearchIndex:
    """One worker of it at a time is enough; two do no harm."""

    parts: Parts
    _seen: set[int] = field(default_factory=set, init=False)

    def round(self) -> int:
        """Index one page of messages; returns how many. Raises `LedgerAway`."""
        if not self.parts.database.look_now(lambda conn: search.anything(conn, self._seen)):
            return 0
        now, seen = self.parts.clock(), set(self._seen)
        done = self.parts.database.run_now(lambda conn: search.index(conn, self.parts.keys, seen, now))
        self._seen = seen  # now that it is committed: what was not would never be looked at again
        return done

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        waker = Waker(self.parts.database, "outbox", rest=LOOK_SECONDS)
        try:
            while not stop.is_set():
                try:
                    if await asyncio.to_thread(self.round):
                        await pause(REST_SECONDS, stop)
                        continue
                except LedgerAway as error:
                    log.warning("the search index waits", error=error)
                await either(waker.wait(IDLE_SECONDS), stop)
        finally:
            waker.close()
