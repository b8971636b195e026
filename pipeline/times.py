"""Times of the ledger (seconds since 1970) as the envelope writes them."""

from __future__ import annotations

from datetime import UTC, datetime

from normalizer.envelope import rfc3339


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as a time in UTC, to the millisecond."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)


def stamp(seconds: float | None) -> str | None:
    """Seconds since 1970 as RFC 3339, or None."""
    return None if seconds is None else rfc3339(moment(seconds))
