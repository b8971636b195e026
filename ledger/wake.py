"""Wakes whoever waits for work: LISTEN/NOTIFY on PostgreSQL, a bell beside the file on SQLite.

Waking is a hint, never the truth: every waiter also looks by itself after `timeout`, and claims go by state.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading

from sqlalchemy import Connection, text

from ledger.bells import Bell
from ledger.database import POSTGRESQL, Database, rings_of

CHANNEL = "priemnaya"
# A bell may be missed (its ringer was killed just after the commit): SQLite's counter of changes is looked at, too,
# as seldom as costs nothing; on a file system that knows no FIFO, often enough.
LOOK_SECONDS, LOOK_WITHOUT_BELL = 2.0, 0.05


def notify(conn: Connection, what: str) -> None:
    """Tell the waiters, once the transaction commits. `what`: journal, outbox, outgoing, attachments."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_notify(:channel, :what)"), {"channel": CHANNEL, "what": what})
    else:
        rings_of(conn).add(what)


class Waker:
    """Waits for changes of the ledger. For one event loop; `close` it.

    `rest`: seconds from one waking to the next at least. What comes one by one is then taken a few at a time, at a
    fraction of the cost; what comes alone is taken at once.
    """

    def __init__(self, database: Database, topic: str, *, rest: float = 0.0) -> None:
        self._database = database
        self._topic = topic
        self._rest = rest
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._closed = threading.Event()
        self._woken_at = 0.0
        self._version: int | None = None
        self._sqlite: sqlite3.Connection | None = None
        self._bell: Bell | None = None
        if database.dialect == "postgresql":
            threading.Thread(target=self._listen, name="listen", daemon=True).start()
        elif database.path is not None:
            with contextlib.suppress(OSError):
                self._bell = Bell(database.path, topic)
                self._loop.add_reader(self._bell.descriptor, self._rung, self._bell)

    async def wait(self, seconds: float) -> None:
        """Return when something may have changed, or after `seconds`."""
        deadline = self._loop.time() + seconds
        look = seconds if self._database.dialect != "sqlite" else LOOK_SECONDS if self._bell else LOOK_WITHOUT_BELL
        while not self._event.is_set() and not self._changed() and (left := deadline - self._loop.time()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, look)):
                    await self._event.wait()
        await asyncio.sleep(self._woken_at + self._rest - self._loop.time())
        self._woken_at = self._loop.time()
        self._event.clear()

    def _rung(self, bell: Bell) -> None:
        if bell.heard():
            self._event.set()

    def _changed(self) -> bool:
        """Whether another connection has committed since the last look: SQLite counts that for each connection."""
        if self._database.dialect != "sqlite":
            return False
        try:
            if self._sqlite is None:
                self._sqlite = sqlite3.connect(f"file:{self._database.path}?mode=ro", uri=True, isolation_level=None)
            version: int = self._sqlite.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            self._sqlite = None
            return False
        changed = version != self._version
        self._version = version
        return changed

    def _listen(self) -> None:
        import psycopg  # 10 MB that a process on SQLite does not need

        url = self._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        while not self._closed.is_set():
            try:
                with psycopg.connect(url, autocommit=True, **POSTGRESQL) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._loop.call_soon_threadsafe(self._event.set)  # what came before we listened
                    while not self._closed.is_set():
                        for notification in connection.notifies(timeout=1.0):
                            if notification.payload == self._topic:
                                self._loop.call_soon_threadsafe(self._event.set)
                            if self._closed.is_set():
                                return
            except psycopg.Error:
                self._closed.wait(1.0)
            except RuntimeError:  # the loop is closed
                return

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        if self._bell is not None:
            self._loop.remove_reader(self._bell.descriptor)
            self._bell.close()
            self._bell = None
        if self._sqlite is not None:
            self._sqlite.close()
            self._sqlite = None
