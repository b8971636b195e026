"""What a single labelled message cannot show: what follows, what is told, and who is told nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ledger import reports
from ledger.schema import journal, outgoing
from normalizer import ticket_number
from normalizer.language import detect
from pipeline import quarantine
from pipeline.erase import close_silent, erase, erase_expired
from tests.linking import payloads
from tests.linking.payloads import Written
from tests.linking.world import NOBODY, PROBLEM, Outcome, World, said

_NUMBER = re.compile(r"\d{6}-\d{6}-\d")
HOUR = 3600.0


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(sqlite_url, tmp_path)
    yield world
    world.close()


def say(world: World, channel: str, sender: str | None, text: str, *, serial: int = 0, **more: Any) -> Outcome:
    """One message; its outcome. A `serial` that was used makes it an edit of that message."""
    world.serial += 1
    written_fields = {name: more.pop(name) for name in ("replies", "references", "file_names") if name in more}
    event = {"channel": channel, "sender": sender, **more}
    written = Written(event, datetime.fromtimestamp(world.now, UTC), serial or world.serial, text, **written_fields)
    return world.take(channel, *payloads.build(written))[-1]


def link(outcome: Outcome) -> tuple[str, str | None]:
    assert outcome.envelope is not None, outcome
    return outcome.envelope["ticket"]["link"]["how"], outcome.envelope["ticket"]["link"]["certainty"]


def told(world: World) -> list[str]:
    """What was sent, oldest first."""
    return [owed.content["text"] for owed, _ in world.sent]


def telegram_reaction(world: World, sender: int, message_id: int) -> Outcome:
    world.serial += 1
    reaction = {
        "chat": {"id": sender, "type": "private"}, "message_id": message_id, "date": int(world.now),
        "user": {"id": sender, "is_bot": False, "first_name": "Анна"}, "old_reaction": [],
        "new_reaction": [{"type": "emoji", "emoji": "👍"}],
    }  # fmt: skip
    (outcome,) = world.take("telegram", json.dumps({"update_id": world.serial, "message_reaction": reaction}).encode())
    return outcome


def test_a_reaction_that_belongs_to_nothing_opens_no_ticket(world: World) -> None:
    assert (telegram_reaction(world, 501, 7).state, telegram_reaction(world, 501, 8).reason) == (
        "ignored", "a reaction",
    )  # fmt: skip
    assert say(world, "vk", "77", "👍").reason == "a reaction"
    assert told(world) == []


def test_a_greeting_that_only_a_reaction_follows_is_answered_and_waits_for_its_message(world: World) -> None:
    world.take("telegram", said(world, "telegram", "501", "Здравствуйте"), said(world, "telegram", "501", "👍"))
    world.now += 10
    say(world, "telegram", "501", "👍")
    assert told(world) == []
    opening = say(world, "telegram", "501", PROBLEM)
    assert opening.envelope is not None
    assert opening.envelope["text"] == f"Здравствуйте\n{PROBLEM}"

    say(world, "vk", "77", "Здравствуйте")
    say(world, "vk", "77", "👍")
    world.sent.clear()
    world.now += 70
    world.work()
    assert len(told(world)) == 1


def test_a_reaction_to_the_answer_belongs_to_its_ticket_but_reopens_nothing(world: World) -> None:
    opening = say(world, "telegram", "501", PROBLEM)
    world.answer(opening.ticket, close=True)
    answer = int(world.sent[-1][1].rpartition(":")[2])
    world.now += HOUR
    outcome = telegram_reaction(world, 501, answer)
    assert outcome.ticket == opening.ticket
    assert outcome.envelope is not None
    assert "reopened" not in outcome.envelope["flags"]
    reply = say(world, "telegram", "501", "Опять не приходит", replies=(f"501:{answer}",))
    assert reply.envelope is not None
    assert "reopened" in reply.envelope["flags"]


def test_a_claimed_number_is_answered_in_the_very_words_of_an_unknown_one(world: World) -> None:
    taken = say(world, "telegram", "501", PROBLEM).ticket
    free = ticket_number.make(world.processor.numbers.day(world.now), NOBODY)
    answers = {}
    for sender, number in (("601", taken), ("602", free)):
        for text in (f"По обращению {number} так и нет ответа", f"/status {number}"):
            world.sent.clear()
            outcome = say(world, "telegram", sender, text)
            answers[(number, text[:7])] = [_NUMBER.sub("N", answer) for answer in told(world)]
            if outcome.envelope is not None:
                assert outcome.ticket not in (taken, free)
                assert not any(taken in answer for answer in told(world))
    assert answers[(taken, "По обра")] == answers[(free, "По обра")] != []
    assert answers[(taken, "/status")] == answers[(free, "/status")] != []


@pytest.mark.parametrize("command", ["/start", "/new", "/status", "/status 261122-000001-7"])
def test_a_typed_command_is_answered_in_the_citizens_language_not_in_that_of_its_latin_letters(
    world: World, command: str
) -> None:
    say(world, "telegram", "501", command)
    (answer,) = told(world)
    assert detect(answer) == "ru"


def test_the_state_of_a_request_is_told_to_its_citizen_alone(world: World) -> None:
    number = say(world, "telegram", "501", PROBLEM).ticket
    say(world, "telegram", "501", f"/status {number}")
    own = told(world)[-1]
    say(world, "vk", "77", f"/status {number}")
    assert number in own
    assert number not in told(world)[-1]


def test_numbers_tried_one_after_another_are_not_looked_up_for_a_while(world: World) -> None:
    number = say(world, "telegram", "501", PROBLEM).ticket
    day = world.processor.numbers.day(world.now)
    for serial in range(world.parts.policy.number_attempts):
        say(world, "vk", "77", f"/status {ticket_number.make(day, 500_000 + serial)}")
        world.now += 1
    limited = told(world)[-1]
    say(world, "vk", "77", f"/status {number}")
    assert told(world)[-1] != limited
    world.now += 2 * HOUR
    say(world, "vk", "77", f"/status {number}")
    assert "через сутки" in told(world)[-1]  # so long it is, and no shorter
    outcome = say(world, "vk", "77", f"По обращению {number} нет ответа")
    assert outcome.envelope is not None
    assert "number_limit" in outcome.envelope["flags"]
    assert outcome.envelope["ticket"]["related"] == []  # not even whether it exists is looked up
    world.now += 23 * HOUR
    later = say(world, "vk", "77", f"По обращению {number} нет ответа")
    assert later.envelope is not None
    assert "claimed_number" in later.envelope["flags"]


def test_whoever_is_corroborated_is_read_by_the_desk_and_told_nothing(world: World) -> None:
    opening = say(world, "telegram", "501", f"{PROBLEM}. Мой телефон +7 916 123-45-67")
    world.sent.clear()
    joins = say(world, "vk", "77", f"Обращение {opening.ticket}, телефон +7 916 123-45-67")
    follows = say(world, "vk", "77", "И ещё: ошибка на планшете тоже есть")
    assert link(joins) == ("quoted_number", "corroborated")
    assert link(follows) == ("conversation", "corroborated")
    assert joins.ticket == follows.ticket == opening.ticket
    assert len(told(world)) == 1
    say(world, "vk", "77", f"/status {opening.ticket}")
    assert "corroborated" not in told(world)[-1]
    world.answer(opening.ticket, text="Ответ ведомства")
    owed, native = world.sent[-1]
    assert owed.content["text"] == "Ответ ведомства"
    assert native.startswith("501:")  # to the citizen who was shown to be himself, though the other wrote last


def whatsapp_change(world: World, sender: str, original: str, kind: str, **content: Any) -> Outcome:
    """A message of WhatsApp's that edits or takes back an earlier one: it has an id of its own."""
    world.serial += 1
    message = {"from": sender, "id": f"wamid.C{world.serial}", "timestamp": str(int(world.now)), "type": kind,
               kind: {"original_message_id": original, **content}}  # fmt: skip
    value = {"messaging_product": "whatsapp", "messages": [message], "metadata": {"phone_number_id": "1"}}
    change = {"field": "messages", "value": value}
    body = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
    return world.take("whatsapp", json.dumps(body).encode())[0]


