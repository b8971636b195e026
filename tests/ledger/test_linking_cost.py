"""Linking looks at what the message names and at its sender's own, by index: the size of the ledger does not show."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Sequence
from datetime import date
from statistics import median
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from ledger import snapshot
from ledger.crypto import Keyring
from ledger.database import Database
from ledger.linking import decide
from ledger.migrate import migrate
from ledger.schema import conversations, identities, messages, threads, ticket_identities, tickets, vouches
from ledger.state import Case, Identity, Policy, State
from normalizer.likeness import content_words, same_words
from normalizer.message import Message
from normalizer.references import Reference, References
from normalizer.ticket_number import make

SMALL, LARGE = 1_000, 20_000
SOAK = 100_000
NOW = 1_795_348_800.0
DAY = date(2026, 11, 20)
CITIZENS_TICKETS = 4
_SAID = (
    "приходит код подтверждения кабинет портал заявление загранпаспорт статус штраф оплата деньги карта приложение "
    "вылетает запуск запись врач ошибка выбор время электронная подпись браузер пособие выплата банк детский сад"
)
WORDS = tuple(_SAID.split())
pytestmark = pytest.mark.timeout(900)


def number(index: int) -> str:
    return make(date.fromordinal(DAY.toordinal() - index // 900_000), 1 + index % 900_000)


def words(rng: random.Random) -> str:
    return content_words(" ".join(rng.choices(WORDS, k=20))) or ""


def digest(keys: Keyring, what: str, index: int) -> bytes:
    return keys.keyed_hash(b"bulk", what.encode(), str(index).encode())


def fill(database: Database, keys: Keyring, count: int) -> None:
    """So many tickets of a quarter as many citizens, each with a channel id and a phone."""
    rng = random.Random(7)
    said = [
        keys.seal((content_words(" ".join(rng.choices(WORDS, k=20))) or "").encode(), b"likeness") for _ in range(64)
    ]
    for start in range(0, count, 5_000):
        some = range(start, min(count, start + 5_000))
        rows: dict[Any, list[dict[str, Any]]] = {table: [] for table in
            (tickets, messages, threads, identities, ticket_identities, conversations, vouches)}  # fmt: skip
        for index in some:
            citizen = index // CITIZENS_TICKETS
            own, phone = digest(keys, "channel", citizen), digest(keys, "phone", citizen)
            at = NOW - 86400.0 - index % 1_000_000
            rows[tickets].append({
                "number": number(index), "opened_at": at, "state": "open", "sequence": 1, "repeats": 0,
                "last_message_at": at, "waiting_since": at, "category": "other", "audience": "general",
                "desk": "other", "priority": 0,
            })  # fmt: skip
            rows[messages].append({
                "envelope_id": f"e{index}", "journal_id": index + 1, "ticket": number(index), "sequence": 1,
                "kind": "new", "channel": "vk", "account": "vk", "platform_account": "1",
                "conversation": f"c{citizen}", "native_hash": digest(keys, "native", index), "revision": 0,
                "how": "none", "verified": True, "likeness": said[index % 64], "received_at": at,
                "effective_at": at, "staged_at": at,
            })  # fmt: skip
            rows[threads].append({"native_hash": digest(keys, "native", index), "ticket": number(index), "ours": False})
            for key, kind in ((own, "channel"), (phone, "phone")):
                held = {"hash": key, "ticket": number(index), "kind": kind, "vouched": True, "last_at": at}
                rows[ticket_identities].append(held)
                if index % CITIZENS_TICKETS == 0:
                    rows[identities].append({"hash": key, "kind": kind, "person_id": citizen + 1})
            if index % CITIZENS_TICKETS == 0:
                rows[conversations].append({"conversation": f"c{citizen}", "ticket": number(index), "last_at": at})
                rows[vouches].append({"channel": own, "other": phone, "kind": "phone"})
        with database.write() as conn:
            for table, values in rows.items():
                if values:
                    conn.execute(table.insert(), values)
    with database.write() as conn:
        conn.execute(text("ANALYZE"))


def case_of(keys: Keyring, citizen: int, rng: random.Random, *, named: bool = True) -> Case:
    """A message that makes every statement of the snapshot run: a reply, a number, text to compare, an edited one."""
    index = citizen * CITIZENS_TICKETS
    own, phone = digest(keys, "channel", citizen), digest(keys, "phone", citizen)
    return Case(
        journal_id=1,
        message=Message("n", "c", chat=True),
        channel="vk",
        platform_account="1",
        conversation=f"c{citizen}",
        effective_at=NOW,
        identities=(Identity(own, "channel", True), Identity(phone, "phone", True)),
        native_hash=os.urandom(32),
        base_hash=None,
        reply_hashes=(os.urandom(32),),
        content_hash=os.urandom(32),
        references=References(found=(Reference(number(index + 1), number(index + 1), "own", 0),) if named else ()),
        likeness=words(rng),
    )


@pytest.fixture
def filled(database_url: str) -> Any:
    database = Database(database_url)
    migrate(database)
    yield database
    database.close()


def costs(database: Database, keys: Keyring, count: int, rounds: int = 200) -> tuple[float, float]:
    """Median seconds of loading one message's state, and of deciding on it (processor time)."""
    rng, loads, decisions = random.Random(3), [], []
    for turn in range(rounds):
        named = turn % 2 == 0  # the others are compared with what the citizen wrote before
        case = case_of(keys, rng.randrange(count // CITIZENS_TICKETS), rng, named=named)
        with database.write() as conn:
            start = time.perf_counter()
            state = snapshot.load(conn, keys, [case], Policy(), NOW)
            loads.append(time.perf_counter() - start)
        start = time.process_time()
        link = decide(case, state, Policy(), same_words)
        decisions.append(time.process_time() - start)
        assert (link.how == "quoted_number") == named
    return median(loads), median(decisions)


def grows(database: Database, large: int) -> str:
    keys = Keyring(bytes(32))
    fill(database, keys, SMALL)
    small = costs(database, keys, SMALL)
    with database.write() as conn:
        for table in (tickets, messages, threads, identities, ticket_identities, conversations, vouches):
            conn.execute(table.delete())
    fill(database, keys, large)
    big = costs(database, keys, large)
    told = (
        f"{database.dialect}: load {small[0] * 1e3:.2f} ms at {SMALL}, {big[0] * 1e3:.2f} ms at {large}; "
        f"decide {small[1] * 1e6:.0f} µs, {big[1] * 1e6:.0f} µs"
    )
    print(told)
    assert big[0] < 2.0 * small[0] + 0.001, told
    return told


@pytest.mark.soak
def test_linking_costs_the_same_on_a_hundred_thousand_tickets(filled: Database) -> None:
    grows(filled, SOAK)


def plans(conn: Connection, statements: Sequence[tuple[str, Any]]) -> list[str]:
    """The plan of each statement as text."""
    explain = "EXPLAIN QUERY PLAN " if conn.dialect.name == "sqlite" else "EXPLAIN "
    found = []
    for statement, parameters in statements:
        rows = conn.exec_driver_sql(explain + statement, parameters).all()
        found.append(f"{statement}\n" + "\n".join(str(row[-1]) for row in rows))
    return found


def test_every_statement_of_linking_goes_by_an_index(filled: Database) -> None:
    keys = Keyring(bytes(32))
    fill(filled, keys, LARGE)
    rng = random.Random(5)
    case = case_of(keys, 17, rng)
    seen: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if re.match(r"\s*(SELECT|UPDATE|DELETE)", statement):
            seen.append((statement, parameters))

    with filled.write() as conn:
        event.listen(filled.engine, "before_cursor_execute", note)
        try:
            state: State = snapshot.load(conn, keys, [case], Policy(), NOW)
            edit = case_of(keys, 18, rng)
            snapshot.load(conn, keys, [edit], Policy(), NOW, former={"c18": "c19"})
        finally:
            event.remove(filled.engine, "before_cursor_execute", note)
        assert state.likeness
        assert state.recent
        assert len(seen) >= 16
        for plan in plans(conn, seen):
            assert not re.search(r"Seq Scan|^SCAN (?!w\b)", plan, re.MULTILINE), plan
            assert re.search(r"Index|SEARCH", plan), plan
