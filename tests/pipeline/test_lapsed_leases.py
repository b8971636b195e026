"""A database that was away makes every lease lapse: no living processor, and no message, is to be blamed for it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from ledger.errors import Fenced, LedgerAway
from ledger.journal import STARTS
from ledger.schema import journal, leases
from pipeline.processor import Processor
from tests.linking.world import PROBLEM, World, said


def rows(world: World) -> list[Any]:
    statement = select(journal.c.state, journal.c.attempts, journal.c.alone).order_by(journal.c.id)
    return [tuple(row) for row in world.parts.database.look_now(lambda conn: conn.execute(statement).all())]


def lapse(world: World) -> None:
    world.parts.database.run_now(lambda conn: conn.execute(leases.update().values(expires_at=0.0)))


def away(*_: Any) -> Any:
    raise LedgerAway("cut")


def run_until(processor: Processor, over: Callable[[], bool]) -> None:
    """Run the processor until that is so, or until it ends by itself."""

    async def live() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(processor.run(stop))
        while not over() and not running.done():  # noqa: ASYNC110 - the ledger tells by being asked
            await asyncio.sleep(0.05)
        stop.set()
        await running

    asyncio.run(asyncio.wait_for(live(), 20))


def test_outages_while_a_message_is_in_work_do_not_count_against_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.journal("telegram", said(world, "telegram", "1001", PROBLEM))
    processor = world.processor
    for _ in range(STARTS + 1):
        with monkeypatch.context() as patch:
            patch.setattr(processor, "_process", away)
            with pytest.raises(LedgerAway):
                processor.step()
        lapse(world)  # it was away for longer than a lease
        processor._recover_at = 0.0
        with monkeypatch.context() as patch:
            patch.setattr(processor, "step", lambda: 0)
            processor._round()
        assert rows(world) == [("received", 0, False)]
    processor._round()
    assert rows(world) == [("enveloped", 1, False)]


def test_whoever_is_back_first_gives_the_others_time_to_renew_their_leases(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it takes all that they have in work for that of the dead."""
    looked: list[float] = []
    processor = Processor(world.parts, name="processor-2")
    processor.take_lease()
    failed = [0.0]

    def step() -> int:
        if not failed[0]:
            failed[0] = time.monotonic()
            raise LedgerAway("cut")
        return 0

    monkeypatch.setattr("pipeline.processor.IDLE_SECONDS", 0.2)
    monkeypatch.setattr(processor, "recover", lambda: looked.append(time.monotonic()))
    monkeypatch.setattr(processor, "step", step)
    run_until(processor, lambda: len(looked) == 2)
    assert looked[1] - failed[0] > 5, "a living processor renews its lease every three seconds"


def test_a_lease_that_cannot_be_taken_anew_yet_is_taken_when_the_database_is_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A beat that ended there would leave the processor without a lease: all it takes up is taken from it, for ever."""
    monkeypatch.setattr("ledger.leases.RENEW_SECONDS", 0.05)
    processor, tries = world.processor, [1, 2, 3]
    world.parts.database.run_now(lambda conn: conn.execute(leases.update().values(token=leases.c.token + 1)))
    before, taken = processor.owner, processor.take_lease
    monkeypatch.setattr(processor, "take_lease", lambda: away() if tries and tries.pop() else taken())

    async def beat() -> None:
        beating = asyncio.create_task(processor._beat())
        while processor.owner == before and not beating.done():  # noqa: ASYNC110 - another thread changes it
            await asyncio.sleep(0.02)
        assert not beating.done()
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)

    asyncio.run(asyncio.wait_for(beat(), 10))
    processor._renew()


def test_a_processor_whose_beat_ends_does_not_go_on_without_a_lease(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.processor.IDLE_SECONDS", 0.2)
    monkeypatch.setattr(world.processor, "_renew", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        run_until(world.processor, lambda: False)


def test_a_processor_that_is_fenced_while_the_database_is_away_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.journal("telegram", said(world, "telegram", "1001", PROBLEM))
    processor, fenced, tries = world.processor, [1], [1, 2]
    step, taken = processor.step, processor.take_lease

    def stepping() -> int:
        if fenced:
            fenced.pop()
            raise Fenced("cut")
        return step()

    monkeypatch.setattr(processor, "step", stepping)
    monkeypatch.setattr(processor, "take_lease", lambda: away() if tries and tries.pop() else taken())
    run_until(processor, lambda: rows(world)[0][0] == "enveloped")
    assert rows(world) == [("enveloped", 1, False)]
