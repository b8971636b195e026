"""A desk's answer and the search's index, when any transaction of theirs fails."""

import json
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from ledger.errors import LedgerAway
from ledger.schema import messages, outbox, outgoing, search_words, tickets
from pipeline.housekeeping import Housekeeping
from pipeline.replies import accept_reply
from pipeline.search_index import SearchIndex
from router.asyncapi import EVENT_TYPE
from router.replies import DeskReply
from tests.linking.world import PROBLEM, World, said
from tests.pipeline.faulty import cutting

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("after", [False, True], ids=["nothing was kept", "the answer was cut off"])
def test_an_answer_whose_transaction_failed_is_owed_once(world: World, after: bool) -> None:
    (outcome,) = world.take("telegram", said(world, "telegram", "1001", PROBLEM))
    file = {"name": "a.txt", "media_type": "text/plain", "data": "YQ=="}
    reply = DeskReply.model_validate(
        {"id": "r1", "ticket": outcome.ticket, "text": "Ответ", "attachments": [file], "close": True}
    )
    with cutting(world.parts.database, 1, 3, after=after) as cuts:
        tries = 0
        while True:
            tries += 1
            try:
                assert accept_reply(world.parts, reply) is None
                break
            except LedgerAway:
                assert tries < 5
    assert cuts.count
    assert accept_reply(world.parts, reply) is None, "what comes again was accepted before"
    owed = select(func.count()).where(outgoing.c.reply_id == "r1")
    closed = select(func.count()).where(outbox.c.kind == "closed")
    assert world.parts.database.look_now(lambda conn: conn.execute(owed).scalar_one()) == 1
    assert world.parts.database.look_now(lambda conn: conn.execute(closed).scalar_one()) == 1


@pytest.mark.parametrize("text", ["", "Готово"], ids=["that only closes", "that answers too"])
def test_a_closing_reply_that_comes_again_leaves_open_what_the_citizen_opened_anew(world: World, text: str) -> None:
    (opening,) = world.take("telegram", said(world, "telegram", "1001", PROBLEM))
    reply = DeskReply(id="r1", ticket=opening.ticket, text=text, close=True, in_reply_to=None)
    assert accept_reply(world.parts, reply) is None
    assert _state(world) == "closed"
    world.send()
    world.now += 60
    world.take("telegram", said(world, "telegram", "1001", f"По обращению {opening.ticket}: опять не работает"))
    assert _state(world) == "open"
    assert accept_reply(world.parts, reply) is None
    assert _state(world) == "open"
    assert accept_reply(world.parts, reply.model_copy(update={"id": "r2"})) is None
    assert _state(world) == "closed"


def _state(world: World) -> str:
    (state,) = world.parts.database.look_now(lambda conn: conn.execute(select(tickets.c.state)).scalars().all())
    return str(state)


@pytest.mark.parametrize("after", [False, True], ids=["nothing was kept", "the answer was cut off"])
def test_a_message_whose_indexing_failed_is_found_all_the_same(world: World, after: bool) -> None:
    index = SearchIndex(world.parts)
    for number in range(3):
        world.take("telegram", said(world, "telegram", str(1001 + number), PROBLEM))
        with cutting(world.parts.database, 1, 2, after=after):
            for _ in range(4):
                try:
                    index.round()
                except LedgerAway:
                    continue
        world.now += 100  # behind what is settled nothing is looked for again
    staged = set(world.parts.database.look_now(lambda conn: conn.execute(select(messages.c.id)).scalars().all()))
    found = select(search_words.c.message_id).distinct()
    assert set(world.parts.database.look_now(lambda conn: conn.execute(found).scalars().all())) == staged


def test_a_letter_that_comes_back_marks_the_answer_as_failed_and_the_desk_is_told(world: World) -> None:
    (outcome,) = world.take("email", said(world, "email", "ivan@mail.example", PROBLEM))
    assert world.answer(outcome.ticket) is None
    owed, native_id = world.sent[-1]
    head = f"From: MAILER-DAEMON@mail.example\nIn-Reply-To: <{native_id}>\nMessage-ID: <{owed.id}@mail.example>\n"
    report = "Your message could not be delivered: 550 5.1.1 user unknown: ivan@mail.example\n"
    (bounce,) = world.take("email", f"{head}Subject: Undelivered Mail Returned to Sender\n\n{report}".encode())
    assert bounce.ticket == outcome.ticket
    found = select(outgoing.c.state, outgoing.c.reason).where(outgoing.c.reply_id == owed.reply_id)
    event = select(outbox.c.body).where(outbox.c.exchange == "events", outbox.c.kind == "failed")
    (state, reason), body = world.parts.database.look_now(
        lambda conn: (tuple(conn.execute(found).one()), json.loads(bytes(conn.execute(event).scalar_one())))
    )
    assert (state, reason) == ("failed", "a mail server returned the letter (5.1.1)")
    assert (body["ticket"], body["reply_id"], body["reason"]) == (outcome.ticket, owed.reply_id, reason)


