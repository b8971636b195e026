"""Every statement of a message's way uses an index, on both databases, in a ledger large enough to notice."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from benchmarks import payloads
from benchmarks.filling import fill, take_in
from config.settings import load
from ledger import erasure, journal, leases, outbox, outgoing, reports
from pipeline import erase
from pipeline.intake import AccountIntake
from pipeline.parts import Parts, open_parts
from pipeline.processor import Processor

# Tables that grow with every message. `outgoing` and `outbox` are looked at through their partial indexes.
GROWING = (
    "journal", "tickets", "messages", "threads", "people", "identities", "ticket_identities", "conversations",
    "outbox", "outgoing", "attachments",
)  # fmt: skip
FILLED = 8_000
SEEN = re.compile(r"^\s*(SELECT|UPDATE|DELETE|INSERT|WITH)", re.IGNORECASE)


@pytest.fixture
def parts(database_url: str, tmp_path: Path) -> Iterator[Parts]:
    config = tmp_path / "priemnaya.toml"
    config.write_text(
        f'[database]\nurl = "{database_url}"\n[storage]\nurl = "{tmp_path}/attachments"\n'
        f'[channels.telegram]\nkind = "telegram"\ntoken = "{payloads.BOT}:x"\n'
    )
    opened = open_parts(load(config))
    yield opened
    opened.close()


async def hot_path(parts: Parts) -> None:
    """One batch: into the journal, processed, taken from the outbox and marked, the acknowledgements sent."""
    now = parts.clock()
    lease = parts.database.run_now(lambda conn: leases.acquire(conn, "channel:telegram", "test"))
    assert lease is not None
    intake = AccountIntake(parts, "telegram", "telegram", str(payloads.BOT), lease)
    units = payloads.chat(300, first=50_000_000)
    await intake.accept(units[:100], {"offset": 1})
    await intake.cursor()
    take_in(parts, units[100:])
    processor = Processor(parts)
    processor.take_lease()
    processor.recover()
    while processor.step():
        pass
    processor.release_greetings()
    parts.database.look_now(journal.next_due)
    rows = parts.database.look_now(lambda conn: outbox.take(conn, now + 60, 256))
    assert rows
    failed = {rows[0].id: "refused"}
    confirmed = [row.id for row in rows[1:]]
    parts.database.run_now(lambda conn: outbox.mark(conn, lease, confirmed, failed, now, now + 5))
    owed = parts.database.run_now(lambda conn: outgoing.next_owed(conn, parts.keys, lease, "telegram", now + 60, 8))
    assert owed
    for message in owed:
        native = message.id.encode().ljust(32, b"x")[:32]
        parts.database.run_now(
            lambda conn, message=message, native=native: outgoing.sent(  # type: ignore[misc]
                conn, message, [native], now, chat=True
            )
        )
    parts.database.look_now(lambda conn: outgoing.next_due(conn, "telegram"))


def sequential_scans(parts: Parts, statement: str, parameters: Any) -> list[str]:
    """The growing tables that the database reads from end to end for this statement."""
    tables = "|".join(GROWING)
    sqlite = parts.database.dialect == "sqlite"
    with parts.database.engine.connect() as conn:
        prefix = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
        if not sqlite:
            # All of a small table is often read cheapest; made dear, it is read only for want of an index.
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        lines = [str(row[-1]) for row in conn.exec_driver_sql(prefix + statement, parameters).all()]
    if sqlite:
        # SCAN without an index reads the table, with one the whole index; a partial one holds only what is open.
        partial = r"(?! USING (?:COVERING )?INDEX ix_\w+_(?:ready|open|held|pending|owed|working))"
        scan = rf"SCAN (?:{tables}|earlier|later|merged)\b{partial}"
    else:
        scan = rf"Seq Scan on (?:{tables})\b"
    return [line.strip() for line in lines if re.search(scan, line)]


@contextmanager
def nothing_read_from_end_to_end(parts: Parts, least: int) -> Iterator[None]:
    """Of the statements in the block, which are `least` at least."""
    seen: dict[str, Any] = {}

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if SEEN.match(statement) and "pg_notify" not in statement:
            seen.setdefault(statement, parameters[0] if isinstance(parameters, list) else parameters)

    event.listen(parts.database.engine, "before_cursor_execute", note)
    yield
    event.remove(parts.database.engine, "before_cursor_execute", note)
    assert len(seen) >= least, "the statements were not seen"
    scans = {
        statement: found
        for statement, parameters in seen.items()
        if (found := sequential_scans(parts, statement, parameters))
    }
    assert not scans, "\n\n".join(f"{found}\n{statement}" for statement, found in scans.items())


async def test_no_statement_of_a_messages_way_reads_a_growing_table_from_end_to_end(parts: Parts) -> None:
    fill(parts, FILLED)
    with nothing_read_from_end_to_end(parts, 26):
        await hot_path(parts)


def test_no_statement_of_an_erasure_reads_a_growing_table_from_end_to_end(parts: Parts) -> None:
    fill(parts, FILLED, seed=payloads.chat(1_000, first=1))
    parts.storage.put(b"left by a crash", limit=100)
    number = parts.database.look_now(lambda conn: reports.envelopes(conn, most=1))[0]["ticket"]
    parts.clock = lambda: time.time() + 365 * 86400
    with nothing_read_from_end_to_end(parts, 26):
        assert erase.erase(parts, number, cause="forget")
        parts.database.look_now(lambda conn: erasure.known_files(conn, ["a", "b"]))
        parts.database.look_now(lambda conn: erasure.expired(conn, 0.0))
        parts.database.run_now(lambda conn: erasure.close_silent(conn, 0.0, 0.0))
        parts.database.run_now(lambda conn: erasure.erase_raw_before(conn, time.time() + 365 * 86400))


async def test_a_scan_would_be_noticed(parts: Parts) -> None:
    fill(parts, 1_000)
    assert sequential_scans(parts, "SELECT number FROM tickets WHERE why = 'x'", ())
    with parts.database.write() as conn:
        conn.execute(text("DROP INDEX ix_messages_native_hash"))
    ours = "?" if parts.database.dialect == "sqlite" else "%s"
    assert sequential_scans(parts, f"SELECT ticket FROM messages WHERE native_hash = {ours}", (b"x",))
