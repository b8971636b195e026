"""Runs one role or channel in this process until SIGTERM or SIGINT; the second signal ends it at once."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading

import structlog
import uvloop

from config.log import configure
from config.settings import Settings
from ledger.errors import LedgerAway, LedgerUnusable
from ledger.storage import StorageError
from pipeline.parts import Parts, open_parts

log = structlog.get_logger()

ROLES = ("web", "processor", "relay", "housekeeping")
# What is in work gets so long to be finished.
DRAIN_SECONDS = 18.0
# While the database is away at the start, it is asked again; the supervisor need not start the process anew.
AWAY_SECONDS = 2.0
# What is still running when the work has ended gets so long to let go; a process that stays would not be started again.
LEAVE_SECONDS = 5.0


def run_one(settings: Settings, name: str) -> int:
    """Run the role or the channel of this name. Returns the exit code."""
    configure(settings)
    # By itself Python looks for cycles after every 700 new objects; a batch of messages makes a hundred thousand
    # and no cycle: that was 6 % of a processor's time.
    gc.set_threshold(10_000, 20, 50)
    return uvloop.run(_main(settings, name))


async def _main(settings: Settings, name: str) -> int:
    stop = asyncio.Event()
    _listen_for_signals(stop)
    try:
        parts = await _open(settings, stop)
    except LedgerUnusable as error:
        log.error("cannot start", role=name, error=str(error))
        return 1
    if parts is None:
        return 0
    log.info("started", role=name, pid=os.getpid())
    code = 0
    try:
        await _work_until(stop, parts, name)
    except* LedgerUnusable as group:  # it was not at the start; some roles are groups of tasks
        code = 1
        log.error("cannot go on", role=name, error=str(_first(group)))
    return code


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _work_until(stop: asyncio.Event, parts: Parts, name: str) -> None:
    work = asyncio.create_task(_work(parts, name, stop))
    try:
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not work.done():
            await asyncio.wait({work}, timeout=DRAIN_SECONDS)
        if not work.done():
            log.warning("stopped before everything in work was finished; it goes on at the next start", role=name)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            return
        await work
    finally:
        parts.close()
        _leave_in(LEAVE_SECONDS)
    log.info("stopped", role=name)


def _leave_in(seconds: float) -> None:
    """asyncio waits without end for tasks that will not be cancelled, a library's too."""
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()


async def _open(settings: Settings, stop: asyncio.Event) -> Parts | None:
    said = False
    while not stop.is_set():
        try:
            return await asyncio.to_thread(open_parts, settings)
        except (LedgerAway, StorageError, OSError) as error:
            if not said:
                log.error("waiting for the database and the storage", error=error)
            said = True
            try:
                async with asyncio.timeout(AWAY_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue
    return None


async def _work(parts: Parts, name: str, stop: asyncio.Event) -> None:
    """Each role imports only what it needs."""
    if name == "web":
        from board.serve import serve

        await serve(parts, stop)
    elif name == "processor" or name.startswith("processor-"):
        from pipeline.processor import Processor

        processor = Processor(parts)
        await _until_back(processor.take_lease, stop)
        if not stop.is_set():
            await processor.run(stop)
    elif name == "relay":
        from pipeline import replies
        from pipeline.relay import Relay
        from pipeline.roles import together

        await together(Relay(parts).run(stop), replies.run(parts, stop))
    elif name == "housekeeping":
        from pipeline.housekeeping import Housekeeping

        await Housekeeping(parts).run(stop)
    else:
        from pipeline.channel import Channel

        await Channel(parts, name).run(stop)


async def _until_back(work: object, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await asyncio.to_thread(work)  # type: ignore[arg-type]
            return
        except LedgerAway:
            await asyncio.sleep(AWAY_SECONDS)


def _listen_for_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
