"""One database, two dialects: transactions that are durable when they return, and the database's own clock."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ledger.bells import ring
from ledger.errors import LedgerAway, LedgerUnusable

__all__ = ["Connection", "Database", "clock"]

T = TypeVar("T")

# Longest wait for SQLite's writer lock before the database counts as away.
LOCK_SECONDS = 10.0
# Readers are given so long to end, in seconds, before each try to empty SQLite's log.
WIPE_PAUSES = (0.0, *[0.1] * 20)
RINGS = "rings"
# A PostgreSQL that is gone without a word (a cable, a NAT that forgot) is noticed within half a minute.
POSTGRESQL: dict[str, Any] = {
    "connect_timeout": 5,
    "application_name": "priemnaya",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
}


class Database:
    """An engine with durable write transactions. Threads may share it.

    SQLite runs in WAL mode with synchronous=FULL (NORMAL can lose a commit at power loss).
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.dialect = parsed.get_backend_name()
        self.path: Path | None = None
        if self.dialect == "sqlite":
            self.path = Path(parsed.database or "").absolute()
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(OSError):  # it is there, or nobody can write here, which the first transaction says
                # SQLite itself would let every user of the machine read it, as the umask is nearly everywhere.
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            self._lock_path = self.path.with_name(self.path.name + ".writer")
            self._door_path = self.path.with_name(self.path.name + ".door")
        self.url = parsed
        self.engine = self._create_engine()

    def _create_engine(self) -> Engine:
        if self.dialect == "sqlite":
            engine = create_engine(self.url, connect_args={"timeout": LOCK_SECONDS}, pool_size=4, max_overflow=16)
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        return create_engine(
            self.url,
            pool_size=4,
            max_overflow=12,
            pool_timeout=LOCK_SECONDS,
            pool_pre_ping=False,
            connect_args=POSTGRESQL,
        )

    def pooled(self) -> bool:
        """Whether two connections have one server process in turn. Raises `LedgerAway`."""
        if self.dialect == "sqlite":
            return False
        with _translated(), self.engine.connect() as one, self.engine.connect() as other:
            process = text("SELECT pg_backend_pid()")
            first = one.execute(process).scalar_one()
            one.commit()  # a pooler has that process back now, and lends out what came back last
            return bool(first == other.execute(process).scalar_one())

    @contextmanager
    def write(self, *, first: bool = False) -> Iterator[Connection]:
        """A transaction that is durable when the block has been left. Raises `LedgerAway`.

        `first`: somebody outside waits for it (a platform for its 200); on SQLite it goes before those who can wait.
        """
        rings: set[str] = set()
        with (
            _translated(),
            self._turn(first),
            self.engine.connect().execution_options(priemnaya_write=True) as conn,
            conn.begin(),
        ):
            conn.info[RINGS] = rings
            yield conn
        if rings and self.path is not None:
            ring(self.path, rings)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view; writes in it are an error of the caller. Raises `LedgerAway`."""
        with _translated(), self.engine.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def _turn(self, first: bool = False) -> Iterator[None]:
        """Writers of one SQLite file queue at a lock of the kernel, which wakes the next one at once.

        SQLite's own busy handler sleeps up to 100 ms between its tries, which shows as latency under load. The kernel
        keeps no order: who lets go and comes again at once may have it again. So those who go `first` stand in a door
        while they wait, and whoever finds somebody there lets him pass.
        """
        if self.dialect != "sqlite":
            yield
            return
        turn, door = (
            os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for path in (self._lock_path, self._door_path)
        )
        try:
            if first:
                fcntl.flock(door, fcntl.LOCK_SH)
                fcntl.flock(turn, fcntl.LOCK_EX)
                fcntl.flock(door, fcntl.LOCK_UN)
            else:
                fcntl.flock(turn, fcntl.LOCK_EX)
                while not _empty(door):
                    fcntl.flock(turn, fcntl.LOCK_UN)
                    fcntl.flock(door, fcntl.LOCK_EX)
                    fcntl.flock(door, fcntl.LOCK_UN)
                    fcntl.flock(turn, fcntl.LOCK_EX)
            yield
        finally:
            os.close(turn)
            os.close(door)

    async def run(self, work: Callable[[Connection], T], *, first: bool = False) -> T:
        """`work` in a write transaction, in a thread."""
        return await asyncio.to_thread(self.run_now, work, first=first)

    def run_now(self, work: Callable[[Connection], T], *, first: bool = False) -> T:
        """`work` in a write transaction, here."""
        with self.write(first=first) as conn:
            return work(conn)

    async def look(self, work: Callable[[Connection], T]) -> T:
        """`work` in a read transaction, in a thread."""
        return await asyncio.to_thread(self.look_now, work)

    def look_now(self, work: Callable[[Connection], T]) -> T:
        """`work` in a read transaction, here."""
        with self.read() as conn:
            return work(conn)

    def wipe(self) -> bool:
        """After an erasure: write over what SQLite has freed, and empty its log, which still holds the old pages.

        False when readers kept the log in use; its pages are written over as it goes round. PostgreSQL frees rows by
        its own vacuum.
        """
        return self.dialect != "sqlite" or any(self._wiped(pause) for pause in WIPE_PAUSES)

    def _wiped(self, pause: float) -> bool:
        # SQLite itself would wait for readers up to LOCK_SECONDS, and let nobody write meanwhile.
        time.sleep(pause)
        with _translated(), self._turn():
            connection = self.engine.raw_connection()
            try:
                cursor = connection.cursor()
                cursor.execute("PRAGMA busy_timeout=0")
                busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                cursor.execute(f"PRAGMA busy_timeout={round(LOCK_SECONDS * 1000)}")
            finally:
                connection.close()
        return not busy

    def close(self) -> None:
        """Close every connection of the pool."""
        self.engine.dispose()


def _empty(door: int) -> bool:
    try:
        fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(door, fcntl.LOCK_UN)
    return True


def rings_of(conn: Connection) -> set[str]:
    """The topics that are rung for on SQLite once this write transaction has been committed."""
    rings: set[str] = conn.info[RINGS]
    return rings


def clock(conn: Connection) -> float:
    """Seconds since 1970 by the database's clock: the one that all machines share."""
    if conn.dialect.name == "sqlite":
        return time.time()  # SQLite's clock is this machine's; its own function has milliseconds only
    value: float = conn.execute(text("SELECT extract(epoch FROM clock_timestamp())::float8")).scalar_one()
    return value


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite`, not by the driver's guess
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-16000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(conn: Connection) -> None:
    # IMMEDIATE: a transaction that reads first and writes later fails when another writer came between.
    write = conn.get_execution_options().get("priemnaya_write", False)
    conn.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_CORRUPT_INDEX", "SQLITE_NOTADB")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise LedgerAway(_cause(error)) from None
    except DBAPIError as error:
        if error.connection_invalidated:
            raise LedgerAway(_cause(error)) from None
        if getattr(error.orig, "sqlite_errorname", None) in _DAMAGED:
            raise LedgerUnusable(
                "the ledger's file is damaged, or is no ledger: see database.url, or put a backup back"
                " (docs/operations.md)"
            ) from None
        raise
    except PoolTimeout:
        raise LedgerAway("no connection to the database became free") from None
    except OSError as error:
        raise LedgerAway(f"the database's folder cannot be written: {error.strerror}") from None


def _cause(error: DBAPIError) -> str:
    # The driver's first line only: no SQL and no parameters, which may hold a citizen's words.
    lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
    return lines[0][:200]
