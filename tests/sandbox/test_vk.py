"""The VK stand-in behaves as dev.vk.com says, unpleasant sides included."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests

from sandbox.vk import VkStandIn
from tests.sandbox.receiver import Receiver

ANNA, BORIS = 1001, 1002


@pytest.fixture
def vk() -> Iterator[VkStandIn]:
    with VkStandIn(seed=1, time_factor=0.01, per_second=0) as vk:
        yield vk


def call(vk: VkStandIn, method: str, **params: Any) -> Any:
    """The response, or the error's code."""
    values = {"access_token": vk.token, "v": "5.199", **params}
    answer = httpx.post(f"{vk.url}/method/{method}", data=values, timeout=20)
    assert answer.status_code == 200
    body = answer.json()
    return body["response"] if "response" in body else body["error"]["error_code"]


class Listener:
    """The simplest right client of the Bots Long Poll."""

    def __init__(self, vk: VkStandIn) -> None:
        self.vk = vk
        self.renew()

    def renew(self) -> None:
        session = call(self.vk, "groups.getLongPollServer", group_id=self.vk.group_id)
        self.server, self.key, self.ts = session["server"], session["key"], session["ts"]

    def check(self, wait: float = 0, ts: Any = None) -> dict[str, Any]:
        params = {"act": "a_check", "key": self.key, "ts": ts if ts is not None else self.ts, "wait": wait}
        answer: dict[str, Any] = httpx.get(self.server, params=params, timeout=20).json()
        return answer


def texts(answer: dict[str, Any]) -> list[str]:
    return [update["object"]["message"]["text"] for update in answer["updates"]]


def test_events_come_again_until_a_later_ts_is_asked(vk: VkStandIn) -> None:
    listener = Listener(vk)
    made = [vk.write(ANNA, "раз"), vk.write(BORIS, "два")]
    first, again = listener.check(), listener.check()
    assert texts(first) == texts(again) == ["раз", "два"] and first["updates"] == again["updates"]
    assert [each.confirmed_at for each in made] == [None, None]
    assert listener.check(ts=first["ts"])["updates"] == []
    assert all(each.confirmed_at is not None and len(each.deliveries) == 2 for each in made)
    assert made[0].native_id == f"{ANNA}:1"


def test_a_poll_waits_for_an_event(vk: VkStandIn) -> None:
    listener = Listener(vk)
    threading.Timer(0.2, lambda: vk.write(ANNA, "дождались")).start()
    begun = vk.now()
    assert texts(listener.check(wait=10)) == ["дождались"]
    assert 0.15 < vk.now() - begun < 3


def test_only_enabled_kinds_of_event_are_sent(vk: VkStandIn) -> None:
    listener = Listener(vk)
    said = vk.write(ANNA, "опечтка")
    assert vk.edit(said, "опечатка").withheld == "kind not enabled"
    assert call(vk, "groups.setLongPollSettings", group_id=vk.group_id, enabled=1, message_edit=1, message_reply=1) == 1
    edit = vk.edit(said, "опечатка!")
    call(vk, "messages.send", peer_id=ANNA, random_id=1, message="номер")
    kinds = [update["type"] for update in listener.check()["updates"]]
    assert kinds == ["message_new", "message_edit", "message_reply"]
    assert edit.native_id == said.native_id and vk.echoes[0] not in vk.written
    events = call(vk, "groups.getLongPollSettings", group_id=vk.group_id)["events"]
    assert (events["message_edit"], events["message_deny"]) == (1, 0)


def test_failed_1_2_and_3_come_as_documented(vk: VkStandIn) -> None:
    listener = Listener(vk)
    lost = vk.write(ANNA, "пропало")
    vk.lose_history()
    failed = listener.check()
    assert failed["failed"] == 1 and lost.withheld == "history lost"
    vk.write(ANNA, "цело")
    assert texts(listener.check(ts=failed["ts"])) == ["цело"]
    ts = failed["ts"]
    vk.expire_key()
    assert listener.check(ts=ts) == {"failed": 2}
    listener.renew()
    assert texts(listener.check(ts=ts)) == ["цело"]  # a new key, the old ts: nothing is lost
    vk.lose_session()
    assert listener.check(ts=ts) == {"failed": 3}
    listener.renew()
    assert listener.check()["updates"] == []
    history = call(vk, "messages.getHistory", peer_id=ANNA, rev=1)["items"]
    assert [each["text"] for each in history] == ["пропало", "цело"]


def test_a_waiting_poll_is_told_at_once_that_its_key_has_ended(vk: VkStandIn) -> None:
    listener = Listener(vk)
    threading.Timer(0.2, vk.expire_key).start()
    begun = vk.now()
    assert listener.check(wait=20) == {"failed": 2} and vk.now() - begun < 5


def test_ts_comes_as_string_or_number() -> None:
    with VkStandIn(ts_as="mixed", per_second=0) as vk:
        listener = Listener(vk)
        kinds = {type(listener.check()["ts"]) for _ in range(2)}
        assert kinds == {str, int}


