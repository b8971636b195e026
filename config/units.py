"""Durations, sizes and days as an administrator writes them: `60s`, `24h`, `14d`; `25MB`, `64 kB`; `2026-11-23`."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

_DURATION = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*(ms|s|m|h|d|w)\s*", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

_SIZE = re.compile(r"\s*([0-9]{1,12}(?:\.[0-9]{1,3})?)\s*(b|kb|kib|mb|mib|gb|gib)\s*", re.ASCII | re.IGNORECASE)
_BYTES = {"b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def parse_duration(value: Any) -> timedelta:
    """`90m` -> 1:30:00. Raises ValueError for anything that is not a number with one of ms, s, m, h, d, w."""
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("should be a duration such as 60s, 90m, 24h or 14d")
    try:
        return timedelta(seconds=float(found[1]) * _SECONDS[found[2]])
    except OverflowError:
        raise ValueError("is too long a duration") from None


def parse_size(value: Any) -> int:
    """`25MB` -> 26214400: kB, MB and GB count in 1024s, as mail servers do. A bare whole number is bytes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("should be a size such as 64kB, 25MB or 1GB")
    return int(float(found[1]) * _BYTES[found[2][0].lower()])


def parse_day(value: Any) -> date:
    """`2026-11-23`, in quotes or as TOML's own date. Raises ValueError for anything else."""
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("should be a day such as 2026-11-23") from None


Duration = Annotated[timedelta, BeforeValidator(parse_duration), Field(gt=timedelta(0))]
Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0)]
Day = Annotated[date, BeforeValidator(parse_day)]
