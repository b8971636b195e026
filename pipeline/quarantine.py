"""What could not be read: listed without personal data, shown and exported with its bytes, tried again or dismissed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ledger import journal, reports
from ledger.crypto import SealBroken
from ledger.database import Connection
from ledger.storage import StorageError
from pipeline.inspect import table as show_table
from pipeline.intake import payload_of, place
from pipeline.kinds import normalizer
from pipeline.parts import Parts
from pipeline.processor import Processor
from pipeline.times import stamp

PAGE = 500


def rows(parts: Parts) -> list[dict[str, Any]]:
    """Every row, oldest first; no payload."""
    found: list[dict[str, Any]] = []
    while True:
        after = found[-1]["id"] if found else 0
        page = parts.database.look_now(lambda conn, after=after: reports.quarantined(conn, after=after))  # type: ignore[misc]
        if not page:
            return found
        found += [_row(row) for row in page]


def _row(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "account": row["account"],
        "received_at": stamp(row["received_at"]),
        "size": row["size"],
        "reason": row["reason"],
        "attempts": row["attempts"],
    }


def table(found: Sequence[dict[str, Any]]) -> None:
    """For a person."""
    heads = ["id", "kind", "account", "received_at", "size", "reason"]
    show_table(heads, [[row[head] for head in heads] for row in found])


def payload(parts: Parts, row_id: int) -> bytes | None:
    """The raw bytes of a quarantined row; None when there is no such row or its bytes are gone."""
    row = parts.database.look_now(lambda conn: journal.rows(conn, [row_id]))
    held = parts.database.look_now(lambda conn: reports.journal_row(conn, row_id))
    if not row or held is None or held["state"] != "quarantined":
        return None
    try:
        return payload_of(parts, row[0])
    except (LookupError, SealBroken, StorageError):
        return None


def view(parts: Parts, row_id: int) -> dict[str, Any] | None:
    """A row with its bytes as text (what is no UTF-8 is escaped)."""
    held = parts.database.look_now(lambda conn: reports.journal_row(conn, row_id))
    if held is None or held["state"] != "quarantined":
        return None
    raw = payload(parts, row_id)
    return {**_row(held), "payload": raw.decode("utf-8", "backslashreplace") if raw is not None else None}


def describe(found: dict[str, Any]) -> str:
    """For a person: control characters are shown, not obeyed."""
    lines = [f"{key}: {value}" for key, value in found.items() if key != "payload"]
    text = found["payload"] if found["payload"] is not None else "(the bytes are gone)"
    safe = "".join(char if char in "\n\t" or char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return "\n".join([*lines, "", safe])


def lacking(parts: Parts, row_ids: Sequence[int]) -> list[int]:
    """Those of the rows that the quarantine does not hold."""
    held = {row["id"] for row in rows(parts)}
    return [row_id for row_id in row_ids if row_id not in held]


def put_back(parts: Parts, row_ids: Sequence[int], replacement: bytes | None = None) -> list[int]:
    """Let the processors try rows again, as if they had just come; with `replacement`, those bytes. Returns which.

    What could not be read may have told neither its conversation nor its time: with the cause mended, it does.
    """
    sealed = parts.keys.seal(replacement, b"payload") if replacement is not None else None
    taken: list[int] = []
    for start in range(0, len(row_ids), PAGE):
        ids, now = row_ids[start : start + PAGE], parts.clock()
        found = parts.database.look_now(lambda conn, ids=ids: journal.rows(conn, ids))  # type: ignore[misc]
        places = {row.id: there for row in found if (there := _place(parts, row, replacement))}

        def work(conn: Connection, ids: Any = ids, now: float = now, places: Any = places) -> list[int]:
            return journal.retry(conn, ids, now, sealed, places=places)

        taken += parts.database.run_now(work)
    return taken


def _place(parts: Parts, row: journal.Claimed, replacement: bytes | None) -> dict[str, Any] | None:
    try:
        raw = payload_of(parts, row) if replacement is None else replacement
    except (LookupError, SealBroken, StorageError):
        return None
    return place(parts, row.kind, row.platform_account, raw, normalizer(row.kind).identify(raw))


def dismiss(parts: Parts, row_ids: Sequence[int]) -> list[int]:
    """Take rows out of the quarantine that are nobody's request. Returns which."""
    now = parts.clock()
    return parts.database.run_now(lambda conn: journal.dismiss(conn, row_ids, now))


def retry(parts: Parts, row_ids: Sequence[int], replacement: bytes | None) -> dict[str, int]:
    """Process rows again (all of them when none is named). Returns how many ended in which state."""
    taken = put_back(parts, list(row_ids) or [row["id"] for row in rows(parts)], replacement)
    processor = Processor(parts, name="retry")
    processor.take_lease()
    processor.drain(taken)
    return parts.database.look_now(lambda conn: reports.outcomes(conn, taken))


def export(parts: Parts, folder: Path, row_ids: Sequence[int]) -> int:
    """Write the bytes of rows (all of them when none is named) to files. Returns how many. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    count = 0
    for row in rows(parts):
        if row_ids and row["id"] not in row_ids:
            continue
        raw = payload(parts, row["id"])
        if raw is not None:
            suffix = "eml" if row["kind"] == "email" else "json"
            (folder / f"{row['id']}.{suffix}").write_bytes(raw)
            count += 1
    return count
