"""What a batch costs with ten times as much waiting behind it: so many requests come when a service is out of order."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, event, select, text

from benchmarks import payloads
from benchmarks.filling import process, take_in
from config.settings import load
from ledger import journal, leases, outbox, outgoing
from ledger.schema import journal as journal_table
from ledger.schema import outbox as outbox_table
from ledger.schema import outgoing as outgoing_table
from pipeline.parts import Parts, open_parts
from pipeline.processor import Processor

WAITING = 400
MORE = 10


@pytest.fixture
def parts(database_url: str, tmp_path: Path) -> Iterator[Parts]:
    config = tmp_path / "priemnaya.toml"
    config.write_text(
        f'[database]\nurl = "{database_url}"\n[storage]\nurl = "{tmp_path}/attachments"\n'
        f'[channels.telegram]\nkind = "telegram"\ntoken = "{payloads.BOT}:x"\n'
    )
    opened = open_parts(load(config))
    take_in(opened, payloads.chat(50, first=2))
    process(opened)
    yield opened
    opened.close()


def pile_up(parts: Parts, table: Table, count: int, **changed: Any) -> None:
    """So many copies of a row, three to a conversation."""
    with parts.database.write() as conn:
        row = dict(conn.execute(select(table).limit(1)).mappings().one())
        row.pop(next(iter(table.primary_key.columns)).name)
        serial = os.urandom(4).hex()
        unique: dict[str, Callable[[int], Any]] = {
            "key_hash": lambda _: os.urandom(32),
            "id": lambda at: f"{serial}{at}",
            "conversation": lambda at: f"{serial}{at % (count // 3)}",
        }
        copies = [
            row | changed | {name: make(at) for name, make in unique.items() if name in row} for at in range(count)
        ]
        conn.execute(table.insert(), copies)


def rows_read(parts: Parts, work: Callable[[Connection], Any]) -> int:
    """How much the database looks at: rows on PostgreSQL, tens of steps of its machine on SQLite. Nothing is kept."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    with parts.database.engine.connect().execution_options(priemnaya_write=True) as conn, conn.begin() as transaction:
        conn.info["rings"] = set()
        if conn.dialect.name == "sqlite":
            driver: Any = conn.connection.driver_connection
            driver.set_progress_handler(step, 10)
            work(conn)
            driver.set_progress_handler(None, 0)
            count = steps
        else:
            seen = text(
                "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
            )
            before = int(conn.execute(seen).scalar_one())  # what the server has not yet been told of earlier ones
            work(conn)
            count = int(conn.execute(seen).scalar_one()) - before
        transaction.rollback()
    return count


def test_a_batch_costs_no_more_with_ten_times_as_much_waiting_behind_it(parts: Parts) -> None:
    now = parts.clock()
    lease = parts.database.run_now(lambda conn: leases.acquire(conn, "telegram", "test"))
    assert lease is not None
    later = now + 60
    steps: dict[str, Callable[[Connection], Any]] = {
        "claim": lambda conn: journal.claim(conn, "test", later, 64),
        "anything": lambda conn: journal.anything(conn, later),
        "greetings": lambda conn: journal.take_held(conn, later),
        "relay": lambda conn: outbox.take(conn, later, 64),
        "send": lambda conn: outgoing.next_owed(conn, parts.keys, lease, "telegram", later, 8),
        "next to send": lambda conn: outgoing.next_due(conn, "telegram"),
    }
    costs: dict[str, list[int]] = {name: [] for name in steps}
    for count in (WAITING, WAITING * (MORE - 1)):
        pile_up(parts, journal_table, count, state="received", due_at=now, done_at=None)
        pile_up(parts, outbox_table, count, state="pending", due_at=0.0)
        pile_up(parts, outgoing_table, count, state="owed", due_at=now, reply_id=None)
        for name, work in steps.items():
            costs[name].append(rows_read(parts, work))
    assert not {name: cost for name, cost in costs.items() if cost[1] > 1.5 * cost[0] + 20}, costs


def test_while_more_is_ready_a_processor_does_not_look_through_all_that_waits(parts: Parts) -> None:
    pile_up(parts, journal_table, 600, state="received", due_at=parts.clock(), done_at=None)
    processor = Processor(parts)
    processor.take_lease()
    seen: list[str] = []
    event.listen(parts.database.engine, "before_cursor_execute", lambda _c, _d, statement, *_: seen.append(statement))
    assert processor._round() == 0.0
    assert seen and not [statement for statement in seen if "min(journal.due_at)" in statement]
