"""What our own front writes for the portal's sources, and that nothing in it may be taken for granted either."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer import portal
from normalizer.message import Account, Limits, Message, Unreadable

GOLDEN = Path(__file__).parent.parent / "golden" / "portal"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json") if not path.stem.endswith(".envelope"))
ACCOUNT = Account(kind="portal", platform_account="portal")


def golden(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_bytes())
    return value


def message(value: dict[str, Any], limits: Limits | None = None) -> Message:
    account = Account(kind="portal", platform_account="portal", limits=limits or Limits())
    reading = portal.read(json.dumps(value).encode(), account)
    assert isinstance(reading, Message), reading
    return reading


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_payload_is_a_message_of_its_conversation(name: str) -> None:
    payload = (GOLDEN / f"{name}.json").read_bytes()
    reading, identity = portal.read(payload, ACCOUNT), portal.identify(payload)
    assert isinstance(reading, Message)
    assert reading.conversation_id == identity.conversation
    assert reading.native_id == identity.key
    assert reading.sent_at == identity.sent_at
    assert reading.via == golden(name)["source"]
    assert not reading.chat


def test_the_form_states_who_writes_and_vouches_for_nothing() -> None:
    reading = message(golden("form"))
    assert reading.sender.id is None
    assert reading.sender.vouched == ()
    assert reading.sender.email == "m.kuznetsova@example.org"
    assert reading.sender.phone == "+79123456789"
    assert reading.stated["category"] == "services"
    assert [(part.name, part.kind) for part in reading.attachments] == [("ошибка.png", "photo")]
    assert (reading.attachments[0].content or b"").startswith(b"\x89PNG")


def test_nobody_signs_in_by_the_form() -> None:
    reading = message(golden("form_signs_in_for_itself"))
    assert (reading.sender.id, reading.sender.vouched) == (None, ())
    assert "vouched" not in reading.stated


def test_the_cabinet_vouches_for_a_signed_in_citizen() -> None:
    reading = message(golden("cabinet"))
    assert reading.sender.id == "cabinet:1000123"
    assert reading.sender.vouched == ("id", "full_name", "phone", "email")
    assert reading.stated["snils"] == "11223344595"
    assert "snils" in reading.stated["vouched"]
    assert reading.subject == "Не обновляется статус заявления"
    assert reading.stated["application_number"] == "1834567890"


def test_what_a_signed_in_citizen_sends_is_one_conversation_and_the_rest_stands_alone() -> None:
    assert message(golden("cabinet")).conversation_id == message(golden("cabinet_comment")).conversation_id
    assert message(golden("form")).conversation_id != message(golden("form_english")).conversation_id


def test_a_mark_is_a_review() -> None:
    review = message(golden("cabinet_mark")).stated["review"]
    assert review == {"mark": 4, "about": "2026-11-22", "suggestions": "Отвечайте быстрее."}


def test_the_line_gives_the_audience_and_the_clerk_the_passport() -> None:
    assert message(golden("phone")).stated["audience"] == "pensioners"
    stated = message(golden("office")).stated
    assert stated["passport"]["series"] == "4509"
    assert stated["inn"] == "500100732259"
    assert stated["number"] == "261120-000003-2"


def test_what_is_wrong_in_a_field_is_left_out() -> None:
    citizen = {"email": "no address", "phone": "call me", "inn": "123", "snils": "1", "passport": "x"}
    reading = message({"source": "office", "idempotency_key": "1", "citizen": citizen, "review": {"mark": 9}})
    assert (reading.sender.email, reading.sender.phone) == (None, None)
    assert not {"inn", "snils", "passport", "review"} & set(reading.stated)


def test_a_file_that_cannot_be_taken_is_refused_and_the_others_stay() -> None:
    parts = message(golden("attachments_refused")).attachments
    assert [part.refused for part in parts] == ["empty", "not base64", None]
    assert parts[1].name == "passwd"
    assert "\u202e" not in (parts[2].name or "")


def test_a_file_whose_base64_is_broken_into_lines_is_taken() -> None:
    value, content = golden("form"), bytes(range(250)) * 4
    for end in ("\n", "\r\n"):
        value["attachments"][0]["content"] = base64.encodebytes(content).decode().replace("\n", end)
        reading = message(value, Limits(attachment=1000))
        assert (reading.attachments[0].content, reading.attachments[0].refused) == (content, None)


def test_a_file_over_the_limit_is_refused_before_it_is_decoded() -> None:
    value = golden("form")
    for size in (1001, 5000):
        value["attachments"][0]["content"] = base64.b64encode(bytes(size)).decode()
        reading = message(value, Limits(attachment=1000))
        assert reading.attachments[0].refused == "larger than the limit"
        assert "too_large" in reading.flags


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"{}", b"null", b'{"source": "form"}', b'{"source": "fax", "idempotency_key": "1"}', b"\xff"],
)
def test_what_is_no_payload_of_ours_is_unreadable_and_blocks_nothing(payload: bytes) -> None:
    assert isinstance(portal.read(payload, ACCOUNT), Unreadable)
    assert portal.identify(payload).conversation.startswith("raw:")


def test_the_same_key_of_two_sources_is_two_payloads() -> None:
    keys = {
        portal.identify(json.dumps({"source": source, "idempotency_key": "1"}).encode()).key
        for source in portal.SOURCES
    }
    assert len(keys) == len(portal.SOURCES)


_leaf = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
_anything = st.recursive(_leaf, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=6), x, max_size=3))


@given(st.sampled_from(NAMES), st.data())
def test_no_value_in_any_place_makes_it_raise(name: str, data: st.DataObject) -> None:
    value = golden(name)
    place: Any = value
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if isinstance(place[key], dict) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(_anything)
        break
    payload = json.dumps(value).encode()
    reading, identity = portal.read(payload, ACCOUNT), portal.identify(payload)
    if isinstance(reading, Message):
        assert reading.conversation_id == identity.conversation
        json.dumps(dict(reading.stated), allow_nan=False).encode()
        for written in (reading.native_id, reading.text, reading.subject or "", reading.sender.email or ""):
            written.encode()


@pytest.mark.parametrize("letter", ["a", "+7 9", "@a.", "ИНН 5001", "\u202e", "(", "1"])
def test_64_kb_of_the_worst_text_in_every_field_are_read_in_no_time(letter: str) -> None:
    worst = letter * (65536 // len(letter.encode()))
    citizen = dict.fromkeys(("full_name", "phone", "email", "inn", "snils", "account_number", "call_back_at"), worst)
    value = {**golden("office"), "citizen": citizen, "number": worst, "subject": worst, "sent_at": worst}
    payload = json.dumps(value).encode()
    portal.read(payload, ACCOUNT)
    started = time.thread_time()
    assert isinstance(portal.read(payload, ACCOUNT), Message)
    assert time.thread_time() - started < 0.25


@pytest.mark.parametrize("written", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_utc_has_no_year_for_is_none(written: str) -> None:
    value = {**golden("office"), "sent_at": written}
    assert message(value).sent_at is None
    assert portal.identify(json.dumps(value).encode()).sent_at is None