def test_after_an_outage_messages_are_in_the_history_only(vk: VkStandIn) -> None:
    listener = Listener(vk)
    vk.write(ANNA, "до")
    with vk.outage():
        missed = vk.write(ANNA, "во время")
        vk.write(BORIS, "тоже")
    vk.write(ANNA, "после")
    assert texts(listener.check()) == ["до", "после"] and missed.withheld == "outage"
    found = call(vk, "messages.getConversations", count=200, extended=1)
    assert [item["conversation"]["peer"]["id"] for item in found["items"]] == [ANNA, BORIS]
    assert found["profiles"][0]["first_name"] == "Анна"
    history = call(vk, "messages.getHistory", peer_id=ANNA)
    assert [each["text"] for each in history["items"]] == ["после", "во время", "до"]


def test_conversations_are_filtered_and_paged(vk: VkStandIn) -> None:
    for peer in range(1, 6):
        vk.write(peer, "привет")
    call(vk, "messages.send", peer_id=3, random_id=5, message="ответ")
    ids = [item["conversation"]["peer"]["id"] for item in call(vk, "messages.getConversations", count=3)["items"]]
    assert ids == [3, 5, 4]
    rest = call(vk, "messages.getConversations", count=3, offset=3)
    assert [item["conversation"]["peer"]["id"] for item in rest["items"]] == [2, 1] and rest["count"] == 5
    unanswered = call(vk, "messages.getConversations", filter="unanswered")["items"]
    assert 3 not in [item["conversation"]["peer"]["id"] for item in unanswered]


def test_history_goes_back_from_a_message_and_by_offset(vk: VkStandIn) -> None:
    made = [vk.write(ANNA, str(at)).message for at in range(10)]

    def shown(**params: Any) -> list[str]:
        return [each["text"] for each in call(vk, "messages.getHistory", peer_id=ANNA, **params)["items"]]

    assert shown(count=3) == ["9", "8", "7"]
    assert shown(count=3, offset=3) == ["6", "5", "4"]
    assert shown(count=3, start_message_id=made[5]["id"]) == ["5", "4", "3"]
    assert shown(count=3, start_message_id=made[5]["id"], offset=-3) == ["8", "7", "6"]
    assert shown(count=2, rev=1) == ["0", "1"]


def test_a_long_message_is_cropped_until_it_is_asked_for(vk: VkStandIn) -> None:
    listener = Listener(vk)
    vk.write(ANNA, "я" * 5000)
    message = listener.check()["updates"][0]["object"]["message"]
    assert message["is_cropped"] is True and len(message["text"]) == 4096
    [whole] = call(vk, "messages.getById", message_ids=message["id"])["items"]
    assert len(whole["text"]) == 5000 and "is_cropped" not in whole
    [same] = call(vk, "messages.getByConversationMessageId", peer_id=ANNA, conversation_message_ids=1)["items"]
    assert same == whole
    assert call(vk, "messages.getById", peer_id=ANNA, cmids="1")["items"] == [whole]


def test_a_random_id_sends_once_whatever_the_peer(vk: VkStandIn) -> None:
    vk.write(ANNA, "а")
    vk.write(BORIS, "б")
    first = call(vk, "messages.send", peer_id=ANNA, random_id=77, message="номер 1")
    assert call(vk, "messages.send", peer_id=ANNA, random_id=77, message="номер 1") == first
    assert call(vk, "messages.send", peer_id=BORIS, random_id=77, message="номер 2") == first
    assert (vk.shown_to(ANNA), vk.shown_to(BORIS)) == (["номер 1"], [])
    assert [sent.text for sent in vk.swallowed] == ["номер 1", "номер 2"]
    for _ in range(2):
        call(vk, "messages.send", peer_id=BORIS, random_id=0, message="ещё")
    assert vk.shown_to(BORIS) == ["ещё", "ещё"]


def test_sending_is_refused_as_documented(vk: VkStandIn) -> None:
    vk.write(ANNA, "а")
    vk.write(BORIS, "б")

    def refused(**params: Any) -> Any:
        return call(vk, "messages.send", **{"peer_id": ANNA, "random_id": 1, "message": "а", **params})

    assert refused(peer_id=5) == 901  # has never written to the community
    vk.deny(ANNA)
    assert refused() == 901
    vk.allow(ANNA)
    vk.private.add(ANNA)
    assert refused() == 902
    vk.private.clear()
    assert refused(message="я" * 4097) == 914
    assert refused(message="") == 100
    assert refused(random_id=2**31) == 100
    assert call(vk, "messages.send", peer_id=ANNA, message="а") == 100
    assert refused(keyboard='{"buttons": "нет"}') == 911
    assert refused(peer_id=2000000001) == 917
    assert refused(access_token="другой") == 5
    assert call(vk, "messages.noSuch") == 3
    assert vk.sent == []
    button = {"action": {"type": "text", "label": "Новое", "payload": '{"command": "new"}'}}
    assert refused(keyboard=json.dumps({"buttons": [[button]], "one_time": False})) > 100
    many = call(vk, "messages.send", peer_ids=f"{BORIS},5", random_id=9, message="всем")
    assert [(each["peer_id"], "error" in each) for each in many] == [(BORIS, False), (5, True)]
    vk.revoke()
    assert refused() == 5


