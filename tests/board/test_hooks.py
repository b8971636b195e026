"""One webhook for several numbers of one app, as Meta has it: each message comes to the channel that has its number."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from board.app import create_app
from config.settings import load
from ledger.schema import journal
from pipeline.parts import Parts, open_parts

CHANNEL = """
[channels.{name}]
kind = "whatsapp"
token = "x"
phone_number_id = "{number}"
app_secret = "{secret}"
verify_token = "x"
"""


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    channels = (("one", "101", "app"), ("two", "102", "app"), ("else", "103", "another app"))
    config = tmp_path / "c.toml"
    config.write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/p.db"\n[storage]\nurl = "{tmp_path}/files"\n'
        + "".join(CHANNEL.format(name=name, number=number, secret=secret) for name, number, secret in channels)
    )
    with closing(open_parts(load(config, {}))) as opened:
        yield opened


def change(number: str, wamid: str) -> dict[str, Any]:
    message = {
        "id": wamid,
        "from": "79161234567",
        "timestamp": "1795000000",
        "type": "text",
        "text": {"body": "Помогите"},
    }
    metadata = {"display_phone_number": "1", "phone_number_id": number}
    return {
        "field": "messages",
        "value": {"messaging_product": "whatsapp", "metadata": metadata, "messages": [message]},
    }


async def post(parts: Parts, *changes: dict[str, Any]) -> int:
    held = {"object": "whatsapp_business_account", "entry": [{"id": "9", "changes": changes}]}
    return await post_body(parts, json.dumps(held).encode())


async def post_body(parts: Parts, body: bytes) -> int:
    signature = "sha256=" + hmac.new(b"app", body, hashlib.sha256).hexdigest()
    transport = httpx.ASGITransport(app=create_app(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        answer = await client.post("/hooks/one", content=body, headers={"x-hub-signature-256": signature})
    return answer.status_code


def taken(parts: Parts) -> list[tuple[str, str]]:
    found = select(journal.c.account, journal.c.platform_account).order_by(journal.c.id)
    return [tuple(row) for row in parts.database.look_now(lambda conn: conn.execute(found).all())]


async def test_what_is_for_the_apps_other_number_is_taken_by_its_channel(parts: Parts) -> None:
    """It was answered with 200, and lost: Meta sends what every number of an app gets to one address."""
    assert await post(parts, change("102", "a"), change("101", "b"), change("102", "c")) == 200
    assert sorted(taken(parts)) == [("one", "101"), ("two", "102"), ("two", "102")]
    assert await post(parts, change("102", "a")) == 200, "and again"
    assert len(taken(parts)) == 3


@pytest.mark.parametrize("number", ["103", "104"], ids=["of another app", "of no channel"])
async def test_what_is_for_no_channel_of_the_same_app_is_taken_where_it_came_and_told_once(
    parts: Parts, number: str
) -> None:
    with capture_logs() as said:
        assert await post(parts, change(number, "a"), change("101", "b")) == 200
    assert taken(parts) == [("one", "101"), ("one", "101")], "the platform is told that it is taken"
    assert [line["event"] for line in said if line["log_level"] == "error"] == [
        "messages for an account that no channel has are taken by the channel whose address they came to"
    ]


@pytest.mark.parametrize("body", [b"", b"{}", b"null"])
async def test_an_authentic_body_that_holds_nothing_has_an_end_that_is_seen(parts: Parts, body: bytes) -> None:
    """It was answered with 200, and no row said that anything had come."""
    assert await post_body(parts, body) == 200
    assert taken(parts) == [("one", "101")]
