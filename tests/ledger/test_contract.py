"""What the rooms above rely on, over both databases: claims, leases, cursors, the outbox, what is owed, numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select, text

from ledger import cursors, erasure, journal, leases, migrate, outbox, outgoing, serials
from ledger.crypto import Keyring
from ledger.database import Database
from ledger.errors import Fenced, LedgerUnusable
from ledger.journal import Entry
from ledger.leases import Lease
from ledger.schema import conversations, identities, messages, metadata, threads, ticket_identities, tickets, vouches
from ledger.schema import journal as rows
from ledger.schema import outbox as outbox_table
from ledger.schema import outgoing as outgoing_table

NOW = 1_795_348_800.0
KEYS = Keyring(bytes(32))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    migrate.migrate(database)
    yield database
    database.close()


def entry(key: str, conversation: str = "c", *, due_at: float = NOW, album: str | None = None) -> Entry:
    return Entry(
        key_hash=key.encode(), kind="vk", account="vk", platform_account="1", conversation=conversation, album=album,
        payload=b"sealed", payload_key=None, payload_wrapped=None, size=6, sent_at=NOW, received_at=NOW, due_at=due_at,
    )  # fmt: skip


def take_in(database: Database, *entries: Entry) -> list[int]:
    return list(database.run_now(lambda conn: journal.append(conn, entries)).values())


def claim(database: Database, owner: str = "p#1", most: int = 10, now: float = NOW) -> list[int]:
    return [row.id for row in database.run_now(lambda conn: journal.claim(conn, owner, now, most))]


def end(database: Database, *ids: int, state: str = "enveloped") -> None:
    database.run_now(lambda conn: journal.finish(conn, [{"id": one, "state": state} for one in ids], NOW))


def state_of(database: Database, row_id: int) -> str:
    return str(
        database.look_now(lambda conn: conn.execute(select(rows.c.state).where(rows.c.id == row_id)).scalar_one())
    )


def lease(database: Database, name: str = "n", holder: str = "h", seconds: float = 10.0) -> Lease | None:
    return database.run_now(lambda conn: leases.acquire(conn, name, holder, seconds))


def held(database: Database, name: str = "n", holder: str = "h") -> Lease:
    found = lease(database, name, holder)
    assert found is not None
    return found


# --- the journal


def test_a_payload_that_comes_again_is_no_second_row(database: Database) -> None:
    assert len(take_in(database, entry("a"), entry("a"))) == 1
    assert take_in(database, entry("a")) == []
    assert len(take_in(database, entry("a"), entry("b"))) == 1


def test_rows_are_claimed_in_the_order_taken_in_and_once(database: Database) -> None:
    ids = take_in(database, *(entry(f"k{n}", f"c{n}") for n in range(5)))
    assert claim(database, most=2) == ids[:2]
    assert claim(database, "p#2") == ids[2:]
    assert claim(database, "p#3") == []


def test_nothing_overtakes_an_unfinished_row_of_its_conversation(database: Database) -> None:
    first, second, other = take_in(database, entry("a", "one"), entry("b", "one"), entry("c", "two"))
    assert claim(database, most=1) == [first]
    assert claim(database, "p#2") == [other]
    end(database, first)
    assert claim(database, "p#2") == [second]


def test_a_row_that_waits_for_its_parts_holds_back_only_its_own_conversation(database: Database) -> None:
    waits, after, other = take_in(database, entry("a", "one", due_at=NOW + 1), entry("b", "one"), entry("c", "two"))
    assert claim(database) == [other]
    assert claim(database, now=NOW + 1) == [waits, after]


def test_the_parts_of_an_album_are_claimed_together(database: Database) -> None:
    ids = take_in(database, entry("a", album="x", due_at=NOW), entry("b", album="x", due_at=NOW + 5))
    assert claim(database, most=1) == ids


def test_what_a_dead_processor_had_in_work_comes_back_alone_and_is_poison_at_the_third_start(
    database: Database,
) -> None:
    bad, good = take_in(database, entry("a", "one"), entry("b", "two"))
    assert claim(database, "dead#1") == [bad, good]
    for start in range(journal.STARTS):
        back, poison = database.run_now(lambda conn: journal.recover(conn, NOW))
        assert poison == []
        assert back == (2 if start == 0 else 1)
        assert claim(database, f"dead#{start + 2}") == [bad]
    back, poison = database.run_now(lambda conn: journal.recover(conn, NOW))
    assert (back, poison) == (0, [bad])
    end(database, bad, state="quarantined")
    assert claim(database, "live#9") == [good]


def test_the_claims_of_a_living_processor_are_its_own(database: Database) -> None:
    (row,) = take_in(database, entry("a"))
    mine = held(database, "p")
    assert claim(database, f"p#{mine.token}") == [row]
    assert database.run_now(lambda conn: journal.recover(conn, NOW)) == (0, [])
    assert database.run_now(lambda conn: journal.still_mine(conn, f"p#{mine.token}", [row])) == {row}
    assert database.run_now(lambda conn: journal.still_mine(conn, "p#99", [row])) == set()


def test_a_row_given_back_without_blame_has_not_used_up_a_start(database: Database) -> None:
    (row,) = take_in(database, entry("a"))
    for blame, attempts in ((False, 0), (True, 1)):
        claim(database)
        database.run_now(lambda conn, blame=blame: journal.give_back(conn, "p#1", [row], NOW, blame=blame))  # type: ignore[misc]
        found = database.look_now(lambda conn: conn.execute(select(rows.c.attempts, rows.c.alone)).one())
        assert (found.attempts, found.alone) == (attempts, blame)


def test_a_quarantined_row_can_be_put_back_with_other_bytes(database: Database) -> None:
    (row,) = take_in(database, entry("a"))
    assert database.run_now(lambda conn: journal.retry(conn, [row], NOW)) == []
    end(database, row, state="quarantined")
    assert database.run_now(lambda conn: journal.retry(conn, [row], NOW, b"other")) == [row]
    taken = database.run_now(lambda conn: journal.claim(conn, "p#1", NOW, 1))
    assert [bytes(one.payload or b"") for one in taken] == [b"other"]
    end(database, row)
    assert state_of(database, row) == "enveloped"


# --- leases and cursors


def test_a_lease_has_one_holder_and_a_token_that_grows(database: Database) -> None:
    first = held(database, holder="one")
    assert lease(database, holder="two") is None
    again = held(database, holder="one")
    assert again.token == first.token + 1
    database.run_now(lambda conn: leases.release(conn, again))
    assert held(database, holder="two").token == again.token + 1


def test_a_late_holder_is_fenced(database: Database) -> None:
    late = lease(database, holder="one", seconds=0.0)
    assert late is not None
    new = held(database, holder="two")
    for act in (leases.guard, leases.renew):
        with pytest.raises(Fenced):
            database.run_now(lambda conn, act=act: act(conn, late))  # type: ignore[misc]
        database.run_now(lambda conn, act=act: act(conn, new))  # type: ignore[misc]
    assert database.look_now(lambda conn: leases.alive(conn, {f"n#{late.token}", f"n#{new.token}"})) == {
        f"n#{new.token}"
    }


def test_a_cursor_moves_only_under_the_newest_token(database: Database) -> None:
    database.run_now(lambda conn: cursors.move(conn, "vk:1", '{"ts": 1}', 2, NOW))
    database.run_now(lambda conn: cursors.move(conn, "vk:1", '{"ts": 2}', 2, NOW))
    with pytest.raises(Fenced):
        database.run_now(lambda conn: cursors.move(conn, "vk:1", '{"ts": 9}', 1, NOW))
    assert database.look_now(lambda conn: cursors.read(conn, "vk:1")) == '{"ts": 2}'
    assert database.look_now(lambda conn: cursors.read(conn, "vk:2")) is None


# --- the outbox


def owe_event(database: Database, *conversations_: str) -> None:
    values = [
        {"message_id": f"m{n}", "exchange": "events", "routing_key": "accepted", "type": "t", "conversation": name,
         "body": b"{}", "created_at": NOW}
        for n, name in enumerate(conversations_)
    ]  # fmt: skip
    database.run_now(lambda conn: outbox.add(conn, values))


def due(database: Database, now: float = NOW) -> list[str]:
    return [row.message_id for row in database.look_now(lambda conn: outbox.take(conn, now, 10))]


def test_the_outbox_keeps_the_order_of_a_conversation_and_lets_the_others_go_on(database: Database) -> None:
    owe_event(database, "one", "one", "two")
    relay = held(database, "relay")
    assert due(database) == ["m0", "m1", "m2"]
    database.run_now(lambda conn: outbox.mark(conn, relay, [], {1: "nobody took it"}, NOW, NOW + 5))
    assert due(database) == ["m2"]
    database.run_now(lambda conn: outbox.mark(conn, relay, [3], {}, NOW, NOW + 5))
    assert due(database, NOW + 5) == ["m0", "m1"]


def test_only_the_holder_of_the_lease_marks_what_was_published(database: Database) -> None:
    owe_event(database, "one")
    late = lease(database, "relay", "one", seconds=0.0)
    held(database, "relay", "two")
    assert late is not None
    with pytest.raises(Fenced):
        database.run_now(lambda conn: outbox.mark(conn, late, [1], {}, NOW, NOW))
    assert due(database) == ["m0"]


# --- what is owed to citizens


def owe(database: Database, conversation: str = "c", *, reply_id: str | None = None, ticket: str | None = None) -> bool:
    values = outgoing.row(
        KEYS, purpose="acknowledgement", kind="vk", account="vk", platform_account="1", conversation=conversation,
        content={"text": "здравствуйте"}, now=NOW, reply_id=reply_id, ticket=ticket,
    )  # fmt: skip
    return database.run_now(lambda conn: outgoing.owe(conn, values))


def next_owed(database: Database, sender: Lease, now: float = NOW) -> list[outgoing.Owed]:
    return database.run_now(lambda conn: outgoing.next_owed(conn, KEYS, sender, "vk", now, 10))


def test_a_reply_of_one_id_is_owed_once(database: Database) -> None:
    assert [owe(database, reply_id="r"), owe(database, reply_id="r"), owe(database), owe(database)] == [
        True, False, True, True,
    ]  # fmt: skip


def test_one_message_a_conversation_is_sent_at_a_time_and_comes_again_until_it_is_sent(database: Database) -> None:
    owe(database, "one"), owe(database, "one"), owe(database, "two")
    sender = held(database, "send")
    first, other = next_owed(database, sender)
    assert (first.conversation, other.conversation, first.content) == ("one", "two", {"text": "здравствуйте"})
    assert [one.attempts for one in next_owed(database, sender)] == [2, 2]
    database.run_now(lambda conn: outgoing.sent(conn, first, [b"native"], NOW, chat=True))
    database.run_now(lambda conn: outgoing.again(conn, other.seq, NOW + 9, "busy", 0))
    (second,) = next_owed(database, sender)
    assert (second.conversation, second.seq != first.seq) == ("one", True)


def test_what_the_platform_refuses_later_is_a_failure_and_nothing_undoes_it(database: Database) -> None:
    owe(database, ticket="T")
    sender = held(database, "send")
    (owed,) = next_owed(database, sender)
    database.run_now(lambda conn: outgoing.sent(conn, owed, [b"native"], NOW, chat=True))
    for state, expected in (("failed", "failed"), ("delivered", "failed")):
        database.run_now(lambda conn, state=state: outgoing.report(conn, b"native", state, "131047"))  # type: ignore[misc]
        found = database.look_now(lambda conn: conn.execute(select(outgoing_table.c.state)).scalar_one())
        assert found == expected


def test_random_ids_are_never_0_and_stay_as_they_were_given(database: Database) -> None:
    sender = held(database, "send")
    owe(database, "one"), owe(database, "two")
    given, again = ([owed.random_id for owed in next_owed(database, sender)] for _ in range(2))
    assert given == again
    for base in (0, 1, 2**31 - 2):
        ids = [outgoing.random_id(base, seq) for seq in (1, 2, 2**31 - 2, 2**31 - 1)]
        assert len(set(ids)) == 4
        assert all(0 < one < 2**31 for one in ids)


# --- numbers


def test_serials_are_never_given_twice(database: Database) -> None:
    day = date(2026, 11, 22)
    first = [database.run_now(lambda conn: serials.reserve(conn, day, 32)) for _ in range(3)]
    assert first == [1, 33, 65]
    assert database.run_now(lambda conn: serials.reserve(conn, date(2026, 11, 21), 1)) == 1
    assert database.look_now(serials.first_day) == date(2026, 11, 21)


# --- erasure


def ticket_of(database: Database, number: str, key: bytes) -> None:
    def work(conn: Any) -> None:
        conn.execute(tickets.insert().values(
            number=number, opened_at=NOW, state="open", sequence=1, repeats=0, last_message_at=NOW,
            category="other", audience="general", desk="other", priority=0, why="a rule"))  # fmt: skip
        row_id = journal.append(conn, [entry(number)])[number.encode()]
        conn.execute(messages.insert().values(
            envelope_id=f"e{number}", journal_id=row_id, ticket=number, sequence=1, kind="new", channel="vk",
            account="vk", platform_account="1", conversation="c", native_hash=number.encode(), revision=0, how="none",
            verified=True, address=b"a", likeness=b"l", why="w", received_at=NOW, effective_at=NOW, staged_at=NOW,
            body=b"{}"))  # fmt: skip
        conn.execute(threads.insert().values(native_hash=number.encode(), ticket=number, ours=False))
        for one in (key, b"shared"):
            conn.execute(text("INSERT INTO identities (hash, kind) VALUES (:h, 'channel') ON CONFLICT DO NOTHING"),
                         {"h": one})  # fmt: skip
            conn.execute(ticket_identities.insert().values(
                hash=one, ticket=number, kind="channel", vouched=True, last_at=NOW))  # fmt: skip
        conn.execute(vouches.insert().values(channel=key, other=b"phone", kind="phone"))
        conn.execute(conversations.insert().values(conversation=number, ticket=number, last_at=NOW))
        outbox_row = {"message_id": f"e{number}", "exchange": "appeals", "routing_key": "k", "type": "t",
                      "conversation": "c", "ticket": number, "created_at": NOW}  # fmt: skip
        conn.execute(outbox_table.insert().values(**outbox_row))

    database.run_now(work)


def test_an_erased_ticket_leaves_nothing_of_its_citizen_and_what_he_shares_with_others(database: Database) -> None:
    ticket_of(database, "A", b"anna")
    ticket_of(database, "B", b"boris")
    done = database.run_now(lambda conn: erasure.erase(conn, "A", NOW))
    assert done is not None
    assert done[0]["messages"] == 1

    def left(conn: Any) -> tuple[Any, ...]:
        message = conn.execute(select(messages).where(messages.c.ticket == "A")).one()
        payload = conn.execute(select(rows.c.payload).where(rows.c.key_hash == b"A")).scalar_one()
        known = {bytes(one.hash) for one in conn.execute(select(identities.c.hash))}
        kin = {bytes(one.channel) for one in conn.execute(select(vouches.c.channel))}
        return (message.body, message.address, message.likeness, message.why, payload, known, kin)

    assert database.look_now(left) == (None, None, None, None, None, {b"boris", b"shared"}, {b"boris"})
    assert due(database) == ["eB"]
    assert database.run_now(lambda conn: erasure.erase(conn, "C", NOW)) is None


def test_a_closed_ticket_is_closed_once_and_expires_by_its_closing(database: Database) -> None:
    ticket_of(database, "A", b"anna")
    assert [database.run_now(lambda conn: erasure.close(conn, "A", NOW)) for _ in range(2)] == [True, False]
    assert database.look_now(lambda conn: erasure.expired(conn, NOW)) == []
    assert database.look_now(lambda conn: erasure.expired(conn, NOW + 1)) == ["A"]


# --- the schema


def test_a_migrated_database_is_what_the_tables_say(database: Database) -> None:
    with database.write() as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []
    migrate.migrate(database)


def test_a_database_of_a_newer_program_is_left_alone(database: Database) -> None:
    with database.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerUnusable, match="9999"):
        migrate.migrate(database)


def test_the_newest_migration_is_the_one_that_the_program_wants() -> None:
    newest = max(path.name[:4] for path in (migrate.FOLDER / "versions").glob("[0-9]*.py"))
    assert newest == migrate.HEAD
