"""Files that are still to be fetched from the platform, and where the fetched ones lie."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from ledger.crypto import Keyring
from ledger.dialect import is_
from ledger.leases import Lease, guard
from ledger.schema import attachments, journal, messages
from ledger.storage import Stored


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be fetched. `fetch` is what the normalizer said of it."""

    id: str
    ticket: str
    journal_id: int
    envelope_id: str
    fetch: dict[str, Any] = field(repr=False)
    media_type: str | None
    attempts: int


def wanted(conn: Connection, keys: Keyring, lease: Lease, account: str, now: float, most: int) -> list[Wanted]:
    """The next files of the account; each start is counted."""
    guard(conn, lease)
    rows = conn.execute(
        select(attachments)
        .where(attachments.c.account == account, is_(attachments.c.state, "pending"), attachments.c.due_at <= now)
        .order_by(attachments.c.due_at)
        .limit(most)
    ).all()
    if rows:
        ids = [row.id for row in rows]
        conn.execute(update(attachments).where(attachments.c.id.in_(ids)).values(attempts=attachments.c.attempts + 1))
    return [
        Wanted(
            id=row.id,
            ticket=row.ticket,
            journal_id=row.journal_id,
            envelope_id=row.envelope_id,
            fetch=json.loads(keys.unseal(bytes(row.fetch), b"fetch")) if row.fetch else {},
            media_type=row.media_type,
            attempts=row.attempts + 1,
        )
        for row in rows
    ]


def anything(conn: Connection, account: str, now: float) -> bool:
    """Whether a file of the account is due: a look that takes no writer's turn."""
    due = select(attachments.c.id).where(
        attachments.c.account == account, is_(attachments.c.state, "pending"), attachments.c.due_at <= now
    )
    return conn.execute(due.limit(1)).first() is not None


def adopt(conn: Connection, lease: Lease, kind: str, name: str, platform_account: str, known: Collection[str]) -> int:
    """Take over the files that the same account was to fetch under a name that is no channel's any more."""
    guard(conn, lease)
    same = select(journal.c.id).where(
        journal.c.id == attachments.c.journal_id,
        journal.c.kind == kind,
        journal.c.platform_account == platform_account,
    )
    left = is_(attachments.c.state, "pending"), attachments.c.account.not_in(known), same.exists()
    return conn.execute(update(attachments).where(*left).values(account=name)).rowcount


def stored(conn: Connection, lease: Lease, attachment_id: str, file: Stored, media_type: str) -> bool:
    """The file is there. False when it is no longer wanted (its ticket was erased meanwhile)."""
    guard(conn, lease)
    done = conn.execute(
        update(attachments)
        .where(attachments.c.id == attachment_id, is_(attachments.c.state, "pending"))
        .values(
            state="stored",
            size=file.size,
            sha256=file.sha256,
            storage_key=file.key,
            wrapped_key=file.wrapped_key,
            media_type=media_type,
            fetch=None,
            reason=None,
        )
    )
    return done.rowcount == 1


def refused(conn: Connection, lease: Lease, attachment_id: str, reason: str) -> bool:
    """The file will never come. False when it is no longer wanted."""
    guard(conn, lease)
    done = conn.execute(
        update(attachments)
        .where(attachments.c.id == attachment_id, is_(attachments.c.state, "pending"))
        .values(state="refused", reason=reason, fetch=None)
    )
    return done.rowcount == 1


def again(conn: Connection, lease: Lease, attachment_id: str, due_at: float, reason: str) -> None:
    """It did not come; try again at `due_at`."""
    guard(conn, lease)
    conn.execute(update(attachments).where(attachments.c.id == attachment_id).values(due_at=due_at, reason=reason))


def find(conn: Connection, attachment_id: str) -> RowMapping | None:
    """An attachment's row."""
    return conn.execute(select(attachments).where(attachments.c.id == attachment_id)).mappings().one_or_none()


def envelope_of(conn: Connection, envelope_id: str) -> bytes | None:
    """The envelope that names an attachment."""
    body = conn.execute(select(messages.c.body).where(messages.c.envelope_id == envelope_id)).scalar_one_or_none()
    return bytes(body) if body is not None else None
