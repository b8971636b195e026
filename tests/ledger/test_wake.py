"""A commit wakes whoever waits for its topic; on both databases."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from ledger import bells
from ledger.bells import Bell
from ledger.database import Database
from ledger.wake import Waker, notify

LONG = 60.0

RING = "import sys; from pathlib import Path; from ledger.bells import ring; ring(Path(sys.argv[1]), ['journal'])"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    with database.write():
        pass  # the first connection to a new file of SQLite makes its log
    yield database
    database.close()


@pytest.fixture
async def waker(database: Database) -> AsyncIterator[Callable[..., Waker]]:
    made: list[Waker] = []

    def make(topic: str = "journal", **options: float) -> Waker:
        made.append(Waker(database, topic, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


async def seconds_of(waker: Waker, timeout: float = LONG) -> float:
    """How long it waited."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await waker.wait(timeout)
    return loop.time() - began


async def quiet(waker: Waker) -> None:
    """A waker starts with what it cannot know: on PostgreSQL that it listens, on SQLite the counter of changes."""
    for patience in (1.5, 0.3):
        await waker.wait(patience)


async def test_a_commit_wakes_who_waits_for_its_topic(database: Database, waker: Callable[..., Waker]) -> None:
    journal, outbox = waker("journal"), waker("outbox")
    await asyncio.gather(quiet(journal), quiet(outbox))
    waiting = [asyncio.create_task(seconds_of(each, 1.5)) for each in (journal, outbox)]
    await asyncio.sleep(0.1)
    await database.run(lambda conn: notify(conn, "journal"))
    assert await waiting[0] < 1.0
    assert await waiting[1] >= 1.5


async def test_what_was_committed_between_a_look_and_the_wait_is_not_missed(
    database: Database, waker: Callable[..., Waker]
) -> None:
    journal = waker()
    await quiet(journal)
    await database.run(lambda conn: notify(conn, "journal"))
    await asyncio.sleep(0.2)
    assert await seconds_of(journal) < 1.0


async def test_a_transaction_that_is_rolled_back_wakes_nobody(database: Database, waker: Callable[..., Waker]) -> None:
    journal = waker()
    await quiet(journal)
    with contextlib.suppress(RuntimeError), database.write() as conn:
        notify(conn, "journal")
        raise RuntimeError
    with database.write():
        pass  # the next transaction on the connection says nothing
    assert await seconds_of(journal, 1.0) >= 1.0


async def test_a_lone_waking_is_at_once_and_the_next_one_rests(database: Database, waker: Callable[..., Waker]) -> None:
    journal = waker(rest=1.5)
    await quiet(journal)
    await asyncio.sleep(1.5)
    await database.run(lambda conn: notify(conn, "journal"))
    assert await seconds_of(journal) < 1.0
    woken = asyncio.get_running_loop().time()
    await database.run(lambda conn: notify(conn, "journal"))
    await journal.wait(LONG)
    assert 1.4 < asyncio.get_running_loop().time() - woken < 5.0


async def test_an_unheard_commit_on_sqlite_is_found_by_its_counter(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.wake.LOOK_SECONDS", 0.1)
    database = Database(sqlite_url)
    waker = Waker(database, "journal")
    await quiet(waker)
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (x)")  # nobody is told
    assert await seconds_of(waker) < 5.0
    waker.close()
    database.close()


async def test_where_no_bell_can_be_hung_the_counter_is_looked_at_often(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "mkfifo", refuse)
    database = Database(sqlite_url)
    waker = Waker(database, "journal")
    await waker.wait(0.2)
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (x)")
    assert await seconds_of(waker) < 1.0
    waker.close()
    database.close()


def test_another_process_rings_it(tmp_path: Path) -> None:
    database = tmp_path / "p.db"
    bell, other = Bell(database, "journal"), Bell(database, "outbox")
    assert not bell.heard()
    subprocess.run([sys.executable, "-c", RING, str(database)], check=True)
    assert bell.heard()
    assert not bell.heard()
    assert not other.heard()
    for each in (bell, other):
        each.close()
    assert os.listdir(bells.folder_of(database)) == []


def test_the_bell_of_a_dead_waiter_is_taken_down_by_whoever_rings(tmp_path: Path) -> None:
    database = tmp_path / "p.db"
    dead, alive = Bell(database, "journal"), Bell(database, "journal")
    os.close(dead.descriptor)
    bells.ring(database, {"journal"})
    assert alive.heard()
    assert len(os.listdir(bells.folder_of(database))) == 1
    alive.close()


def test_a_bell_that_nobody_answers_stops_no_ringer(tmp_path: Path) -> None:
    database = tmp_path / "p.db"
    bell = Bell(database, "journal")
    with contextlib.suppress(BlockingIOError):
        while os.write(bell.descriptor, b"x" * 4096):
            pass
    bells.ring(database, {"journal"})
    assert bell.heard()
    bell.close()


def test_ringing_where_nobody_waits_is_no_error(tmp_path: Path) -> None:
    bells.ring(tmp_path / "p.db", {"journal"})
