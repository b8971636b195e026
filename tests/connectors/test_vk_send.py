"""VK: answers arrive once, files come and go, and each trouble is told by its kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests  # noqa: F401 - its import takes a while, here and not within a test's time
from pydantic import ValidationError

from connectors import vk_api_calls
from connectors.base import AccountTrouble, ConnectorError, Final, Outgoing, OutgoingFile, Transient
from connectors.vk import Settings, Vk, create
from connectors.vk_send import MOST_PARTS, part_random_id
from normalizer import vk as normalizer
from normalizer.message import Account, Message
from sandbox.vk import VkStandIn
from tests.connectors.intake import content

ANNA, BORIS = 1001, 1002


@pytest.fixture
def vk() -> Iterator[VkStandIn]:
    with VkStandIn(seed=1, time_factor=0.01, per_second=0) as vk:
        yield vk


@pytest.fixture(autouse=True)
def quick_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vk_api_calls, "CALL_PAUSE", 0.0)


def connect(vk: VkStandIn, **more: Any) -> Vk:
    return create("c", Settings.model_validate({"token": vk.token, "group_id": vk.group_id, "api_url": vk.url, **more}))


def outgoing(conversation: str = str(ANNA), text: str = "Принято", random_id: int = 7, **more: Any) -> Outgoing:
    address = {"conversation": conversation, "sender": str(ANNA)}
    return Outgoing(id="0", purpose="answer", address=address, text=text, random_id=random_id, **more)


# ---- sending ----------------------------------------------------------------------------------------------------


async def test_an_answer_replies_to_the_message_and_shows_buttons(vk: VkStandIn) -> None:
    made = vk.write(ANNA, "помогите")
    connector = connect(vk)
    sent = await connector.send(outgoing(reply_to=made.native_id, buttons=(("Новое обращение", "/new"),)))
    await connector.close()
    (seen,) = vk.sent
    assert (sent.native_id, seen.text) == (seen.native_id, "Принято")
    number = made.message["conversation_message_id"]
    assert json.loads(seen.params["forward"])["conversation_message_ids"] == [number]
    ((button,),) = json.loads(seen.params["keyboard"])["buttons"]
    assert button["action"]["label"] == "Новое обращение" and json.loads(button["action"]["payload"]) == {
        "command": "/new"
    }


async def test_the_same_answer_twice_arrives_once(vk: VkStandIn) -> None:
    vk.write(ANNA, "помогите")
    text = " ".join(f"Предложение номер {at}." for at in range(900))
    connector = connect(vk)
    vk.faults.next("messages.send", skip=2, drop=True, after=True)
    with pytest.raises(Transient) as failure:
        await connector.send(outgoing(text=text))
    assert (failure.value.already_sent, len(failure.value.sent_ids)) == (2, 2)
    await connector.send(outgoing(text=text))
    await connector.close()
    assert " ".join(vk.shown_to(ANNA)) == text and len(vk.swallowed) == 3


@pytest.mark.parametrize("base", [0, 2**30, 2**31 - 500])
def test_parts_of_messages_never_share_a_random_id(base: int) -> None:
    most = 2**31 - 1
    later = 66_000_000  # messages
    rows = [(base + at) % most + 1 for start in (0, later // 2, later) for at in range(start, start + 1000)]
    ids = [part_random_id(row, part) for row in rows for part in range(MOST_PARTS)]
    assert len(set(ids)) == len(ids) and 0 not in ids
    assert min(ids) >= -(2**31) and max(ids) < 2**31


async def test_a_chat_is_answered_in_the_chat(vk: VkStandIn) -> None:
    vk.write(ANNA, "в беседе", chat=2_000_000_001)
    connector = connect(vk)
    await connector.send(outgoing(f"2000000001:{ANNA}"))
    await connector.close()
    assert vk.shown_to(2_000_000_001) == ["Принято"]


async def test_a_pressed_button_stops_turning(vk: VkStandIn) -> None:
    vk.write(ANNA, "да")
    pressed = vk.press_callback(ANNA, {"command": "new"}, 1)
    connector = connect(vk)
    await connector.send(outgoing(reply_to=pressed.native_id))
    await connector.close()
    assert vk.shown_to(ANNA) == ["Принято"]
    assert "messages.sendMessageEventAnswer" in [call.method for call in vk.calls]


async def test_files_go_as_documents_with_the_text(vk: VkStandIn) -> None:
    vk.write(ANNA, "да")
    connector = connect(vk)
    files = (OutgoingFile("ответ.pdf", "application/pdf", b"%PDF-1"), OutgoingFile("а.txt", "text/plain", b"x"))
    await connector.send(outgoing(files=files))
    await connector.close()
    assert [file.content for file in vk.sent[0].files] == [b"%PDF-1", b"x"] and len(vk.sent) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"code": 901}, Final),
        ({"code": 902}, Final),
        ({"code": 7}, Final),
        ({"code": 914}, Final),
        ({"code": 6}, Transient),
        ({"code": 9}, Transient),
        ({"code": 10}, Transient),
        ({"code": 29}, Transient),
        ({"code": 14}, Transient),
        ({"code": 5}, AccountTrouble),
        ({"code": 27}, AccountTrouble),
        ({"html": True}, Transient),
        ({"drop": True}, Transient),
        ({"body": b"[]"}, Transient),
        ({"body": b"nonsense"}, Transient),
    ],
)
async def test_what_became_of_an_answer_is_told_apart(
    vk: VkStandIn, fault: dict[str, Any], kind: type[ConnectorError]
) -> None:
    vk.write(ANNA, "да")
    vk.faults.next("messages.send", **fault)
    connector = connect(vk)
    with pytest.raises(kind) as failure:
        await connector.send(outgoing())
    await connector.close()
    assert vk.token not in str(failure.value)


async def test_a_citizen_who_forbids_messages_is_final(vk: VkStandIn) -> None:
    vk.write(ANNA, "да")
    vk.deny(ANNA)
    connector = connect(vk)
    with pytest.raises(Final, match="901"):
        await connector.send(outgoing())
    with pytest.raises(Final):
        await connector.send(outgoing("?"))
    await connector.close()


# ---- files, check, settings -------------------------------------------------------------------------------------


async def test_the_words_of_a_message_that_came_cut_are_fetched_as_a_file(vk: VkStandIn) -> None:
    text = "длинно " * 1000
    made = vk.write(ANNA, text)
    reading = normalizer.read(json.dumps(made.payload).encode(), Account())
    assert isinstance(reading, Message)
    (part,) = reading.attachments
    assert (len(reading.text), part.name, part.media_type) == (4096, "message.txt", "text/plain")
    connector = connect(vk)
    assert (await content(connector.fetch(part.fetch or {}, 10**6))).decode() == text
    with pytest.raises(Final, match="whole"):
        await content(connector.fetch({"message": {"peer_id": ANNA, "conversation_message_id": 99, "id": 99}}, 10**6))
    vk.faults.next("messages.getById", code=10)
    with pytest.raises(Transient):
        await content(connector.fetch(part.fetch or {}, 10**6))


async def test_a_file_is_fetched_from_its_address(vk: VkStandIn) -> None:
    url = vk.doc(b"x" * 5000, "а.txt")["doc"]["url"]
    connector = connect(vk)
    assert await content(connector.fetch({"url": url}, 5000)) == b"x" * 5000
    with pytest.raises(Final, match="larger"):
        await content(connector.fetch({"url": url}, 4999))
    with pytest.raises(Final, match="gone"):
        await content(connector.fetch({"url": f"{vk.url}/files/none"}, 10))
    with pytest.raises(Final, match="inside"):
        await content(connector.fetch({"url": "http://169.254.169.254/latest/meta-data"}, 10))
    await connector.close()
    assert all("access_token" not in call.params for call in vk.calls)


async def test_check_says_what_is_reached_and_what_is_off(vk: VkStandIn) -> None:
    connector = connect(vk)
    assert "long poll" in await connector.check()
    vk.listening.discard("message_new")
    with pytest.raises(AccountTrouble, match="message_new"):
        await connector.check()
    vk.revoke()
    with pytest.raises(AccountTrouble, match=r"\(5\)"):
        await connector.check()
    await connector.close()
    assert await connector.account() == str(vk.group_id)


@pytest.mark.parametrize(
    "wrong",
    [{"mode": "callback"}, {"mode": "callback", "confirmation": "x"}, {"group_id": 0}, {"api_url": "api.vk.ru"}],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"token": "t", "group_id": 1, **wrong})