def test_whoever_is_corroborated_gains_nothing_by_taking_his_message_back(world: World) -> None:
    opening = say(world, "telegram", "501", f"{PROBLEM}. Мой телефон +7 916 123-45-67")
    joins = say(world, "whatsapp", "79990001122", f"Обращение {opening.ticket}, телефон +7 916 123-45-67")
    assert link(joins) == ("quoted_number", "corroborated")
    assert joins.envelope is not None
    gone = whatsapp_change(world, "79990001122", joins.envelope["source"]["message_id"], "revoke")
    assert (gone.ticket, gone.envelope and gone.envelope["kind"]) == (opening.ticket, "deletion")
    say(world, "whatsapp", "79990001122", f"/status {opening.ticket}")
    assert opening.ticket not in told(world)[-1]
    world.answer(opening.ticket)
    assert world.sent[-1][1].startswith("501:")


def test_what_one_states_never_becomes_ones_own(world: World) -> None:
    victim = say(world, "whatsapp", "79161234567", PROBLEM)
    stated = say(world, "telegram", "666", f"Мой телефон +7 916 123-45-67, пишу про {victim.ticket}")
    assert link(stated) == ("quoted_number", "corroborated")
    later = say(world, "telegram", "666", f"/new {victim.ticket}")
    assert later.state == "ignored"
    again = say(world, "telegram", "666", f"Что с {victim.ticket}?")
    assert link(again)[1] == "claimed"  # without stating it again, it counts for nothing


