"""VK: nothing is lost, gaps are filled from the histories, and answers arrive once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests  # noqa: F401 - its import takes a while, here and not within a test's time

from connectors import vk as module
from connectors import vk_api_calls, vk_gap
from connectors.base import AccountTrouble, ConnectorError, Fenced, Hook, Transient
from connectors.vk import Settings, Vk, create
from connectors.vk_gap import Known
from sandbox.vk import VkStandIn
from tests.connectors.intake import MemoryIntake, receiving, until, until_crash

ANNA, BORIS, CHAT = 1001, 1002, 2_000_000_005
SECRET = "s3cret"


@pytest.fixture
def vk() -> Iterator[VkStandIn]:
    with VkStandIn(seed=1, time_factor=0.01, per_second=0) as vk:
        yield vk


@pytest.fixture
def intake() -> MemoryIntake:
    return MemoryIntake("vk")


@pytest.fixture(autouse=True)
def quick_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vk_api_calls, "CALL_PAUSE", 0.0)


def connect(vk: VkStandIn, **more: Any) -> Vk:
    return create("c", Settings.model_validate({"token": vk.token, "group_id": vk.group_id, "api_url": vk.url, **more}))


def lost(vk: VkStandIn, intake: MemoryIntake) -> set[str]:
    """Messages of citizens that are not in the journal."""
    made = {one.native_id for one in vk.written if one.kind == "message_new"}
    return made - set(intake.rows)


def started(vk: VkStandIn) -> bool:
    return any(call.method == "a_check" for call in vk.calls)


# ---- receiving --------------------------------------------------------------------------------------------------


async def test_events_are_journalled_as_they_came_and_then_ts_moves(vk: VkStandIn, intake: MemoryIntake) -> None:
    async with receiving(connect(vk), intake):
        await until(lambda: started(vk))
        made = [vk.write((ANNA, BORIS)[at % 2], f"строка {at}") for at in range(40)]
        await until(lambda: all(one.confirmed_at for one in made))
    assert list(intake.rows) == [one.native_id for one in made]
    assert [json.loads(row) for row in intake.rows.values()] == [one.payload for one in made]


@pytest.mark.parametrize("ts_as", ["string", "number", "mixed"])
async def test_ts_may_be_a_string_or_a_number(intake: MemoryIntake, ts_as: Any) -> None:
    with VkStandIn(per_second=0, ts_as=ts_as) as vk:
        async with receiving(connect(vk), intake):
            await until(lambda: started(vk))
            for at in range(2):
                made = vk.write(ANNA, str(at))
                await until(lambda made=made: made.confirmed_at)
    assert len(intake.rows) == 2 and not intake.troubles


async def test_nothing_is_confirmed_while_the_database_is_away(vk: VkStandIn, intake: MemoryIntake) -> None:
    async with receiving(connect(vk), intake):
        await until(lambda: started(vk))
        intake.back.clear()
        made = vk.write(ANNA, "есть кто?")
        await until(lambda: made.deliveries)
        assert made.confirmed_at is None and not intake.rows
        intake.back.set()
        await until(lambda: made.confirmed_at)
    assert made.native_id in intake.rows


@pytest.mark.parametrize("step", ["before", "after"])
async def test_a_kill_around_a_commit_loses_nothing(vk: VkStandIn, intake: MemoryIntake, step: str) -> None:
    async with receiving(connect(vk), intake):
        await until(lambda: started(vk) and intake.healthy_count)
    for at in range(30):
        vk.write(ANNA, str(at))
    intake.crash_at(1, step)
    await until_crash(connect(vk), intake)
    async with receiving(connect(vk), intake):
        await until(lambda: not lost(vk, intake) and intake.healthy_count > 1)
    assert len(intake.rows) == 30


async def test_what_was_written_before_the_first_start_is_not_ours(vk: VkStandIn, intake: MemoryIntake) -> None:
    with vk.outage():
        vk.write(ANNA, "год назад")
    async with receiving(connect(vk), intake):
        await until(lambda: intake.healthy_count)
        made = vk.write(ANNA, "сегодня")
        await until(lambda: made.confirmed_at)
    assert set(intake.rows) == {made.native_id}


async def test_a_lost_lease_ends_the_loop(vk: VkStandIn, intake: MemoryIntake) -> None:
    intake.fenced = True
    connector = connect(vk)
    with pytest.raises(Fenced):
        await connector.receive(intake)
    await connector.close()


async def test_malformed_and_unknown_events_are_journalled_like_the_others(vk: VkStandIn, intake: MemoryIntake) -> None:
    vk.listening |= {"quite_new", "message_new"}
    async with receiving(connect(vk), intake):
        await until(lambda: started(vk))
        made = [
            vk.write(ANNA, "до"),
            vk.event("message_new", {"message": None}),
            vk.event("message_new", {"message": {"peer_id": "x", "date": "y"}}, without=["group_id"]),
            vk.event("message_new", None),
            vk.event("quite_new", [1, {"a": None}]),
            vk.write(ANNA, "после"),
        ]
        await until(lambda: all(one.confirmed_at for one in made))
    assert len(intake.rows) == len(made) and not intake.troubles


async def test_an_answer_that_cannot_be_read_is_kept_whole(vk: VkStandIn, intake: MemoryIntake) -> None:
    deep = b'{"ts":"1","updates":[' + b"[" * 5000 + b"]" * 5000 + b"]}"
    vk.faults.next("a_check", body=deep)
    async with receiving(connect(vk), intake):
        await until(lambda: deep in intake.rows.values())


@pytest.mark.parametrize(
    "lose",
    [
        lambda vk: vk.lose_history(),
        lambda vk: vk.lose_session(),
        lambda vk: (vk.expire_key(), vk.lose_history()),
    ],
    ids=["failed 1", "failed 3", "failed 2, then 1"],
)
async def test_a_gap_is_filled_from_the_histories(vk: VkStandIn, intake: MemoryIntake, lose: Any) -> None:
    async with receiving(connect(vk), intake):
        await until(lambda: started(vk))
        first = vk.write(ANNA, "до")
        await until(lambda: first.confirmed_at)
        with vk.outage():
            for at in range(250):
                vk.write(ANNA, f"в перерыве {at}")
            vk.write(BORIS, "впервые")
        lose(vk)
        await until(lambda: not lost(vk, intake))
        after = vk.write(ANNA, "после")
        await until(lambda: after.confirmed_at)
    order = [key for key in intake.rows if key.startswith(f"{ANNA}:")]
    assert order == sorted(order, key=lambda key: int(key.partition(":")[2]))
    assert set(intake.rows) == {one.native_id for one in vk.written}


async def test_the_key_alone_can_end(vk: VkStandIn, intake: MemoryIntake) -> None:
    async with receiving(connect(vk), intake):
        await until(lambda: started(vk))
        vk.expire_key()
        made = vk.write(ANNA, "с новым ключом")
        await until(lambda: made.confirmed_at)
    assert made.native_id in intake.rows and not intake.troubles


async def test_an_edit_that_fell_into_a_gap_is_found(vk: VkStandIn, intake: MemoryIntake) -> None:
    async with receiving(connect(vk), intake):
        await until(lambda: started(vk))
        old, kept = vk.write(ANNA, "ошибка входа"), vk.write(BORIS, "без правки")
        await until(lambda: old.confirmed_at and kept.confirmed_at)
        with vk.outage():
            vk.edit(old, "ошибка входа 503")
            fresh = vk.write(BORIS, "новое")
            vk.edit(fresh, "новое, с правкой")
        vk.lose_history()
        await until(lambda: not lost(vk, intake) and any(":edit:" in key for key in intake.rows))
    edits = [row for key, row in intake.rows.items() if ":edit:" in key]
    assert len(edits) == 1 and "503" in edits[0].decode()  # what was new and edited is one message
    assert "с правкой" in intake.rows[fresh.native_id].decode()


async def test_a_chat_that_may_not_be_read_keeps_no_other_conversation_waiting(
    vk: VkStandIn, intake: MemoryIntake
) -> None:
    async with receiving(connect(vk), intake):
        await until(lambda: started(vk))
        with vk.outage():
            vk.write(ANNA, "до чата")
            closed = vk.write(BORIS, "привет, бот", chat=CHAT)
        vk.closed.add(CHAT)
        vk.lose_session()
        await until(lambda: lost(vk, intake) == {closed.native_id})
        after = vk.write(ANNA, "после")
        await until(lambda: after.confirmed_at)
    assert not intake.troubles


async def test_a_crash_in_the_middle_of_a_backfill_loses_nothing(vk: VkStandIn, intake: MemoryIntake) -> None:
    async with receiving(connect(vk), intake):
        await until(lambda: started(vk))
        first = vk.write(ANNA, "до")
        await until(lambda: first.confirmed_at)
    with vk.outage():
        for at in range(20):
            vk.write(2000 + at, "в перерыве")
    vk.lose_session()
    intake.crash_at(3, "after")
    await until_crash(connect(vk), intake)
    assert lost(vk, intake)
    async with receiving(connect(vk), intake):
        await until(lambda: not lost(vk, intake))


async def test_an_outage_that_vk_does_not_admit_is_noticed_by_a_look(
    vk: VkStandIn, intake: MemoryIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.2)
    async with receiving(connect(vk), intake):
        await until(lambda: started(vk))
        first = vk.write(ANNA, "до")
        await until(lambda: first.confirmed_at)
        with vk.outage():
            vk.write(ANNA, "не дошло")
        vk.write(ANNA, "дошло")
        await until(lambda: not lost(vk, intake))


def test_only_what_stands_behind_the_known_is_known() -> None:
    known = Known()
    known.complete(1, 5)
    known.seen(1, 7)
    assert known.up_to(1) == 5
    known.seen(1, 6)
    known.seen(1, 7)
    known.seen(2, 1)
    assert (known.up_to(1), known.up_to(2)) == (7, 0)


async def test_a_long_message_is_fetched_whole_before_the_journal(vk: VkStandIn, intake: MemoryIntake) -> None:
    text = "длинно " * 1000
    async with receiving(connect(vk), intake):
        await until(lambda: started(vk))
        vk.faults.next("messages.getById", code=10)
        made = vk.write(ANNA, text)
        await until(lambda: made.confirmed_at)
    assert json.loads(intake.rows[made.native_id])["object"]["message"]["text"] == text


async def test_a_long_message_that_nobody_gives_whole_blocks_nothing(
    vk: VkStandIn, intake: MemoryIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vk_gap, "MOST_FAILS", 2)
    async with receiving(connect(vk), intake):
        await until(lambda: started(vk))
        vk.faults.next("messages.getById", times=1000, code=10)
        made = vk.write(ANNA, "длинно " * 1000)
        await until(lambda: made.native_id in intake.rows, 20)


async def test_a_used_up_quota_holds_up_no_message_behind_a_long_one(vk: VkStandIn, intake: MemoryIntake) -> None:
    """VK asks to wait for an hour; so long everybody's messages waited. The rest is an attachment, fetched later."""
    async with receiving(connect(vk), intake):
        await until(lambda: started(vk))
        vk.faults.next("messages.getById", times=1000, code=29)
        made, behind = vk.write(ANNA, "длинно " * 1000), vk.write(ANNA, "коротко")
        await until(lambda: behind.native_id in intake.rows)
    message = json.loads(intake.rows[made.native_id])["object"]["message"]
    assert message["is_cropped"] is True
    vk.faults.next("messages.getById", code=29)
    with pytest.raises(Transient):
        _ = [piece async for piece in connect(vk).fetch({"message": message}, 10**6)]


