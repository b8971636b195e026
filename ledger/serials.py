"""Serials of the day, given out in blocks, so that workers do not wait for each other. A gap is harmless."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from ledger.database import Database
from ledger.dialect import upsert
from ledger.schema import serials
from normalizer import ticket_number

BLOCK = 32
# After a backup was put back, the day goes on at a serial that no number of its first part has reached.
LEAP = 100_000


@dataclass
class Numbers:
    """The numbers that one worker may give. Not for several threads at once."""

    database: Database
    zone: ZoneInfo
    blocks: dict[date, list[range]] = field(default_factory=dict)

    def day(self, moment: float) -> date:
        """The calendar day of `moment` (seconds since 1970) where the service is."""
        return datetime.fromtimestamp(moment, UTC).astimezone(self.zone).date()

    def prepare(self, moments: Iterable[float]) -> None:
        """Have a serial ready for a ticket opened at each of these moments. Raises `LedgerAway`."""
        wanted = Counter(map(self.day, moments))
        for day, count in wanted.items():
            missing = count - sum(map(len, self.blocks.get(day, ())))
            if missing > 0:
                size = max(BLOCK, missing)
                first = self.database.run_now(lambda conn, day=day, size=size: reserve(conn, day, size))  # type: ignore[misc]
                self.blocks.setdefault(day, []).append(range(first, first + size))
        for day in sorted(self.blocks.keys() - wanted.keys())[:-3]:  # days that are over
            del self.blocks[day]

    def give(self, moment: float) -> str:
        """The next number for a ticket opened at `moment`, which `prepare` has been told of."""
        day = self.day(moment)
        ranges = self.blocks[day]
        while not ranges[0]:
            ranges.pop(0)
        serial = ranges[0][0]
        ranges[0] = ranges[0][1:]
        return ticket_number.make(day, serial)


def reserve(conn: Connection, day: date, size: int) -> int:
    """Reserve `size` serials of the day; returns the first."""
    statement = upsert(conn, serials).values(day=f"{day:%y%m%d}", next=1 + size)
    statement = statement.on_conflict_do_update(index_elements=["day"], set_={"next": serials.c.next + size}).returning(
        serials.c.next
    )
    end: int = conn.execute(statement).scalar_one()
    return end - size


def leap(conn: Connection, day: date) -> int:
    """Leave out what may have been given since a backup was made; returns the next serial of the day."""
    statement = upsert(conn, serials).values(day=f"{day:%y%m%d}", next=1 + LEAP)
    beyond = (serials.c.next // LEAP + 1) * LEAP + 1
    statement = statement.on_conflict_do_update(index_elements=["day"], set_={"next": beyond})
    following: int = conn.execute(statement.returning(serials.c.next)).scalar_one()
    return following


def first_day(conn: Connection) -> date | None:
    """The first day on which a number was given, or None."""
    value = conn.execute(select(func.min(serials.c.day))).scalar_one()
    return datetime.strptime(value, "%y%m%d").date() if value else None  # noqa: DTZ007 - a calendar day, no moment
