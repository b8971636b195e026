"""Reading JSON that a platform sent: limits, types, and strings that can be stored."""

import json
import math
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer import payload, telegram, vk, whatsapp
from normalizer.message import Account, Unreadable
from normalizer.payload import MAX_DEPTH
from tests.normalizer.payloads import anything


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_depth_is_limited_before_the_parser_recurses() -> None:
    assert not isinstance(payload.parse(nested(MAX_DEPTH)), Unreadable)
    for depth in (MAX_DEPTH + 1, 1500, 500_000):
        assert payload.parse(nested(depth)) == Unreadable("nested too deep")
        assert payload.parse(b'{"a":' * depth + b"1" + b"}" * depth) == Unreadable("nested too deep")


def test_brackets_in_strings_and_side_by_side_are_not_depth() -> None:
    assert payload.parse(json.dumps(['[{"\\' * 1000]).encode()) == ['[{"\\' * 1000]
    assert payload.parse(b"[" + b",".join([b"[]"] * 5000) + b"]") == [[]] * 5000


@pytest.mark.parametrize(
    "body",
    [
        b'"' * 3_000_000,
        b'\\"' * 1_500_000,
        b'["\\' * 1_000_000,
        b"[]" * 1_500_000,
        b"[" * 300 + b'"' + b"\\" * 2_999_999,
    ],
    ids=["quotes", "escaped quotes", "open strings", "brackets", "backslashes"],
)
def test_the_largest_body_that_a_webhook_takes_costs_a_bounded_time(body: bytes) -> None:
    started = time.process_time()
    assert isinstance(payload.parse(body), Unreadable)
    assert time.process_time() - started < 3  # seconds; quadratic would be hours


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a":1}x', "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        ('"я"'.encode("cp1251"), "not UTF-8"),
        (b"[NaN]", "a number that is none, or too long"),
        (b"[-Infinity]", "a number that is none, or too long"),
        (b"[" + b"9" * 5000 + b"]", "a number that is none, or too long"),
    ],
)
def test_what_is_no_json_says_why(body: bytes, reason: str) -> None:
    assert payload.parse(body) == Unreadable(reason)


def test_a_byte_order_mark_is_no_content_and_of_equal_keys_the_last_counts() -> None:
    assert payload.parse(b'\xef\xbb\xbf{"a":1,"a":2}') == {"a": 2}


def test_a_unit_with_a_number_too_long_is_refused_later_and_the_others_are_not() -> None:
    good, bad = payload.parse(b'[{"a":1},{"a":' + b"9" * 5000 + b"}]", mark_long_integers=True)
    assert payload.parse(payload.dump(good)) == {"a": 1}
    assert isinstance(payload.parse(payload.dump(bad)), Unreadable)


def test_strings_lose_nul_and_lone_surrogates_and_keep_pairs() -> None:
    value = json.loads(r'"\u0000a\ud83d\ude00b\ud83dc\ude00"')
    assert payload.text({"a": value}, "a") == "a😀b\ufffdc\ufffd"
    assert payload.clean("\ud83d\ude00") == "😀"


@given(st.text(st.characters()))
def test_every_cleaned_string_encodes(value: str) -> None:
    cleaned = payload.clean(value)
    assert "\x00" not in cleaned
    assert cleaned.encode().decode() == cleaned
    if all(ord(character) not in range(0xD800, 0xE000) for character in value):
        assert cleaned == value.replace("\x00", "")


@given(anything, st.lists(st.text(max_size=3), max_size=3))
def test_no_getter_raises(value: Any, path: list[str]) -> None:
    for getter in (payload.text, payload.integer, payload.identifier, payload.moment, payload.phone):
        getter(value, *path)
    assert isinstance(payload.mapping(value, *path), dict)
    assert isinstance(payload.sequence(value, *path), list)
    found = payload.size(value, *path)
    assert found is None or found >= 0


@given(anything)
def test_a_bounded_copy_can_be_published(value: Any) -> None:
    json.dumps(payload.bounded([value, math.nan, -math.inf, 10**400]), allow_nan=False, ensure_ascii=False).encode()


def test_a_bounded_copy_is_bounded_in_depth_width_and_length() -> None:
    deep: Any = "дно"
    for _ in range(50):
        deep = {"ниже": deep}
    assert "дно" not in json.dumps(payload.bounded(deep), ensure_ascii=False)
    assert len(payload.bounded(list(range(10_000)))) == 200
    assert len(payload.bounded("я" * 5000)) == 1000


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7, 7), ("7", 7), ("-7", -7), (True, None), (7.0, None), ("", None), ("٧", None), ("7x", None), (2**63, None),
     ("9" * 21, None), (None, None), ([7], None)],
)  # fmt: skip
def test_an_integer_is_one_or_is_written_like_one(value: Any, expected: int | None) -> None:
    assert payload.integer({"a": value}, "a") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1795240000, datetime(2026, 11, 21, 5, 46, 40, tzinfo=UTC)),
        ("1795240000", datetime(2026, 11, 21, 5, 46, 40, tzinfo=UTC)),
        (0, None),
        (-1, None),
        (10**15, None),
    ],
)
def test_a_moment_is_in_utc(value: Any, expected: datetime | None) -> None:
    assert payload.moment({"a": value}, "a") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("79161234567", "+79161234567"),
        ("+7 (916) 123-45-67", "+79161234567"),
        ("84912345678", "+84912345678"),  # Vietnam, not a Russian number with 8
        ("112", None),
        ("0123456789", None),
        ("1234567890123456", None),
        ("RU.1", None),
        (79161234567, None),
    ],
)
def test_a_phone_is_international(value: Any, expected: str | None) -> None:
    assert payload.phone({"a": value}, "a") == expected


@pytest.mark.parametrize("limit", range(8))
def test_a_text_is_cut_between_characters(limit: int) -> None:
    cut, was_cut = payload.cut("aя😀", limit)
    assert len(cut.encode()) <= limit and "aя😀".startswith(cut)
    assert was_cut == (limit < 7)


@pytest.mark.parametrize("module", [telegram, vk, whatsapp])
@pytest.mark.parametrize("body", [nested(1500), b'{"update_id":' + b"9" * 5000 + b"}", b"\xff", b'["\\ud83d"]'])
def test_hostile_bodies_stay_one_unit_and_are_unreadable(module: Any, body: bytes) -> None:
    for unit in module.split(body):
        assert isinstance(module.read(unit, Account()), Unreadable)
        assert module.identify(unit) == module.identify(unit)
