"""What goes when its time is up, or when an operator says so: however much it is, and whatever happens beside it."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from ledger import erasure, journal, reports, snapshot
from ledger.dialect import insert_each
from ledger.schema import identities, messages, ticket_identities, tickets, vouches
from ledger.schema import journal as journal_table
from pipeline import ingest, quarantine
from pipeline.erase import erase, erase_expired
from pipeline.housekeeping import Housekeeping
from pipeline.replies import accept_reply
from router.replies import DeskReply
from tests.linking.world import PROBLEM, World, said

DAY = 86_400.0
# PostgreSQL takes 65,535 parameters in a statement, SQLite (as Debian builds it) 250,000.
MANY, MORE_THAN_ANY = 70_000, 260_000


def copies(
    world: World, table: Any, count: int, *, of: dict[str, Any], changed: Callable[[int], dict[str, Any]]
) -> None:
    """Rows like this one."""
    rows = [{**of, **changed(number)} for number in range(count)]
    world.parts.database.run_now(lambda conn: insert_each(conn, table, rows))


def only(world: World, table: Any) -> dict[str, Any]:
    return dict(world.parts.database.look_now(lambda conn: conn.execute(select(table).limit(1)).mappings().one()))


def state(world: World, number: str) -> str:
    row = world.parts.database.look_now(lambda conn: reports.ticket(conn, number))
    assert row is not None
    return "erased" if row["erased_at"] else str(row["state"])


@contextmanager
def and_beside_it(world: World, work: Callable[[], Any]) -> Iterator[Connection]:
    """A transaction; before it ends, `work` has begun in another thread, and waits for what it has locked."""
    thread = threading.Thread(target=work)
    with world.parts.database.write() as conn:
        yield conn
        thread.start()
        time.sleep(0.5)
    thread.join(30)
    assert not thread.is_alive()


def test_a_ticket_of_very_many_messages_and_senders_is_erased(world: World) -> None:
    (opening,) = world.take("telegram", said(world, "telegram", "501", PROBLEM))
    message, holder = only(world, messages), only(world, ticket_identities)
    del message["id"]
    message |= {"body": None, "address": None}
    count = MANY // 2  # both are looked for in two columns
    copies(world, messages, count, of=message, changed=lambda n: {"envelope_id": f"e{n}", "journal_id": -n - 1})
    copies(world, ticket_identities, count, of=holder, changed=lambda n: {"hash": n.to_bytes(32, "big")})
    record = erase(world.parts, opening.ticket, cause="forget")
    assert record is not None
    assert record["messages"] == count + 1
    assert world.parts.database.look_now(reports.envelopes) == []


def test_what_a_platform_vouched_for_is_forgotten_with_the_last_request_of_its_citizen(
    world: World,
) -> None:
    senders = ("79161234567", "79161234568")
    taken = [world.take("whatsapp", said(world, "whatsapp", sender, PROBLEM))[0] for sender in senders]

    def left(table: Any) -> int:
        return len(world.parts.database.look_now(lambda conn: conn.execute(select(table)).all()))

    whole = left(vouches)
    assert whole
    assert erase(world.parts, taken[0].ticket, cause="forget")
    assert 0 < left(vouches) < whole
    assert erase(world.parts, taken[1].ticket, cause="forget")
    assert (left(vouches), left(identities)) == (0, 0)


def test_very_many_rows_are_tried_again_and_ingested(world: World) -> None:
    assert world.parts.database.run_now(lambda conn: journal.retry(conn, range(MANY), world.now)) == []
    ingest._process(world.parts, list(range(MORE_THAN_ANY)))


def test_what_a_citizen_has_opened_again_is_not_erased_with_what_is_past_its_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (opening,) = world.take("email", said(world, "email", "anna@x.example", PROBLEM))
    world.shut(opening.ticket)
    world.now += 30 * DAY
    world.journal("email", said(world, "email", "anna@x.example", f"Обращение {opening.ticket}: снова то же"))
    world.now += 1

    look = world.parts.database.look_now

    def look_and_then(work: Callable[[Any], Any]) -> Any:
        found = look(work)
        if found == [opening.ticket]:
            world.processor.step()
        return found

    monkeypatch.setattr(world.parts.database, "look_now", look_and_then)
    erase_expired(world.parts)
    assert state(world, opening.ticket) == "open"
    assert len(world.parts.database.look_now(reports.envelopes)) == 2


def test_a_ticket_whose_message_is_being_staged_is_not_closed_as_silent(world: World) -> None:
    (opening,) = world.take("telegram", said(world, "telegram", "501", PROBLEM))
    since = world.now + 1

    def close() -> list[str]:
        return world.parts.database.run_now(lambda conn: erasure.close_silent(conn, since, since))

    with and_beside_it(world, close) as conn:
        conn.execute(tickets.update().values(last_message_at=since + 1))
    assert (close(), state(world, opening.ticket)) == ([], "open")


def test_a_ticket_is_erased_while_its_citizen_s_next_message_is_being_staged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (opening,) = world.take("telegram", said(world, "telegram", "501", PROBLEM))
    world.journal("telegram", said(world, "telegram", "501", "И ещё не открывается раздел с выплатами"))
    load, records = snapshot._load_tickets, []
    eraser = threading.Thread(target=lambda: records.append(erase(world.parts, opening.ticket, cause="forget")))

    def load_a_moment_later(*arguments: Any) -> None:
        eraser.start()
        time.sleep(0.5)
        load(*arguments)

    monkeypatch.setattr(snapshot, "_load_tickets", load_a_moment_later)
    assert world.processor.step() == 1
    eraser.join(30)
    assert [record["messages"] for record in records if record] == [2]
    assert state(world, opening.ticket) == "erased"


def test_what_a_frozen_processor_ends_after_all_is_not_taken_back_or_quarantined(world: World) -> None:
    ids = world.journal("telegram", said(world, "telegram", "501", PROBLEM))
    database = world.parts.database
    for _ in range(journal.STARTS):
        database.run_now(lambda conn: journal.claim(conn, "dead#1", world.now, 1))
        database.run_now(lambda conn: journal.give_back(conn, "dead#1", ids, world.now, blame=True))
    database.run_now(lambda conn: journal.claim(conn, "dead#1", world.now, 1))
    with and_beside_it(world, world.processor.recover) as conn:
        assert journal.still_mine(conn, "dead#1", ids)
        journal.finish(conn, [{"id": ids[0], "state": "enveloped"}], world.now)
    assert [outcome.state for outcome in world.outcomes(ids)] == ["enveloped"]


def test_a_page_that_was_full_is_followed_by_the_next_at_once(world: World) -> None:
    world.take("telegram", said(world, "telegram", "501", PROBLEM))
    row = only(world, journal_table)
    del row["id"]
    copies(world, journal_table, erasure.PAGE, of=row, changed=lambda n: {"key_hash": n.to_bytes(32, "big")})
    world.now += 31 * DAY
    housekeeping = Housekeeping(world.parts)
    assert [housekeeping.round(), housekeeping.round()] == [True, False]


def test_files_that_a_crash_left_half_received_are_removed(world: World, tmp_path: Path) -> None:
    left, new = tmp_path / "files/incoming/left", tmp_path / "files/incoming/new"
    left.parent.mkdir(parents=True)
    for path in (left, new):
        path.write_bytes(b"half of a file")
    os.utime(left, (time.time() - 2 * DAY,) * 2)
    Housekeeping(world.parts).round()
    assert (left.exists(), new.exists()) == (False, True)


def test_the_file_of_an_answer_that_could_not_be_sent_for_days_is_kept_until_it_is(
    world: World, tmp_path: Path
) -> None:
    (opening,) = world.take("telegram", said(world, "telegram", "501", PROBLEM))
    file = {"name": "answer.pdf", "media_type": "application/pdf", "data": base64.b64encode(b"%PDF").decode()}
    reply = {"id": "1", "ticket": opening.ticket, "text": "Ответ", "attachments": [file]}
    assert accept_reply(world.parts, DeskReply.model_validate_json(json.dumps(reply))) is None

    def files() -> int:
        found = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
        for path in found:
            os.utime(path, (time.time() - 2 * DAY,) * 2)
        return len(found)

    assert files() == 1
    Housekeeping(world.parts).round()
    assert files() == 1
    world.send()
    Housekeeping(world.parts).round()
    assert files() == 0


def test_the_bytes_of_what_was_dismissed_are_erased_in_time_and_those_in_the_quarantine_stay(world: World) -> None:
    for raw in (b'{"update_id": 1, \xff', b'{"update_id": 2, \xff'):
        world.take("telegram", raw)
    first, second = (row["id"] for row in quarantine.rows(world.parts))
    world.now += 100 * DAY
    assert quarantine.dismiss(world.parts, [first]) == [first]
    erase_expired(world.parts)
    assert world.parts.database.look_now(lambda conn: journal.rows(conn, [first]))[0].payload is not None
    world.now += 31 * DAY
    erase_expired(world.parts)
    assert world.parts.database.look_now(lambda conn: journal.rows(conn, [first]))[0].payload is None
    assert quarantine.payload(world.parts, second) == b'{"update_id": 2, \xff'
    assert quarantine.dismiss(world.parts, [first]) == []