def test_a_phone_that_two_cabinets_share_does_not_make_two_people_one(world: World) -> None:
    phone = {"phone": "+79161234567"}
    mother = say(world, "portal", "cabinet:1", PROBLEM, via="cabinet", vouched={**phone, "email": "mother@example.org"})
    first = say(world, "portal", "cabinet:2", "Где мой загранпаспорт, статус не меняется неделю", via="cabinet",
                vouched=phone)  # fmt: skip
    assert first.ticket != mother.ticket
    letter = say(world, "email", "mother@example.org", "Где мой полис? Второй месяц жду, никто не отвечает",
                 vouched={"email": "mother@example.org"})  # fmt: skip
    child = say(world, "portal", "cabinet:2", f"Что с {letter.ticket}?", via="cabinet")
    assert link(child) == ("none", "claimed")


def test_two_addresses_of_one_citizen_are_known_by_the_cabinet_that_vouches_for_one(world: World) -> None:
    opening = say(world, "email", "home@example.org", f"{PROBLEM}. СНИЛС 112-233-445 95")
    other = say(world, "email", "work@example.org", f"Обращение {opening.ticket}, СНИЛС 112-233-445 95")
    assert link(other) == ("quoted_number", "corroborated")
    forged = say(
        world, "email", "home@example.org", f"Обращение {opening.ticket}: верните деньги", authentication="fail"
    )
    assert link(forged) == ("none", "claimed")


def test_a_forged_from_does_not_bring_in_what_the_address_was_vouched_for(world: World) -> None:
    cabinet = say(world, "portal", "cabinet:1", PROBLEM, via="cabinet", vouched={"email": "anna@example.org"})
    proven = say(world, "email", "anna@example.org", f"Обращение {cabinet.ticket}", authentication="pass",
                 vouched={"email": "anna@example.org"})  # fmt: skip
    assert link(proven) == ("quoted_number", "verified")
    second = say(world, "portal", "cabinet:1", "Где мой загранпаспорт, статус не меняется неделю", via="cabinet",
                 vouched={"email": "anna@example.org"})  # fmt: skip
    unproven = say(world, "email", "anna@example.org", f"Обращение {second.ticket}")
    assert link(unproven)[1] != "verified"


def test_a_group_that_becomes_a_supergroup_keeps_its_members_conversations(world: World) -> None:
    def group(chat: int, text: str | None, **more: Any) -> Outcome:
        world.serial += 1
        kind = "supergroup" if chat < -1_000_000_000_000 else "group"
        message = {
            "message_id": world.serial, "date": int(world.now), "chat": {"id": chat, "type": kind, "title": "Дом"},
            "from": {"id": 501, "is_bot": False, "first_name": "Анна"}, **({"text": text} if text else {}), **more,
        }  # fmt: skip
        return world.take("telegram", json.dumps({"update_id": world.serial, "message": message}).encode())[0]

    opening = group(-77, PROBLEM)
    moved = group(-77, None, migrate_to_chat_id=-1_001_000_000_077)
    assert moved.state == "ignored"
    follows = group(-1_001_000_000_077, "Номер телефона прежний, и это второй день")
    assert follows.ticket == opening.ticket
    assert link(follows) == ("conversation", "verified")


def test_a_changed_whatsapp_number_takes_its_requests_along_and_leaves_none_behind(world: World) -> None:
    opening = say(world, "whatsapp", "79161234567", PROBLEM)
    world.serial += 1
    system = {"body": "changed", "wa_id": "79269876543", "type": "user_changed_number"}
    message = {"from": "79161234567", "id": f"wamid.S{world.serial}", "timestamp": str(int(world.now)),
               "type": "system", "system": system}  # fmt: skip
    value = {"messaging_product": "whatsapp", "messages": [message],
             "metadata": {"display_phone_number": "74951234567", "phone_number_id": "1"}}  # fmt: skip
    body = {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}],
    }
    assert world.take("whatsapp", json.dumps(body).encode())[0].state == "ignored"
    world.now += 30 * HOUR
    new = say(world, "whatsapp", "79269876543", f"Жду ответа по {opening.ticket}")
    assert link(new) == ("quoted_number", "verified")
    stranger = say(world, "whatsapp", "79161234567", f"Мне пришла ваша СМС о {opening.ticket}, что это?")
    assert link(stranger)[1] != "verified"  # the given-up number belongs to somebody else by now


