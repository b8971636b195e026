"""A flood has every kind of message, the same for the same seed, and a right client receives all of it in order."""

from __future__ import annotations

import re

import httpx
from aiogram.types import Update

from sandbox.flood import flood_telegram, flood_vk, flood_whatsapp, telegram_kinds, vk_kinds, whatsapp_kinds
from sandbox.telegram import TelegramStandIn
from sandbox.vk import VkStandIn
from sandbox.whatsapp import WhatsAppStandIn
from tests.sandbox.receiver import Receiver


def test_telegram_gives_all_of_it_in_order_and_in_aiograms_types() -> None:
    with TelegramStandIn() as telegram:
        made = flood_telegram(telegram, people=5, messages=300)
        url, offset, got = f"{telegram.url}/bot{telegram.token}/getUpdates", 0, []
        with httpx.Client() as client:
            while batch := client.get(url, params={"offset": offset}).json()["result"]:
                got += batch
                offset = batch[-1]["update_id"] + 1
        assert [str(each["update_id"]) for each in got] == [each.key for each in made]
        assert all(each.confirmed_at is not None for each in made)
        contents = {name for update in got for name in update.get("message", {})}
        assert {"voice", "poll", "story", "paid_media", "quote", "hologram"} <= contents
        for update in got:
            Update.model_validate(update)


def test_vk_gives_all_of_it() -> None:
    with VkStandIn(per_second=0) as vk:
        vk.listening |= {"message_edit"}
        made = flood_vk(vk, people=5, messages=200)
        kinds = {each["type"] for written in made for each in written.message.get("attachments", [])}
        assert len(kinds) >= 17
        form = {"access_token": vk.token, "v": "5.199", "group_id": vk.group_id}
        session = httpx.post(f"{vk.url}/method/groups.getLongPollServer", data=form).json()["response"]
        asked = {"act": "a_check", "key": session["key"], "ts": "1", "wait": "0"}
        got = httpx.get(session["server"], params=asked).json()["updates"]
        assert [each["event_id"] for each in got] == [each.key for each in made]


def test_whatsapp_delivers_all_of_it_in_each_persons_order() -> None:
    with WhatsAppStandIn() as whatsapp, Receiver(verify_token=whatsapp.verify_token) as bot:
        assert whatsapp.subscribe(bot.url)
        made = flood_whatsapp(whatsapp, people=5, messages=100)
        assert whatsapp.wait_for(lambda: whatsapp.courier.idle)
        got = [each.json["entry"][0]["changes"][0]["value"]["messages"][0] for each in bot.requests]
        assert {each["id"] for each in got} == {each.key for each in made}
        for person in {each.conversation for each in made}:
            mine = [each["id"] for each in got if each["from_user_id"] == person]
            assert mine == [each.key for each in made if each.conversation == person]


def test_a_flood_starts_with_one_of_each_kind_and_is_the_same_again() -> None:
    def texts(seed: int) -> list[str]:
        telegram = TelegramStandIn()
        return [str(made.message.get("text")) for made in flood_telegram(telegram, people=7, messages=60, seed=seed)]

    assert texts(1) == texts(1) != texts(2)
    assert sum(bool(re.match(r"Сообщение 1 гражданина", text)) for text in texts(1)) <= 7
    telegram, vk, whatsapp = TelegramStandIn(), VkStandIn(), WhatsAppStandIn()
    assert len(flood_telegram(telegram, messages=len(telegram_kinds(telegram)))) == len(telegram_kinds(telegram)) >= 22
    assert {made.message.get("type") for made in flood_vk(vk, messages=3)} == {None} and len(vk_kinds(vk)) >= 25
    types = {made.kind for made in flood_whatsapp(whatsapp, people=1, messages=len(whatsapp_kinds(whatsapp)))}
    assert {"text", "unsupported", "edit", "revoke", "hologram"} <= types


def test_a_later_day_repeats_no_id_of_an_earlier_one() -> None:
    def ids(first_id: int) -> set[str]:
        telegram = TelegramStandIn(first_id=first_id)
        vk, whatsapp = VkStandIn(first_id=first_id), WhatsAppStandIn(first_id=first_id)
        made = flood_telegram(telegram, messages=40) + flood_vk(vk, messages=40) + flood_whatsapp(whatsapp, messages=40)
        return {each.key for each in made} | {each.native_id for each in made}

    assert ids(0) & ids(0) and not ids(0) & ids(86_400)
