"""Writers of one SQLite file take turns, and whoever is waited for from outside goes first."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ledger.database import Database, _empty
from tests.services.process import wait_until

ROUNDS = 20


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    database = Database(sqlite_url)
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (x)")
    yield database
    database.close()


def write(database: Database, what: str, order: list[str], *, first: bool) -> None:
    with database.write(first=first) as conn:
        order.append(what)
        conn.exec_driver_sql("INSERT INTO t VALUES (1)")


def test_an_intake_that_comes_last_goes_before_all_that_can_wait(database: Database) -> None:
    with database._door_path.open("rb") as door, ThreadPoolExecutor(4) as pool:
        for _ in range(ROUNDS):
            order: list[str] = []
            with database.write():
                waiting = [pool.submit(write, database, "processor", order, first=False) for _ in range(3)]
                time.sleep(0.02)
                waiting.append(pool.submit(write, database, "intake", order, first=True))
                wait_until(lambda: not _empty(door.fileno()), 10, "the intake stands in the door")
            for each in waiting:
                each.result(10)
            assert order == ["intake", "processor", "processor", "processor"]


def test_one_who_comes_again_and_again_keeps_no_intake_out(database: Database) -> None:
    """He lets go and takes hold at once: before the kernel has woken anybody."""
    stop = threading.Event()
    turns = 0

    def busy() -> None:
        nonlocal turns
        while not stop.is_set():
            with database.write() as conn:
                conn.exec_driver_sql("INSERT INTO t VALUES (1)")
                time.sleep(0.005)
            turns += 1

    with ThreadPoolExecutor(3) as pool:
        both = [pool.submit(busy) for _ in range(2)]
        passed = []
        for _ in range(ROUNDS):
            time.sleep(0.007)
            before = turns
            write(database, "intake", [], first=True)
            passed.append(turns - before)
        stop.set()
        for each in both:
            each.result(10)
    # The one that was writing when he came, and one that had just found nobody there.
    assert max(passed) <= 2, passed


def test_an_erasure_that_waits_for_a_reader_keeps_no_intake_out(database: Database) -> None:
    reading, read_on = threading.Event(), threading.Event()

    def read() -> None:
        with database.read() as conn:
            conn.exec_driver_sql("SELECT * FROM t").all()
            reading.set()
            read_on.wait(10)

    with ThreadPoolExecutor(2) as pool:
        reader = pool.submit(read)
        reading.wait(10)
        write(database, "what is in the log now", [], first=False)
        wiping = pool.submit(database.wipe)
        time.sleep(0.3)
        began = time.monotonic()
        write(database, "intake", [], first=True)
        assert time.monotonic() - began < 5, "the reader reads for ten"
        read_on.set()
        reader.result(10)
        assert wiping.result(10), "and once the reader has ended, the log is emptied"
    assert database.path is not None
    assert database.path.with_name(f"{database.path.name}-wal").stat().st_size == 0


def test_many_of_both_kinds_all_come_through(database: Database) -> None:
    with ThreadPoolExecutor(16) as pool:
        order: list[str] = []
        for number in range(200):
            pool.submit(write, database, "any", order, first=number % 3 == 0)
    assert len(order) == 200
    with database.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM t").scalar_one() == 200