def test_what_comes_after_an_erasure_is_a_request_of_its_own_and_is_erased_in_its_turn(world: World) -> None:
    serials = {"email": 0, "telegram": 0}
    for channel, sender in (("email", "anna@x.example"), ("telegram", "501")):
        serials[channel] = world.serial + 1
        number = say(world, channel, sender, PROBLEM).ticket
        erase(world.parts, number, cause="forget")
        world.now += HOUR
        if channel == "email":
            again = say(world, channel, sender, "Опять то же самое", replies=(world.sent[-1][1],))
            assert link(again) == ("none", None)
            assert again.envelope is not None
            assert again.envelope["ticket"]["related"] == [number]
        else:
            again = say(world, channel, sender, f"{PROBLEM}!", serial=serials[channel], change="edit")
        assert again.ticket != number
        assert again.envelope is not None
        assert again.envelope["kind"] == "new"
        assert world.answer(again.ticket) is None

    for _ in range(2):
        world.now += 100 * 24 * HOUR
        close_silent(world.parts)
        erase_expired(world.parts)
    assert world.parts.database.look_now(reports.envelopes) == []


def test_the_copy_of_a_letter_that_came_by_another_mailbox_is_erased_with_it(world: World) -> None:
    letter = said(world, "email", "anna@x.example", PROBLEM, subject="Помогите")
    copies = [f"Received: from relay{n}.example\r\n".encode() + letter for n in range(3)]
    first, second = world.take("email", *copies[:2])
    (third,) = world.take("email", copies[2])
    assert (first.state, second.state, third.state) == ("enveloped", "redelivered", "redelivered")
    erase(world.parts, first.ticket, cause="forget")
    late = world.take("email", b"Received: from relay4.example\r\n" + letter)[0]
    assert late.state == "redelivered", "and what comes after it stays gone"
    kept = select(journal.c.id).where(journal.c.payload.is_not(None))
    assert world.parts.database.look_now(lambda conn: conn.execute(kept).all()) == []


def test_a_secret_in_a_form_s_answers_is_removed_as_from_the_text(world: World) -> None:
    world.serial += 1
    answers = json.dumps(
        {"Пароль": "Qwerty-2026", "Тема": "Вход в кабинет не работает второй день"}, ensure_ascii=False
    )
    reply = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": answers}}
    message = {"from": "79161234567", "id": "wamid.F", "timestamp": str(int(world.now)), "type": "interactive",
               "interactive": reply}  # fmt: skip
    value = {"messaging_product": "whatsapp", "messages": [message],
             "metadata": {"display_phone_number": "74951234567", "phone_number_id": "1"}}  # fmt: skip
    body = {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}],
    }
    (outcome,) = world.take("whatsapp", json.dumps(body).encode())
    assert outcome.envelope is not None
    assert "secret_removed" in outcome.envelope["flags"]
    assert "Qwerty-2026" not in json.dumps(outcome.envelope, ensure_ascii=False)
    assert "Вход в кабинет" in json.dumps(outcome.envelope["attachments"], ensure_ascii=False)


def test_an_answer_to_a_letter_without_a_subject_has_one_in_the_citizens_language(world: World) -> None:
    letter = (
        b"Message-ID: <no-subject@example.com>\r\nDate: Sun, 22 Nov 2026 11:59:00 +0000\r\nFrom: ann@example.com\r\n"
        b"To: priemnaya@gosorgan.example\r\n\r\nI cannot sign in to my account, the code never arrives by message.\r\n"
    )
    (outcome,) = world.take("email", letter)
    assert world.answer(outcome.ticket, text="We are looking into it.") is None
    assert world.sent[-1][0].content["subject"] == f"Answer to your request {outcome.ticket}"


USER_ID = "RU.13491208655302741918"


def with_user_id(world: World, text: str) -> Outcome:
    """A WhatsApp message that names the business-scoped user id beside the phone."""
    body = json.loads(said(world, "whatsapp", "79161234567", text))
    body["entry"][0]["changes"][0]["value"]["messages"][0]["from_user_id"] = USER_ID
    (outcome,) = world.take("whatsapp", json.dumps(body).encode())
    return outcome


