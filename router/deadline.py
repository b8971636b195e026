"""By when an answer is owed: clock time, or working days of a country's calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from typing import Any


@cache
def calendar(country: str) -> Any:
    """The country's working days with their yearly transfers.

    Loaded when first asked for (0.1 s, 10 MB): only a process that meets a desk with a calendar pays for it.
    """
    import holidays

    return holidays.country_holidays(country)


def has_calendar(country: str) -> bool:
    """Whether the working days of a country (ISO 3166, two letters) are known. Loads no calendar."""
    from holidays.registry import COUNTRIES

    return any(country in names[1:] for names in COUNTRIES.values())


def after_working_days(moment: datetime, days: int, country: str, zone: tzinfo) -> datetime:
    """The same time of day `days` working days later, in UTC. A day of rest that `moment` lies on is not counted."""
    local = moment.astimezone(zone)
    return datetime.combine(_day_after(local.date(), days, country), local.time(), zone).astimezone(UTC)


@lru_cache(64)  # one day's messages ask for the same few; the library looks at each day anew
def _day_after(day: date, days: int, country: str) -> date:
    working = calendar(country)
    while days > 0:
        day += timedelta(days=1)
        if working.is_working_day(day):
            days -= 1
    return day
