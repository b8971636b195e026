"""What becomes of a message that is edited, deleted or liked after it was sent, and of a greeting that waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger import reports
from pipeline.erase import erase
from tests.linking import payloads
from tests.linking.payloads import Written
from tests.linking.test_scenarios import HOUR, link, say, telegram_reaction, told, whatsapp_change
from tests.linking.world import PROBLEM, World, said


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(sqlite_url, tmp_path)
    yield world
    world.close()


def test_an_edit_that_takes_the_number_away_leaves_the_ticket_and_says_so(world: World) -> None:
    earlier = say(world, "vk", "77", PROBLEM)
    world.answer(earlier.ticket)
    world.now += 30 * HOUR
    named = say(world, "vk", "77", f"Где мой загранпаспорт? Обращение {earlier.ticket}")
    assert named.ticket == earlier.ticket
    edited = say(world, "vk", "77", "Где мой загранпаспорт?", serial=world.serial, change="edit")
    assert edited.envelope is not None
    assert edited.ticket != earlier.ticket
    assert edited.envelope["kind"] == "edit"
    assert edited.envelope["source"]["revision"] == 1
    assert "link_changed" in edited.envelope["flags"]
    assert edited.envelope["ticket"]["related"] == [earlier.ticket]
    assert any("took away the number" in why for why in edited.why)
    assert edited.ticket in told(world)[-1], "nobody has told him this number before"


def test_a_greeting_that_is_edited_into_a_request_waits_for_an_answer_as_a_message_does(world: World) -> None:
    say(world, "telegram", "501", "Здравствуйте")
    edited = say(world, "telegram", "501", PROBLEM, serial=world.serial, change="edit")
    ticket = world.parts.database.look_now(lambda conn: reports.ticket(conn, edited.ticket))
    assert ticket is not None
    assert (ticket["waiting_since"], len(told(world))) == (world.now, 1)


def test_edits_and_the_deletion_of_what_was_a_greeting_are_revisions_of_the_first_edit(world: World) -> None:
    say(world, "whatsapp", "79990001122", "Здравствуйте")
    original = f"wamid.IN{world.serial}"
    found = []
    for text in (PROBLEM, f"{PROBLEM}!"):
        content = {"type": "text", "text": {"body": text}}
        found.append(whatsapp_change(world, "79990001122", original, "edit", message=content))
    found.append(whatsapp_change(world, "79990001122", original, "revoke"))
    envelopes = [outcome.envelope for outcome in found if outcome.envelope is not None]
    assert [(one["kind"], one["source"]["revision"]) for one in envelopes] == [("new", 0), ("edit", 1), ("deletion", 2)]


def test_an_edit_of_what_was_said_before_or_a_reaction_to_it_does_not_undo_new(world: World) -> None:
    first = world.serial + 1
    earlier = say(world, "telegram", "501", PROBLEM).ticket
    world.answer(earlier)
    answer = int(world.sent[-1][1].rpartition(":")[2])
    say(world, "telegram", "501", "/new")
    assert say(world, "telegram", "501", f"{PROBLEM}!", serial=first, change="edit").ticket == earlier
    assert telegram_reaction(world, 501, answer).ticket == earlier
    world.sent.clear()
    other = say(world, "telegram", "501", "Где мой загранпаспорт, статус не меняется неделю")
    assert link(other) == ("none", None)
    assert other.ticket in told(world)[-1]


def test_an_edit_that_moves_the_last_message_to_another_ticket_takes_the_conversation_along(world: World) -> None:
    earlier = say(world, "telegram", "501", PROBLEM).ticket
    say(world, "telegram", "501", "/new")
    say(world, "telegram", "501", "Где мой загранпаспорт, статус не меняется неделю")
    say(world, "telegram", "501", "Опять ничего")
    moved = say(world, "telegram", "501", f"По {earlier} опять ничего", serial=world.serial, change="edit")
    assert moved.ticket == earlier
    assert say(world, "telegram", "501", "И сегодня тоже").ticket == earlier


def test_the_edit_of_a_greeting_that_waits_is_no_second_greeting(world: World) -> None:
    for together in (False, True):
        sender, serial = ("501", world.serial + 1) if together else ("502", world.serial + 1)
        greeting = said(world, "telegram", sender, "Здраствуйте")
        event = {"channel": "telegram", "sender": sender, "change": "edit"}
        edits = [
            payloads.build(Written(event, datetime.fromtimestamp(world.now + n, UTC), serial, text))[0]
            for n, text in enumerate(("Здравствуйте", "👍", f"Здравствуйте. {PROBLEM}"))
        ]
        edits = [edit.replace(b'"update_id": ', f'"update_id": {n}'.encode()) for n, edit in enumerate(edits, 1)]
        units = (greeting, *edits)
        ids = world.journal("telegram", *units) if together else [i for u in units for i in _journal(world, u)]
        world.work()
        greeted, mended, liked, asked = world.outcomes(ids)
        assert (greeted.state, mended.reason, liked.reason) == ("merged", "a bare greeting", "a reaction")
        assert asked.envelope is not None
        assert asked.envelope["text"] == f"Здравствуйте. {PROBLEM}"
        assert [asked.ticket in text for text in told(world)] == [True]
        world.sent.clear()


def _journal(world: World, unit: bytes) -> list[int]:
    ids = world.journal("telegram", unit)
    world.work()
    return ids


def test_a_greeting_is_no_part_of_the_edit_of_something_else(world: World) -> None:
    serial = world.serial + 1
    opening = say(world, "telegram", "501", PROBLEM)
    world.now += 2 * HOUR
    say(world, "telegram", "501", "Здравствуйте")
    edit = say(world, "telegram", "501", f"{PROBLEM}!", serial=serial, change="edit")
    asks = say(world, "telegram", "501", "Так и не приходит")
    assert edit.envelope is not None
    assert asks.envelope is not None
    assert (edit.ticket, edit.envelope["text"]) == (opening.ticket, f"{PROBLEM}!")
    assert asks.envelope["text"] == "Здравствуйте\nТак и не приходит"


def test_edits_after_an_erasure_are_revisions_of_the_first_of_them(world: World) -> None:
    serial = world.serial + 1
    erased = say(world, "telegram", "501", PROBLEM).ticket
    found = []
    for number, text in enumerate((PROBLEM + "!", PROBLEM + "!!", PROBLEM + "?", PROBLEM + "??")):
        if number == 2:
            erase(world.parts, erased, cause="forget")
        world.now += 1
        found.append(say(world, "telegram", "501", text, serial=serial, change="edit"))
    envelopes = [one.envelope for one in found if one.envelope is not None]
    assert [one["ticket"]["number"] == erased for one in envelopes] == [True, True, False, False]
    assert [(one["kind"], one["source"]["revision"]) for one in envelopes[2:]] == [("new", 0), ("edit", 1)]


def test_an_answer_to_a_message_that_an_edit_moved_goes_where_the_message_is(world: World) -> None:
    earlier = say(world, "telegram", "501", PROBLEM).ticket
    say(world, "telegram", "501", "/new")
    say(world, "telegram", "501", "Где мой загранпаспорт, статус не меняется неделю")
    say(world, "telegram", "501", "Опять ничего")
    moved = world.serial
    assert say(world, "telegram", "501", f"По {earlier} опять", serial=moved, change="edit").ticket == earlier
    answer = say(world, "telegram", "501", "Вот об этом", replies=(f"501:{moved}",))
    assert (answer.ticket, link(answer)) == (earlier, ("reply", "verified"))