def test_only_of_an_answer_it_is_told_that_it_was_delivered(world: World) -> None:
    (outcome,) = world.take("whatsapp", said(world, "whatsapp", "79161234567", PROBLEM))
    world.send()
    acknowledgement = world.sent[-1][1]
    assert world.answer(outcome.ticket) is None
    owed, answer = world.sent[-1]
    shape = json.loads((GOLDEN / "whatsapp" / "status_delivered.json").read_text(encoding="utf-8"))
    for native_id in (acknowledgement, answer):
        shape["entry"][0]["changes"][0]["value"]["statuses"][0]["id"] = native_id
        world.take("whatsapp", json.dumps(shape).encode())
    states = select(outgoing.c.state).where(outgoing.c.ticket == outcome.ticket)
    events = select(outbox.c.body, outbox.c.type, outbox.c.channel).where(outbox.c.kind == "delivered")
    found, rows = world.parts.database.look_now(
        lambda conn: (conn.execute(states).scalars().all(), conn.execute(events).all())
    )
    assert found == ["delivered", "delivered"]
    (row,) = rows
    event = json.loads(bytes(row.body))
    assert (event["reply_id"], event["state"], event["channel"]) == (owed.reply_id, "delivered", "whatsapp")
    assert (row.type, row.channel) == (EVENT_TYPE, "whatsapp"), "the AMQP type and header, as AsyncAPI says"


def test_an_answer_under_the_id_of_another_tickets_answer_is_refused_and_not_lost_in_silence(world: World) -> None:
    (first,) = world.take("telegram", said(world, "telegram", "1001", PROBLEM))
    (second,) = world.take("telegram", said(world, "telegram", "1002", PROBLEM))
    reply = DeskReply(id="42", ticket=first.ticket, text="Готово", in_reply_to=None)
    assert accept_reply(world.parts, reply) is None
    assert accept_reply(world.parts, reply) is None
    other = reply.model_copy(update={"ticket": second.ticket})
    assert accept_reply(world.parts, other) == "a reply to another ticket has this id"
    assert _failures(world) == [(second.ticket, "42", "a reply to another ticket has this id")]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (None, "the citizen wrote by the portal: there is no e-mail address, or no e-mail channel that can send"),
        ("261122-999999-0", "no ticket has this number"),
    ],
    ids=["nowhere to send it", "no such ticket"],
)
def test_an_answer_that_never_will_be_sent_ends_as_failed_with_the_reason(
    world: World, number: str | None, reason: str
) -> None:
    (outcome,) = world.take("portal", said(world, "portal", "cabinet:1", PROBLEM, via="cabinet"))
    reply = DeskReply(id="r1", ticket=number or outcome.ticket, text="Готово", in_reply_to=None)
    assert accept_reply(world.parts, reply) == reason
    assert _failures(world) == [(reply.ticket, "r1", reason)]


def _failures(world: World) -> list[tuple[str, str, str]]:
    query = select(outbox.c.body).where(outbox.c.exchange == "events", outbox.c.kind == "failed")
    found = world.parts.database.look_now(lambda conn: conn.execute(query).scalars().all())
    told = [json.loads(bytes(body)) for body in found]
    return [(event["ticket"], event["reply_id"], event["reason"]) for event in told]


def _answer(world: World, ticket: str, name: str) -> int:
    assert (
        accept_reply(world.parts, DeskReply(id=name, ticket=ticket, text="Ответ", close=False, in_reply_to=None))
        is None
    )
    found = select(outgoing.c.seq).where(outgoing.c.reply_id == name)
    return int(world.parts.database.look_now(lambda conn: conn.execute(found).scalar_one()))


def _fail(world: World, seq: int) -> None:
    """As a platform may say even of what it took before."""
    failed = update(outgoing).where(outgoing.c.seq == seq).values(state="failed")
    world.parts.database.run_now(lambda conn: conn.execute(failed))


