"""Telegram: answers arrive where they should, files come, and each trouble is told by its kind."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import aiogram.methods  # noqa: F401 - seconds of import, here and not within a test's time
import pytest
from pydantic import ValidationError

from connectors.base import AccountTrouble, ConnectorError, Final, Outgoing, OutgoingFile, Transient
from connectors.telegram import Settings, Telegram, create
from sandbox.telegram import TelegramStandIn
from sandbox.telegram_forms import parsed
from tests.connectors.intake import content


@pytest.fixture
def standin() -> Iterator[TelegramStandIn]:
    with TelegramStandIn(seed=1, time_factor=0.01) as standin:
        yield standin


def connect(standin: TelegramStandIn, **more: Any) -> Telegram:
    return create("bot", Settings.model_validate({"token": standin.token, "api_url": standin.url, **more}))


def outgoing(conversation: str, text: str = "Принято", **more: Any) -> Outgoing:
    address = {"conversation": conversation, "sender": "1", **more.pop("address", {})}
    return Outgoing(id="0", purpose="answer", address=address, text=text, random_id=7, **more)


# ---- sending ----------------------------------------------------------------------------------------------------


async def test_an_answer_with_buttons_replies_to_the_message(standin: TelegramStandIn) -> None:
    made = standin.text(standin.user(1), "помогите")
    connector = connect(standin)
    sent = await connector.send(outgoing("1", reply_to=made.native_id, buttons=(("Новое", "/new"), ("?", "x" * 65))))
    await connector.close()
    (seen,) = standin.sent
    assert sent.native_id == seen.native_id and seen.text == "Принято"
    assert json.loads(seen.params["reply_parameters"])["message_id"] == made.message["message_id"]
    (row,) = parsed(seen.params["reply_markup"])["inline_keyboard"]
    assert row == [{"text": "Новое", "callback_data": "/new"}]


async def test_an_answer_to_a_message_that_is_gone_arrives_all_the_same(standin: TelegramStandIn) -> None:
    standin.user(1)
    connector = connect(standin)
    await connector.send(outgoing("1", reply_to="1:99999"))
    await connector.send(outgoing("1", reply_to="2:1"))
    await connector.close()
    assert standin.shown_to(1) == ["Принято", "Принято"]


async def test_a_group_is_answered_in_the_group(standin: TelegramStandIn) -> None:
    anna = standin.user(1)
    standin.group(-100500)
    made = standin.text(anna, "в группе", chat=-100500)
    connector = connect(standin)
    sent = await connector.send(outgoing("-100500:1", reply_to=made.native_id))
    await connector.close()
    assert standin.shown_to(-100500) == ["Принято"] and (sent.native_id or "").startswith("-100500:")


async def test_a_group_that_has_moved_is_answered_where_it_is(standin: TelegramStandIn) -> None:
    standin.group(-500, kind="group")
    standin.migrate(-500, -100500)
    connector = connect(standin)
    sent = await connector.send(outgoing("-500:1"))
    await connector.close()
    assert standin.shown_to(-100500) == ["Принято"] and (sent.native_id or "").startswith("-100500:")


async def test_a_business_chat_is_answered_as_the_business(standin: TelegramStandIn) -> None:
    standin.user(1)
    connector = connect(standin)
    sent = await connector.send(outgoing("business:c-1:1", reply_to="business:c-1:1:5"))
    await connector.close()
    assert standin.sent[0].params["business_connection_id"] == "c-1"
    assert json.loads(standin.sent[0].params["reply_parameters"])["message_id"] == 5
    assert (sent.native_id or "").startswith("business:c-1:1:")


async def test_a_pressed_button_stops_turning(standin: TelegramStandIn) -> None:
    anna = standin.user(1)
    connector = connect(standin)
    await connector.send(outgoing("1", "первое"))
    pressed = standin.press(anna, int(standin.sent[0].native_id.split(":")[1]), "/new")
    await connector.send(outgoing("1", "второе", reply_to=pressed.native_id))
    await connector.send(outgoing("1", "третье", reply_to="callback:unknown"))
    await connector.close()
    assert not standin.callbacks
    assert standin.shown_to(1) == ["первое", "второе", "третье"]


async def test_a_long_text_goes_in_pieces_and_goes_on_where_it_stopped(standin: TelegramStandIn) -> None:
    standin.user(1)
    text = " ".join(f"Предложение номер {at} 🙂." for at in range(600))
    connector = connect(standin)
    standin.faults.next("sendMessage", skip=2, code=500)
    with pytest.raises(Transient) as failure:
        await connector.send(outgoing("1", text, buttons=(("Новое", "/new"),)))
    assert (failure.value.already_sent, len(failure.value.sent_ids)) == (2, 2)
    rest = await connector.send(outgoing("1", text, already_sent=2, attempt=2, buttons=(("Новое", "/new"),)))
    await connector.close()
    shown = standin.shown_to(1)
    assert " ".join(shown) == text and all(one.endswith(".") for one in shown)
    assert rest.native_id == standin.sent[2].native_id and len(rest.more_ids) == len(shown) - 3
    assert ["reply_markup" in sent.params for sent in standin.sent] == [False] * (len(shown) - 1) + [True]


async def test_files_go_as_documents(standin: TelegramStandIn) -> None:
    standin.user(1)
    file = OutgoingFile('от"вет\r\n.pdf', "application/pdf", b"%PDF-1")
    connector = connect(standin)
    await connector.send(outgoing("1", files=(file,)))
    await connector.close()
    assert standin.sent[1].files[0].content == b"%PDF-1" and standin.sent[1].files[0].name == "ответ.pdf"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"code": 403, "description": "Forbidden: bot was blocked by the user"}, Final),
        ({"code": 403, "description": "Forbidden: bot was kicked from the supergroup chat"}, Final),
        ({"code": 400, "description": "Bad Request: chat not found"}, Final),
        ({"code": 400, "description": "Bad Request: secret 12345 words"}, Final),
        ({"code": 429, "retry_after": 33}, Transient),
        ({"code": 500}, Transient),
        ({"html": True}, Transient),
        ({"drop": True}, Transient),
        ({"code": 401}, AccountTrouble),
        ({"code": 404, "description": "Not Found"}, AccountTrouble),
    ],
)
async def test_what_became_of_an_answer_is_told_apart(
    standin: TelegramStandIn, fault: dict[str, Any], kind: type[ConnectorError]
) -> None:
    standin.user(1)
    standin.faults.next("sendMessage", **fault)
    connector = connect(standin)
    with pytest.raises(kind) as failure:
        await connector.send(outgoing("1"))
    await connector.close()
    assert standin.token not in str(failure.value) and "12345" not in str(failure.value)
    if isinstance(failure.value, Transient) and "retry_after" in fault:
        assert failure.value.retry_after == 33


@pytest.mark.parametrize("conversation", ["", "?", "callback:1", "business:1", "x:1", "1:2:3"])
async def test_an_address_that_is_none_is_final(standin: TelegramStandIn, conversation: str) -> None:
    with pytest.raises(Final):
        await connect(standin).send(outgoing(conversation))


# ---- files, check, settings -------------------------------------------------------------------------------------


async def test_a_file_is_fetched(standin: TelegramStandIn) -> None:
    data = bytes(range(256)) * 1000
    stored = standin.file(data, "скан.pdf")
    connector = connect(standin)
    assert await content(connector.fetch({"file_id": stored.file_id}, len(data))) == data
    with pytest.raises(Final, match="larger"):
        await content(connector.fetch({"file_id": stored.file_id}, len(data) - 1))
    await connector.close()


@pytest.mark.parametrize(
    ("method", "fault", "kind"),
    [
        ("file", {"status": 404}, Transient),
        ("file", {"cut": 100}, Transient),
        ("file", {"status": 302, "body": b"", "headers": {"location": "http://127.0.0.1:1/x"}}, Transient),
        ("file", {"code": 401}, AccountTrouble),
        ("getFile", {"code": 400, "description": "Bad Request: file is too big"}, Final),
        ("getFile", {"code": 400, "description": "Bad Request: invalid file_id"}, Final),
        ("getFile", {"code": 401}, AccountTrouble),
    ],
)
async def test_a_file_that_does_not_come_says_whether_to_try_again(
    standin: TelegramStandIn, method: str, fault: dict[str, Any], kind: type[ConnectorError]
) -> None:
    stored = standin.file(b"x" * 5000)
    standin.faults.next(method, **fault)
    connector = connect(standin)
    with pytest.raises(kind) as failure:
        await content(connector.fetch({"file_id": stored.file_id}, 10_000))
    await connector.close()
    assert standin.token not in str(failure.value)


async def test_a_file_larger_than_it_says_is_cut_off(standin: TelegramStandIn) -> None:
    stored = standin.file(b"x" * 5000, size=10)
    connector = connect(standin)
    with pytest.raises(Final, match="larger"):
        await content(connector.fetch({"file_id": stored.file_id}, 1000))
    await connector.close()


async def test_check_names_the_bot_or_the_trouble(standin: TelegramStandIn) -> None:
    connector = connect(standin)
    assert "@priemnaya_bot" in await connector.check()
    standin.revoke()
    with pytest.raises(AccountTrouble, match="BotFather"):
        await connector.check()
    await connector.close()
    assert await connector.account() == standin.token.partition(":")[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "abc"},
        {"token": "1:"},
        {"token": "1:a b"},
        {"mode": "webhook"},
        {"mode": "webhook", "webhook_secret": "секрет"},
        {"webhook_secret": "x" * 257},
        {"api_url": "api.telegram.org"},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"token": "1:abc", **wrong})


@pytest.mark.parametrize("kind", ["telegram", "vk", "whatsapp"])
def test_a_module_costs_no_library_before_it_is_used(kind: str) -> None:
    code = (
        f"import sys, connectors.{kind}; "
        "print([name for name in ('aiogram', 'aiohttp', 'vk_api', 'requests', 'httpx') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.strip() == "[]"


async def test_a_proxy_is_used_where_one_is_set(standin: TelegramStandIn) -> None:
    asked: list[str] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        there = await asyncio.open_connection("127.0.0.1", standin.port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with proxy:
        at = f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        connector = connect(standin, proxy_url=f"http://user:password@{at}")
        assert "@priemnaya_bot" in await connector.check()
        await connector.close()
    assert asked[0].startswith(f"CONNECT 127.0.0.1:{standin.port} ") and "Proxy-Authorization" in asked[0]
    gone = connect(standin, proxy_url=f"http://user:password@{at}")
    with pytest.raises(Transient) as failure:
        await gone.check()
    await gone.close()
    assert "password" not in str(failure.value)