def test_more_than_the_allowed_requests_a_second_get_error_6() -> None:
    with VkStandIn(per_second=5) as vk:
        codes = [call(vk, "groups.getById") for _ in range(8)]
        assert codes[:5] != [6] * 5 and codes[-1] == 6
        vk.advance(1)
        assert call(vk, "groups.getById")["groups"][0]["id"] == vk.group_id


def test_api_faults_come_inside_a_200_and_the_socket_can_hang(vk: VkStandIn) -> None:
    for code in (6, 9, 10, 14, 29):
        vk.faults.next("groups.getById", code=code)
        assert call(vk, "groups.getById") == code
    vk.faults.next("a_check", hang=0.3)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{vk.url}/longpoll/{vk.group_id}?act=a_check&key=x&ts=1", timeout=0.1)
    vk.faults.next("a_check", status=502, html=True)
    assert httpx.get(f"{vk.url}/longpoll/{vk.group_id}?act=a_check&key=x&ts=1").status_code == 502


def test_the_callback_api_confirms_first_and_repeats_until_ok(vk: VkStandIn) -> None:
    with Receiver(answer=b"wrong") as bot:
        assert not vk.callback_to(f"{bot.url}/hooks/vk", confirmation="c0ffee")
        bot.answer = b"c0ffee"
        assert vk.callback_to(f"{bot.url}/hooks/vk", secret="s3cret", confirmation="c0ffee")
        bot.requests.clear()
        bot.answer, bot.answers, bot.statuses = b"ok", [b"not ok", b"ok"], [200, 500]
        made = vk.write(ANNA, "раз")
        later = vk.edit(made, "два")
        assert vk.wait_for(lambda: later.confirmed_at is not None)
        assert [each.json["type"] for each in bot.requests] == ["message_new"] * 3 + ["message_edit"]
        assert len({each.json["event_id"] for each in bot.requests[:3]}) == 1
        assert {each.json["secret"] for each in bot.requests} == {"s3cret"}
        vk.redeliver(made)
        assert vk.wait_for(lambda: len(bot.requests) == 5)
        assert bot.requests[4].json == bot.requests[0].json


def test_vk_api_works_against_it(vk: VkStandIn) -> None:
    import io

    import jconfig
    import vk_api

    class ToStandIn(requests.adapters.HTTPAdapter):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            request.url = request.url.replace("https://api.vk.ru", vk.url)
            return super().send(request, *args, **kwargs)

    with requests.Session() as session:
        session.mount("https://api.vk.ru", ToStandIn())
        session.trust_env = False
        client = vk_api.VkApi(token=vk.token, api_version="5.199", config=jconfig.MemoryConfig, session=session)
        client.RPS_DELAY = 0
        methods = client.get_api()
        vk.write(ANNA, "здравствуйте", attachments=[vk.doc(b"%PDF", "a.pdf")])
        assert methods.groups.getById()["groups"][0]["id"] == vk.group_id
        assert methods.messages.send(peer_id=ANNA, random_id=3, message="номер") == vk.history[ANNA][-1]["id"]
        saved = vk_api.VkUpload(client).document_message(io.BytesIO("письмо".encode()), title="a.txt", peer_id=ANNA)
        name = f"doc{saved['doc']['owner_id']}_{saved['doc']['id']}"
        methods.messages.send(peer_id=ANNA, random_id=4, attachment=name)
        assert vk.sent[-1].files[0].content.decode() == "письмо"
        [photo] = vk_api.VkUpload(client).photo_messages(io.BytesIO(b"jpeg"), peer_id=ANNA)
        assert photo["sizes"][-1]["url"].startswith(vk.url)
        vk.deny(ANNA)
        with pytest.raises(vk_api.ApiError) as refused:
            methods.messages.send(peer_id=ANNA, random_id=5, message="ещё")
        assert refused.value.code == 901
        url = vk.history[ANNA][0]["attachments"][0]["doc"]["url"]
        assert session.get(url).content == b"%PDF"


def test_numbers_that_do_not_start_at_one_change_nothing() -> None:
    with VkStandIn(per_second=0, first_id=5000) as vk:
        listener = Listener(vk)
        said = vk.write(ANNA, "вопрос")
        assert said.native_id == f"{ANNA}:5001" and texts(listener.check()) == ["вопрос"]
        for _ in range(2):
            sent = call(vk, "messages.send", peer_id=ANNA, random_id=8, message="ответ")
        assert sent == vk.history[ANNA][1]["id"] and len(vk.swallowed) == 1
        assert vk.reply(ANNA, "ещё", 5002).message["reply_message"]["text"] == "ответ"
