"""What fails again and again ends in the quarantine, and nobody waits behind it."""

import contextlib
import json
from typing import Any

import pytest
from sqlalchemy import select

from ledger.schema import journal, leases
from pipeline import commands
from pipeline.processor import Processor
from tests.linking.world import PROBLEM, World, said


class Killed(BaseException):
    """As if the process were gone: nothing of it is caught."""


def album(world: World, sender: str) -> list[bytes]:
    parts = []
    for _ in range(2):
        update = json.loads(said(world, "telegram", sender, PROBLEM))
        update["message"]["media_group_id"] = "77"
        parts.append(json.dumps(update).encode())
    return parts


@pytest.mark.parametrize("error", [RuntimeError, Killed])
def test_an_album_that_fails_three_times_alone_is_quarantined_and_holds_up_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    world.journal("telegram", *album(world, "1001"))
    world.journal("telegram", said(world, "telegram", "1002", PROBLEM))
    whole = Processor._process

    def process(self: Processor, claimed: Any) -> None:
        if any(row.album for row in claimed):
            raise error("died")
        whole(self, claimed)

    monkeypatch.setattr(Processor, "_process", process)
    for start in range(10):
        processor = Processor(world.parts, name=f"processor-{start}")
        processor.take_lease()
        processor.recover()
        with contextlib.suppress(Killed):
            while processor.step():
                world.now += 2
        world.now += 2
        world.parts.database.run_now(lambda conn: conn.execute(leases.update().values(expires_at=0.0)))
    statement = select(journal.c.state).order_by(journal.c.id)
    states = world.parts.database.look_now(lambda conn: conn.execute(statement).scalars().all())
    assert states == ["quarantined", "quarantined", "enveloped"]


def test_a_greeting_that_cannot_be_answered_is_quarantined_and_holds_up_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = world.journal("telegram", *(said(world, "telegram", sender, "Здравствуйте!") for sender in ("1", "2")))
    whole = commands.greet

    def greet(staging: Any, work: Any) -> None:
        if work.row.id == bad:
            raise RuntimeError("a fault")
        whole(staging, work)

    monkeypatch.setattr(commands, "greet", greet)
    assert world.processor.step() == 2
    world.now += 3600
    assert world.processor.release_greetings() == 2
    statement = select(journal.c.id, journal.c.state)
    found = world.parts.database.look_now(lambda conn: {row.id: row.state for row in conn.execute(statement)})
    assert found == {bad: "quarantined", good: "ignored"}
    assert world.processor.release_greetings() == 0
