"""Intake, relay and housekeeping when any of their transactions fails: all comes to its end in the same process."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from ledger import leases
from ledger.errors import LedgerAway
from ledger.schema import journal, outbox, tickets
from pipeline import relay
from pipeline.housekeeping import Housekeeping
from pipeline.intake import AccountIntake
from pipeline.relay import Relay
from tests.linking.payloads import ACCOUNTS
from tests.linking.world import PROBLEM, World, said
from tests.pipeline.faulty import cutting

CUTS = pytest.mark.parametrize("after", [False, True], ids=["nothing was kept", "the answer was cut off"])


def column(world: World, what: Any) -> Counter[Any]:
    return Counter(world.parts.database.look_now(lambda conn: conn.execute(select(what)).scalars().all()))


def tickets_of(world: World, count: int) -> None:
    for number in range(count):
        world.serial += 1
        world.take("telegram", said(world, "telegram", str(world.serial), f"{PROBLEM} {number}"))


@CUTS
@pytest.mark.parametrize("kind", ["telegram", "vk", "whatsapp", "email"])
def test_what_a_platform_brings_is_journalled_once_and_the_cursor_moves(
    world: World, kind: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.intake.FIRST_WAIT", 0.01)
    monkeypatch.setattr("pipeline.intake.LONGEST_WAIT", 0.02)
    sender = "citizen@example.org" if kind == "email" else "79161234567"
    units = [said(world, kind, sender, f"{PROBLEM} {number}", subject="Вход") for number in range(3)]
    polled = kind != "whatsapp"
    lease = world.parts.database.run_now(lambda conn: leases.acquire(conn, f"channel:{kind}", "here"))
    intake = AccountIntake(world.parts, kind, kind, ACCOUNTS[kind], lease if polled else None)

    async def take() -> None:
        both = [intake.accept(units[:2], {"at": 2} if polled else None), intake.accept(units[2:])]
        await asyncio.gather(*both)
        assert await intake.cursor() == ({"at": 2} if polled else None)

    with cutting(world.parts.database, 1, 4, after=after) as cuts:
        asyncio.run(take())
    assert cuts.count > 4
    assert column(world, journal.c.state) == {"received": 3}
    while world.processor.step():
        pass
    world.now += 3600
    while world.processor.step():
        pass
    assert column(world, journal.c.state)["received"] == 0


@CUTS
def test_every_envelope_and_event_is_published_under_its_one_id(
    world: World, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def declared(*_: Any) -> None:
        pass

    monkeypatch.setattr(relay, "declare_topology", declared)
    published: Counter[str] = Counter()

    class Broker:
        async def publish(self, *_: Any, message_id: str, **__: Any) -> None:
            published[message_id] += 1

    async def rounds(first: int) -> int:
        role = Relay(world.parts)
        lease = world.parts.database.run_now(lambda conn: leases.acquire(conn, "relay", "here"))
        assert lease is not None
        with cutting(world.parts.database, first, 3, after=after) as cuts:
            for _ in range(6):
                with contextlib.suppress(LedgerAway):
                    await role._round(lease, Broker())  # type: ignore[arg-type]
        return cuts.count

    for first in range(1, 100):
        tickets_of(world, 2)
        count = asyncio.run(rounds(first))
        assert column(world, outbox.c.state).keys() == {"published"}
        assert set(published) == set(column(world, outbox.c.message_id))
        if count < first:
            break
    if after:
        assert set(published.values()) == {1}, "what was marked is not published again"


def silent(world: World) -> None:
    world.now += world.parts.settings.retention.silent_tickets.total_seconds() + 1


def expired(world: World) -> None:
    world.now += world.parts.settings.retention.closed_tickets.total_seconds() + 1


@CUTS
@pytest.mark.parametrize(("step", "kind"), [(silent, "closed"), (expired, "erased")])
def test_a_round_of_housekeeping_that_failed_is_done_by_the_next(
    world: World, after: bool, step: Callable[[World], None], kind: str
) -> None:
    keeping = Housekeeping(world.parts)
    for first in range(1, 100):
        tickets_of(world, 2)
        silent(world)
        if kind == "erased":
            keeping.round()
            expired(world)
        with cutting(world.parts.database, first, 2, after=after) as cuts:
            for _ in range(4):
                with contextlib.suppress(LedgerAway):
                    keeping.round()
        assert column(world, outbox.c.kind)[kind] == 2 * first, "each is told once"
        if cuts.count < first:
            break
    assert first > 3, "a round has several transactions"
    assert column(world, tickets.c.state) == {"closed": 2 * first}
