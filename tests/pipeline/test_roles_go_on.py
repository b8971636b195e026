"""A role that lost its lease, or whose library gave up, goes on in the same process: nobody need start it again."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import Fenced
from ledger.leases import Lease
from pipeline import processor, replies
from pipeline.channel import Channel
from pipeline.roles import Holder, Stuck, together
from tests.linking.payloads import ACCOUNTS
from tests.linking.world import World
from tests.pipeline.faulty import cutting


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(sqlite_url, tmp_path)
    yield world
    world.close()


async def fenced(_: Lease) -> None:
    raise Fenced("cut")


async def fenced_in_a_group(lease: Lease) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(60))
        group.create_task(fenced(lease))


async def cancelled_by_a_library(_: Lease) -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("ending", [fenced, fenced_in_a_group, cancelled_by_a_library])
def test_work_that_was_fenced_or_cancelled_by_a_library_begins_anew(world: World, ending: Any) -> None:
    held: list[int] = []

    async def run() -> None:
        stop = asyncio.Event()

        async def work(lease: Lease) -> None:
            held.append(lease.token)
            if len(held) == 1:
                await ending(lease)
            stop.set()

        await Holder(world.parts, "relay", stop).run(work)

    asyncio.run(asyncio.wait_for(run(), 10))
    assert len(held) == 2, "the lease was taken anew"


def test_work_that_fails_beside_being_fenced_ends_the_process(world: World) -> None:
    async def work(lease: Lease) -> None:
        async def fault() -> None:
            raise ZeroDivisionError

        async with asyncio.TaskGroup() as group:
            group.create_task(fault())
            group.create_task(fenced(lease))

    with pytest.raises(ExceptionGroup):
        asyncio.run(asyncio.wait_for(Holder(world.parts, "relay", asyncio.Event()).run(work), 10))


def test_a_channel_whose_library_cancels_what_nobody_cancelled_receives_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []

    class Platform:
        kind, name, polled = "telegram", "telegram", True

        def __init__(self) -> None:
            self.stop = asyncio.Event()

        async def account(self) -> str:
            return ACCOUNTS["telegram"]

        async def receive(self, _: Any) -> None:
            begun.append(1)
            if len(begun) == 1:
                raise asyncio.CancelledError
            self.stop.set()
            await asyncio.Event().wait()

        async def close(self) -> None:
            pass

    async def run() -> None:
        platform = Platform()
        monkeypatch.setattr("pipeline.channel.connector_of", lambda *_: platform)
        await Channel(world.parts, "telegram").run(platform.stop)

    asyncio.run(asyncio.wait_for(run(), 20))
    assert len(begun) == 2, "it was begun anew, in the same process"


def test_the_desks_replies_are_read_on_after_the_library_cancelled_what_nobody_cancelled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []

    async def run() -> None:
        stop = asyncio.Event()

        async def consume(*_: Any) -> None:
            begun.append(1)
            if len(begun) == 1:
                raise asyncio.CancelledError
            stop.set()
            await asyncio.Event().wait()

        async def declared(*_: Any) -> None:
            pass

        monkeypatch.setattr(replies, "AWAY_SECONDS", 0.01)
        monkeypatch.setattr(replies, "consume", consume)
        monkeypatch.setattr(replies, "declare_topology", declared)
        await replies.run(world.parts, stop)

    asyncio.run(asyncio.wait_for(run(), 10))
    assert len(begun) == 2


def test_a_lease_that_was_given_without_an_answer_is_taken_by_the_same_process(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.roles.STANDBY_SECONDS", 0.05)

    async def run() -> int:
        stop = asyncio.Event()
        tokens: list[int] = []

        async def work(lease: Lease) -> None:
            tokens.append(lease.token)
            stop.set()

        with cutting(world.parts.database, 1, 2, after=True):
            await Holder(world.parts, "relay", stop).run(work)
        return tokens[0]

    assert asyncio.run(asyncio.wait_for(run(), 10)) == 3, "twice given to nobody's knowledge, and then known"


def test_a_processor_that_looks_long_and_finds_nothing_leaves_the_others_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that waits is of one conversation, which another has in work, and more of it comes without end."""
    looks: list[float] = []

    class Ringing(processor.Waker):
        async def wait(self, seconds: float) -> None:
            await asyncio.sleep(0)

    def look() -> int:
        looks.append(time.monotonic())
        time.sleep(0.1)
        return 0

    # This one's own: in this process the board's site of other tests has its processor at work.
    looking = processor.Processor(world.parts)
    monkeypatch.setattr(processor, "Waker", Ringing)
    monkeypatch.setattr(looking, "step", look)

    async def run() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(looking.run(stop))
        while len(looks) < 3 and not running.done():  # noqa: ASYNC110 - another thread looks
            await asyncio.sleep(0.02)
        stop.set()
        await running

    asyncio.run(asyncio.wait_for(run(), 20))
    rests = [after - before for before, after in pairwise(looks)]
    assert len(rests) >= 2
    assert min(rests) >= 0.4, "it rests four times as long as it looked"


async def deaf(over: asyncio.Event) -> None:
    """As a library that swallows a cancellation: it goes on, for a while."""
    ends = time.monotonic() + 10
    while time.monotonic() < ends and not over.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.05)


async def failing() -> None:
    await asyncio.sleep(0.1)
    raise ZeroDivisionError


def test_of_two_that_work_together_the_failure_of_one_ends_the_other_and_comes_through() -> None:
    ended: list[bool] = []

    async def other() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(asyncio.wait_for(together(other(), failing()), 10))
    assert ended == [True]


def test_two_that_work_together_are_done_when_both_are() -> None:
    async def short(seconds: float) -> None:
        await asyncio.sleep(seconds)

    began = time.monotonic()
    asyncio.run(together(short(0.01), short(0.3)))
    assert time.monotonic() - began >= 0.3


def test_what_will_not_be_cancelled_is_not_waited_for_without_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends by it, and is started again; before, it stayed and did nothing."""
    monkeypatch.setattr("pipeline.roles.STUCK_SECONDS", 0.2)

    over = asyncio.Event()

    async def timed(work: Any) -> float:
        over.clear()
        began = time.monotonic()
        with pytest.raises(Stuck):
            await work
        over.set()
        return time.monotonic() - began

    async def beside_what_fails(_: Lease) -> None:
        await together(deaf(over), failing())

    assert asyncio.run(timed(together(deaf(over), failing()))) < 8
    assert asyncio.run(timed(Holder(world.parts, "relay", asyncio.Event()).run(beside_what_fails))) < 8
