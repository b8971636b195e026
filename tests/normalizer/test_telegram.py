"""Telegram: what is read from each kind of update."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer import telegram
from normalizer.message import Account, Ignored, Limits, Message, Renamed, Unreadable
from tests.normalizer import payloads
from tests.normalizer.payloads import check_promises, mutated

ANNA = "512340001"
NO_MESSAGES = {
    "live_location_moved", "group_migrated", "group_member_joined", "business_own_answer", "business_connection",
    "bot_blocked",
}  # fmt: skip


def golden(name: str) -> Any:
    return payloads.golden("telegram", name)


def message(name: str) -> Message:
    return payloads.message("telegram", golden(name))


def only(name: str) -> Any:
    (part,) = message(name).attachments
    return part


def changed(name: str, **fields: Any) -> dict[str, Any]:
    update = golden(name)
    kind = next(key for key in update if key != "update_id")
    return {**update, kind: {**update[kind], **fields}}


@pytest.mark.parametrize("name", payloads.names("telegram"))
def test_every_golden_update_is_a_message_or_is_ignored_for_a_reason(name: str) -> None:
    reading = payloads.read("telegram", golden(name))
    assert isinstance(reading, Ignored | Renamed) if name in NO_MESSAGES else isinstance(reading, Message)


def test_a_text_tells_who_wrote_what_and_when() -> None:
    reading = message("text")
    assert reading.text.startswith("Здравствуйте! Не могу войти")
    assert (reading.native_id, reading.conversation_id) == (f"{ANNA}:1201", ANNA)
    assert reading.sent_at == datetime(2026, 11, 21, 5, 47, 17, tzinfo=UTC)
    sender = reading.sender
    assert (sender.id, sender.display_name, sender.username) == (ANNA, "Анна Соколова", "anna_sokolova")
    assert (sender.language, sender.phone, sender.vouched) == ("ru", None, ("id",))


@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        ("voice", "voice", {"duration": 23}),
        ("audio", "audio", {"duration": 214, "title": "Разговор с оператором", "performer": "Диктофон"}),
        ("video", "video", {"duration": 14}),
        ("video_note", "video", {"duration": 9}),
        ("animation", "video", {"duration": 3}),
        ("live_photo", "photo", {"duration": 2}),
        ("sticker", "sticker", {"emoji": "🙏", "set_name": "spasibo_pack"}),
        ("document", "document", None),
        ("photo_no_caption", "photo", None),
    ],
)
def test_a_file_is_named_by_its_file_id(name: str, kind: str, data: dict[str, Any] | None) -> None:
    part = only(name)
    assert (part.kind, part.data, part.part) == (kind, data, message(name).native_id)
    assert part.fetch["file_id"].startswith("AgACAgIAAxkBAAIB") and part.size > 0


def test_of_a_photo_the_largest_size_is_taken() -> None:
    photo = message("photo_caption").attachments[0]
    assert photo.fetch == {"file_id": "AgACAgIAAxkBAAIBPhotoCapx"}
    assert message("photo_caption").text == "Скриншот ошибки при подаче заявления на пособие, код 1024"
    backwards = changed("photo_caption", photo=golden("photo_caption")["message"]["photo"][::-1])
    assert payloads.message("telegram", backwards).attachments[0].fetch == photo.fetch


def test_addresses_behind_words_are_links() -> None:
    assert message("text_link").links == ("https://lk.example.ru/form/17?step=3",)
    assert message("photo_caption").links == ("https://example.ru/shot",)


def test_an_address_behind_words_is_shown_beside_them() -> None:
    assert (only("text_link").kind, only("text_link").data) == ("link", {"url": "https://lk.example.ru/form/17?step=3"})
    twice = [*golden("text_link")["message"]["entities"]] * 2
    assert len(payloads.message("telegram", changed("text_link", entities=twice)).attachments) == 1


def test_an_album_shares_its_group_and_each_part_keeps_its_own_id() -> None:
    first, second = (payloads.identify("telegram", golden(name)) for name in ("album_first", "album_second"))
    assert first.group == second.group is not None
    assert first.key != second.key
    assert first.wait == second.wait == 1.0
    assert payloads.identify("telegram", golden("text")).group is None


def test_a_file_name_is_inert() -> None:
    assert only("document_path_name").name == "xfdp.exe"


def test_a_file_that_a_bot_cannot_download_is_refused_and_said_so() -> None:
    part = only("document_too_large")
    assert (part.fetch, part.refused) == (None, "larger than the platform lets a bot download")
    assert message("document_too_large").flags == ("too_large",)


def test_a_file_over_our_own_limit_is_refused() -> None:
    small = Account(kind="telegram", limits=Limits(attachment=1000))
    reading = telegram.read(json.dumps(golden("document")).encode(), small)
    assert isinstance(reading, Message) and reading.attachments[0].refused == "larger than the limit"


def test_the_phone_of_a_shared_own_contact_is_vouched() -> None:
    sender = message("contact_own").sender
    assert (sender.phone, sender.vouched) == ("+79161234567", ("id", "phone"))


def test_the_phone_of_another_is_only_an_attachment() -> None:
    assert message("contact_other").sender.phone is None
    assert only("contact_other").data["phone_number"] == "+79031112233"


def test_a_forwarded_contact_vouches_for_nothing() -> None:
    origin = {"type": "hidden_user", "sender_user_name": "Кто-то", "date": 1795240000}
    sender = payloads.message("telegram", changed("contact_own", forward_origin=origin)).sender
    assert (sender.phone, sender.vouched) == (None, ("id",))


@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        ("location", "location", {"latitude": 55.751244, "longitude": 37.618423}),
        ("dice", "other", {"dice": {"emoji": "🎲", "value": 4}}),
        ("game", "other", {"game": {"title": "Лабиринт", "description": "Найдите выход"}}),
        ("unknown_content", "other", {"hologram": {"file_id": "holo1", "angle": 42, "title": "Новый вид сообщения"}}),
    ],
)
def test_what_is_no_file_is_data(name: str, kind: str, data: dict[str, Any]) -> None:
    assert (only(name).kind, only(name).data, only(name).fetch) == (kind, data, None)


def test_a_venue_is_one_place() -> None:
    assert only("venue").data == {
        "latitude": 59.935,
        "longitude": 30.325,
        "title": "МФЦ Центрального района",
        "address": "Невский проспект, 174",
    }


def test_a_live_location_is_kept_and_its_movements_are_not_revisions() -> None:
    assert only("live_location").data["live_period"] == 900
    assert payloads.read("telegram", golden("live_location_moved")) == Ignored("a live location moves")


def test_polls_and_checklists_are_words_too() -> None:
    assert message("poll").text == "Когда починят запись к врачу?\nСегодня\nНикогда"
    assert only("poll").data["options"] == ["Сегодня", "Никогда"]
    assert message("checklist").text == "Что я уже сделала\nПерезагрузила телефон\nПереустановила приложение"
    assert [task["done"] for task in only("checklist").data["checklist"]["tasks"]] == [True, False]


def test_paid_media_shows_what_a_bot_may_see() -> None:
    assert [part.kind for part in message("paid_media").attachments] == ["photo", "other"]


def test_a_rich_message_gives_its_words_files_and_links() -> None:
    reading = message("rich_message")
    assert reading.text.startswith("Жалоба\nНе приходит СМС с кодом третий день.\n1.\nМТС\n2.\nМосква\nЭкран, ссылка")
    assert reading.text.endswith("20.11\nнет СМС")
    assert sorted(part.kind for part in reading.attachments) == ["link", "photo"]
    assert reading.links == ("https://example.ru/1",)


def test_a_reply_names_the_message_and_quotes_it() -> None:
    reading = message("reply_to_us")
    assert (reading.text, reading.reply_to) == ("А когда будет ответ?", (f"{ANNA}:1190",))
    assert reading.quoted == "Ваше обращение принято. Номер 261121-000017-0."
    assert message("reply_with_quote").quoted == "261121-000017-0"


def test_a_reply_to_another_chat_brings_what_it_shows() -> None:
    reading = message("reply_external")
    assert reading.text == "Объясните, пожалуйста, это правда?"
    assert reading.quoted == "С 1 декабря выплаты начисляются по-новому"
    assert (reading.reply_to, only("reply_external").part) == (("-1003000000001:44",), "-1003000000001:44")


@pytest.mark.parametrize("name", ["forward_from_user", "forward_hidden_user_photo", "forward_from_channel"])
def test_forwarded_words_are_not_the_citizens_own(name: str) -> None:
    reading = message(name)
    content = golden(name)["message"]
    assert (reading.text, reading.quoted) == ("", content.get("text") or content.get("caption"))
    assert reading.flags == ("forwarded",) and reading.sender.id == ANNA


@pytest.mark.parametrize("name", ["edited_message", "edited_caption", "edited_business_message"])
def test_an_edit_revises_its_message(name: str) -> None:
    reading = message(name)
    assert (reading.change, reading.revises) == ("edit", reading.native_id)
    assert "(исправлено)" in message("edited_message").text


def test_each_edit_is_a_revision_and_a_redelivered_one_is_not() -> None:
    first = payloads.identify("telegram", golden("edited_message")).key
    assert first.startswith(payloads.message("telegram", golden("edited_message")).native_id + ":edit:")
    assert payloads.identify("telegram", changed("edited_message", text="Иначе")).key != first
    assert payloads.identify("telegram", changed("edited_message", edit_date=1795240901)).key != first
    assert payloads.identify("telegram", {**golden("edited_message"), "update_id": 5}).key == first


def test_file_ids_that_differ_between_deliveries_make_no_second_edit() -> None:
    again = json.loads(json.dumps(golden("edited_caption")).replace("AgACAgIAAxkBAAIB", "AgACAgIAAxkBAAXX"))
    assert payloads.identify("telegram", again) == payloads.identify("telegram", golden("edited_caption"))


def test_a_message_is_known_by_chat_and_number_whatever_the_update_id() -> None:
    identity = payloads.identify("telegram", golden("text"))
    assert (identity.key, identity.conversation) == (f"{ANNA}:1201", ANNA)
    assert payloads.identify("telegram", {**golden("text"), "update_id": 3}) == identity


def test_a_pressed_button_has_its_payload_and_its_message() -> None:
    reading = message("callback_query")
    assert (reading.button, reading.text, reading.native_id) == ("new", "", "callback:2200000000000000001")
    assert (reading.reply_to, reading.conversation_id) == ((f"{ANNA}:1190",), ANNA)
    assert message("callback_inaccessible").button == "status"


def test_a_reaction_answers_its_message() -> None:
    assert (message("reaction").text, message("reaction").reply_to) == ("👍", (f"{ANNA}:1190",))
    assert only("reaction_removed").data == {"reaction": [], "removed": True}


def test_a_group_is_one_conversation_for_each_sender() -> None:
    assert message("group_text").conversation_id == "-1002000000001:512340002"
    assert message("group_anonymous_admin").conversation_id == "-1002000000001:-1002000000001"
    assert message("group_anonymous_admin").sender.display_name == "Жильцы дома 14"


def test_a_message_in_a_topic_answers_nobody() -> None:
    assert (message("group_forum_topic").reply_to, message("group_forum_topic").quoted) == ((), None)


def test_a_group_that_became_a_supergroup_is_renamed_from_both_sides() -> None:
    renamed = Renamed("conversation", old="-400000001", new="-1002000000001")
    assert payloads.read("telegram", golden("group_migrated")) == renamed
    other_side = changed("group_text", migrate_from_chat_id=-400000001)
    assert payloads.read("telegram", other_side) == renamed


def test_a_channels_post_is_by_the_channel() -> None:
    reading = message("channel_post")
    assert (reading.sender.id, reading.conversation_id) == ("-1003000000001", "-1003000000001")


def test_a_business_chat_is_apart_from_the_bots_own_chat() -> None:
    reading = message("business_message")
    assert reading.native_id == "business:bcN4x0pQAAABAAEC:512340001:1302"
    assert reading.conversation_id == "business:bcN4x0pQAAABAAEC:512340001"
    assert payloads.read("telegram", golden("business_own_answer")) == Ignored("written by the business account itself")


def test_deleted_messages_of_a_business_account_are_a_unit_each() -> None:
    bulk = golden("deleted_business_message")
    bulk["deleted_business_messages"]["message_ids"] = [5, 6, 7]
    units = telegram.split(json.dumps(bulk).encode())
    readings = [telegram.read(unit, Account()) for unit in units]
    assert [reading.revises for reading in readings if isinstance(reading, Message)] == [
        f"business:bcN4x0pQAAABAAEC:512340001:{number}" for number in (5, 6, 7)
    ]
    assert {reading.change for reading in readings if isinstance(reading, Message)} == {"deletion"}
    assert len({telegram.identify(unit).key for unit in units}) == 3


def test_what_we_sent_ourselves_is_ignored() -> None:
    ours = {"id": int(payloads.ACCOUNTS["telegram"]), "is_bot": True, "first_name": "Приёмная"}
    assert payloads.read("telegram", changed("text", **{"from": ours})) == Ignored("our own message")


def test_a_form_of_a_web_app_is_the_citizens_words() -> None:
    reading = message("web_app_data")
    assert (reading.text, reading.button) == ("tema: Запись к врачу\nfio: Соколова Анна Павловна", None)
    assert only("web_app_data").data["form"]["fio"] == "Соколова Анна Павловна"


def test_a_name_is_one_line_without_marks_that_turn_it_round() -> None:
    person = {"id": 5, "is_bot": False, "first_name": "Ан\r\nна\u202e", "last_name": "\x00\u200b С"}
    assert payloads.message("telegram", changed("text", **{"from": person})).sender.display_name == "Ан на С"


def test_an_update_of_an_unknown_kind_is_a_message_with_the_unknown_part() -> None:
    assert only("unknown_update").data["community_message"]["words"] == "Вид обновления, которого ещё нет"
    assert message("unknown_update").sender.id == ANNA


def test_an_answer_of_get_updates_is_one_unit_an_update() -> None:
    updates = [golden("text"), None, golden("voice")]
    for body in ({"ok": True, "result": updates}, updates):
        units = telegram.split(json.dumps(body).encode())
        assert [json.loads(unit) for unit in units] == updates
        assert isinstance(telegram.read(units[1], Account()), Unreadable)


def test_one_update_stays_as_it_came() -> None:
    body = json.dumps(golden("text"), indent=3).encode()
    assert telegram.split(body) == [body]
    assert telegram.split(b"\xff{") == [b"\xff{"]


def test_a_long_text_is_cut_between_characters() -> None:
    reading = payloads.message("telegram", changed("text", text="я" * 40_000))
    assert (len(reading.text), reading.flags) == (32 * 1024, ("too_large",))


@pytest.mark.parametrize(
    "payload", [b"", b"null", b"[]", b"17", b'{"update_id":1}', b'{"message":{}}', b'{"message":null}', b"\xff\xfe"]
)
def test_what_holds_no_message_is_unreadable(payload: bytes) -> None:
    assert isinstance(telegram.read(payload, Account()), Unreadable)
    assert telegram.identify(payload).key


@given(mutated("telegram"))
def test_no_change_of_a_payload_breaks_a_promise(payload: bytes) -> None:
    check_promises("telegram", payload)


@given(st.binary(max_size=60))
def test_no_bytes_break_a_promise(payload: bytes) -> None:
    check_promises("telegram", payload)
