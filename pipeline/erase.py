"""`forget`, and what goes by itself when its time is up."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import Any

from ledger import erasure, outbox, outgoing, search
from ledger.database import Connection
from normalizer.envelope import rfc3339
from pipeline import events
from pipeline.parts import Parts
from pipeline.times import moment

# A file that no row names may belong to a transaction that is still going on.
ORPHAN_AGE = timedelta(days=1)


def erase(parts: Parts, number: str, *, cause: str, closed_before: float | None = None) -> dict[str, Any] | None:
    """Erase a ticket's personal data and keep the record of it. None when there is no such ticket.

    `closed_before`: only if it has been closed since before then; None, too, when it has not.
    """
    now = parts.clock()

    def work(conn: Connection) -> tuple[dict[str, Any], list[str]] | None:
        if closed_before is not None and not erasure.due(conn, number, closed_before):
            return None
        search.forget(conn, parts.keys, number)
        offered = bool(parts.settings.broker.url.get_secret_value())
        done = erasure.erase(conn, number, now, offered=offered)
        if done is None:
            return None
        what, files = done
        at = rfc3339(moment(now))
        waits = len(what["broker_still_has"])
        summary = f"messages: {what['messages']}, files: {what['files']}; envelopes the broker may still have: {waits}"
        kept = {"ticket": number, "at": at, "cause": cause, **what, "summary": summary}
        erasure.record(conn, number, now, cause, kept)
        outbox.add(
            conn,
            [
                events.row(
                    now,
                    "erased",
                    conversation=f"ticket:{number}",
                    ticket=number,
                    by="operator" if cause == "forget" else "retention",
                )
            ],
        )
        return kept, files

    done = parts.database.run_now(work)
    if done is None:
        return None
    for file in done[1]:
        parts.storage.delete(file)
    if cause == "forget":  # housekeeping does it once for all of its tickets
        parts.database.wipe()
    return done[0]


def close_silent(parts: Parts) -> int:
    """Close tickets that have been silent for `retention.silent_tickets`; a page of them. Returns how many."""
    now = parts.clock()
    since = now - parts.settings.retention.silent_tickets.total_seconds()

    def work(conn: Connection) -> int:
        numbers = erasure.close_silent(conn, since, now)
        outbox.add(
            conn,
            [events.row(now, "closed", conversation=f"ticket:{n}", ticket=n, by="silence") for n in numbers],
        )
        return len(numbers)

    return parts.database.run_now(work)


def erase_expired(parts: Parts) -> int:
    """Erase what is past its time: raw payloads, and closed tickets; a page of each. Returns how many of both."""
    now, retention = parts.clock(), parts.settings.retention
    count, files = parts.database.run_now(
        lambda conn: erasure.erase_raw_before(conn, now - retention.raw.total_seconds())
    )
    for file in files:
        parts.storage.delete(file)
    limit = now - retention.closed_tickets.total_seconds()
    for number in parts.database.look_now(lambda conn: erasure.expired(conn, limit)):
        count += erase(parts, number, cause="retention", closed_before=limit) is not None
    if count:
        parts.database.wipe()
    return count


def sweep(parts: Parts) -> int:
    """Remove files that no row names, and half of files: left by a crash before the row. Returns how many."""
    removed = parts.storage.sweep(ORPHAN_AGE)
    owed = parts.database.look_now(lambda conn: outgoing.files(conn, parts.keys))
    old = parts.storage.names(ORPHAN_AGE)
    while names := list(islice(old, 500)):
        known = parts.database.look_now(lambda conn, names=names: erasure.known_files(conn, names))  # type: ignore[misc]
        for name in set(names) - known - owed:
            parts.storage.delete(name)
            removed += 1
    return removed
