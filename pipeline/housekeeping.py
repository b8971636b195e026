"""What is done now and then, by one holder: silent tickets are closed, what is past its time is erased."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass, field
from typing import Any

import structlog

from config.settings import Settings
from ledger import accounts, health, leases, outbox, rates, replies
from ledger.database import Connection, clock
from ledger.erasure import PAGE
from ledger.errors import LedgerAway
from ledger.leases import Lease
from ledger.storage import StorageError
from pipeline import events
from pipeline.erase import close_silent, erase_expired, sweep
from pipeline.parts import Parts
from pipeline.roles import Holder, pause, say
from pipeline.search_index import SearchIndex

log = structlog.get_logger()

ROUND_SECONDS = 60.0
# Between pages of what is due: a day's load goes in a day, and the others get at the database too.
REST_SECONDS = 0.5
# To look for files that nobody names, all of them are listed.
SWEEP_SECONDS = 3600.0
AWAY_SECONDS = 5.0
# Who looked at and did what on the board is kept for a year: longer than any ticket, so that a citizen who asks who has
# read his request gets an answer; not for ever, since it says what operators did.
RECORD_SECONDS = 365 * 86400.0
# Room for about an hour of an outage's messages, and a share of a small disk.
LEAST_FREE_BYTES, LEAST_FREE_SHARE = 512 * 2**20, 0.02


@dataclass
class Housekeeping:
    """The role."""

    parts: Parts
    _full: bool = field(default=False, init=False)
    _sweep_at: float = field(default=0.0, init=False)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        await Holder(self.parts, "housekeeping", stop, drain=10.0).run(lambda lease: self._work(lease, stop))

    async def _work(self, _lease: Lease, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._rounds(stop))
            group.create_task(SearchIndex(self.parts).run(stop))

    async def _rounds(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            seconds = ROUND_SECONDS
            try:
                if await asyncio.to_thread(self.round):
                    seconds = REST_SECONDS
                await say(self.parts, "housekeeping", "ok")
                full = await asyncio.to_thread(room, self.parts.settings)
                if full and not self._full:
                    log.error("the disk is nearly full", error=full)
                self._full = full is not None
                await say(self.parts, "disk", "trouble" if full else "ok", full)
            except (LedgerAway, StorageError) as error:
                log.warning("housekeeping waits", error=error)
                seconds = AWAY_SECONDS
            await pause(seconds, stop)

    def round(self) -> bool:
        """One round of everything; whether a page was full, and more is due. Raises `LedgerAway` or `StorageError`."""
        closed = close_silent(self.parts)
        erased = erase_expired(self.parts)
        swept = 0
        if time.monotonic() >= self._sweep_at:
            swept = sweep(self.parts)
            self._sweep_at = time.monotonic() + SWEEP_SECONDS
        self.parts.database.run_now(self._forget)
        self._take_back()
        if closed or erased or swept:
            log.info("housekeeping", closed=closed, erased=erased, files_removed=swept)
        return max(closed, erased) >= PAGE

    def _take_back(self) -> None:
        """Tickets whose answer did not arrive wait for one again; one a transaction, which locks one ticket."""
        now = self.parts.clock()

        def work(conn: Connection, number: str) -> None:
            reply_id = replies.take_back(conn, number)
            if reply_id is not None:
                where: dict[str, Any] = {"conversation": f"ticket:{number}", "ticket": number}
                outbox.add(conn, [events.row(now, "reopened", **where, reply_id=reply_id)])

        for number in self.parts.database.look_now(replies.in_vain):
            self.parts.database.run_now(lambda conn, number=number: work(conn, number))  # type: ignore[misc]

    def _forget(self, conn: Connection) -> None:
        """What is kept for a while only: the board's record, and what processes that are gone said of themselves."""
        now = self.parts.clock()
        health.forget_gone(conn, "processor", now)
        health.forget_channels(conn, set(self.parts.settings.channels), now)
        leases.forget(conn, "processor", clock(conn))
        accounts.forget_notes(conn, now - RECORD_SECONDS)
        rates.forget(conn)


def room(settings: Settings) -> str | None:
    """A warning when the disk under the ledger or the files is nearly full; None while there is room."""
    for folder in {str(settings.database.folder), settings.storage.url}:
        try:
            usage = shutil.disk_usage(folder)
        except OSError:  # not a folder of this machine
            continue
        if usage.free < LEAST_FREE_BYTES or usage.free < usage.total * LEAST_FREE_SHARE:
            free = usage.free // 2**20
            return f"only {free} MB are free under {folder}: intake stops when nothing is left; make room"
    return None
