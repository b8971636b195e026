"""What the form leaves with a browser, sealed: a receipt of what was sent, and the numbers that it was shown.

A receipt stands for a journalled request until its number is there, and is old after a day.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

from ledger.crypto import SealBroken
from pipeline.parts import Parts

VALID_SECONDS = 24 * 3600.0
_PURPOSE = b"receipt"
_SHOWN = b"numbers shown"
MOST_SHOWN = 10


def seal(parts: Parts, journal_id: int, whose: str) -> str:
    """The receipt of a journal row for `whose`: the form or a source."""
    sealed = parts.keys.seal(json.dumps([journal_id, parts.clock()]).encode(), _PURPOSE, whose.encode())
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def unseal(parts: Parts, receipt: str, whose: str) -> int | None:
    """The journal row; None for a receipt that is none, too old, or another's."""
    try:
        sealed = base64.urlsafe_b64decode(receipt[:512].encode("ascii") + b"==")
        journal_id, at = json.loads(parts.keys.unseal(sealed, _PURPOSE, whose.encode()))
    except (ValueError, SealBroken):
        return None
    return int(journal_id) if parts.clock() - at <= VALID_SECONDS else None


def remember(parts: Parts, shown: Sequence[str], number: str) -> str:
    """The numbers that a browser was shown, with one more."""
    numbers = [number, *(one for one in shown if one != number)][:MOST_SHOWN]
    sealed = parts.keys.seal(json.dumps(numbers).encode(), _SHOWN)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def shown(parts: Parts, cookie: str) -> list[str]:
    """The numbers; none for what is not ours."""
    try:
        sealed = base64.urlsafe_b64decode(cookie[:1024].encode("ascii") + b"==")
        return [str(number) for number in json.loads(parts.keys.unseal(sealed, _SHOWN))]
    except (ValueError, SealBroken):
        return []