def test_a_user_id_that_appears_beside_the_phone_ends_no_conversation(world: World) -> None:
    opening = say(world, "whatsapp", "79161234567", PROBLEM)
    world.sent.clear()
    world.now += HOUR
    follows = with_user_id(world, "И письмо не приходит")
    assert (follows.ticket, link(follows), told(world)) == (opening.ticket, ("conversation", "verified"), [])
    hidden = say(world, "whatsapp", USER_ID, "И звонка тоже нет, жду второй час")
    assert (hidden.ticket, link(hidden)) == (opening.ticket, ("conversation", "verified"))


def test_new_under_the_phone_holds_under_the_user_id_too(world: World) -> None:
    opening = say(world, "whatsapp", "79161234567", PROBLEM)
    say(world, "whatsapp", "79161234567", "/new")
    assert with_user_id(world, "Где мой загранпаспорт?").ticket != opening.ticket


def test_a_letter_that_comes_late_or_with_a_wrong_date_makes_its_ticket_no_older(world: World) -> None:
    original = payloads.native_id(Written({"channel": "email"}, datetime.now(UTC), world.serial + 1, ""))
    opening = say(world, "email", "anna@x.example", PROBLEM)
    today, world.now = world.now, world.now - 400 * 24 * HOUR
    assert say(world, "email", "anna@x.example", "Телефон прежний", replies=(original,)).ticket == opening.ticket
    world.now = today + 24 * HOUR
    again = say(world, "email", "anna@x.example", PROBLEM)
    assert (again.ticket, link(again)[0]) == (opening.ticket, "content")


def test_another_number_in_an_answer_to_our_letter_does_not_ask_again(world: World) -> None:
    foreign = say(world, "telegram", "501", PROBLEM).ticket
    opening = say(world, "email", "anna@x.example", "Где мой загранпаспорт, статус не меняется неделю")
    acknowledgement = world.sent[-1][1]
    world.now += 30 * HOUR
    for text, kind in ((f"У мужа {foreign}, это другое", "follow_up"), (f"Что с {opening.ticket}?", "repeat")):
        event = {"channel": "email", "sender": "anna@x.example"}
        world.serial += 1
        written = Written(event, datetime.fromtimestamp(world.now, UTC), world.serial, text,
                          replies=(acknowledgement,), quoted=f"Обращение {opening.ticket} принято")  # fmt: skip
        (answer,) = world.take("email", *payloads.build(written))
        assert answer.envelope is not None
        assert (answer.ticket, answer.envelope["kind"]) == (opening.ticket, kind)


def test_a_greeting_before_a_command_is_a_part_of_no_envelope(world: World) -> None:
    units = [said(world, "telegram", "501", text) for text in ("Привет", "/start")]
    together = world.take("telegram", *units)
    apart = [say(world, "telegram", "501", "Привет"), say(world, "telegram", "501", "/start")]
    apart[0] = world.outcomes([3])[0]
    assert [(one.state, one.reason) for one in together] == [(one.state, one.reason) for one in apart]
    assert together[0].state == "ignored"


def test_answers_to_commands_are_erased_with_the_commands(world: World) -> None:
    for text in ("/start", PROBLEM, "/status"):
        say(world, "whatsapp", "79161234567", text)
    kept = select(outgoing.c.purpose).where(outgoing.c.content.is_not(None))
    assert len(world.parts.database.look_now(lambda conn: conn.execute(kept).all())) == 3
    world.now += 31 * 24 * HOUR
    erase_expired(world.parts)
    assert world.parts.database.look_now(lambda conn: conn.execute(kept).scalars().all()) == ["acknowledgement"]


def test_what_was_mended_in_the_quarantine_belongs_to_its_conversation(world: World) -> None:
    letter = said(world, "telegram", "501", PROBLEM)
    (row,) = world.journal("telegram", letter[:-1])
    world.work()
    world.now += HOUR
    assert quarantine.retry(world.parts, [row], letter) == {"enveloped": 1}
    world.send()
    (mended,) = world.outcomes([row])
    assert mended.envelope is not None
    follows = say(world, "telegram", "501", "И на второй телефон тоже не приходит")
    assert (follows.ticket, link(follows)) == (mended.ticket, ("conversation", "verified"))


def test_an_old_message_that_is_taken_in_late_does_not_join_what_was_opened_since(world: World) -> None:
    today = world.now
    world.now -= 10 * 24 * HOUR
    old = said(world, "telegram", "501", "Где мой загранпаспорт, статус не меняется неделю")
    world.now = today
    opening = say(world, "telegram", "501", PROBLEM)
    (late,) = world.take("telegram", old)
    assert link(late) == ("none", None)
    assert say(world, "telegram", "501", "И сегодня не приходит").ticket == opening.ticket
