"""An album is one message under its first part's id; what is done to one of its parts is done to that message."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.linking.world import Outcome, World

FIRST = json.loads((Path(__file__).parents[1] / "golden" / "telegram" / "album_first.json").read_text(encoding="utf-8"))
CHAT = FIRST["message"]["chat"]["id"]


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    made = World(database_url, tmp_path)
    yield made
    made.close()


def part(world: World, number: int, caption: str = "", edit: int = 0, **more: Any) -> bytes:
    message: dict[str, Any] = {**FIRST["message"], "message_id": number, "date": int(world.now)}
    del message["caption"]
    message |= more
    if caption:
        message["caption"] = caption
    if edit:
        message["edit_date"] = int(world.now) + edit
    serial = number * 100 + edit
    return json.dumps({"update_id": serial, "edited_message" if edit else "message": message}).encode()


def album(world: World) -> list[Outcome]:
    return world.take(
        "telegram", part(world, 1, "Портал не сохраняет заявление, вот снимки"), part(world, 2), part(world, 3)
    )


def source(outcome: Outcome) -> dict[str, Any]:
    assert outcome.envelope is not None
    found: dict[str, Any] = outcome.envelope["source"]
    return found


def test_the_parts_of_an_album_are_one_message_with_the_id_of_the_first(world: World) -> None:
    first, *others = album(world)
    assert source(first)["message_id"] == f"{CHAT}:1"
    assert first.envelope is not None
    assert [each["part"] for each in first.envelope["attachments"]] == [f"{CHAT}:{number}" for number in (1, 2, 3)]
    assert [each.state for each in others] == ["merged", "merged"]


def test_an_edit_of_a_later_part_revises_the_album(world: World) -> None:
    first = album(world)[0]
    world.now += 30
    (edit,) = world.take("telegram", part(world, 2, "Здесь видна ошибка 500", edit=1))
    assert edit.envelope is not None
    assert edit.envelope["kind"] == "edit"
    assert edit.ticket == first.ticket
    assert (source(edit)["message_id"], source(edit)["revises"]) == (f"{CHAT}:2", f"{CHAT}:1")
    (again,) = world.take("telegram", part(world, 1, "Портал не сохраняет заявление: три снимка", edit=2))
    assert [source(each)["revision"] for each in (first, edit, again)] == [0, 1, 2]


def test_an_edit_that_is_taken_up_together_with_its_album_revises_it(world: World) -> None:
    found = world.take(
        "telegram", part(world, 1, "Не приходит письмо с портала"), part(world, 2), part(world, 2, "Вот", edit=1)
    )
    assert [each.state for each in found] == ["enveloped", "merged", "enveloped"]
    assert source(found[2])["revises"] == f"{CHAT}:1"


def test_a_part_that_comes_after_staging_follows_up(world: World) -> None:
    first = album(world)[0]
    world.now += 5
    (late,) = world.take("telegram", part(world, 4, "и ещё один"))
    assert late.envelope is not None
    assert (late.envelope["kind"], late.ticket) == ("follow_up", first.ticket)


def test_a_number_under_a_later_part_links_the_album(world: World) -> None:
    opening = album(world)[0]
    world.now += 3 * 86400
    joined, _ = world.take("telegram", part(world, 11, "Снимок"), part(world, 12, f"К обращению {opening.ticket}"))
    assert joined.envelope is not None
    assert joined.ticket == opening.ticket
    assert joined.envelope["ticket"]["link"]["how"] == "quoted_number"


def test_a_number_behind_a_link_under_a_later_part_links_the_album(world: World) -> None:
    opening = album(world)[0]
    world.now += 3 * 86400
    link = {"type": "text_link", "offset": 0, "length": 3, "url": f"https://gosuslugi.example/{opening.ticket}"}
    joined, _ = world.take("telegram", part(world, 11, "Снимок"), part(world, 12, "Тут", caption_entities=[link]))
    assert joined.ticket == opening.ticket


def test_what_is_said_of_the_citizen_under_a_later_part_is_his(world: World) -> None:
    first, _ = world.take("telegram", part(world, 1, "Снимок экрана"), part(world, 2, "Мой ИНН 500100732259"))
    assert (first.envelope or {})["citizen"]["inn"] == "500100732259"


def test_the_words_under_any_part_of_a_forwarded_album_are_quoted(world: World) -> None:
    origin = {"type": "hidden_user", "sender_user_name": "Банк", "date": 1}
    first, _ = world.take(
        "telegram", part(world, 1, "Первое", forward_origin=origin), part(world, 2, "Второе", forward_origin=origin)
    )
    assert first.envelope is not None
    assert (first.envelope["quoted"], first.envelope["flags"]) == ("Первое\n\nВторое", ["forwarded"])


def test_a_secret_under_a_later_part_is_removed_and_said(world: World) -> None:
    first, _ = world.take("telegram", part(world, 1, "Снимок"), part(world, 2, "Пароль: qwerty123"))
    assert first.envelope is not None
    assert (first.envelope["text"], first.envelope["flags"]) == ("Снимок\nПароль: [удалено]", ["secret_removed"])


def test_what_is_written_under_a_later_part_counts_as_the_rest(world: World) -> None:
    earlier = album(world)[0]
    world.take("telegram", json.dumps({"update_id": 1, "message": command(world)}).encode())
    first, _ = world.take(
        "telegram",
        part(world, 11, "Вот что на экране"),
        part(world, 12, f"Это к обращению {earlier.ticket}. Телефон +7 916 123-45-67"),
    )
    assert first.envelope is not None
    assert (first.ticket, first.envelope["ticket"]["link"]["how"]) == (earlier.ticket, "quoted_number")
    assert first.envelope["citizen"]["phone"] == "+79161234567"


def command(world: World) -> dict[str, Any]:
    message: dict[str, Any] = {**FIRST["message"], "message_id": 10, "date": int(world.now), "text": "/new"}
    return {name: value for name, value in message.items() if name not in ("caption", "photo", "media_group_id")}
