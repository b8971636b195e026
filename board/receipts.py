"""A receipt stands for a journalled request until its number is there. It is sealed, and old after a day."""

from __future__ import annotations

import base64
import json

from ledger.crypto import SealBroken
from pipeline.parts import Parts

VALID_SECONDS = 24 * 3600.0
_PURPOSE = b"receipt"


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
