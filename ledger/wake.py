"""Wakes whoever waits for work: LISTEN/NOTIFY on PostgreSQL, a look at SQLite's change counter elsewhere.

Waking is a hint, never the truth: every waiter also looks by itself after `timeout`, and claims go by state.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading

from sqlalchemy import Connection, text

from ledger.database import Database

CHANNEL = "priemnaya"
# How often SQLite's counter is read: a lone message must be staged within 50 ms, an idle machine stay idle.
LOOK_SECONDS = 0.02
# So long after its last work a waiter looks less often (`idle_seconds`): every process's renewal of its lease is a
# change too, so that twenty looks a second cost an idle process 1 % of a core.
QUIET_SECONDS = 3.0


def notify(conn: Connection, what: str) -> None:
    """Tell the waiters, once the transaction commits. `what`: journal, outbox, outgoing, attachments."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_notify(:channel, :what)"), {"channel": CHANNEL, "what": what})


class Waker:
    """Waits for changes of the ledger. For one event loop; `close` it."""

    def __init__(
        self,
        database: Database,
        *topics: str,
        look_seconds: float = LOOK_SECONDS,
        idle_seconds: float | None = None,
    ) -> None:
        self._database = database
        self._topics = frozenset(topics)
        self._look_seconds = look_seconds
        self._idle_seconds = idle_seconds or look_seconds
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._closed = threading.Event()
        self._version: int | None = None
        self._worked_at = self._loop.time()
        self._sqlite: sqlite3.Connection | None = None
        if database.dialect == "postgresql":
            threading.Thread(target=self._listen, name="listen", daemon=True).start()

    async def wait(self, seconds: float) -> None:
        """Return when something may have changed, or after `seconds`."""
        if self._database.dialect == "postgresql":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._event.wait()
            self._event.clear()
            return
        deadline = self._loop.time() + seconds
        while not self._changed() and self._loop.time() < deadline and not self._event.is_set():
            # SQLite tells nobody of a commit: its counter is all there is to look at.
            now = self._loop.time()
            pause = self._look_seconds if now - self._worked_at < QUIET_SECONDS else self._idle_seconds
            await asyncio.sleep(min(pause, max(0.0, deadline - now)))
        self._event.clear()

    def worked(self) -> None:
        """There was work: more may follow soon."""
        self._worked_at = self._loop.time()

    def poke(self) -> None:
        """Wake the waiter from this process. Safe from the loop's thread only."""
        self._event.set()

    def _changed(self) -> bool:
        """Whether another connection has committed since the last look: SQLite counts that for each connection."""
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
                with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._loop.call_soon_threadsafe(self._event.set)  # what came before we listened
                    while not self._closed.is_set():
                        for notification in connection.notifies(timeout=1.0):
                            if not self._topics or notification.payload in self._topics:
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
        if self._sqlite is not None:
            self._sqlite.close()
            self._sqlite = None
