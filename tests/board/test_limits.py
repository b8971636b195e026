"""Limits that hold over all web processes, and what housekeeping forgets of the board."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from board.safety import SharedLimit
from config.settings import load
from ledger import accounts
from ledger.errors import LedgerAway
from ledger.schema import rates
from pipeline.housekeeping import RECORD_SECONDS, Housekeeping
from pipeline.parts import Parts, open_parts


@pytest.fixture
def parts(database_url: str, tmp_path: Path) -> Iterator[Parts]:
    file = tmp_path / "limits.toml"
    file.write_text(f'[database]\nurl = "{database_url}"\n[storage]\nurl = "{tmp_path / "files"}"\n', encoding="utf-8")
    made = open_parts(load(file, {}))
    yield made
    made.close()


async def test_two_web_processes_count_together_and_let_events_run_out(parts: Parts) -> None:
    one, other = SharedLimit(parts, "test", 4, 60.0), SharedLimit(parts, "test", 4, 60.0)
    taken = [await limit.allow("198.51.100.1") for limit in (one, other, one, other, one, other)]
    assert taken == [True, True, True, True, False, False]
    assert await other.allow("198.51.100.2"), "another address has events of its own"
    assert await SharedLimit(parts, "another", 4, 60.0).allow("198.51.100.1"), "and so has another limit"
    parts.database.run_now(lambda conn: conn.execute(update(rates).values(empty_at=rates.c.empty_at - 15.0)))
    third = SharedLimit(parts, "test", 4, 60.0)
    assert [await third.allow("198.51.100.1") for _ in range(2)] == [True, False], "one of four in a minute ran out"


async def test_while_the_ledger_is_away_each_process_counts_by_itself(parts: Parts) -> None:
    async def away(_work: object) -> None:
        raise LedgerAway("away")

    limit = SharedLimit(parts, "test", 2, 60.0)
    parts.database.run = away  # type: ignore[method-assign, assignment]
    assert [await limit.allow("a") for _ in range(3)] == [True, True, False]


def test_housekeeping_forgets_what_was_recorded_a_year_ago_and_the_limits_that_ran_out(parts: Parts) -> None:
    now = time.time()
    with parts.database.write() as conn:
        for at, action in ((now - RECORD_SECONDS - 60, "old"), (now - RECORD_SECONDS + 3600, "kept")):
            accounts.note(conn, "admin", action, at, ticket="261122-000001-7")
        conn.execute(rates.insert(), [{"key": b"out", "empty_at": now - 1}, {"key": b"counts", "empty_at": now + 60}])
    Housekeeping(parts).round()
    assert [row["action"] for row in parts.database.look_now(accounts.notes)] == ["kept"]
    assert parts.database.look_now(lambda conn: list(conn.execute(select(rates.c.key)).scalars())) == [b"counts"]
