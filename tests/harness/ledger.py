"""A test's own look into the ledger, past the code that is under test."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select
from tenacity import Retrying, retry_if_exception, stop_after_attempt

from ledger.database import Database
from ledger.errors import LedgerAway
from ledger.schema import (
    attachments,
    cursors,
    erasures,
    health,
    journal,
    leases,
    messages,
    outbox,
    outgoing,
    tickets,
)

T = TypeVar("T")
ENDS = ("enveloped", "merged", "redelivered", "ignored", "quarantined")


class Ledger:
    """Read only. A ledger that is not there yet looks empty."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: Database | None = None

    @property
    def database(self) -> Database:
        if self._opened is None:
            self._opened = Database(self._url)
        return self._opened

    def look(self, work: Callable[[Connection], T], default: T) -> T:
        """`default` while the database is away or has no tables yet."""
        try:
            return self.database.look_now(work)
        except Exception as error:
            if isinstance(error, LedgerAway) or _no_tables(error):
                return default
            raise

    def states(self) -> Counter[str]:
        """Journal rows by state."""
        statement = select(journal.c.state, func.count()).group_by(journal.c.state)
        rows: list[Any] = self.look(lambda conn: list(conn.execute(statement).all()), [])
        return Counter(dict(map(tuple, rows)))

    def ended(self) -> int:
        """Journal rows that have come to an end."""
        states = self.states()
        return sum(states[state] for state in ENDS)

    def journalled(self) -> int:
        return sum(self.states().values())

    def journal(self) -> list[Any]:
        return self._rows(select(journal).order_by(journal.c.id))

    def messages(self) -> list[Any]:
        return self._rows(select(messages).order_by(messages.c.id))

    def envelopes(self) -> list[dict[str, Any]]:
        """In the order staged."""
        return [json.loads(bytes(row["body"])) for row in self.messages() if row["body"] is not None]

    def outbox(self) -> list[Any]:
        return self._rows(select(outbox).order_by(outbox.c.id))

    def outgoing(self) -> list[Any]:
        return self._rows(select(outgoing).order_by(outgoing.c.seq))

    def tickets(self) -> list[Any]:
        return self._rows(select(tickets).order_by(tickets.c.number))

    def attachments(self) -> list[Any]:
        return self._rows(select(attachments).order_by(attachments.c.id))

    def erasures(self) -> list[Any]:
        return self._rows(select(erasures).order_by(erasures.c.id))

    def health(self) -> list[Any]:
        return self._rows(select(health))

    def cursors(self) -> list[Any]:
        return self._rows(select(cursors))

    def leases(self) -> list[Any]:
        return self._rows(select(leases))

    def pending(self, exchange: str = "appeals") -> int:
        """Outbox rows that the broker has not confirmed; 1 when that cannot be told now."""
        statement = select(func.count()).where(outbox.c.state == "pending", outbox.c.exchange == exchange)
        return self.look(lambda conn: int(conn.execute(statement.select_from(outbox)).scalar_one()), 1)

    def owed(self) -> int:
        """Messages to citizens that are not sent; 1 when that cannot be told now."""
        statement = select(func.count()).select_from(outgoing).where(outgoing.c.state.in_(("owed", "sending")))
        return self.look(lambda conn: int(conn.execute(statement).scalar_one()), 1)

    def _rows(self, statement: Any) -> list[Any]:
        """What a verdict rests on: when the test's own connection was cut it asks again, it never means none."""
        asking = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, LedgerAway) and not _no_tables(error)),
            stop=stop_after_attempt(5),
            reraise=True,
        )
        try:
            return asking(self.database.look_now, lambda conn: list(conn.execute(statement).mappings().all()))
        except Exception as error:
            if _no_tables(error):
                return []
            raise

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()


def _no_tables(error: BaseException) -> bool:
    return "UndefinedTable" in str(error) or "no such table" in str(error)
