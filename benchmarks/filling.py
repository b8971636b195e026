"""Makes a ledger large: what a thousand real messages left in it, copied under other ids, hashes and numbers."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import select, text

from benchmarks import payloads
from ledger import journal as journals
from ledger.schema import (
    conversations,
    identities,
    journal,
    messages,
    outbox,
    outgoing,
    people,
    threads,
    ticket_identities,
    tickets,
)
from pipeline.intake import entry
from pipeline.parts import Parts
from pipeline.processor import Processor

SEED = 1_000
TABLES = (people, journal, tickets, messages, threads, identities, ticket_identities, conversations, outbox, outgoing)
HASHES = {"key_hash", "native_hash", "content_hash", "hash", "conversation", "album"}
NUMBERS = {"ticket", "number"}
IDS = {"id", "journal_id", "person_id", "merged_into", "seq"}
SERIALS = {"people": "id", "journal": "id", "messages": "id", "outbox": "id", "outgoing": "seq"}
NAMES = {"envelope_id", "message_id", "outgoing_id"}


def take_in(parts: Parts, units: list[bytes], account: str = "telegram", kind: str = "telegram") -> None:
    """Journal payloads as a connector does."""
    for start in range(0, len(units), 100):
        group = units[start : start + 100]
        rows = [entry(parts, kind, account, str(payloads.BOT), unit, wait=False, acknowledge=True) for unit in group]
        parts.database.run_now(lambda conn, rows=rows: journals.append(conn, rows))  # type: ignore[misc]


def process(parts: Parts) -> None:
    """All that is journalled."""
    processor = Processor(parts, name="bench")
    processor.take_lease()
    while processor.step():
        pass


def fill(parts: Parts, count: int, *, first: int = 1, seed: list[bytes] | None = None) -> None:
    """`count` messages, processed, published and answered, in a ledger that had none; `seed`: copies of these."""
    take_in(parts, seed or payloads.chat(min(count, SEED), first=first))
    process(parts)
    with parts.database.write() as conn:
        conn.execute(outbox.update().values(state="published", published_at=0.0))
        conn.execute(outgoing.update().values(state="sent"))
    with parts.database.write() as conn:
        originals = {table: [dict(row) for row in conn.execute(select(table)).mappings()] for table in TABLES}
    for copy in range(1, count // SEED):
        with parts.database.write() as conn:
            for table, rows in originals.items():
                copies = [{name: _renamed(name, value, copy) for name, value in row.items()} for row in rows]
                if copies:
                    conn.execute(table.insert(), copies)
    with parts.database.write() as conn:
        if conn.dialect.name == "postgresql":
            for name, column in SERIALS.items():
                following = f"pg_get_serial_sequence('{name}', '{column}')"
                conn.execute(text(f"SELECT setval({following}, (SELECT max({column}) FROM {name}))"))
            conn.execute(text("ANALYZE"))  # as its autovacuum does; nobody does it for SQLite


def _renamed(name: str, value: Any, copy: int) -> Any:
    if value is None:
        return None
    if name in HASHES:
        return _hash(value, copy)
    if name in NUMBERS or name in NAMES or (name == "id" and isinstance(value, str)):
        return f"{value}.{copy}"
    return value + copy * 100_000 if name in IDS else value


def _hash(value: Any, copy: int) -> Any:
    raw = value if isinstance(value, bytes) else str(value).encode()
    digest = hashlib.sha256(raw + copy.to_bytes(4, "big")).digest()
    return digest if isinstance(value, bytes) else digest[:16].hex()
