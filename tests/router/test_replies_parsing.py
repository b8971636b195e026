"""A desk's reply as bytes: taken when it is one, refused with a reason otherwise, whatever the bytes are."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.replies import MOST_BODY, MOST_TEXT, ReplyError, parse

GOOD: dict[str, Any] = {
    "id": "a-1",
    "ticket": "261122-000001-5",
    "text": "Смотрим.",
    "attachments": [
        {"name": "справка.pdf", "media_type": "application/pdf", "data": base64.b64encode(b"%PDF").decode()}
    ],
    "in_reply_to": None,
    "close": False,
}


def body(**change: Any) -> bytes:
    return json.dumps({**GOOD, **change}).encode()


def without(field: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != field}).encode()


def test_a_reply_of_the_contract_is_taken() -> None:
    reply = parse(body())
    assert (reply.id, reply.ticket, reply.text, reply.close) == ("a-1", "261122-000001-5", "Смотрим.", False)
    assert reply.attachments[0].data == b"%PDF"


def test_attachments_in_reply_to_and_close_may_be_left_out() -> None:
    reply = parse(b'{"id": "1", "ticket": "261122-000001-5", "text": "x"}')
    assert (reply.attachments, reply.in_reply_to, reply.close) == ([], None, False)


def test_a_ticket_can_be_closed_without_a_word() -> None:
    assert parse(body(text="", attachments=[], close=True)).close


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b"[]", "object"),
        (b'{"id": ' + b"9" * 5000 + b"}", "no JSON"),
        (without("ticket"), "ticket: Field required"),
        (without("id"), "id: Field required"),
        (body(id=""), "id: "),
        (body(ticket="1"), "ticket: "),
        (body(text=5), "text: "),
        (body(text="\0"), "text: holds a NUL"),
        (body(text="x" * (MOST_TEXT + 1)), "text: "),
        (body(text=" ", attachments=[]), "neither text nor attachments"),
        (body(close="yes"), "close: "),
        (body(citizen="Иванов"), "a field that is not known"),
        (body(attachments=[{**GOOD["attachments"][0], "data": "%%%"}]), "attachments.0.data: not base64"),
        (body(attachments=[{**GOOD["attachments"][0], "name": "../../etc/cron.d/x"}]), "attachments.0.name: "),
        (body(attachments=[{**GOOD["attachments"][0], "media_type": "x\r\ny/z"}]), "attachments.0.media_type: "),
        (body(attachments=GOOD["attachments"] * 11), "attachments: "),
        (b'{"id": "' + b" " * MOST_BODY, "larger than"),
    ],
)
def test_what_is_no_reply_is_refused_with_the_reason(wrong: bytes, reason: str) -> None:
    with pytest.raises(ReplyError) as refused:
        parse(wrong)
    assert reason in str(refused.value)


def test_the_reason_holds_nothing_of_the_content() -> None:
    for change in ({"ticket": "Иванов 4510"}, {"close": "Иванов"}, {"Иванов": 1}, {"text": ["Иванов"]}):
        with pytest.raises(ReplyError) as refused:
            parse(body(**change))
        assert "Иванов" not in str(refused.value)


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps).map(str.encode)
)
def test_any_bytes_are_a_reply_or_refused(anything: bytes) -> None:
    with pytest.raises(ReplyError):
        parse(anything)
