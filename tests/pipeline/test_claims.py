"""A processor that lives on after the database was away leaves nothing in its own name."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from ledger.database import Connection
from ledger.errors import LedgerAway
from ledger.journal import STARTS, claim
from ledger.schema import journal
from tests.linking.world import PROBLEM, World, said

FAILURES = 6


def breaks(world: World, first: int, *, after: bool) -> Callable[[], int]:
    """From the transaction number `first` on, `FAILURES` of them fail: before their commit, or after it."""
    database = world.parts.database
    whole = database.run_now
    count = 0

    def run_now(work: Callable[[Connection], Any], **_: Any) -> Any:
        nonlocal count
        count += 1
        if not first <= count < first + FAILURES:
            return whole(work)
        if after:
            whole(work)
        raise LedgerAway("cut")

    database.run_now = run_now  # type: ignore[method-assign]
    return lambda: count


def rows(world: World) -> list[Any]:
    statement = select(journal.c.state, journal.c.attempts, journal.c.alone, journal.c.owner)
    return [tuple(row) for row in world.parts.database.look_now(lambda conn: conn.execute(statement).all())]


@pytest.mark.parametrize("after", [False, True], ids=["nothing was kept", "the answer was cut off"])
def test_every_transaction_of_a_step_may_fail_and_the_same_processor_goes_on(world: World, after: bool) -> None:
    whole = world.parts.database.run_now
    for first in range(1, 100):
        world.journal("telegram", said(world, "telegram", str(1000 + first), PROBLEM))
        count = breaks(world, first, after=after)
        failed = 0
        for _ in range(2 * FAILURES):
            try:
                world.processor.step()
            except LedgerAway:
                failed += 1
        world.parts.database.run_now = whole  # type: ignore[method-assign]
        # One start each: those that a database away has ended do not count against the message.
        assert rows(world) == [("enveloped", 1, False, None)] * first
        if count() < first:
            break
        assert failed
    assert first > 2, "a step has several transactions"


def test_a_processor_that_takes_its_lease_anew_puts_back_what_it_had_in_work(world: World) -> None:
    world.journal("telegram", said(world, "telegram", "1001", PROBLEM))
    processor = world.processor
    assert len(world.parts.database.run_now(lambda conn: claim(conn, processor.owner, world.now, 9))) == 1
    processor.take_lease()
    assert rows(world) == [("received", 0, False, None)]
    assert processor.step() == 1
    assert rows(world) == [("enveloped", 1, False, None)]


def test_a_third_start_that_lost_its_claim_quarantines_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.journal("telegram", said(world, "telegram", "1001", PROBLEM))
    database = world.parts.database
    update = journal.update().values(attempts=STARTS - 1, alone=True)
    database.run_now(lambda conn: conn.execute(update))

    def robbed(*_: Any) -> Any:
        database.run_now(lambda conn: conn.execute(journal.update().values(owner="another#1")))
        raise RuntimeError("died")

    monkeypatch.setattr(world.processor, "_process", robbed)
    assert world.processor.step() == 1
    assert rows(world) == [("working", STARTS, True, "another#1")]
