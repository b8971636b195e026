"""Rows go in as they are, few or many, over both databases; and what goes wrong is told as any other statement's."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Column, Table, select, text
from sqlalchemy.exc import IntegrityError

from ledger import migrate
from ledger.database import Database
from ledger.dialect import FEW_ROWS, insert_each
from ledger.errors import LedgerAway
from ledger.schema import journal, metadata

WORDS = ["c", "", "строка\nи \\N, «табуляция»\t", "😀" * 700, "NULL", "a\\.b", "'\";--"]
NUMBERS = [0, 1, -1, 2**31, 2**53, -(2**62), 7]
TIMES = [0.0, -1.5, 1_795_348_800.123456, 1e-7, 1e300, None, 3.0]
BYTES = [b"", b"\x00\xff\\", bytes(range(256)) * 40, None, b"PGCOPY\n\xff\r\n\x00", b"\\x00", b"\xff\xff"]


def row(number: int) -> dict[str, Any]:
    at = number % 7
    return {
        "key_hash": f"key {number}".encode(),
        "kind": WORDS[at],
        "account": WORDS[-at],
        "platform_account": "1",
        "conversation": "c",
        "album": None if at % 2 else WORDS[at],
        "payload": BYTES[at],
        "size": NUMBERS[at],
        "sent_at": TIMES[at],
        "received_at": 1.0,
        "due_at": float(number),
        "acknowledge": at % 2 == 0,
    }


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    migrate.migrate(database)
    yield database
    database.close()


@pytest.mark.parametrize("count", [0, 1, FEW_ROWS, FEW_ROWS + 1, 300])
def test_rows_come_back_as_they_went_in(database: Database, count: int) -> None:
    rows = [row(number) for number in range(count)]
    database.run_now(lambda conn: insert_each(conn, journal, rows))
    names = list(row(0))
    statement = select(*(journal.c[name] for name in names)).order_by(journal.c.due_at)
    found = database.look_now(lambda conn: conn.execute(statement).mappings().all())
    assert [dict(each) for each in found] == rows
    ids = database.look_now(lambda conn: conn.execute(select(journal.c.id).order_by(journal.c.due_at)).scalars().all())
    assert list(ids) == sorted(ids), "the ids follow the order"
    others = select(journal.c.state, journal.c.attempts, journal.c.done_at).distinct()
    assert count == 0 or database.look_now(lambda conn: conn.execute(others).all()) == [("received", 0, None)]


def some(column: Column[Any], number: int) -> Any:
    """A value that the column takes."""
    kind = column.type.python_type
    return str(number).encode() if kind is bytes else kind(number)


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_column_of_every_table_takes_many_rows(database: Database, table: Table) -> None:
    rows = [{column.name: some(column, number) for column in table.columns} for number in range(1, FEW_ROWS + 3)]
    database.run_now(lambda conn: insert_each(conn, table, rows))
    found = database.look_now(lambda conn: conn.execute(select(table)).mappings().all())
    assert sorted(map(str, map(dict, found))) == sorted(map(str, rows))


@pytest.mark.parametrize("count", [2, 2 * FEW_ROWS])
def test_a_row_that_is_there_already_is_an_integrity_error_and_none_goes_in(database: Database, count: int) -> None:
    rows = [row(number) for number in range(count - 1)]
    with pytest.raises(IntegrityError):
        database.run_now(lambda conn: insert_each(conn, journal, [*rows, row(0)]))
    database.run_now(lambda conn: insert_each(conn, journal, rows))
    assert len(database.look_now(lambda conn: conn.execute(select(journal.c.id)).all())) == count - 1


def test_a_connection_that_is_cut_is_a_ledger_that_is_away_and_the_next_one_works(postgres_url: str) -> None:
    database = Database(postgres_url)
    migrate.migrate(database)
    rows = [row(number) for number in range(50)]

    def cut_off(conn: Any) -> None:
        server = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
        database.run_now(lambda other: other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": server}))
        insert_each(conn, journal, rows)

    with pytest.raises(LedgerAway):
        database.run_now(cut_off)
    for _ in range(2):  # on whichever connection of the pool
        assert database.look_now(lambda conn: conn.execute(select(journal.c.id)).all()) == []
    database.run_now(lambda conn: insert_each(conn, journal, rows))
    assert len(database.look_now(lambda conn: conn.execute(select(journal.c.id)).all())) == 50
    database.close()
