"""The Telegram stand-in behaves as the Bot API's documentation says, unpleasant sides included."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from sandbox.telegram import TelegramStandIn
from tests.sandbox.receiver import Receiver


@pytest.fixture
def telegram() -> Iterator[TelegramStandIn]:
    with TelegramStandIn(seed=1, time_factor=0.01) as telegram:
        yield telegram


def call(telegram: TelegramStandIn, method: str, **params: Any) -> dict[str, Any]:
    answer = httpx.post(f"{telegram.url}/bot{telegram.token}/{method}", json=params, timeout=20)
    body: dict[str, Any] = answer.json()
    assert answer.status_code == body.get("error_code", 200)
    return body


def poll(telegram: TelegramStandIn, **params: Any) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = call(telegram, "getUpdates", **params)["result"]
    return result


def test_an_update_is_given_again_until_a_higher_offset_confirms_it(telegram: TelegramStandIn) -> None:
    anna = telegram.user(11)
    first, second = telegram.text(anna, "раз"), telegram.text(anna, "два")
    assert [update["message"]["text"] for update in poll(telegram)] == ["раз", "два"]
    assert len(poll(telegram)) == 2
    assert first.confirmed_at is None
    assert [update["message"]["text"] for update in poll(telegram, offset=int(second.key))] == ["два"]
    assert first.confirmed_at is not None and second.confirmed_at is None
    assert poll(telegram, offset=int(second.key) + 1) == []
    assert [len(made.deliveries) for made in (first, second)] == [2, 3]
    assert poll(telegram, offset=0) == []


def test_a_negative_offset_gives_the_last_ones_and_forgets_the_rest(telegram: TelegramStandIn) -> None:
    anna = telegram.user(11)
    made = [telegram.text(anna, str(at)) for at in range(5)]
    assert [update["message"]["text"] for update in poll(telegram, offset=-2)] == ["3", "4"]
    assert [each.confirmed_at is not None for each in made] == [True, True, True, False, False]


def test_the_limit_lies_between_one_and_a_hundred(telegram: TelegramStandIn) -> None:
    anna = telegram.user(11)
    for at in range(120):
        telegram.text(anna, str(at))
    assert [len(poll(telegram, limit=limit)) for limit in (1, 100, 1000, 0)] == [1, 100, 100, 100]


def test_a_long_poll_waits_for_a_message_and_no_longer(telegram: TelegramStandIn) -> None:
    anna = telegram.user(11)
    threading.Timer(0.3, lambda: telegram.text(anna, "дождались")).start()
    begun = telegram.now()
    assert [update["message"]["text"] for update in poll(telegram, timeout=10)] == ["дождались"]
    assert 0.25 < telegram.now() - begun < 3
    offset = int(telegram.written[-1].key) + 1
    begun = telegram.now()
    assert poll(telegram, offset=offset, timeout=1) == []
    assert 0.95 < telegram.now() - begun < 3


def test_the_older_of_two_polls_gets_the_conflict(telegram: TelegramStandIn) -> None:
    anna = telegram.user(11)
    with ThreadPoolExecutor(2) as pool:
        older = pool.submit(call, telegram, "getUpdates", timeout=10)
        telegram.wait_for(lambda: len(telegram.calls) == 1)
        newer = pool.submit(call, telegram, "getUpdates", timeout=10)
        assert older.result(5)["error_code"] == 409
        telegram.text(anna, "кому?")
        assert len(newer.result(5)["result"]) == 1
    assert telegram.conflicts == 1


def test_allowed_updates_stay_in_force_and_others_are_never_delivered(telegram: TelegramStandIn) -> None:
    anna = telegram.user(11)
    assert telegram.push("message_reaction", {}).withheld == "kind not allowed"
    assert poll(telegram, allowed_updates=["message", "message_reaction"]) == []
    said = telegram.text(anna, "привет")
    edit = telegram.edit(said, "привет!")
    reaction = telegram.push("message_reaction", {"new_reaction": []})
    assert [set(update) - {"update_id"} for update in poll(telegram)] == [{"message"}, {"message_reaction"}]
    assert edit.withheld == "kind not allowed" and reaction.withheld is None


def test_updates_are_kept_for_a_day(telegram: TelegramStandIn) -> None:
    lost = telegram.text(telegram.user(11), "рано")
    telegram.advance(25 * 3600)
    kept = telegram.text(telegram.user(11), "поздно")
    assert [update["update_id"] for update in poll(telegram)] == [int(kept.key)]
    assert lost.withheld == "older than 24 h"


def test_after_a_quiet_week_a_high_offset_confirms_nothing(telegram: TelegramStandIn) -> None:
    anna = telegram.user(11)
    old = telegram.text(anna, "до")
    offset = int(old.key) + 1
    poll(telegram, offset=offset)
    telegram.quiet_week()
    new = telegram.text(anna, "после")
    assert int(new.key) < offset
    assert [update["update_id"] for update in poll(telegram, offset=offset)] == [int(new.key)]
    assert new.confirmed_at is None
    assert poll(telegram, offset=int(new.key) + 1) == []


def test_a_revoked_token_is_401_even_for_a_poll_that_waits(telegram: TelegramStandIn) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(call, telegram, "getUpdates", timeout=10)
        telegram.wait_for(lambda: len(telegram.calls) == 1)
        telegram.revoke()
        assert waiting.result(5)["error_code"] == 401
    assert call(telegram, "getMe")["error_code"] == 401
    telegram.restore()
    assert call(telegram, "getMe")["result"]["id"] == 7000000001
    assert httpx.get(f"{telegram.url}/botnonsense/getMe").status_code == 404
    assert call(telegram, "noSuchMethod")["error_code"] == 404


def test_faults_come_as_scripted(telegram: TelegramStandIn) -> None:
    anna = telegram.user(11)
    telegram.faults.next("getUpdates", status=502, html=True)
    telegram.faults.next("sendMessage", code=429, retry_after=7)
    telegram.faults.next("sendMessage", drop=True, after=True)
    telegram.faults.next("getMe", drop=True)
    telegram.faults.next("getMe", cut=5)
    broken = httpx.get(f"{telegram.url}/bot{telegram.token}/getUpdates")
    assert (broken.status_code, broken.headers["content-type"][:9]) == (502, "text/html")
    refused = call(telegram, "sendMessage", chat_id=anna["id"], text="раз")
    assert refused["parameters"] == {"retry_after": 7} and telegram.sent == []
    with pytest.raises(httpx.RemoteProtocolError):
        call(telegram, "sendMessage", chat_id=anna["id"], text="два")
    assert [sent.text for sent in telegram.sent] == ["два"]  # the platform has acted: only the answer is lost
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            call(telegram, "getMe")
    assert call(telegram, "getMe")["ok"]
    assert telegram.faults.fired == {"getUpdates": 1, "sendMessage": 2, "getMe": 2}


def test_a_platform_that_is_down_keeps_its_state_and_its_port(telegram: TelegramStandIn) -> None:
    telegram.text(telegram.user(11), "до остановки")
    telegram.stop()
    with pytest.raises(httpx.ConnectError):
        call(telegram, "getMe")
    telegram.start()
    assert len(poll(telegram)) == 1


def test_sending_is_checked_as_the_platform_checks_it(telegram: TelegramStandIn) -> None:
    anna, boris = telegram.user(11), telegram.user(12)
    said = telegram.text(anna, "вопрос").message["message_id"]
    telegram.block(boris)

    def refused(**params: Any) -> tuple[int, str]:
        body = call(telegram, "sendMessage", **params)
        return body["error_code"], body["description"]

    assert refused(chat_id=999, text="а") == (400, "Bad Request: chat not found")
    assert refused(chat_id=12, text="а") == (403, "Forbidden: bot was blocked by the user")
    assert refused(chat_id=11, text="  ") == (400, "Bad Request: message text is empty")
    assert refused(chat_id=11, text="я" * 4097) == (400, "Bad Request: message is too long")
    assert refused(chat_id=11, text="😀" * 2049) == (400, "Bad Request: message is too long")
    no_such = {"message_id": 77}
    assert refused(chat_id=11, text="а", reply_parameters=no_such)[1] == "Bad Request: message to be replied not found"
    long_data = {"inline_keyboard": [[{"text": "а", "callback_data": "x" * 65}]]}
    assert refused(chat_id=11, text="а", reply_markup=long_data)[1] == "Bad Request: BUTTON_DATA_INVALID"
    assert telegram.sent == []
    ok = call(telegram, "sendMessage", chat_id=11, text="ответ", reply_parameters={"message_id": said})["result"]
    assert ok["reply_to_message"]["text"] == "вопрос"
    assert telegram.shown_to(11) == ["ответ"]
    telegram.group(-5, kind="group")
    telegram.migrate(-5, -1005)
    moved = call(telegram, "sendMessage", chat_id=-5, text="а")
    assert moved["parameters"] == {"migrate_to_chat_id": -1005}


def test_form_and_query_parameters_count_as_json_ones_do(telegram: TelegramStandIn) -> None:
    telegram.user(11)
    base = f"{telegram.url}/bot{telegram.token}/sendMessage"
    form = {"chat_id": "11", "text": "форма", "reply_markup": '{"inline_keyboard": []}'}
    assert httpx.post(base, data=form).json()["ok"]
    assert httpx.get(base, params={"chat_id": 11, "text": "строка"}).json()["ok"]
    assert httpx.post(base, files={"x": b"1"}, data={"chat_id": "11", "text": "части"}).json()["ok"]
    assert telegram.shown_to(11) == ["форма", "строка", "части"]


def test_a_chat_written_to_too_often_answers_429() -> None:
    with TelegramStandIn(chat_pause=5) as telegram:
        telegram.user(11)
        telegram.user(12)
        assert call(telegram, "sendMessage", chat_id=11, text="раз")["ok"]
        assert call(telegram, "sendMessage", chat_id=12, text="раз")["ok"]
        assert call(telegram, "sendMessage", chat_id=11, text="два")["parameters"]["retry_after"] == 5
        telegram.advance(5)
        assert call(telegram, "sendMessage", chat_id=11, text="два")["ok"]


def test_a_files_link_is_good_for_an_hour_and_twenty_megabytes(telegram: TelegramStandIn) -> None:
    anna = telegram.user(11)
    file_id = telegram.document(anna, b"%PDF-1.4 scan", "справка.pdf").message["document"]["file_id"]
    path = call(telegram, "getFile", file_id=file_id)["result"]["file_path"]
    link = f"{telegram.url}/file/bot{telegram.token}/{path}"
    assert httpx.get(link).content == b"%PDF-1.4 scan"
    telegram.advance(3601)
    assert httpx.get(link).status_code == 404
    fresh = call(telegram, "getFile", file_id=file_id)["result"]["file_path"]
    assert httpx.get(f"{telegram.url}/file/bot{telegram.token}/{fresh}").status_code == 200
    huge = telegram.file(b"x", size=20 * 1024 * 1024 + 1)
    assert call(telegram, "getFile", file_id=huge.file_id)["description"] == "Bad Request: file is too big"


def test_an_album_is_several_messages_of_one_group(telegram: TelegramStandIn) -> None:
    telegram.album(telegram.user(11), [b"1" * 30, b"2" * 30, b"3" * 30], "три листа")
    messages = [update["message"] for update in poll(telegram)]
    assert len({message["media_group_id"] for message in messages}) == 1
    assert [message.get("caption") for message in messages] == ["три листа", None, None]


def test_a_button_press_is_answered_once(telegram: TelegramStandIn) -> None:
    anna = telegram.user(11)
    sent = call(telegram, "sendMessage", chat_id=11, text="?", reply_markup={"inline_keyboard": []})["result"]
    made = telegram.press(anna, sent["message_id"], "new")
    query = poll(telegram)[0]["callback_query"]
    assert made.native_id == f"callback:{query['id']}" and query["data"] == "new"
    assert call(telegram, "answerCallbackQuery", callback_query_id=query["id"])["ok"]
    assert call(telegram, "answerCallbackQuery", callback_query_id=query["id"])["error_code"] == 400


def test_the_same_offset_asked_again_at_once_is_answered_slowly() -> None:
    with TelegramStandIn(slow_repeats=True, time_factor=0.1) as telegram:
        poll(telegram, offset=5)
        begun = telegram.now()
        poll(telegram, offset=5)
        assert telegram.now() - begun > 0.28
        begun = telegram.now()
        poll(telegram, offset=6)
        assert telegram.now() - begun < 0.25


def test_a_webhook_delivers_with_the_secret_until_200_and_keeps_order_in_a_chat(telegram: TelegramStandIn) -> None:
    with Receiver(statuses=[503, 500]) as bot:
        assert call(telegram, "setWebhook", url=f"{bot.url}/hooks/tg", secret_token="s3cret")["ok"]
        conflict = call(telegram, "getUpdates")
        assert conflict["error_code"] == 409 and "webhook is active" in conflict["description"]
        anna = telegram.user(11)
        first, second = telegram.text(anna, "раз"), telegram.text(anna, "два")
        assert telegram.wait_for(lambda: second.confirmed_at is not None)
        assert [each.json["message"]["text"] for each in bot.requests] == ["раз", "раз", "раз", "два"]
        assert {each.headers["x-telegram-bot-api-secret-token"] for each in bot.requests} == {"s3cret"}
        assert first.confirmed_at is not None and len(first.deliveries) == 3
        assert call(telegram, "getWebhookInfo")["result"]["pending_update_count"] == 0
        assert call(telegram, "deleteWebhook")["ok"]
        telegram.text(anna, "три")
        assert [update["message"]["text"] for update in poll(telegram)] == ["три"]


def test_a_secret_with_other_characters_is_refused(telegram: TelegramStandIn) -> None:
    assert call(telegram, "setWebhook", url="http://127.0.0.1:1/", secret_token="пароль")["error_code"] == 400


def test_aiogram_works_against_it(telegram: TelegramStandIn) -> None:
    from aiogram import Bot
    from aiogram.client.session.aiohttp import AiohttpSession
    from aiogram.client.telegram import TelegramAPIServer
    from aiogram.exceptions import TelegramForbiddenError, TelegramRetryAfter
    from aiogram.types import BotCommand, BufferedInputFile, InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters

    anna = telegram.user(11, username="anna")
    telegram.text(anna, "/start")
    telegram.album(anna, [b"1" * 30, b"2" * 30], "подпись")
    telegram.voice(anna, b"OggS")
    document = telegram.document(anna, b"%PDF", "a.pdf")

    async def talk() -> None:
        bot = Bot(telegram.token, session=AiohttpSession(api=TelegramAPIServer.from_base(telegram.url)))
        async with bot:
            assert (await bot.get_me()).username == "priemnaya_bot"
            updates = await bot.get_updates(timeout=1)
            assert len(updates) == 5 and updates[0].message is not None and updates[0].message.entities
            button = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Новое", callback_data="new")]])
            reply = ReplyParameters(message_id=1)
            sent = await bot.send_message(11, "номер 1", reply_parameters=reply, reply_markup=button)
            telegram.press(anna, sent.message_id, "new")
            [pressed] = await bot.get_updates(offset=updates[-1].update_id + 1)
            assert pressed.callback_query is not None
            assert await pressed.callback_query.answer()
            await bot.send_document(11, BufferedInputFile("ответ".encode(), "ответ.txt"), caption="файл")
            await bot.set_my_commands([BotCommand(command="new", description="новое обращение")])
            assert [each.command for each in await bot.get_my_commands()] == ["new"]
            file = await bot.get_file(document.message["document"]["file_id"])
            assert file.file_path is not None
            content = await bot.download_file(file.file_path)
            assert content is not None and content.read() == b"%PDF"
            telegram.faults.next("sendMessage", code=429, retry_after=3)
            with pytest.raises(TelegramRetryAfter) as late:
                await bot.send_message(11, "рано")
            assert late.value.retry_after == 3
            telegram.block(anna)
            with pytest.raises(TelegramForbiddenError):
                await bot.send_message(11, "номер 2")

    asyncio.run(talk())
    assert [upload.content.decode() for upload in telegram.sent[-1].files] == ["ответ"]
