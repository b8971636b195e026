"""What is typed behind a command's options: a ticket's number, a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

# Of a row of the journal. What is larger fits no column of any database.
RowId = click.IntRange(1, 2**63 - 1)


class Number(click.ParamType[str]):
    """A ticket's number, however it is typed. What is none stays as it is: then there is no such ticket."""

    name = "number"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """The one form that is stored."""
        from normalizer.ticket_number import parse_typed

        # A shell passes bytes that are no UTF-8 as lone surrogates, which no database takes.
        typed = str(value).encode("utf-8", "replace").decode()
        return str(parse_typed(typed) or typed)


class Moment(click.ParamType[float]):
    """A time as people write it: 2026-11-22, 2026-11-22T10:00, with or without a zone, or 2h, 3d ago."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Seconds since 1970."""
        if isinstance(value, float):
            return value
        units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
        try:
            if value[:-1].isdigit() and value[-1:] in units:
                return (datetime.now(UTC) - timedelta(seconds=int(value[:-1]) * units[value[-1]])).timestamp()
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.astimezone()).timestamp()
        except (ValueError, OverflowError):  # before the year 1, too
            self.fail(
                f"{value!r} is no time; write 2026-11-22, 2026-11-22T10:00:00Z, or 2h for two hours ago", param, ctx
            )
