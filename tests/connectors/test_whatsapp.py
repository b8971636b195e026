"""WhatsApp: only what is signed is taken, nothing of another number, and answers keep the platform's limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx  # noqa: F401 - its import takes a while, here and not within a test's time
import pytest
from pydantic import ValidationError

from connectors.base import AccountTrouble, ConnectorError, Final, Hook, HookAnswer, Outgoing, OutgoingFile, Transient
from connectors.whatsapp import Settings, WhatsApp, create
from sandbox.whatsapp import WhatsAppStandIn
from tests.connectors.intake import MemoryIntake, content
from tests.sandbox.receiver import Receiver

PHONE = "79161234567"


@pytest.fixture
def standin() -> Iterator[WhatsAppStandIn]:
    with WhatsAppStandIn(seed=1, time_factor=0.01) as standin:
        yield standin


def settings_of(standin: WhatsAppStandIn, **more: Any) -> Settings:
    values = {
        "token": standin.token, "phone_number_id": standin.phone_number_id, "app_secret": standin.app_secret,
        "verify_token": standin.verify_token, "graph_url": standin.graph_url,
        "media_hosts": [standin.media.url.removeprefix("http://")],
    }  # fmt: skip
    return Settings.model_validate({**values, **more})


def connect(standin: WhatsAppStandIn, **more: Any) -> WhatsApp:
    return create("wa", settings_of(standin, **more))


def outgoing(text: str = "Принято", phone: str | None = f"+{PHONE}", sender: str = PHONE, **more: Any) -> Outgoing:
    address = {"conversation": sender, "sender": sender, "phone": phone, **more.pop("address", {})}
    return Outgoing(id="0", purpose="answer", address=address, text=text, random_id=7, **more)


def post(standin: WhatsAppStandIn, body: bytes, signature: str | None = "") -> Hook:
    given = standin.signature(body) if signature == "" else signature
    return Hook("POST", {} if given is None else {"x-hub-signature-256": given}, {}, body)


def change(number: str | None, wamid: str) -> dict[str, Any]:
    value: dict[str, Any] = {"messaging_product": "whatsapp", "messages": [{"id": wamid, "from": PHONE}]}
    if number is not None:
        value["metadata"] = {"phone_number_id": number}
    return {"field": "messages", "value": value}


def body_of(*changes: dict[str, Any]) -> bytes:
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": list(changes)}]}
    ).encode()


# ---- the webhook ------------------------------------------------------------------------------------------------


def test_a_signed_body_is_journalled_to_the_byte(standin: WhatsAppStandIn) -> None:
    for body in (body_of(change(standin.phone_number_id, "a")), b"{}", b"not json \xff", b"[" * 2000, b"9" * 5000):
        answer = connect(standin).hook(post(standin, body))
        assert (answer.status, answer.payloads) == (200, (body,))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda right: None,
        lambda right: "",
        lambda right: right[:-1],
        lambda right: right + "0",
        lambda right: right.removeprefix("sha256="),
        lambda right: "sha1=" + right.removeprefix("sha256="),
        lambda right: right.upper(),
        lambda right: "sha256=" + "\xe9" * 64,
        lambda right: "\ud800",
        lambda right: "sha256=" + "0" * 64,
    ],
)
def test_a_body_whose_signature_is_not_right_is_refused(standin: WhatsAppStandIn, spoil: Any) -> None:
    body = body_of(change(standin.phone_number_id, "a"))
    given = spoil(standin.signature(body))
    headers = {} if given is None else {"x-hub-signature-256": given}
    answer = connect(standin).hook(Hook("POST", headers, {}, body))
    assert (answer.status, answer.payloads) == (403, ())


def test_the_signature_of_another_body_is_refused(standin: WhatsAppStandIn) -> None:
    signature = standin.signature(body_of(change(standin.phone_number_id, "a")))
    assert connect(standin).hook(post(standin, body_of(change(None, "b")), signature)).status == 403


def test_changes_of_another_number_are_told_apart(standin: WhatsAppStandIn) -> None:
    own, other = standin.phone_number_id, "999"
    only_others = connect(standin).hook(post(standin, body_of(change(other, "a"))))
    assert (only_others.status, only_others.payloads, len(only_others.others)) == (200, (), 1)
    mixed = body_of(change(other, "a"), change(own, "b"), change(None, "c"))
    answer = connect(standin).hook(post(standin, mixed))

    def wamids(body: bytes) -> list[str]:
        return [one["value"]["messages"][0]["id"] for one in json.loads(body)["entry"][0]["changes"]]

    assert [wamids(body) for body in answer.payloads] == [["b", "c"]]
    assert [(number, wamids(body)) for number, body in answer.others] == [(other, ["a"])]


def test_errors_beside_another_numbers_changes_are_kept(standin: WhatsAppStandIn) -> None:
    document = json.loads(body_of(change("999", "a")))
    document["entry"][0]["errors"] = [{"code": 1}]
    (kept,) = connect(standin).hook(post(standin, json.dumps(document).encode())).payloads
    assert json.loads(kept)["entry"][0] == {"id": "1", "changes": [], "errors": [{"code": 1}]}


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ({"hub.mode": "subscribe", "hub.verify_token": "verify-me", "hub.challenge": "1158"}, (200, "1158")),
        ({"hub.mode": "subscribe", "hub.verify_token": "verify-m", "hub.challenge": "1158"}, (403, None)),
        ({"hub.mode": "subscribe", "hub.verify_token": "\xe9", "hub.challenge": "1158"}, (403, None)),
        ({"hub.verify_token": "verify-me", "hub.challenge": "1158"}, (403, None)),
        ({}, (403, None)),
    ],
)
def test_the_challenge_is_answered_to_who_knows_the_verify_token(
    standin: WhatsAppStandIn, query: dict[str, str], answer: tuple[int, str | None]
) -> None:
    found = connect(standin).hook(Hook("GET", {}, query, b""))
    assert found.status == answer[0] and answer[1] in (None, found.body) and not found.payloads


async def test_a_hundred_redeliveries_at_once_are_one_row(standin: WhatsAppStandIn) -> None:
    intake, connector = MemoryIntake("whatsapp"), connect(standin)
    with Receiver(verify_token=standin.verify_token) as receiver:
        assert standin.subscribe(receiver.url)
        anna = standin.person(PHONE)
        with standin.batch("entries"):
            made = [standin.text(anna, "раз"), standin.text(anna, "два")]
        assert await asyncio.to_thread(standin.wait_for, lambda: bool(receiver.requests))
        request = receiver.requests[0]

    async def take() -> HookAnswer:
        answer = connector.hook(Hook("POST", request.headers, {}, request.body))
        await intake.accept(answer.payloads)
        return answer

    answers = await asyncio.gather(*(take() for _ in range(100)))
    assert {answer.status for answer in answers} == {200}
    assert set(intake.rows) == {one.native_id for one in made} and intake.redelivered == 198


# ---- sending ----------------------------------------------------------------------------------------------------


async def test_an_answer_names_the_message_and_shows_buttons(standin: WhatsAppStandIn) -> None:
    made = standin.text(standin.person(PHONE), "помогите")
    connector = connect(standin)
    buttons = (("Новое обращение", "/new"), ("Состояние обращения и ещё", "/status"), ("Новое обращение", "/x"))
    sent = await connector.send(outgoing(reply_to=made.native_id, buttons=buttons))
    await connector.close()
    (seen,) = standin.sent
    assert (sent.native_id, seen.text) == (seen.native_id, "Принято")
    assert seen.params["context"] == {"message_id": made.native_id} and seen.params["to"] == PHONE
    replies = [one["reply"] for one in seen.params["interactive"]["action"]["buttons"]]
    assert replies == [{"id": "/new", "title": "Новое обращение"}, {"id": "/status", "title": "Состояние обращения"}]


async def test_a_citizen_who_hides_the_phone_is_answered_by_the_scoped_id(standin: WhatsAppStandIn) -> None:
    person = standin.person(PHONE, hidden=True)
    standin.text(person, "помогите")
    connector = connect(standin)
    await connector.send(outgoing(phone=None, sender=person.user_id))
    await connector.close()
    assert standin.shown_to(person) == ["Принято"]
    assert "to" not in standin.sent[0].params and standin.sent[0].params["recipient"] == person.user_id


async def test_a_long_text_goes_in_pieces_and_goes_on_where_it_stopped(standin: WhatsAppStandIn) -> None:
    person = standin.person(PHONE)
    standin.text(person, "да")
    text = " ".join(f"Предложение номер {at}." for at in range(600))
    connector = connect(standin)
    standin.faults.next("messages", skip=2, code=131016)
    with pytest.raises(Transient) as failure:
        await connector.send(outgoing(text))
    assert (failure.value.already_sent, len(failure.value.sent_ids)) == (2, 2)
    await connector.send(outgoing(text, already_sent=2, attempt=2))
    await connector.close()
    assert " ".join(standin.shown_to(person)) == text


async def test_buttons_under_a_text_that_may_have_none_are_left_out(standin: WhatsAppStandIn) -> None:
    standin.text(standin.person(PHONE), "да")
    connector = connect(standin)
    await connector.send(outgoing("слово " * 300, buttons=(("Новое", "/new"),)))
    await connector.close()
    assert standin.sent[0].params["type"] == "text"


async def test_files_go_as_documents(standin: WhatsAppStandIn) -> None:
    standin.text(standin.person(PHONE), "да")
    connector = connect(standin)
    sent = await connector.send(outgoing(files=(OutgoingFile("ответ.pdf", "application/pdf", b"%PDF-1"),)))
    await connector.close()
    (file,) = standin.sent[1].files
    assert (file.name, file.media_type, file.content) == ("ответ.pdf", "application/pdf", b"%PDF-1")
    assert sent.more_ids == (standin.sent[1].native_id,)


async def test_outside_the_window_nothing_is_sent(standin: WhatsAppStandIn) -> None:
    standin.text(standin.person(PHONE), "да")
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    connector = WhatsApp("wa", settings_of(standin), now=lambda: now)
    with pytest.raises(Final, match="24-hour window"):
        await connector.send(outgoing(last_message_at=now - timedelta(hours=24, seconds=1)))
    assert not standin.calls
    await connector.send(outgoing(last_message_at=now - timedelta(hours=24)))
    await connector.close()
    assert len(standin.sent) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"code": 130429}, Transient),
        ({"code": 80007}, Transient),
        ({"code": 131056}, Transient),
        ({"code": 131016}, Transient),
        ({"code": 4}, Transient),
        ({"status": 502, "html": True}, Transient),
        ({"status": 429}, Transient),
        ({"drop": True}, Transient),
        ({"body": b"nonsense"}, Transient),
        ({"code": 190}, AccountTrouble),
        ({"status": 401}, AccountTrouble),
        ({"code": 200}, AccountTrouble),
        ({"code": 33}, AccountTrouble),
        ({"code": 2500}, AccountTrouble),
        ({"code": 131037}, AccountTrouble),
        ({"status": 403, "html": True}, AccountTrouble),
        ({"status": 404, "html": True}, AccountTrouble),
        ({"status": 302, "html": True}, Transient),
        ({"status": 408, "html": True}, Transient),
        ({"code": 131047}, Final),
        ({"code": 131026}, Final),
        ({"code": 100, "description": "79161234567"}, Final),
        ({"status": 400}, Final),
        ({"status": 413, "html": True}, Final),
    ],
)
async def test_what_became_of_an_answer_is_told_apart(
    standin: WhatsAppStandIn, fault: dict[str, Any], kind: type[ConnectorError]
) -> None:
    standin.text(standin.person(PHONE), "да")
    standin.faults.next("messages", **fault)
    connector = connect(standin)
    with pytest.raises(kind) as failure:
        await connector.send(outgoing())
    await connector.close()
    text = str(failure.value)
    assert standin.token not in text and PHONE not in text and "127.0.0.1" not in text


async def test_nobody_to_answer_is_final(standin: WhatsAppStandIn) -> None:
    with pytest.raises(Final):
        await connect(standin).send(outgoing(phone=None, sender=""))
    assert not standin.calls


# ---- files, check, settings -------------------------------------------------------------------------------------


async def test_a_file_is_fetched_with_the_token_and_the_address_asked_anew(standin: WhatsAppStandIn) -> None:
    media = standin.media_file(b"x" * 5000, "image/jpeg")
    connector = connect(standin)
    for _ in range(2):
        assert await content(connector.fetch({"media_id": media.media_id}, 5000)) == b"x" * 5000
        standin.advance(600)
    with pytest.raises(Final, match="larger"):
        await content(connector.fetch({"media_id": media.media_id}, 4999))
    await connector.close()


async def test_the_token_goes_to_no_host_that_is_not_named(standin: WhatsAppStandIn) -> None:
    media = standin.media_file(b"x", "image/jpeg")
    connector = connect(standin, media_hosts=["lookaside.fbsbx.com"])
    with pytest.raises(AccountTrouble, match="not in media_hosts"):
        await content(connector.fetch({"media_id": media.media_id}, 10))
    await connector.close()
    assert not standin.media.calls


async def test_the_token_follows_no_redirect_to_another_host(standin: WhatsAppStandIn) -> None:
    media = standin.media_file(b"x", "image/jpeg")
    with Receiver() as elsewhere:
        standin.media.faults.next("media", status=302, body=b"", headers={"location": elsewhere.url})
        connector = connect(standin)
        with pytest.raises(AccountTrouble, match="not in media_hosts"):
            await content(connector.fetch({"media_id": media.media_id}, 10))
        await connector.close()
        assert not elsewhere.requests


@pytest.mark.parametrize(
    ("where", "fault", "kind"),
    [
        ("node", {"code": 190}, AccountTrouble),
        ("node", {"status": 503}, Transient),
        ("media", {"status": 404}, Final),
        ("media", {"status": 401}, AccountTrouble),
        ("media", {"status": 503}, Transient),
        ("media", {"cut": 100}, Transient),
    ],
)
async def test_a_file_that_does_not_come_says_whether_to_try_again(
    standin: WhatsAppStandIn, where: str, fault: dict[str, Any], kind: type[ConnectorError]
) -> None:
    media = standin.media_file(b"x" * 5000, "image/jpeg")
    (standin if where == "node" else standin.media).faults.next(where, **fault)
    connector = connect(standin)
    with pytest.raises(kind) as failure:
        await content(connector.fetch({"media_id": media.media_id}, 10_000))
    await connector.close()
    assert standin.token not in str(failure.value)


@pytest.mark.parametrize("media_id", [None, "", "../me", "1?x=1", 5, "12345"])
async def test_a_media_id_that_is_none_is_final(standin: WhatsAppStandIn, media_id: Any) -> None:
    connector = connect(standin)
    with pytest.raises(Final):
        await content(connector.fetch({"media_id": media_id}, 10))
    await connector.close()


async def test_check_names_the_number_or_the_trouble(standin: WhatsAppStandIn) -> None:
    connector = connect(standin)
    assert "+74950000000" in await connector.check()
    standin.expire_token()
    with pytest.raises(AccountTrouble, match="190"):
        await connector.check()
    await connector.close()
    standin.restore()
    wrong = connect(standin, phone_number_id="5")
    with pytest.raises(AccountTrouble, match="phone_number_id"):
        await wrong.check()
    await wrong.close()
    assert await connector.account() == standin.phone_number_id


@pytest.mark.parametrize(
    "wrong",
    [{"phone_number_id": "a/b"}, {"app_secret": ""}, {"graph_url": "graph"}, {"media_hosts": ["https://x.org/"]}],
)
def test_wrong_settings_are_refused(standin: WhatsAppStandIn, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings_of(standin, **wrong)
