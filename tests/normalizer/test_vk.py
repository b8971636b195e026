"""VK: what is read from each kind of event."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer import vk
from normalizer.message import Account, Ignored, Message, Unreadable
from tests.normalizer import payloads
from tests.normalizer.payloads import check_promises, mutated

USER = "140000001"
IGNORED = {
    "chat_invite": "a service message: chat_invite_user",
    "message_reply": "our own message",
    "message_allow": "allows messages",
    "message_deny": "forbids messages",
    "message_typing_state": "typing",
    "group_join": "not a message: group_join",
}


def golden(name: str) -> Any:
    return payloads.golden("vk", name)


def message(name: str) -> Message:
    return payloads.message("vk", golden(name))


def only(name: str) -> Any:
    (part,) = message(name).attachments
    return part


def changed(name: str, **fields: Any) -> dict[str, Any]:
    event = golden(name)
    content = event["object"]
    inner = {**content, "message": {**content["message"], **fields}} if "message" in content else {**content, **fields}
    return {**event, "object": inner}


@pytest.mark.parametrize("name", payloads.names("vk"))
def test_every_golden_event_is_a_message_or_is_ignored_for_a_reason(name: str) -> None:
    reading = payloads.read("vk", golden(name))
    assert reading == Ignored(IGNORED[name]) if name in IGNORED else isinstance(reading, Message)


def test_a_text_tells_who_wrote_what_and_when() -> None:
    reading = message("text")
    assert reading.text.startswith("Здравствуйте! Подал заявление на загранпаспорт")
    assert (reading.native_id, reading.conversation_id) == (f"{USER}:301", USER)
    assert reading.sent_at == datetime(2026, 11, 21, 5, 47, 21, tzinfo=UTC)
    assert (reading.sender.id, reading.sender.language, reading.sender.vouched) == (USER, "ru", ("id",))
    assert message("text_english").sender.language == "en"


def test_an_event_of_the_older_shape_is_read_too() -> None:
    assert message("text_old_shape").text == "Старый вид события без client_info"
    assert message("text_old_shape").sender.language is None


@pytest.mark.parametrize(
    ("name", "kind", "address"),
    [
        ("photo", "photo", "https://sun9-1.userapi.com/impg/photo/z.jpg?size=1280x960&sign=0a1b"),
        ("photo_original", "photo", "https://sun9-1.userapi.com/impg/photo/orig.jpg"),
        ("doc", "document", "https://vk.com/doc140000001_680001?hash=aa&dl=bb&api=1"),
        ("audio_message", "voice", "https://psv4.userapi.com/audiomsg/d1.ogg"),
        ("audio", "audio", "https://psv4.userapi.com/a/1.mp3"),
        ("graffiti", "photo", "https://sun9-2.userapi.com/g.png"),
        ("sticker", "sticker", "https://vk.com/sticker/1-1476-512"),
        ("podcast", "audio", "https://psv4.userapi.com/p/3.mp3"),
    ],
)
def test_a_file_is_fetched_from_its_address(name: str, kind: str, address: str) -> None:
    part = only(name)
    assert (part.kind, part.fetch, part.part) == (kind, {"url": address}, message(name).native_id)


def test_sizes_of_a_photo_without_measures_are_ranked_by_their_letter() -> None:
    sizes = [{"type": letter, "url": f"https://u/{letter}", "width": 0, "height": 0} for letter in "zwsx"]
    attachments = [{"type": "photo", "photo": {"sizes": sizes}}]
    reading = payloads.message("vk", changed("photo", attachments=attachments))
    assert reading.attachments[0].fetch == {"url": "https://u/w"}


def test_documents_have_a_name_with_its_extension_and_a_size() -> None:
    assert (only("doc").name, only("doc").size) == ("Заявление.pdf", 183221)
    big = only("doc_too_large")
    assert (big.name, big.fetch, big.refused) == ("архив.zip", None, "larger than the limit")
    assert message("doc_too_large").flags == ("too_large",)


@pytest.mark.parametrize(
    ("name", "kind", "key", "value"),
    [
        ("video", "video", "url", "https://vk.com/video140000001_456239010"),
        ("link", "link", "url", "https://lk.example.ru/zayavlenie/17"),
        ("article", "link", "url", "https://m.vk.com/@sovet-vyplata?view=1"),
        ("poll", "poll", "options", ["Да", "Нет"]),
        ("gift", "other", "gift", {"id": 1036, "thumb_256": "https://vk.com/images/gift/1036/256.jpg"}),
        ("unknown_attachment", "other", "hologram", {"id": 1, "owner_id": 140000001, "title": "Голограмма"}),
    ],
)  # fmt: skip
def test_what_is_no_file_is_data(name: str, kind: str, key: str, value: Any) -> None:
    part = only(name)
    assert (part.kind, part.data[key], part.fetch) == (kind, value, None)


@pytest.mark.parametrize(
    ("name", "shown"), [("market", "title"), ("call", "state"), ("story", "owner_id"), ("video_playlist", "count")]
)
def test_goods_calls_stories_and_playlists_are_shown(name: str, shown: str) -> None:
    assert shown in only(name).data[name] and only(name).kind == "other"


def test_a_voice_message_brings_the_platforms_transcript() -> None:
    assert only("audio_message").data == {"duration": 7, "transcript": "не могу войти в кабинет"}


def test_addresses_behind_words_and_link_attachments_are_links() -> None:
    assert message("formatted_link").links == ("https://lk.example.ru/otvet/261121-000017-0",)
    assert (only("formatted_link").kind, only("formatted_link").data) == (
        "link", {"url": "https://lk.example.ru/otvet/261121-000017-0"},
    )  # fmt: skip
    assert message("link").links == ("https://lk.example.ru/zayavlenie/17",)


def test_a_place_is_read_in_both_shapes() -> None:
    assert only("geo").data["latitude"] == 55.751244 and only("geo").data["title"] == "МФЦ Арбат"
    older = payloads.message("vk", changed("geo", geo={"type": "point", "coordinates": "55.75 37.61"}))
    assert older.attachments[0].data == {"latitude": "55.75", "longitude": "37.61"}


def test_words_of_a_wall_are_quoted_and_its_photos_kept() -> None:
    reading = message("wall")
    assert (reading.text, reading.flags) == ("Это правда?", ("forwarded",))
    assert reading.quoted is not None and reading.quoted.startswith("С 1 декабря все пособия отменяются")
    assert [part.kind for part in reading.attachments] == ["link", "photo"]
    assert message("wall_repost").quoted == "Первоисточник записи"
    assert only("wall_reply").data["url"] == "https://vk.com/wall-90000001_812?reply=77"


def test_forwarded_words_are_not_the_citizens_own() -> None:
    reading = message("fwd_message")
    assert (reading.text, reading.flags) == ("Мне такое прислали, это вы?", ("forwarded",))
    assert reading.quoted == "Сообщите код из СМС, иначе кабинет закроют"
    assert [part.kind for part in reading.attachments] == ["photo"]


def test_nested_forwards_are_quoted_in_reading_order() -> None:
    assert message("fwd_nested").quoted == "Смотри, что пишут\n\nПортал закрыт до понедельника"


def test_forwards_nested_as_deep_as_the_platform_allows_are_all_quoted() -> None:
    nested: list[dict[str, Any]] = []
    for number in range(45, 0, -1):
        nested = [{"text": f"уровень {number}", "fwd_messages": nested}]
    quoted = payloads.message("vk", changed("fwd_message", fwd_messages=nested)).quoted
    assert quoted == "\n\n".join(f"уровень {number}" for number in range(1, 46))


def test_a_reply_names_the_message_and_quotes_it() -> None:
    reading = message("reply_message")
    assert (reading.text, reading.reply_to) == ("А срок какой?", (f"{USER}:299",))
    assert reading.quoted == "Ваше обращение принято. Номер 261121-000017-0."


@pytest.mark.parametrize(
    ("name", "button", "text"),
    [
        ("button_text", '{"command":"new"}', "Новое обращение"),
        ("button_payload_only", '{"command":"start"}', ""),
        ("button_callback", '{"command":"status"}', ""),
    ],
)
def test_a_button_is_its_payload(name: str, button: str, text: str) -> None:
    assert (message(name).button, message(name).text) == (button, text)


def test_a_callback_button_has_an_id_of_its_own_and_its_message() -> None:
    reading = message("button_callback")
    assert (reading.native_id, reading.reply_to) == ("callback:a1b2c3d4e5f6", (f"{USER}:298",))
    assert payloads.identify("vk", golden("button_callback")).key == reading.native_id


def test_a_message_that_the_platform_cut_is_flagged() -> None:
    assert message("cropped").flags == ("too_large",)


def test_a_chat_is_one_conversation_for_each_sender() -> None:
    reading = message("chat_message")
    assert (reading.native_id, reading.conversation_id) == ("2000000007:366", "2000000007:140000002")


def test_the_words_of_an_old_version_of_the_api_are_read() -> None:
    event = {"type": "message_new", "group_id": 220000001, "object": {"id": 5, "user_id": 7, "body": "Не приходит СМС"}}
    reading = payloads.read("vk", event)
    assert isinstance(reading, Message)
    assert (reading.text, reading.attachments) == ("Не приходит СМС", ())


@pytest.mark.parametrize(
    ("written", "own"),
    [
        ("[club220000001|@priemnaya] не работает домофон", "не работает домофон"),
        ("[public220000001|Приёмная], /status", "/status"),
        ("[club220000001|@priemnaya]", "[club220000001|@priemnaya]"),
        ("[club90000005|@other] не работает домофон", "[club90000005|@other] не работает домофон"),
        ("Это [id5|Иван], а вы [club220000001|@priemnaya]", "Это [id5|Иван], а вы [club220000001|@priemnaya]"),
    ],
)
def test_our_name_by_which_a_chat_turns_to_us_is_no_word_of_the_citizen(written: str, own: str) -> None:
    reading = payloads.read("vk", changed("chat_message", text=written))
    assert isinstance(reading, Message)
    assert reading.text == own


def test_another_community_is_a_citizen_and_our_own_is_not() -> None:
    assert message("from_community").sender.id == "-90000005"
    assert payloads.read("vk", changed("text", from_id=-220000001)) == Ignored("our own message")
    assert payloads.read("vk", changed("text", out=1)) == Ignored("our own message")


def test_a_message_is_known_by_peer_and_number_whatever_the_event_id() -> None:
    identity = payloads.identify("vk", golden("text"))
    assert (identity.key, identity.conversation) == (f"{USER}:301", USER)
    assert payloads.identify("vk", {**golden("text"), "event_id": "other"}) == identity


def test_without_a_number_the_id_decides_and_then_the_event() -> None:
    assert payloads.identify("vk", golden("without_number")).key == f"{USER}:id:5072"
    nameless = changed("without_number", id=0)
    assert payloads.identify("vk", nameless).key == f"{USER}:event:{nameless['event_id']}"


def test_an_edit_revises_its_message_and_each_edit_is_a_revision() -> None:
    reading = message("message_edit")
    assert (reading.change, reading.revises) == ("edit", reading.native_id)
    key = payloads.identify("vk", golden("message_edit")).key
    assert key.startswith(f"{reading.native_id}:edit:1795243000:")
    assert payloads.identify("vk", changed("message_edit", text="Иначе")).key != key
    assert payloads.identify("vk", {**golden("message_edit"), "event_id": "again"}).key == key


def test_addresses_that_are_signed_anew_make_no_second_edit() -> None:
    attachments = golden("photo")["object"]["message"]["attachments"]
    one = changed("message_edit", attachments=attachments)
    two = json.loads(json.dumps(one).replace("sign=0a1b", "sign=ffff"))
    assert one != two and payloads.identify("vk", one) == payloads.identify("vk", two)


def test_a_reaction_answers_its_message() -> None:
    assert message("message_reaction").reply_to == (f"{USER}:299",)
    assert only("message_reaction").data == {"reaction": 4, "removed": False}


def test_an_event_about_messages_of_an_unknown_kind_is_kept() -> None:
    reading = message("unknown_message_event")
    assert reading.text == "Событие, которого ещё нет"
    assert only("unknown_message_event").kind == "other"


def test_an_empty_message_is_kept() -> None:
    assert (message("unavailable").text, only("unavailable").kind) == ("", "other")


def test_a_long_poll_answer_is_one_unit_an_event() -> None:
    events = [golden("text"), None, golden("doc")]
    units = vk.split(json.dumps({"ts": "42", "updates": events}).encode())
    assert [json.loads(unit) for unit in units] == events
    assert isinstance(vk.read(units[1], Account()), Unreadable)
    body = json.dumps(golden("text")).encode()
    assert vk.split(body) == [body]


@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"[]", b'{"type":3}', b'{"type":"message_new"}', b'{"type":"message_new","object":{"message":[]}}'],
)
def test_what_holds_no_message_is_unreadable(payload: bytes) -> None:
    assert isinstance(vk.read(payload, Account()), Unreadable)
    assert vk.identify(payload).key


@given(mutated("vk"))
def test_no_change_of_a_payload_breaks_a_promise(payload: bytes) -> None:
    check_promises("vk", payload)


@given(st.binary(max_size=60))
def test_no_bytes_break_a_promise(payload: bytes) -> None:
    check_promises("vk", payload)