@pytest.mark.parametrize("code", [5, 14, 29, 203])
async def test_a_long_message_that_is_refused_for_long_keeps_no_other_waiting(
    vk: VkStandIn, intake: MemoryIntake, code: int
) -> None:
    async with receiving(connect(vk), intake):
        await until(lambda: started(vk))
        vk.faults.next("messages.getById", times=1000, code=code)
        made = vk.write(ANNA, "длинно " * 1000)
        after = vk.write(BORIS, "коротко")
        await until(lambda: made.confirmed_at and after.confirmed_at)
    assert not intake.troubles and json.loads(intake.rows[made.native_id])["object"]["message"]["is_cropped"]


@pytest.mark.parametrize(
    ("method", "fault", "kind", "says"),
    [
        ("a_check", {"body": b'{"failed":9}'}, Transient, "again and again"),
        ("a_check", {"html": True}, Transient, "502"),
        ("a_check", {"drop": True}, Transient, "cannot be reached"),
        ("a_check", {"body": b"<html>"}, Transient, "no JSON"),
        ("a_check", {"body": b'{"ts":null,"updates":[]}'}, Transient, "without ts"),
        ("groups.getLongPollServer", {"code": 10}, Transient, "(10)"),
        ("groups.getLongPollServer", {"code": 5}, AccountTrouble, "(5)"),
        ("groups.getLongPollServer", {"code": 15}, AccountTrouble, "(15)"),
        ("groups.getLongPollServer", {"html": True}, Transient, "502"),
        ("groups.getLongPollServer", {"body": b'{"response":{}}'}, Transient, "no long poll server"),
    ],
)
async def test_a_trouble_is_said_and_passes(
    vk: VkStandIn, intake: MemoryIntake, method: str, fault: dict[str, Any], kind: type[ConnectorError], says: str
) -> None:
    vk.faults.next(method, **fault)
    async with receiving(connect(vk), intake):
        await until(lambda: intake.healthy_count and intake.troubles)
        made = vk.write(ANNA, "дойдёт")
        await until(lambda: made.confirmed_at)
    assert isinstance(intake.troubles[0], kind) and says in str(intake.troubles[0])
    assert vk.token not in intake.texts() and "127.0.0.1" not in intake.texts() and not lost(vk, intake)


