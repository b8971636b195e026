"""WhatsApp: what is read from each kind of message and status, and how a body is taken apart."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer import whatsapp
from normalizer.message import Account, DeliveryReport, Ignored, Message, Renamed, Unreadable
from tests.normalizer import payloads
from tests.normalizer.payloads import check_promises, mutated

SCOPED = "RU.13491208655302741918"
PHONE = "79161234567"
OURS = "wamid.HBgLNzkxNjEyMzQ1NjcVAgASGBQzQTAwMDAwMDAwMDAwMDAw9001AA=="
FIRST = "wamid.HBgLNzkxNjEyMzQ1NjcVAgASGBQzQTAwMDAwMDAwMDAwMDAw0001AA=="
NO_MESSAGES = {
    "identity_changed": Ignored("a system message: customer_identity_changed"),
    "request_welcome": Ignored("the chat was opened for the first time"),
    "value_errors": Ignored("an error that the platform reports: 130429"),
    "echo": Ignored("not a message: smb_message_echoes"),
    "account_update": Ignored("not a message: account_update"),
    "changed_number": Renamed("person", old=SCOPED, new="RU.20000000000000000002"),
    "changed_number_phones_only": Renamed("person", old=PHONE, new="79167654321"),
}


def golden(name: str) -> Any:
    return payloads.golden("whatsapp", name)


def message(name: str) -> Message:
    return payloads.message("whatsapp", golden(name))


def only(name: str) -> Any:
    (part,) = message(name).attachments
    return part


def value(name: str) -> Any:
    return golden(name)["entry"][0]["changes"][0]["value"]


def body(**content: Any) -> dict[str, Any]:
    document = golden("text")
    kept = {name: document["entry"][0]["changes"][0]["value"][name] for name in ("messaging_product", "metadata")}
    document["entry"][0]["changes"][0]["value"] = {**kept, **content}
    return dict(document)


def changed(name: str, **fields: Any) -> dict[str, Any]:
    content = value(name)
    (inner,) = content["messages"]
    return body(**{**content, "messages": [{**inner, **fields}]})


@pytest.mark.parametrize("name", payloads.names("whatsapp"))
def test_every_golden_body_is_a_message_or_something_else_for_a_reason(name: str) -> None:
    reading = payloads.read("whatsapp", golden(name))
    if name.startswith("status_"):
        assert isinstance(reading, DeliveryReport)
    elif name in NO_MESSAGES:
        assert reading == NO_MESSAGES[name]
    else:
        assert isinstance(reading, Message)


def test_a_text_tells_who_wrote_what_and_when() -> None:
    reading = message("text")
    assert reading.text.startswith("Соколова Анна Павловна, ИНН 500100732259.")
    assert (reading.native_id, reading.conversation_id) == (FIRST, SCOPED)
    assert reading.sent_at == datetime(2026, 11, 21, 5, 47, 23, tzinfo=UTC)
    sender = reading.sender
    assert (sender.id, sender.aliases, sender.display_name) == (SCOPED, (PHONE,), "Анна Соколова")
    assert (sender.phone, sender.vouched) == ("+79161234567", ("id", "phone"))


@pytest.mark.parametrize(
    ("name", "main", "phone", "shown"),
    [
        ("hidden_phone", "RU.99991208655302740000", None, "Мария"),
        ("scoped_id_in_from", "RU.99991208655302740001", None, None),
        ("phone_only", "79035556677", "+79035556677", "Пётр"),
        ("without_contacts", SCOPED, "+79161234567", None),
    ],
)
def test_a_person_is_known_by_the_scoped_id_first(name: str, main: str, phone: str | None, shown: str | None) -> None:
    sender = message(name).sender
    assert (sender.id, sender.phone, sender.display_name) == (main, phone, shown)
    assert ("phone" in sender.vouched) == (phone is not None)
    assert message(name).conversation_id == main


def test_a_username_is_told_without_its_sign() -> None:
    assert message("hidden_phone").sender.username == "maria_k"


def test_a_contact_without_business_scoped_id_does_not_lend_it_to_a_stranger() -> None:
    (first,) = value("text")["messages"]
    stranger = {"from": "79990000000", "id": "wamid.S", "timestamp": "1795240000", "type": "text"}
    two = body(contacts=value("text")["contacts"], messages=[first, stranger])
    senders = [reading.sender.id for reading in _readings(two) if isinstance(reading, Message)]
    assert senders == [SCOPED, "79990000000"]


@pytest.mark.parametrize(
    ("name", "kind", "media_type", "text"),
    [
        ("image", "photo", "image/jpeg", "Скриншот ошибки"),
        ("image_no_caption", "photo", "image/jpeg", ""),
        ("video", "video", "video/mp4", "Приложение закрывается"),
        ("voice", "voice", "audio/ogg; codecs=opus", ""),
        ("audio", "audio", "audio/mpeg", ""),
        ("document", "document", "application/pdf", "Заявление на субсидию"),
        ("sticker", "sticker", "image/webp", ""),
    ],
)
def test_a_file_is_named_by_its_media_id(name: str, kind: str, media_type: str, text: str) -> None:
    part = only(name)
    assert (part.kind, part.media_type, message(name).text) == (kind, media_type, text)
    assert part.fetch["media_id"].startswith("10033834213872") and part.part == message(name).native_id


def test_a_file_name_is_inert() -> None:
    assert only("document").name == "Заявление.pdf"
    assert only("document_path_name").name == "_CON.txt"


def test_media_without_an_id_is_refused_not_lost() -> None:
    reading = payloads.message("whatsapp", changed("image", image={"caption": "без файла"}))
    assert (reading.text, reading.attachments[0].refused) == ("без файла", "without a media id")
    assert reading.flags == ("unreadable_part",)


def test_a_place_and_contacts_are_data() -> None:
    assert only("location").data["address"] == "ул. Новый Арбат, 2"
    names = [part.data["name"]["formatted_name"] for part in message("contacts").attachments if part.data]
    assert names == ["Иван Петров", "Дежурный"]


@pytest.mark.parametrize(
    ("name", "button", "text"),
    [
        ("button_reply", "new", "Новое обращение"),
        ("list_reply", "desk:mobile", "Мобильное приложение"),
        ("button", "status", "Узнать статус"),
    ],
)
def test_a_button_is_its_payload_and_answers_our_message(name: str, button: str, text: str) -> None:
    reading = message(name)
    assert (reading.button, reading.text, reading.reply_to) == (button, text, (OURS,))


def test_a_filled_in_form_is_the_citizens_words_without_our_token() -> None:
    reading = message("flow_reply")
    assert reading.text == "ФИО: Соколова Анна Павловна\nОписание: Не открывается раздел «Выплаты»"
    assert only("flow_reply").data["form"]["согласие"] is True
    assert "not-for-desks" not in json.dumps([only("flow_reply").data, reading.text])


def test_a_form_that_is_no_json_is_kept_as_words() -> None:
    form = {"type": "nfm_reply", "nfm_reply": {"response_json": "не JSON"}}
    assert payloads.message("whatsapp", changed("flow_reply", interactive=form)).text == "не JSON"


def test_a_reply_names_its_message() -> None:
    assert (message("reply").text, message("reply").reply_to) == ("Когда будет ответ?", (OURS,))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("forwarded", "Ваша карта заблокирована, сообщите код из СМС"),
        ("frequently_forwarded_image", "Разошлите всем: выплата 50 000 каждому"),
    ],
)
def test_forwarded_words_are_not_the_citizens_own(name: str, words: str) -> None:
    reading = message(name)
    assert (reading.text, reading.quoted, reading.flags) == ("", words, ("forwarded",))


def test_a_reaction_answers_its_message() -> None:
    assert (message("reaction").text, message("reaction").reply_to) == ("👍", (OURS,))
    assert only("reaction_removed").data == {"reaction": [], "removed": True}


def test_orders_products_and_advertisements_are_shown() -> None:
    assert message("order").text == "Заказала справку по ошибке"
    assert only("order").data["order"]["product_items"][0]["product_retailer_id"] == "spravka-1"
    assert only("referred_product").data["referred_product"]["catalog_id"] == "800001"
    assert message("referral").links == ("https://fb.me/1abc",)
    assert (only("referral").kind, message("referral").text) == ("link", "Увидела рекламу, хочу подать жалобу")


def test_what_the_platform_does_not_support_is_kept_with_its_reason() -> None:
    assert only("unsupported").data["unsupported"] == {"type": "poll_creation"}
    assert only("unsupported").data["errors"][0]["code"] == 131051
    assert message("unsupported").flags == ("unreadable_part",)
    assert only("unknown_type").data["hologram"] == {"id": "77", "caption": "Новый вид сообщения"}
    assert message("unknown_type").text == "Новый вид сообщения"


def test_an_edit_has_an_id_of_its_own_and_revises_the_original() -> None:
    reading = message("edit")
    assert (reading.change, reading.revises, reading.reply_to) == ("edit", FIRST, ())
    assert reading.native_id != FIRST
    assert reading.text == "Не приходит СМС с кодом с 20 ноября (исправлено)"
    assert (message("edit_caption").text, only("edit_caption").kind) == ("Скриншот ошибки 502", "photo")


def test_a_deletion_revises_the_original() -> None:
    reading = message("revoke")
    assert (reading.change, reading.revises, reading.text) == ("deletion", FIRST, "")


def test_a_group_is_one_conversation_for_each_sender() -> None:
    assert message("group_message").conversation_id == f"Y2FwaV9ncm91cDoxMjM0NTY3ODkw:{SCOPED}"


@pytest.mark.parametrize("state", ["sent", "delivered", "read"])
def test_a_status_is_a_delivery_of_ours(state: str) -> None:
    at = datetime(2026, 11, 21, 7, 10, tzinfo=UTC)
    expected = DeliveryReport(native_id=OURS, state=state, at=at)  # type: ignore[arg-type]
    assert payloads.read("whatsapp", golden(f"status_{state}")) == expected
    assert payloads.identify("whatsapp", golden(f"status_{state}")).key == f"status:{OURS}:{state}"


def test_a_failed_delivery_tells_why_without_a_phone() -> None:
    reading = payloads.read("whatsapp", golden("status_failed"))
    assert isinstance(reading, DeliveryReport) and (reading.state, reading.code) == ("failed", "131047")
    assert reading.detail is not None and "more than 24 hours" in reading.detail
    (status,) = value("status_failed")["statuses"]
    status["errors"][0]["error_data"]["details"] = "Recipient 79161234567 is unknown"
    again = payloads.read("whatsapp", body(statuses=[status]))
    assert isinstance(again, DeliveryReport) and again.detail == "Re-engagement message: Recipient … is unknown"


def test_our_own_number_does_not_write_to_us() -> None:
    assert payloads.read("whatsapp", changed("text", **{"from": "74951234567"})) == Ignored("our own message")


def _readings(document: Any) -> list[Any]:
    units = whatsapp.split(json.dumps(document).encode())
    return [whatsapp.read(unit, Account()) for unit in units]


def _batch() -> dict[str, Any]:
    """Two entries, three changes, and something bad at every level."""
    text, image, group = (value(name) for name in ("text", "image", "group_message"))
    other = {"profile": {"name": "Пётр"}, "wa_id": "79035556677"}
    content = {
        **text,
        "contacts": [other, *text["contacts"]],
        "messages": [*text["messages"], None, {"id": "wamid.X"}, *image["messages"], *value("phone_only")["messages"]],
        "statuses": [*value("status_read")["statuses"], "bad", *value("status_failed")["statuses"]],
        "errors": value("value_errors")["errors"],
    }
    changes = [{"field": "messages", "value": content}, "bad", {"field": "account_update", "value": {"event": "X"}}]
    second = {"id": "2", "changes": [{"field": "messages", "value": group}], "errors": [{"code": 1}]}
    entry = [{"id": "1", "changes": changes}, None, second]
    return {"object": "whatsapp_business_account", "entry": entry, "errors": [{"code": 2}]}


def test_a_batch_is_taken_apart_and_only_what_is_bad_is_unreadable() -> None:
    readings = _readings(_batch())
    texts = [reading.text for reading in readings if isinstance(reading, Message)]
    assert texts == [message(name).text for name in ("text", "image", "phone_only", "group_message")]
    states = [reading.state for reading in readings if isinstance(reading, DeliveryReport)]
    assert states == ["read", "failed"]
    assert sum(isinstance(reading, Unreadable) for reading in readings) == 5
    assert sum(isinstance(reading, Ignored) for reading in readings) == 4


def test_a_unit_is_a_webhook_body_with_its_own_contact() -> None:
    units = [json.loads(unit) for unit in whatsapp.split(json.dumps(_batch()).encode())]
    values = [unit["entry"][0]["changes"][0]["value"] for unit in units if unit.get("entry", [None])[0] is not None
              and unit["entry"][0].get("changes", ["bad"])[0] != "bad"]  # fmt: skip
    messages = [content for content in values if isinstance(content.get("messages", [None])[0], dict)]
    assert [len(content["messages"]) for content in messages] == [1] * 5
    assert [content.get("contacts", [{}])[0].get("wa_id") for content in messages] == [
        PHONE, None, PHONE, "79035556677", PHONE,
    ]  # fmt: skip
    assert all(content["metadata"]["phone_number_id"] == "106540352242922" for content in messages)


def test_a_message_means_the_same_in_a_batch_and_alone() -> None:
    in_batch = {reading.native_id: reading for reading in _readings(_batch()) if isinstance(reading, Message)}
    for name in ("text", "image", "phone_only", "group_message"):
        assert in_batch[message(name).native_id] == message(name)
    keys = {whatsapp.identify(unit).key for unit in whatsapp.split(json.dumps(_batch()).encode())}
    assert payloads.identify("whatsapp", golden("text")).key in keys


def test_units_of_units_are_themselves() -> None:
    for unit in whatsapp.split(json.dumps(_batch()).encode()):
        assert whatsapp.split(unit) == [unit]


def test_a_number_too_long_spoils_its_own_message_only() -> None:
    (good,) = value("text")["messages"]
    document = json.dumps(body(messages=[good, {**good, "id": "wamid.L", "timestamp": 77}]))
    units = whatsapp.split(document.replace("77", "7" * 5000).encode())
    first, second = (whatsapp.read(unit, Account()) for unit in units)
    assert isinstance(first, Message) and isinstance(second, Unreadable)


@pytest.mark.parametrize("raw", [b"", b"\xff", b"{", b"[]", b"null", b'"text"', b"{}"])
def test_a_body_that_is_none_stays_as_it_came_and_is_unreadable(raw: bytes) -> None:
    assert whatsapp.split(raw) == [raw]
    assert isinstance(whatsapp.read(raw, Account()), Unreadable)
    assert whatsapp.identify(raw).key.startswith("raw:")


def test_an_empty_body_is_ignored() -> None:
    assert payloads.read("whatsapp", {"object": "x", "entry": []}) == Ignored("an empty webhook body")


@given(mutated("whatsapp"))
def test_no_change_of_a_payload_breaks_a_promise(payload: bytes) -> None:
    check_promises("whatsapp", payload)


@given(st.binary(max_size=60))
def test_no_bytes_break_a_promise(payload: bytes) -> None:
    check_promises("whatsapp", payload)
