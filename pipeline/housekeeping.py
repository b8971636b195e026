"""What is done now and then, by one holder: silent tickets are closed, what is past its time is erased."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from ledger.errors import LedgerAway
from ledger.leases import Lease
from ledger.storage import StorageError
from pipeline.erase import close_silent, erase_expired, sweep
from pipeline.parts import Parts
from pipeline.roles import Holder, pause, say

log = structlog.get_logger()

ROUND_SECONDS = 60.0
AWAY_SECONDS = 5.0


@dataclass
class Housekeeping:
    """The role."""

    parts: Parts

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        await Holder(self.parts, "housekeeping", stop, drain=10.0).run(lambda lease: self._work(lease, stop))

    async def _work(self, _lease: Lease, stop: asyncio.Event) -> None:
        while not stop.is_set():
            seconds = ROUND_SECONDS
            try:
                await asyncio.to_thread(self.round)
                await say(self.parts, "housekeeping", "ok")
            except (LedgerAway, StorageError) as error:
                log.warning("housekeeping waits", error=error)
                seconds = AWAY_SECONDS
            await pause(seconds, stop)

    def round(self) -> None:
        """One round of everything. Raises `LedgerAway` or `StorageError`."""
        closed = close_silent(self.parts)
        erased = erase_expired(self.parts)
        swept = sweep(self.parts)
        if closed or erased or swept:
            log.info("housekeeping", closed=closed, erased=erased, files_removed=swept)