async def test_a_revoked_token_makes_no_busy_loop(vk: VkStandIn, intake: MemoryIntake) -> None:
    vk.revoke()
    async with receiving(connect(vk), intake):
        await until(lambda: len(intake.troubles) >= 4)
        assert len(vk.calls) <= len(intake.troubles) + 1
        vk.restore()
        await until(lambda: intake.healthy_count)


async def test_a_hung_socket_is_given_up(vk: VkStandIn, intake: MemoryIntake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vk_api_calls, "READ_SECONDS", 0.3)
    vk.faults.next("groups.getLongPollServer", hang=30)
    async with receiving(connect(vk), intake):
        await until(lambda: intake.healthy_count)
    assert "ReadTimeout" in intake.texts()


async def trickling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer that comes byte by byte and has no end within the test."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{")
    try:
        for _ in range(300):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)
    except ConnectionError:
        return
    finally:
        writer.close()  # also at the end of the test, which cancels this


@pytest.mark.parametrize("of", ["long poll", "API"])
async def test_an_answer_that_trickles_is_given_up(
    vk: VkStandIn, intake: MemoryIntake, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    monkeypatch.setattr(vk_api_calls, "CALL_SECONDS", 0.5)
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    async with await asyncio.start_server(trickling, "127.0.0.1") as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        connector = connect(vk)
        if of == "API":
            real, vk_url = vk_api_calls._adapter, connector.settings.api_url
            led: list[str] = [vk_url, url]
            monkeypatch.setattr(vk_api_calls, "_adapter", lambda to: real(to and led.pop()))
        else:
            body = {"response": {"server": f"{url}/longpoll", "key": "k", "ts": "1"}}
            vk.faults.next("groups.getLongPollServer", body=json.dumps(body).encode())
        async with receiving(connector, intake):
            await until(lambda: intake.troubles and intake.healthy_count, 5)
    assert ("in time" if of == "API" else "TimeoutError") in intake.texts()


# ---- Callback API -----------------------------------------------------------------------------------------------


def callback(vk: VkStandIn) -> Vk:
    return connect(vk, mode="callback", confirmation="a1b2", secret=SECRET)


def post(event: Any) -> Hook:
    return Hook("POST", {}, {}, event if isinstance(event, bytes) else json.dumps(event).encode())


def test_an_event_is_answered_ok_and_journalled_without_the_secret(vk: VkStandIn) -> None:
    event = {"type": "message_new", "group_id": vk.group_id, "object": {"message": {"text": "да"}}}
    answer = callback(vk).hook(post({**event, "secret": SECRET}))
    assert (answer.status, answer.body) == (200, "ok")
    assert [json.loads(payload) for payload in answer.payloads] == [event]


def test_the_confirmation_is_answered_with_the_communitys_string(vk: VkStandIn) -> None:
    for secret in ({}, {"secret": SECRET}):
        answer = callback(vk).hook(post({"type": "confirmation", "group_id": vk.group_id, **secret}))
        assert (answer.status, answer.body, answer.payloads) == (200, "a1b2", ())
    assert callback(vk).hook(post({"type": "confirmation", "group_id": 5, "secret": SECRET})).status == 403


@pytest.mark.parametrize("secret", [None, "", "s3cre", "S3cret", "é", "\ud800", 5, [SECRET]])
def test_an_event_without_the_secret_is_refused(vk: VkStandIn, secret: Any) -> None:
    event = {"type": "message_new", "group_id": vk.group_id, **({} if secret is None else {"secret": secret})}
    answer = callback(vk).hook(post(event))
    assert (answer.status, answer.payloads) == (403, ())


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"\xff\xfe", b"{", b"[" * 2000])
def test_a_body_that_is_no_event_is_refused(vk: VkStandIn, body: bytes) -> None:
    assert callback(vk).hook(post(body)).status == 403


def test_an_authentic_event_that_nobody_can_read_is_taken(vk: VkStandIn) -> None:
    body = b'{"type":"message_new","secret":"s3cret","object":' + b"[" * 2000 + b"]" * 2000 + b"}"
    answer = callback(vk).hook(post(body))
    assert (answer.status, answer.body, len(answer.payloads)) == (200, "ok", 1)
    assert SECRET.encode() not in answer.payloads[0]
    long = b'{"type":"message_new","secret":"s3cret","n":' + b"9" * 5000 + b"}"
    assert callback(vk).hook(post(long)).status == 200
