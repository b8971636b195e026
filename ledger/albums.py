"""An edit of an album's later part concerns the message that the album became, under its first part's id."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection, select

from ledger.schema import messages, threads

# Of a ticket's latest messages so many are looked through: an edit follows soon.
LOOKED_AT = 50


def messages_of(conn: Connection, parts: Mapping[bytes, str]) -> dict[str, str]:
    """Native id of a part -> native id of its message. `parts`: hash -> native id; others are left out."""
    if not parts:
        return {}
    own = conn.execute(select(messages.c.native_hash).where(messages.c.native_hash.in_(sorted(parts))))
    missing = sorted(parts.keys() - {bytes(row.native_hash) for row in own})
    if not missing:
        return {}
    found: dict[str, str] = {}
    for row in conn.execute(select(threads.c.native_hash, threads.c.ticket).where(threads.c.native_hash.in_(missing))):
        part = parts[bytes(row.native_hash)]
        bodies = select(messages.c.body).where(messages.c.ticket == row.ticket, messages.c.body.is_not(None))
        for (body,) in conn.execute(bodies.order_by(messages.c.sequence.desc()).limit(LOOKED_AT)):
            envelope = json.loads(bytes(body))
            if envelope["kind"] not in ("edit", "deletion") and part in (a["part"] for a in envelope["attachments"]):
                found[part] = envelope["source"]["message_id"]
                break
    return found