def _waits(world: World, ticket: str) -> tuple[float | None, ...]:
    columns = tickets.c.waiting_since, tickets.c.answer_by, tickets.c.answered_at
    found = select(*columns).where(tickets.c.number == ticket)
    return tuple(world.parts.database.look_now(lambda conn: conn.execute(found).one()))


def test_a_ticket_whose_answer_failed_waits_as_before(world: World) -> None:
    """The desk's queue had lost it, and `/status` told the citizen of an answer that he never got."""
    (opening,) = world.take("telegram", said(world, "telegram", "1001", PROBLEM))
    before = _waits(world, opening.ticket)
    assert None not in before[:2]
    seq = _answer(world, opening.ticket, "r1")
    Housekeeping(world.parts).round()
    assert _waits(world, opening.ticket) == (None, None, world.now), "it is on its way"
    _fail(world, seq)
    Housekeeping(world.parts).round()
    assert _waits(world, opening.ticket) == before
    world.now += 26 * 3600
    (again,) = world.take("telegram", said(world, "telegram", "1001", f"Обращение {opening.ticket}, ответа нет"))
    assert again.envelope is not None and again.envelope["kind"] == "repeat"


@pytest.mark.parametrize("failing", ["the first", "the second", "both", "the second, then the first"])
def test_of_two_answers_one_that_arrives_is_enough(world: World, failing: str) -> None:
    (opening,) = world.take("telegram", said(world, "telegram", "1001", PROBLEM))
    before = _waits(world, opening.ticket)
    first = _answer(world, opening.ticket, "r1")
    world.now += 60
    second = _answer(world, opening.ticket, "r2")
    order = {"the first": [first], "the second": [second], "both": [first, second]}.get(failing, [second, first])
    for seq in order:
        _fail(world, seq)
        world.now += 60
        Housekeeping(world.parts).round()
    one_arrived = len(order) == 1
    assert _waits(world, opening.ticket)[:2] == ((None, None) if one_arrived else before[:2])


def test_who_wrote_again_behind_a_failed_answer_waits_since_his_first_message(world: World) -> None:
    (opening,) = world.take("telegram", said(world, "telegram", "1001", PROBLEM))
    since, due, _ = _waits(world, opening.ticket)
    seq = _answer(world, opening.ticket, "r1")
    world.now += 600
    world.take("telegram", said(world, "telegram", "1001", "Всё ещё не работает, помогите"))
    _fail(world, seq)
    Housekeeping(world.parts).round()
    assert _waits(world, opening.ticket) == (since, due, None)


def test_a_closed_ticket_whose_answer_failed_stays_closed(world: World) -> None:
    (opening,) = world.take("telegram", said(world, "telegram", "1001", PROBLEM))
    seq = _answer(world, opening.ticket, "r1")
    assert world.answer(opening.ticket, close=True, text="") is None
    _fail(world, seq)
    Housekeeping(world.parts).round()
    assert _state(world) == "closed" and _waits(world, opening.ticket)[0] is None


def test_a_ticket_closed_with_an_answer_that_failed_is_open_again_and_whoever_listens_is_told(world: World) -> None:
    """Nobody looked at it any more, and the citizen, who had no answer, was forgotten with it."""
    (opening,) = world.take("telegram", said(world, "telegram", "1001", PROBLEM))
    before = _waits(world, opening.ticket)
    reply = DeskReply(id="r1", ticket=opening.ticket, text="Готово", close=True, in_reply_to=None)
    assert accept_reply(world.parts, reply) is None
    Housekeeping(world.parts).round()
    assert _state(world) == "closed", "it is on its way"
    found = select(outgoing.c.seq).where(outgoing.c.reply_id == "r1")
    _fail(world, int(world.parts.database.look_now(lambda conn: conn.execute(found).scalar_one())))
    for _ in range(2):
        Housekeeping(world.parts).round()
    assert _state(world) == "open" and _waits(world, opening.ticket) == before
    event = select(outbox.c.body).where(outbox.c.exchange == "events", outbox.c.kind == "reopened")
    body = json.loads(bytes(world.parts.database.look_now(lambda conn: conn.execute(event).scalar_one())))
    assert (body["ticket"], body["reply_id"]) == (opening.ticket, "r1")
    assert accept_reply(world.parts, reply) is None
    assert _state(world) == "open", "the same answer again closes nothing"
    assert accept_reply(world.parts, reply.model_copy(update={"id": "r2", "text": ""})) is None
    Housekeeping(world.parts).round()
    assert _state(world) == "closed", "a desk that knows of it may close it all the same"
