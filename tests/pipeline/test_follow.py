"""`envelopes --follow` overlooks nothing, in whatever order processors commit (fault 8)."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from ledger import journal
from pipeline import inspect
from pipeline.processor import Processor
from tests.linking.world import PROBLEM, World, said

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def world(postgres_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(postgres_url, tmp_path)
    yield world
    world.close()


def test_an_envelope_whose_transaction_was_overtaken_comes_late(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect, "FOLLOW_SECONDS", 0.05)
    world.take("telegram", said(world, "telegram", "501", PROBLEM))
    following = inspect.each_envelope(world.parts, ticket=None, since=None, follow=True)
    seen = [next(following)]

    written, go_on = threading.Event(), threading.Event()
    finish = journal.finish

    def slowly(conn: Connection, *arguments: object) -> None:
        if threading.current_thread() is slow:
            written.set()
            go_on.wait(30)
        finish(conn, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(journal, "finish", slowly)
    world.journal("telegram", said(world, "telegram", "502", "Не открывается раздел с выплатами на портале"))
    slow = threading.Thread(target=world.processor.step)
    slow.start()
    assert written.wait(30)
    world.journal("vk", said(world, "vk", "77", "Где мой загранпаспорт, статус не меняется неделю"))
    other = Processor(world.parts, "other")
    other.take_lease()
    assert other.step() == 1
    seen.append(next(following))
    go_on.set()
    slow.join(30)
    seen.append(next(following))
    assert len(set(seen)) == 3
    assert b"telegram:502" in seen[2]
