"""A file that a platform holds comes once and its end is told once, whatever happens to the database meanwhile."""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from sqlalchemy import select

from connectors.base import AccountTrouble, Final
from ledger import health, leases
from ledger.errors import LedgerAway
from ledger.schema import attachments, outbox
from pipeline.downloader import MOST_ATTEMPTS, Downloader
from pipeline.intake import AccountIntake
from tests.linking.world import World
from tests.pipeline.faulty import cutting


class Platform:
    """A stand-in of a connector. Which files are being fetched at this moment, and which were fetched twice at once."""

    kind, name = "telegram", "telegram"

    def __init__(self) -> None:
        self.now: Counter[str] = Counter()
        self.twice: list[str] = []
        self.refused: set[str] = set()

    async def fetch(self, source: Mapping[str, Any], limit: int) -> AsyncIterator[bytes]:
        name = source["file_id"]
        self.now[name] += 1
        if self.now[name] > 1:
            self.twice.append(name)
        try:
            if name.startswith("gone"):
                raise Final("the file is gone")
            if name in self.refused:
                raise AccountTrouble("the file is at a host where no token goes")
            if name.startswith("bad"):
                raise RuntimeError("a fault")
            yield b"content"
            if name.startswith("slow"):
                await asyncio.sleep(0.5)
        finally:
            self.now[name] -= 1


def want(world: World, name: str) -> None:
    values = {
        "id": str(uuid.uuid4()),
        "envelope_id": str(uuid.uuid4()),
        "ticket": "261122-000001-7",
        "journal_id": 1,
        "account": "telegram",
        "kind": "document",
        "name": None,
        "state": "pending",
        "fetch": world.parts.keys.seal(json.dumps({"file_id": name}).encode(), b"fetch"),
        "due_at": world.now,
    }
    world.parts.database.run_now(lambda conn: conn.execute(attachments.insert().values(**values)))


def downloader(world: World, platform: Platform) -> Downloader:
    held = world.parts.database.run_now(lambda conn: leases.acquire(conn, "channel:telegram", "here"))
    assert held is not None
    intake = AccountIntake(world.parts, platform.kind, platform.name, "1", held)
    return Downloader(world.parts, platform, held, intake)  # type: ignore[arg-type]


def states(world: World) -> Counter[str]:
    return Counter(
        world.parts.database.look_now(lambda conn: conn.execute(select(attachments.c.state)).scalars().all())
    )


def events(world: World) -> Counter[str]:
    bodies = select(outbox.c.body).where(outbox.c.kind == "attachment")
    found = world.parts.database.look_now(lambda conn: conn.execute(bodies).scalars().all())
    return Counter(json.loads(body)["state"] for body in found)


@pytest.mark.parametrize("after", [False, True], ids=["nothing was kept", "the answer was cut off"])
def test_every_transaction_of_a_round_may_fail_and_each_file_comes_once(world: World, after: bool) -> None:
    platform = Platform()

    async def rounds(first: int) -> int:
        fetching = downloader(world, platform)
        for name in (f"slow{first}", f"b{first}", f"gone{first}"):
            want(world, name)
        with cutting(world.parts.database, first, 2, after=after) as cuts:
            for _ in range(5):
                try:
                    await fetching.round()
                except LedgerAway:
                    continue
        return cuts.count

    for first in range(1, 100):
        count = asyncio.run(rounds(first))
        assert states(world) == {"stored": 2 * first, "refused": first}
        assert events(world) == {"stored": 2 * first, "refused": first}
        if count < first:
            break
    assert first > 3, "a round has several transactions"
    assert not platform.twice, "what is still being fetched is not taken up again"


def test_a_file_that_fails_for_a_reason_of_its_own_holds_up_nobody(world: World) -> None:
    for number in range(9):  # more than are fetched at once
        want(world, f"bad{number}")
    world.now += 1
    want(world, "good")
    fetching = downloader(world, Platform())

    async def rounds() -> None:
        while await fetching.round():
            pass

    asyncio.run(rounds())
    assert states(world) == {"pending": 9, "stored": 1}
    world.parts.database.run_now(lambda conn: conn.execute(attachments.update().values(attempts=MOST_ATTEMPTS)))
    world.now += 3600
    asyncio.run(rounds())
    assert states(world) == {"refused": 9, "stored": 1}, "each comes to an end"


async def test_files_that_are_refused_to_the_account_are_told_of_until_one_comes(world: World) -> None:
    platform = Platform()
    fetching = downloader(world, platform)

    def said() -> tuple[str, str | None]:
        (part,) = world.parts.database.look_now(health.read)
        return part.state, part.detail

    platform.refused.add("one")
    want(world, "one")
    await fetching.round()
    assert said() == ("trouble", "the file is at a host where no token goes")
    assert states(world) == {"pending": 1}
    want(world, "two")
    await fetching.round()
    assert said() == ("ok", None)
