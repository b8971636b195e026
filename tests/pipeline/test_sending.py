"""A citizen is told once, whatever happens to the database between sending and recording; and nobody waits for another.

A second copy is excused by a platform that gives no way to tell whether the first arrived; not by our own ledger.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from sqlalchemy import select

from connectors.base import Outgoing, Sent
from ledger import leases, outgoing
from ledger.errors import Fenced, LedgerAway
from ledger.leases import Lease
from ledger.schema import outbox
from ledger.schema import outgoing as table
from pipeline.channel import Channel
from pipeline.sender import MOST_ATTEMPTS, Record, Sender, _Step
from tests.linking.payloads import ACCOUNTS
from tests.linking.world import World
from tests.pipeline.faulty import cutting

TICKET = "261122-000001-7"
FAILURES = 6


class Platform:
    """A stand-in of a connector: what it took, by the conversation."""

    kind, name, polled = "telegram", "telegram", False

    def __init__(self) -> None:
        self.took: list[str] = []
        self.troubles: list[str] = []

    async def account(self) -> str:
        return ACCOUNTS["telegram"]

    async def send(self, message: Outgoing) -> Sent:
        self.took.append(str(message.address["conversation"]))
        return Sent(f"{message.address['conversation']}:{len(self.took)}")

    def fetch(self, source: Mapping[str, Any], limit: int) -> AsyncIterator[bytes]:
        raise AssertionError("nothing is to be fetched")

    async def sending(self, error: Exception | None) -> None:
        if error is not None:
            self.troubles.append(str(error))

    async def close(self) -> None:
        pass


def owe(world: World, chat: str, **content: Any) -> None:
    row = outgoing.row(
        world.parts.keys,
        purpose="acknowledgement",
        kind="telegram",
        account="telegram",
        platform_account=ACCOUNTS["telegram"],
        conversation=chat,
        content={"address": {"conversation": chat}, "text": "Номер вашего обращения", **content},
        now=world.now,
        ticket=TICKET,
    )
    assert world.parts.database.run_now(lambda conn: outgoing.owe(conn, row))


def lease(world: World) -> Lease:
    found = world.parts.database.run_now(lambda conn: leases.acquire(conn, "channel:telegram", "here"))
    assert found is not None
    return found


def sender(world: World, platform: Platform, unrecorded: dict[int, Record] | None = None) -> Sender:
    held = lease(world)
    return Sender(world.parts, platform, ACCOUNTS["telegram"], held, platform, unrecorded or {})  # type: ignore[arg-type]


def states(world: World) -> list[str]:
    statement = select(table.c.state).order_by(table.c.seq)
    return list(world.parts.database.look_now(lambda conn: conn.execute(statement).scalars().all()))


def told(world: World) -> int:
    """How many events say that a citizen was told."""
    statement = select(outbox.c.id).where(outbox.c.kind == "acknowledged")
    return len(world.parts.database.look_now(lambda conn: conn.execute(statement).all()))


@pytest.mark.parametrize("after", [False, True], ids=["nothing was kept", "the answer was cut off"])
def test_every_transaction_of_a_round_may_fail_and_each_citizen_is_told_once(
    world: World, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.sender.RECORD_SECONDS", 0.01)

    async def rounds(first: int) -> int:
        platform = Platform()
        sending = sender(world, platform)
        for number in range(3):
            owe(world, f"{first}{number}")
        with cutting(world.parts.database, first, FAILURES, after=after) as cuts:
            for _ in range(2 * FAILURES):
                try:
                    await sending.round()
                except LedgerAway:
                    continue
        assert sorted(platform.took) == [f"{first}{number}" for number in range(3)]
        assert not sending.unrecorded
        return cuts.count

    for first in range(1, 100):
        count = asyncio.run(rounds(first))
        assert states(world) == ["sent"] * 3 * first
        assert told(world) == 3 * first
        if count < first:
            break
    assert first > 3, "a round has several transactions"


def test_a_database_that_is_away_for_longer_than_a_lease_makes_nobody_be_told_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.6)
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr("pipeline.roles.STANDBY_SECONDS", 0.1)
    monkeypatch.setattr("pipeline.sender.RECORD_SECONDS", 0.05)
    database, whole = world.parts.database, world.parts.database.run_now
    gone: list[float] = []

    class Cut(Platform):
        async def send(self, message: Outgoing) -> Sent:
            sent = await super().send(message)
            gone.append(asyncio.get_running_loop().time())
            return sent

    def run_now(work: Any, **options: Any) -> Any:
        if gone:
            raise LedgerAway("cut")
        return whole(work, **options)

    platform = Cut()
    monkeypatch.setattr("pipeline.channel.connector_of", lambda *_: platform)
    monkeypatch.setattr(database, "run_now", run_now)
    owe(world, "77")

    async def live() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(Channel(world.parts, "telegram").run(stop))
        while not gone and not running.done():  # noqa: ASYNC110 - the platform tells by being asked
            await asyncio.sleep(0.02)
        await asyncio.sleep(2)  # the lease has lapsed, and could not be taken anew
        gone.clear()
        while states(world) != ["sent"] and not gone and not running.done():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
        stop.set()
        gone.clear()
        await running

    asyncio.run(asyncio.wait_for(live(), 30))
    assert platform.took == ["77"]
    assert states(world) == ["sent"]
    assert told(world) == 1


def test_what_was_left_unrecorded_does_not_undo_what_has_happened_since(world: World) -> None:
    owe(world, "77")
    seq = 1
    left: dict[int, Record] = {seq: lambda conn: outgoing.again(conn, seq, world.now, "late", 0)}
    world.parts.database.run_now(lambda conn: conn.execute(table.update().values(state="delivered")))
    assert asyncio.run(sender(world, Platform(), left).round()) == 0
    assert states(world) == ["delivered"]


def test_what_cannot_be_sent_for_a_reason_of_its_own_holds_up_nobody(world: World) -> None:
    class Faulty(Platform):
        async def send(self, message: Outgoing) -> Sent:
            if str(message.address["conversation"]).startswith("bad"):
                raise RuntimeError("a fault")
            return await super().send(message)

    for number in range(20):  # more than are sent at once
        owe(world, f"bad{number}")
    owe(world, "good")
    platform = Faulty()
    sending = sender(world, platform)

    async def rounds() -> None:
        while await sending.round():
            pass

    asyncio.run(rounds())
    assert platform.took == ["good"]
    world.parts.database.run_now(
        lambda conn: conn.execute(table.update().where(table.c.state == "owed").values(attempts=MOST_ATTEMPTS))
    )
    world.now += 3600
    asyncio.run(rounds())
    assert states(world) == ["failed"] * 20 + ["sent"], "each comes to an end"


def test_a_reply_whose_file_is_gone_fails_and_says_so(world: World) -> None:
    file = {"name": "a.pdf", "media_type": "application/pdf", "key": "aa/gone", "wrapped_key": "00"}
    owe(world, "77", files=[file])
    owe(world, "78")
    platform = Platform()
    assert asyncio.run(sender(world, platform).round()) == 2
    assert states(world) == ["failed", "sent"]


def test_a_platform_that_never_answers_is_given_up_in_the_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sender.SEND_SECONDS", 0.02)

    class Silent(Platform):
        async def send(self, message: Outgoing) -> Sent:
            await asyncio.Event().wait()
            raise AssertionError

    owe(world, "77")
    world.parts.database.run_now(lambda conn: conn.execute(table.update().values(attempts=MOST_ATTEMPTS - 1)))
    asyncio.run(sender(world, Silent()).round())
    assert states(world) == ["failed"]


def test_a_lost_lease_keeps_count_of_the_parts_that_the_citizen_has(world: World) -> None:
    begun = asyncio.Event()

    class Slow(Platform):
        async def send(self, message: Outgoing) -> Sent:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError as error:
                error.already_sent = 2  # type: ignore[attr-defined]
                raise
            raise AssertionError

    owe(world, "77")
    left: dict[int, Record] = {}

    async def interrupted() -> None:
        sending = sender(world, Slow())
        sending.unrecorded = left
        going = asyncio.create_task(sending.round())
        await asyncio.wait_for(begun.wait(), 10)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)

    asyncio.run(interrupted())
    asyncio.run(sender(world, Platform(), left).round())
    parts = world.parts.database.look_now(lambda conn: conn.execute(select(table.c.already_sent)).scalar_one())
    assert (parts, states(world)) == (2, ["sent"])


def test_what_is_recorded_together_locks_in_the_order_of_the_conversations(world: World) -> None:
    """As the processors do: in any other order, PostgreSQL ends one of two that wait for each other, after a second."""
    done: list[str] = []

    def step(name: str) -> _Step:
        return _Step(name, lambda conn: done.append(name))

    sending = sender(world, Platform())
    with world.parts.database.write() as conn:
        sending._write(conn, [step("c"), step("a"), step("b")])
    assert done == ["a", "b", "c"]


def test_nothing_is_recorded_under_a_lease_that_another_holds(world: World) -> None:
    done: list[str] = []
    sending = sender(world, Platform())
    lease(world)
    with pytest.raises(Fenced), world.parts.database.write() as conn:
        sending._write(conn, [_Step("c", lambda conn: done.append("c"))])
    assert done == []


def test_a_holder_that_was_frozen_sends_nothing_that_its_successor_may_have(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owe(world, "77")
    platform = Platform()
    sending = sender(world, platform)
    whole = outgoing.next_owed

    def frozen(*arguments: Any) -> Any:
        owed = whole(*arguments)
        time.sleep(0.3)
        return owed

    monkeypatch.setattr(outgoing, "next_owed", frozen)
    monkeypatch.setattr("pipeline.sender.FRESH_SECONDS", 0.2)
    assert asyncio.run(sending.round()) == 1
    assert platform.took == []
    monkeypatch.undo()
    successor = sender(world, platform)
    with pytest.raises(Fenced):
        asyncio.run(sending.round())
    assert asyncio.run(successor.round()) == 1
    assert (platform.took, states(world)) == (["77"], ["sent"])
