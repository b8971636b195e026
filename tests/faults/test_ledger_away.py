"""Fault 7: the database locked, its disk full, killed at a commit: nothing is confirmed, and all goes on by itself."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.oracle import Report
from tests.harness import disk as disks
from tests.harness.letters import letters
from tests.harness.mail import Post
from tests.services.postgres import PostgresServer

Record = Callable[[Report], Report]
CANNOT_WRITE = "cannot write to the ledger; the platform is not told"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    with disks.small_disk(tmp_path, 24) as folder:
        yield folder


def _fill(folder: Path) -> Path:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1024 * 1024, 4096, 512):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass
    return filler


def test_a_full_disk_moves_no_cursor_and_loses_nothing(
    make_post: Callable[..., Post], small_disk: Path, record: Record
) -> None:
    post = make_post(
        database_url=f"sqlite:///{small_disk}/priemnaya.db", sections={"storage": {"url": f"{small_disk}/attachments"}}
    )
    post.worker.start()
    written = letters(40)
    post.put(written[:10])
    post.wait()
    cursor = post.worker.ledger.cursors()
    filler = _fill(small_disk)
    post.put(written[10:])
    post.worker.wait(lambda: CANNOT_WRITE in post.worker.log(), 30, "the full disk is noticed")
    # Some last pages of the write-ahead log may still have had room; what did not fit is not confirmed.
    assert post.worker.ledger.journalled() < 40
    if post.worker.ledger.journalled() == 10:
        assert post.worker.ledger.cursors() == cursor
    filler.unlink()
    post.wait()
    record(post.report("disk full, mail, sqlite")).assert_clean(allow_double_ack=True)


@pytest.mark.parametrize("how", ["the disk is full", pytest.param("the reader is gone", marks=pytest.mark.soak)])
def test_7_a_log_that_cannot_be_written_stops_nothing(make_post: Callable[..., Post], how: str) -> None:
    post = make_post()
    worker = post.worker
    if how == "the disk is full":
        output = os.open("/dev/full", os.O_WRONLY)
    else:
        reading, output = os.pipe()
        os.close(reading)
    worker.start(ready=False, output=output)
    os.close(output)
    post.put(letters(10))
    post.wait(60)
    mail = worker.pid("mail")
    worker.kill_role("processor")  # the supervisor has something to log, too
    post.put(letters(20)[10:])
    post.wait(60)
    assert worker.pid("mail") == mail, "it is the same process"
    assert worker.log() == ""
    assert worker.terminate()[0] == 0
    post.report("no log").assert_clean()


def test_a_database_locked_by_another_process_moves_no_cursor_and_loses_nothing(
    make_post: Callable[..., Post], record: Record
) -> None:
    post = make_post(constants={"ledger.database:LOCK_SECONDS": 1.0})
    post.worker.start()
    written = letters(30)
    post.put(written[:10])
    post.wait()
    cursor = post.worker.ledger.cursors()
    with contextlib.closing(
        sqlite3.connect(post.worker.database_url.removeprefix("sqlite:///"), isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        post.put(written[10:])
        post.worker.wait(lambda: CANNOT_WRITE in post.worker.log(), 30, "the lock is noticed")
        assert post.worker.ledger.journalled() == 10
        assert post.worker.ledger.cursors() == cursor
        other.execute("ROLLBACK")
    post.wait()
    record(post.report("database locked, mail, sqlite")).assert_clean()


def test_postgresql_killed_again_and_again_while_it_commits_loses_nothing(
    make_post: Callable[..., Post], postgres: PostgresServer, postgres_url: str, record: Record
) -> None:
    post = make_post(database_url=postgres_url)
    worker = post.worker.start()
    written = letters(80)
    for start in range(0, 80, 20):
        before = worker.ledger.ended()
        post.put(written[start : start + 20])
        worker.wait(lambda before=before: worker.ledger.ended() > before, 30, "something is through")  # type: ignore[misc]
        postgres.kill()
        worker.kills += 1
        postgres.start()
    post.wait(60)
    assert worker.ledger.states() == {"enveloped": 80}
    record(post.report("PostgreSQL killed, mail")).assert_clean(allow_double_ack=True)
