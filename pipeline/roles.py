"""What every role shares: it holds a lease or stands by, and gives way when it is fenced."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from ledger import health, leases
from ledger.database import Connection
from ledger.errors import Fenced, LedgerAway
from ledger.leases import Lease
from pipeline.parts import Parts

log = structlog.get_logger()

# A second holder that stands by asks this often; with the lease's length it is what a takeover takes.
STANDBY_SECONDS = 2.0
# What was cancelled says goodbye to its servers for seconds at most.
STUCK_SECONDS = 20.0


@dataclass
class Holder:
    """Keeps one lease. `work` runs while it is held, is cancelled when it is lost, and starts again when it is back."""

    parts: Parts
    name: str
    stop: asyncio.Event
    drain: float = 0.0  # seconds that the work gets to end by itself once `stop` is set

    async def run(self, work: Callable[[Lease], Awaitable[None]]) -> None:
        """Until `stop`: hold the lease and do the work."""
        standing_by = False
        while not self.stop.is_set():
            lease = await self._acquire()
            if lease is None:
                if not standing_by:
                    log.info("another worker holds the lease; standing by", lease=self.name)
                standing_by = True
                await pause(STANDBY_SECONDS, self.stop)
                continue
            standing_by = False
            await self._hold(lease, work)

    async def _acquire(self) -> Lease | None:
        holder = leases.this_process()
        try:
            return await self.parts.database.run(lambda conn: leases.acquire(conn, self.name, holder))
        except LedgerAway as error:
            log.warning("the ledger is away", lease=self.name, error=error)
            return None

    async def _hold(self, lease: Lease, work: Callable[[Lease], Awaitable[None]]) -> None:
        working = asyncio.ensure_future(work(lease))
        tasks = {working, asyncio.create_task(self._renew(lease)), asyncio.create_task(self.stop.wait())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self.stop.is_set() and self.drain:
                done |= (await asyncio.wait({working}, timeout=self.drain))[0]
            for task in done:
                # A library may raise CancelledError where nobody cancelled: the work has ended, and begins anew.
                error = None if task.cancelled() else task.exception()
                if error is not None and not _fenced(error):
                    raise error
        finally:
            await end(tasks)
            with contextlib.suppress(LedgerAway):
                await self.parts.database.run(lambda conn: leases.release(conn, lease))

    async def _renew(self, lease: Lease) -> None:
        """Returns (and so ends the work) when the lease is lost."""
        loop = asyncio.get_running_loop()
        held_until = loop.time() + leases.LEASE_SECONDS
        while loop.time() < held_until:
            await asyncio.sleep(leases.RENEW_SECONDS)
            asked = loop.time()  # an answer may come late: the lease runs from before it
            try:
                await self.parts.database.run(lambda conn: leases.renew(conn, lease))
                held_until = asked + leases.LEASE_SECONDS
            except Fenced:
                break
            except LedgerAway:
                continue
        log.warning("the lease is lost", lease=self.name)


def _fenced(error: BaseException) -> bool:
    """Whether the lease was lost, and no more: a task group raises that in a group."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(Fenced)[1] is None
    return isinstance(error, Fenced)


class Stuck(Exception):
    """A task will not be cancelled: only the end of the process stops it."""


async def end(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel the tasks, and wait until they have ended. Raises `Stuck`: a library can swallow the cancellation."""
    for task in tasks:
        task.cancel()
    _, left = await asyncio.wait(tasks, timeout=STUCK_SECONDS)
    if left:
        raise Stuck(f"{len(left)} of {len(tasks)} tasks go on {STUCK_SECONDS:g} s after they were cancelled")


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Until each has returned, or one has failed: then the others are ended, and its error is raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await end(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()


async def either(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Until `work` is done or `stop` is set."""
    tasks = [asyncio.create_task(work), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def pause(seconds: float, stop: asyncio.Event) -> None:
    """Sleep, but not past `stop`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def say(parts: Parts, component: str, state: str, detail: str | None = None) -> None:
    """Record how a part is; a ledger that is away is no error."""

    def work(conn: Connection) -> None:
        health.say(conn, component, state, detail, parts.clock())

    with contextlib.suppress(LedgerAway):
        await parts.database.run(work)
