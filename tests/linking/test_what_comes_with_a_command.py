"""A command that brings a request with it (words, files, a forwarded message) is that request; nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.linking.world import PROBLEM, Outcome, World, said

PHOTO = [{"file_id": "F", "file_unique_id": "U", "width": 90, "height": 90, "file_size": 1000}]
OTHER = "Не могу подать заявление на загранпаспорт: ошибка 500 на третьем шаге"


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    made = World(sqlite_url, tmp_path)
    yield made
    made.close()


def telegram(world: World, **content: Any) -> Outcome:
    update = json.loads(said(world, "telegram", "501", "x"))
    del update["message"]["text"]
    update["message"] |= content
    (outcome,) = world.take("telegram", json.dumps(update).encode())
    return outcome


@pytest.mark.parametrize("command", ["/new", "/new@our_bot", "/NEW\n"])
def test_words_behind_new_are_a_new_request_and_acknowledged(world: World, command: str) -> None:
    opening = telegram(world, text=PROBLEM)
    world.sent.clear()
    other = telegram(world, text=f"{command} {OTHER}")
    assert other.envelope is not None
    assert (other.envelope["kind"], other.envelope["text"]) == ("new", OTHER)
    assert other.ticket != opening.ticket
    assert [owed.purpose for owed, _ in world.sent] == ["acknowledgement"]
    assert telegram(world, text="Это было вчера вечером, около семи").ticket == other.ticket


def test_words_behind_start_are_a_request(world: World) -> None:
    opening = telegram(world, text=f"/start {PROBLEM}")
    assert opening.envelope is not None
    assert opening.envelope["text"] == PROBLEM
    follows = telegram(world, text="/start И ещё не приходит письмо")
    assert (follows.envelope or {})["kind"] == "follow_up"


@pytest.mark.parametrize("caption", ["/new", "/start", "Новое обращение", "/status"])
def test_a_file_with_a_command_for_its_caption_is_kept(world: World, caption: str) -> None:
    sent = telegram(world, caption=caption, photo=PHOTO)
    assert sent.envelope is not None
    assert [each["kind"] for each in sent.envelope["attachments"]] == ["photo"]
    assert sent.envelope["text"] == ("" if caption.startswith("/") else caption)


def test_a_file_under_new_is_not_added_to_the_request_before(world: World) -> None:
    opening = telegram(world, text=PROBLEM)
    assert telegram(world, caption="/new", photo=PHOTO).ticket != opening.ticket


def test_a_message_forwarded_with_start_is_kept(world: World) -> None:
    event = json.loads(said(world, "vk", "77", "Начать"))
    forwarded = {"date": 1, "from_id": 5, "peer_id": 77, "text": "Ваш счёт заблокирован", "attachments": []}
    event["object"]["message"]["fwd_messages"] = [forwarded]
    (outcome,) = world.take("vk", json.dumps(event).encode())
    assert (outcome.envelope or {})["quoted"] == "Ваш счёт заблокирован"


@pytest.mark.parametrize(
    "text", ["/start", "/start otdel_vyplat", "/new", "/new 261122-000001-7", "/status", "/status где мой паспорт"]
)
def test_a_command_alone_is_no_request(world: World, text: str) -> None:
    outcome = telegram(world, text=text)
    assert (outcome.state, (outcome.reason or "")[:13]) == ("ignored", "the command /")


def test_a_command_that_answers_our_message_is_no_request(world: World) -> None:
    ours = {"message_id": 1, "chat": {"id": 501, "type": "private"}, "date": 1, "text": "Обращение принято"}
    assert telegram(world, text="/new", reply_to_message=ours).state == "ignored"


def test_a_button_that_is_no_command_shows_what_was_pressed(world: World) -> None:
    event = json.loads(said(world, "vk", "77", ""))
    event["object"]["message"]["payload"] = '{"mark":"5"}'
    (typed,) = world.take("vk", json.dumps(event).encode())
    pressed = {
        "id": "9", "from": {"id": 501, "is_bot": False, "first_name": "Анна"}, "data": "helped:no",
        "message": {"message_id": 1, "chat": {"id": 501, "type": "private"}, "date": 1},
    }  # fmt: skip
    (call,) = world.take("telegram", json.dumps({"update_id": 9, "callback_query": pressed}).encode())
    shown = [(each.envelope or {})["attachments"] for each in (typed, call)]
    assert [[part["data"] for part in parts] for parts in shown] == [
        [{"button": '{"mark":"5"}'}],
        [{"button": "helped:no"}],
    ]
    assert shown[1][0]["part"] == "callback:9"


def test_a_button_with_a_label_says_it_by_the_label(world: World) -> None:
    event = json.loads(said(world, "vk", "77", "Мне не помогли"))
    event["object"]["message"]["payload"] = '{"mark":"5"}'
    (outcome,) = world.take("vk", json.dumps(event).encode())
    assert (outcome.envelope or {})["attachments"] == []


@pytest.mark.parametrize("text", ["/new", "Новое обращение", "/status", "/start"])
def test_a_command_in_a_chat_is_one_behind_the_name_that_it_is_addressed_to(world: World, text: str) -> None:
    (outcome,) = world.take("vk", said(world, "vk", "77", f"[club220000001|@priemnaya], {text}", conversation="chat-5"))
    assert (outcome.state, (outcome.reason or "")[:13]) == ("ignored", "the command /")
