"""`envelopes --follow` and the search overlook nothing, in whatever order processors commit (fault 8)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from ledger import journal, search
from pipeline import inspect
from pipeline.processor import Processor
from pipeline.search_index import SearchIndex
from tests.linking.world import PROBLEM, World, said

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def world(postgres_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(postgres_url, tmp_path)
    yield world
    world.close()


@contextmanager
def overtaken(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The transaction of a message of 502 is open, and that of a later one has been committed, until the block ends."""
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
    yield
    go_on.set()
    slow.join(30)


def test_an_envelope_whose_transaction_was_overtaken_comes_late(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect, "FOLLOW_SECONDS", 0.05)
    world.take("telegram", said(world, "telegram", "501", PROBLEM))
    following = inspect.each_envelope(world.parts, ticket=None, since=None, follow=True)
    seen = [next(following)]
    with overtaken(world, monkeypatch):
        seen.append(next(following))
    seen.append(next(following))
    assert len(set(seen)) == 3
    assert b"telegram:502" in seen[2]


def test_a_message_whose_transaction_was_overtaken_is_found_though_none_comes_after_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, keys = SearchIndex(world.parts), world.parts.keys
    with overtaken(world, monkeypatch):
        assert index.round() == 1
    assert (index.round(), index.round()) == (1, 0)
    found = world.parts.database.look_now(lambda conn: search.find(conn, keys, search.words_of("выплатами"), None, 10))
    assert len(found) == 1
