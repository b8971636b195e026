"""The WhatsApp stand-in behaves as Meta's documentation says, unpleasant sides included."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.whatsapp import WhatsAppStandIn
from tests.sandbox.receiver import Receiver

PHONE = "79160000001"


@pytest.fixture
def whatsapp() -> Iterator[WhatsAppStandIn]:
    with WhatsAppStandIn(seed=1, time_factor=0.01) as whatsapp:
        yield whatsapp


@pytest.fixture
def bot(whatsapp: WhatsAppStandIn) -> Iterator[Receiver]:
    with Receiver(verify_token=whatsapp.verify_token) as bot:
        assert whatsapp.subscribe(f"{bot.url}/hooks/wa")
        yield bot


def send(whatsapp: WhatsAppStandIn, token: str | None = None, **params: Any) -> httpx.Response:
    url = f"{whatsapp.graph_url}/{whatsapp.phone_number_id}/messages"
    body = {"messaging_product": "whatsapp", "to": PHONE, "type": "text", "text": {"body": "номер"}, **params}
    return httpx.post(url, json=body, headers={"Authorization": f"Bearer {token or whatsapp.token}"})


def code(answer: httpx.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["error"]["code"]


def get(whatsapp: WhatsAppStandIn, url: str, token: str | None = None) -> httpx.Response:
    return httpx.get(url, headers={"Authorization": f"Bearer {token or whatsapp.token}"})


def test_a_webhook_is_verified_before_it_is_taken(whatsapp: WhatsAppStandIn) -> None:
    lost = whatsapp.text(whatsapp.person(PHONE), "рано")
    assert lost.withheld == "not subscribed"
    with Receiver(verify_token="другой") as bot:
        assert not whatsapp.subscribe(bot.url)


def test_a_message_is_posted_signed_over_its_raw_bytes(whatsapp: WhatsAppStandIn, bot: Receiver) -> None:
    anna = whatsapp.person(PHONE)
    made = whatsapp.text(anna, "Здравствуйте / добрый день")
    assert whatsapp.wait_for(lambda: made.confirmed_at is not None)
    [request] = bot.requests
    wanted = "sha256=" + hmac.new(b"app-secret", request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-hub-signature-256"] == wanted
    assert request.body.isascii() and b"\\/" in request.body
    value = request.json["entry"][0]["changes"][0]["value"]
    assert value["metadata"]["phone_number_id"] == whatsapp.phone_number_id
    assert value["messages"][0]["text"]["body"] == "Здравствуйте / добрый день"
    assert (value["contacts"][0]["wa_id"], value["messages"][0]["from"]) == (PHONE, PHONE)
    assert made.native_id == value["messages"][0]["id"]


def test_a_hidden_phone_is_never_told(whatsapp: WhatsAppStandIn, bot: Receiver) -> None:
    anna = whatsapp.person(PHONE, hidden=True, username="anna")
    made = whatsapp.text(anna, "привет")
    assert whatsapp.wait_for(lambda: made.confirmed_at is not None)
    assert PHONE.encode() not in bot.requests[0].body
    assert send(whatsapp, to=None, recipient=anna.user_id).json()["contacts"] == [
        {"input": anna.user_id, "user_id": anna.user_id}
    ]
    assert whatsapp.shown_to(anna) == ["номер"]
    assert whatsapp.wait_for(lambda: whatsapp.courier.idle)
    assert all(PHONE.encode() not in each.body for each in bot.requests)


@pytest.mark.parametrize(("spread", "shape"), [("messages", [[2]]), ("changes", [[1, 1]]), ("entries", [[1], [1]])])
def test_a_batch_is_one_body_of_any_shape(whatsapp: WhatsAppStandIn, bot: Receiver, spread: Any, shape: Any) -> None:
    anna, boris = whatsapp.person(PHONE), whatsapp.person("79160000002")
    with whatsapp.batch(spread):
        whatsapp.text(anna, "раз")
        whatsapp.text(boris, "два")
        send(whatsapp)
    assert whatsapp.wait_for(lambda: whatsapp.courier.idle)
    [request] = bot.requests
    found = [
        [len(change["value"]["messages"]) for change in entry["changes"] if "messages" in change["value"]]
        for entry in request.json["entry"]
    ]
    assert [counts for counts in found if counts] == shape
    statuses = [
        status["status"]
        for entry in request.json["entry"]
        for change in entry["changes"]
        for status in change["value"].get("statuses", [])
    ]
    assert statuses == ["sent", "delivered"]


def test_a_body_is_sent_again_until_200_and_order_is_kept(whatsapp: WhatsAppStandIn, bot: Receiver) -> None:
    bot.statuses = [500, 403, 503]
    anna = whatsapp.person(PHONE)
    first, second = whatsapp.text(anna, "раз"), whatsapp.text(anna, "два")
    assert whatsapp.wait_for(lambda: second.confirmed_at is not None)
    sent = [each.json["entry"][0]["changes"][0]["value"]["messages"][0]["id"] for each in bot.requests]
    assert sent == [first.key] * 4 + [second.key]
    assert whatsapp.courier.log[0].statuses == [500, 403, 503, 200]


def test_a_hundred_redeliveries_come_at_once(whatsapp: WhatsAppStandIn, bot: Receiver) -> None:
    made = whatsapp.text(whatsapp.person(PHONE), "раз")
    whatsapp.redeliver(whatsapp.courier.log[0], 100)
    assert whatsapp.wait_for(lambda: len(bot.requests) == 101 and whatsapp.courier.idle)
    assert len({each.body for each in bot.requests}) == 1 and len(made.deliveries) == 101


def test_sending_is_checked_and_answered_with_a_wamid(whatsapp: WhatsAppStandIn) -> None:
    anna = whatsapp.person(PHONE)
    whatsapp.text(anna, "привет")
    assert send(whatsapp).json()["messages"][0]["id"] == whatsapp.sent[0].native_id
    assert code(send(whatsapp, messaging_product="другое")) == (400, 100)
    assert code(send(whatsapp, to=None)) == (400, 100)
    assert code(send(whatsapp, text={"body": "я" * 4097})) == (400, 100)
    assert code(send(whatsapp, token="чужой".encode().hex())) == (401, 190)
    whatsapp.expire_token()
    assert code(send(whatsapp)) == (401, 190)
    whatsapp.restore()
    for wanted in (130429, 80007):
        whatsapp.faults.next("messages", code=wanted)
        assert code(send(whatsapp)) == (429, wanted)

    def interactive(*titles: str) -> dict[str, Any]:
        buttons = [{"type": "reply", "reply": {"id": title, "title": title}} for title in titles]
        return {"type": "button", "body": {"text": "Что дальше?"}, "action": {"buttons": buttons}}

    assert send(whatsapp, type="interactive", interactive=interactive("Новое", "Статус")).status_code == 200
    assert code(send(whatsapp, type="interactive", interactive=interactive(*"абвг"))) == (400, 131009)
    assert code(send(whatsapp, type="interactive", interactive=interactive("я" * 21))) == (400, 131009)
    assert whatsapp.shown_to(anna) == ["номер", "Что дальше?"]


def test_outside_the_window_a_message_is_accepted_and_fails_later(whatsapp: WhatsAppStandIn, bot: Receiver) -> None:
    anna = whatsapp.person(PHONE)
    whatsapp.text(anna, "привет")
    whatsapp.advance(86401)
    wamid = send(whatsapp).json()["messages"][0]["id"]
    assert whatsapp.shown_to(anna) == [] and whatsapp.failed[0][1] == 131047
    assert whatsapp.wait_for(lambda: len(bot.requests) == 2)
    [status] = bot.requests[1].json["entry"][0]["changes"][0]["value"]["statuses"]
    assert (status["id"], status["status"], status["errors"][0]["code"]) == (wamid, "failed", 131047)


def test_media_lie_on_another_host_for_five_minutes_and_want_the_bearer(whatsapp: WhatsAppStandIn) -> None:
    anna = whatsapp.person(PHONE)
    media_id = whatsapp.image(anna, b"jpeg bytes", "снимок").message["messages"][0]["image"]["id"]
    described = get(whatsapp, f"{whatsapp.graph_url}/{media_id}").json()
    assert described["sha256"] == hashlib.sha256(b"jpeg bytes").hexdigest()
    assert described["url"].startswith(whatsapp.media.url) and whatsapp.media.url != whatsapp.url
    assert get(whatsapp, described["url"]).content == b"jpeg bytes"
    assert get(whatsapp, described["url"], "other").status_code == 401
    assert get(whatsapp, described["url"].replace("mid=", "mid=1")).status_code == 404
    whatsapp.advance(301)
    assert get(whatsapp, described["url"]).status_code == 404
    again = get(whatsapp, f"{whatsapp.graph_url}/{media_id}").json()["url"]
    assert get(whatsapp, again).status_code == 200
    assert code(get(whatsapp, f"{whatsapp.graph_url}/1")) == (400, 100)


def test_an_uploaded_file_can_be_sent(whatsapp: WhatsAppStandIn) -> None:
    whatsapp.text(whatsapp.person(PHONE), "привет")
    url = f"{whatsapp.graph_url}/{whatsapp.phone_number_id}/media"
    bearer = {"Authorization": f"Bearer {whatsapp.token}"}
    form = {"messaging_product": "whatsapp", "type": "application/pdf"}
    media_id = httpx.post(url, data=form, files={"file": ("a.pdf", b"%PDF")}, headers=bearer).json()["id"]
    answer = send(whatsapp, type="document", document={"id": media_id, "filename": "ответ.pdf"})
    assert answer.status_code == 200
    [upload] = whatsapp.sent[0].files
    assert (upload.name, upload.content) == ("ответ.pdf", b"%PDF")
    assert code(send(whatsapp, type="document", document={"id": "1"})) == (400, 131009)


def test_the_number_describes_itself(whatsapp: WhatsAppStandIn) -> None:
    answer = get(whatsapp, f"{whatsapp.graph_url}/{whatsapp.phone_number_id}").json()
    assert answer["display_phone_number"] == "+74950000000"


def test_edits_and_revocations_have_a_wamid_of_their_own(whatsapp: WhatsAppStandIn, bot: Receiver) -> None:
    anna = whatsapp.person(PHONE)
    said = whatsapp.text(anna, "опечтка")
    edit, gone = whatsapp.edit(anna, said, "опечатка"), whatsapp.revoke_message(anna, said)
    assert whatsapp.wait_for(lambda: gone.confirmed_at is not None)
    assert len({said.key, edit.key, gone.key}) == 3
    message = bot.requests[1].json["entry"][0]["changes"][0]["value"]["messages"][0]
    assert message["edit"]["original_message_id"] == said.key
