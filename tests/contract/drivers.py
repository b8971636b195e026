"""How each platform is made to do what the suite asks: one small driver a kind, two where it can be read in two ways.

A driver speaks for the platform and its citizens, through the stand-ins; it knows nothing of our connectors.
"""

from __future__ import annotations

import base64
import contextlib
import email.policy
import itertools
import json
import threading
import time
from email.message import EmailMessage
from typing import Any

import httpx

from sandbox.mail import MailStandIn
from sandbox.telegram import TelegramStandIn
from sandbox.vk import VkStandIn
from sandbox.whatsapp import WhatsAppStandIn
from tests.contract.driver import Chat, Driver, Item
from tests.harness.mail import mailbox

_serials = itertools.count(1)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Telegram(Chat):
    kind = "telegram"

    def __init__(self) -> None:
        self.platform: TelegramStandIn = TelegramStandIn(time_factor=0.02)

    def citizen(self) -> Any:
        return self.platform.user(7_000_000 + next(_serials), "Анна", username="anna")

    def say(self, citizen: Any, text: str) -> Item:
        return self.item(self.platform.text(citizen, text), citizen)

    def again(self, item: Item) -> None:
        body = json.dumps({"ok": True, "result": [item.raw.payload]}).encode()
        self.platform.faults.next("getUpdates", body=body)
        self._end_poll()

    def _end_poll(self) -> None:
        self.platform.push("my_chat_member", {"chat": {"id": 1, "type": "private"}})

    def poison(self) -> None:
        self.platform.push("message", {"message_id": next(_serials), "chat": "nowhere"})

    def seen(self, citizen: Any) -> list[str]:
        return self.platform.shown_to(citizen["id"])

    def lose_answer(self) -> bool:
        self.platform.faults.next("sendMessage", after=True, drop=True)
        return True

    def edit(self, item: Item, text: str) -> str | None:
        self.platform.edit(item.raw, text)
        return f"{item.key}#1"

    def hostile(self, value: str) -> list[bytes]:
        number = next(_serials)
        person = {"id": number, "is_bot": False, "first_name": value, "last_name": value, "username": value}
        chat = {"id": number, "type": "private", "first_name": value, "title": value}
        message = {"from": person, "chat": chat, "date": int(time.time())}
        document = {"file_id": "x1", "file_unique_id": "y", "file_name": value, "mime_type": value, "file_size": 3}
        origin = {"type": "hidden_user", "sender_user_name": value, "date": 1}
        bodies: tuple[dict[str, Any], ...] = (
            {"text": value},
            {"caption": value, "document": document},
            {"text": value, "forward_origin": origin, "quote": {"text": value, "position": 0}},
            {"contact": {"phone_number": value, "first_name": value, "vcard": value}},
            {"venue": {"location": {"latitude": 1.0, "longitude": 1.0}, "title": value, "address": value}},
            {"poll": {"id": value, "question": value, "options": [{"text": value, "voter_count": 0}]}},
            {"hologram": {"depth": value, value: value}},
        )
        updates = [
            {"update_id": number * 100 + at, "message": {**message, "message_id": at + 1, **body}}
            for at, body in enumerate(bodies)
        ]
        return [json.dumps(update).encode() for update in updates]


class TelegramWebhook(Telegram):
    mode = "-webhook"

    def more(self) -> dict[str, Any]:
        return {"mode": "webhook", "webhook_secret": "contract-secret"}

    def again(self, item: Item) -> None:
        self.platform.redeliver(item.raw)

    def begin(self) -> None:
        """The channel enters the webhook by itself."""
        assert self.platform.wait_for(lambda: self.platform.webhook["url"] == self.hook, 60)


class Vk(Chat):
    kind = "vk"
    most_copies = 1  # VK knows a random_id again

    def __init__(self) -> None:
        self.platform: VkStandIn = VkStandIn(time_factor=0.02)
        self.platform.listening |= {"message_edit"}

    def begin(self) -> None:
        """What was written before the first poll ever is not ours."""
        assert self.platform.wait_for(lambda: any(call.method == "a_check" for call in self.platform.calls), 60)

    def citizen(self) -> Any:
        return self.platform.user(7_000_000 + next(_serials))

    def say(self, citizen: Any, text: str) -> Item:
        item = self.item(self.platform.write(citizen, text), citizen)
        number = self.platform.ts
        item.told = lambda: self._asked_behind(number)  # a poll that waits confirms already
        return item

    def _asked_behind(self, number: int) -> bool:
        polls = [call for call in tuple(self.platform.calls) if call.method == "a_check"]
        return any(int(call.params["ts"]) >= number for call in polls)

    def again(self, item: Item) -> None:
        ts = str(self.platform.ts + 1)  # the event that ends the poll which waits
        self.platform.faults.next("a_check", body=json.dumps({"ts": ts, "updates": [item.raw.payload]}).encode())
        self.platform.event("message_new", {"message": {}}, own=True)

    def poison(self) -> None:
        self.platform.event("message_new", {"message": None, "serial": next(_serials)})

    def lose_answer(self) -> bool:
        self.platform.faults.next("messages.send", after=True, drop=True)
        return True

    def edit(self, item: Item, text: str) -> str | None:
        self.platform.edit(item.raw, text)
        return f"{item.key}#1"

    def hostile(self, value: str) -> list[bytes]:
        number = next(_serials)
        base = {"date": int(time.time()), "from_id": number, "peer_id": number, "attachments": [], "fwd_messages": []}
        inner = {"date": 1, "from_id": 9, "text": value, "attachments": [], "fwd_messages": []}
        doc = {"type": "doc", "doc": {"id": 1, "owner_id": 1, "title": value, "size": 3, "ext": value, "url": value}}
        link = {"type": "link", "link": {"url": value, "title": value, "description": value}}
        bodies: tuple[dict[str, Any], ...] = (
            {"text": value},
            {"text": value, "fwd_messages": [inner], "reply_message": {**inner, "conversation_message_id": 1}},
            {"text": value, "attachments": [doc, link, {"type": value, value: {"title": value}}]},
            {"text": value, "geo": {"type": "point", "place": {"title": value}}},
        )
        events = []
        for at, body in enumerate(bodies):
            message = {**base, "id": number * 100 + at, "conversation_message_id": at + 1, **body}
            content = {"message": message, "client_info": {value: value}}
            events.append({"type": "message_new", "event_id": f"{number}-{at}", "group_id": 1, "object": content})
        return [json.dumps(event).encode() for event in events]


class VkCallback(Vk):
    mode = "-callback"

    def more(self) -> dict[str, Any]:
        return {"mode": "callback", "confirmation": "c0nf1rm", "secret": "contract-secret"}

    def say(self, citizen: Any, text: str) -> Item:
        return self.item(self.platform.write(citizen, text), citizen)

    def again(self, item: Item) -> None:
        self.platform.redeliver(item.raw)

    def begin(self) -> None:
        assert self.platform.callback_to(self.hook, secret="contract-secret", confirmation="c0nf1rm")


class WhatsApp(Chat):
    kind = "whatsapp"

    def __init__(self) -> None:
        self.platform: WhatsAppStandIn = WhatsAppStandIn(time_factor=0.02)

    def begin(self) -> None:
        assert self.platform.subscribe(self.hook)

    def citizen(self) -> Any:
        number = next(_serials)
        return self.platform.person(f"7997{number:07d}", "Анна", hidden=number % 2 == 0)

    def say(self, citizen: Any, text: str) -> Item:
        return self.item(self.platform.text(citizen, text), citizen)

    def again(self, item: Item) -> None:
        delivery = next(each for each in self.platform.courier.log if item.key.encode() in _unescaped(each.body))
        self.platform.redeliver(delivery, times=5)

    def poison(self) -> None:
        self.platform.push({"messages": [f"nothing {next(_serials)}"]})

    def lose_answer(self) -> bool:
        self.platform.faults.next("messages", after=True, drop=True)
        return True

    def edit(self, item: Item, text: str) -> str | None:
        return f"{self.platform.edit(item.citizen, item.raw, text).native_id}#1"

    def delete(self, item: Item) -> str | None:
        return f"{self.platform.revoke_message(item.citizen, item.raw).native_id}#1"

    def hostile(self, value: str) -> list[bytes]:
        number = next(_serials)
        base = {"from": f"7996{number:07d}", "from_user_id": f"RU.{number}", "timestamp": str(int(time.time()))}
        name = {"formatted_name": value, "first_name": value}
        document = {"id": "1", "mime_type": value, "sha256": value, "filename": value, "caption": value}
        bodies: tuple[dict[str, Any], ...] = (
            {"type": "text", "text": {"body": value}},
            {"type": "document", "document": document},
            {"type": "location", "location": {"latitude": 1, "longitude": 1, "name": value, "address": value}},
            {"type": "contacts", "contacts": [{"name": name, "phones": [{"phone": value}]}]},
            {"type": "order", "order": {"catalog_id": value, "text": value, "product_items": []}},
            {"type": "text", "text": {"body": value}, "referral": {"source_url": value, "headline": value}},
            {"type": "hologram", "hologram": {"depth": value, value: value}},
        )
        contact = {
            "wa_id": base["from"],
            "user_id": base["from_user_id"],
            "profile": {"name": value, "username": value},
        }
        messages = [{**base, "id": f"wamid.{number}.{at}", **body} for at, body in enumerate(bodies)]
        change = {"field": "messages", "value": {"contacts": [contact], "messages": messages}}
        return [
            json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}).encode()
        ]


def _unescaped(body: bytes) -> bytes:
    return body.replace(b"\\/", b"/")


class Email(Driver):
    kind = "email"

    def __init__(self) -> None:
        self.platform = MailStandIn()
        self._first: dict[str, str] = {}

    def channels(self) -> dict[str, dict[str, Any]]:
        post = self.platform
        section = mailbox(post.address, post.imap_port, post.smtp_port)
        return {self.name: {**section, "password": post.password}}

    def open(self) -> None:
        self.platform.start()

    def close(self) -> None:
        self.platform.stop()

    def citizen(self) -> Any:
        return f"citizen{next(_serials)}@mail.test"

    def say(self, citizen: Any, text: str) -> Item:
        key = f"{next(_serials)}.contract@mail.test"
        letter = EmailMessage()
        letter["From"], letter["To"] = f"Анна Ким <{citizen}>", self.platform.address
        letter["Subject"], letter["Message-ID"] = "Обращение", f"<{key}>"
        letter["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
        first = self._first.setdefault(citizen, key)
        if first != key:
            letter["In-Reply-To"] = letter["References"] = f"<{first}>"
        letter.set_content(text)
        return self._deliver(key, citizen, letter.as_bytes())

    def _deliver(self, key: str, citizen: Any, raw: bytes) -> Item:
        self.platform.deliver(raw)
        uid = next(each.uid for each in reversed(self.platform.letters) if each.content is raw)
        return Item(key, citizen, raw, lambda: self.cursor().get("uid", 0) >= uid)

    def again(self, item: Item) -> None:
        self.platform.deliver(bytes(bytearray(item.raw)))

    def poison(self) -> None:
        self.platform.deliver(b"\x00\x01\x02" + bytes([next(_serials) % 256, 3, 4]))

    def seen(self, citizen: Any) -> list[str]:
        return [_words_of(raw) for raw in self.platform.received(citizen)]

    def hostile(self, value: str) -> list[bytes]:
        number = next(_serials)
        encoded = base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()
        word = f"=?utf-8?B?{encoded}?="
        lines = (
            f"From: {word} <hostile{number}@mail.test>\r\nTo: help@example.ru\r\nSubject: {word}\r\n"
            f"Message-ID: <hostile.{number}@mail.test>\r\nX-Note: {word}\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/mixed; boundary="edge"\r\n\r\n--edge\r\n'
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            f'{encoded}\r\n--edge\r\nContent-Type: application/octet-stream; name="{word}"\r\n'
            f'Content-Disposition: attachment; filename="{word}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
            "AQID\r\n--edge--\r\n"
        )
        return [lines.encode()]


def _words_of(raw: bytes) -> str:
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    body = parsed.get_body(("plain",))
    return f"{parsed['Subject']}\n{body.get_content() if body is not None else ''}"


class Portal(Driver):
    """The portal's cabinet; answers leave by mail."""

    kind = "portal"
    follows_by_number = True
    KEY = "cabinet-key-of-the-contract-suite"

    def __init__(self) -> None:
        self.post = MailStandIn(address="answers@example.ru")
        self._numbers: dict[str, str] = {}
        self._asking: dict[str, threading.Thread] = {}  # for the number of the citizen's request

    def channels(self) -> dict[str, dict[str, Any]]:
        section = mailbox(self.post.address, self.post.imap_port, self.post.smtp_port)
        return {
            self.name: {"kind": "portal", "sources": {"cabinet": self.KEY}, "reply_by": "answers"},
            "answers": {**section, "password": self.post.password},
        }

    def open(self) -> None:
        self.post.start()

    def close(self) -> None:
        self.post.stop()

    def citizen(self) -> Any:
        return f"cabinet{next(_serials)}"

    def say(self, citizen: Any, text: str) -> Item:
        body = {
            "text": text,
            "sign_in": {"id": citizen, "vouched": ["full_name", "email"]},
            "citizen": {"full_name": "Ким Анна Ивановна", "email": f"{citizen}@mail.test"},
        }
        if citizen in self._asking:
            self._asking[citizen].join(20)  # nobody comments on a request whose number he has not been told
        path = f"appeals/{self._numbers[citizen]}/comments" if citizen in self._numbers else "appeals"
        return self._post(path, f"key-{next(_serials)}", citizen, body)

    def _post(self, path: str, key: str, citizen: Any, body: dict[str, Any]) -> Item:
        item = Item(f"cabinet:{key}", citizen, (path, key, body))
        answers: list[int] = []
        item.told = lambda: bool(answers)
        headers = {"Authorization": f"Bearer {self.KEY}"}

        def send() -> None:
            while not answers:
                try:
                    answer = httpx.post(
                        f"{self.url}/api/v1/{path}", json=body, headers={**headers, "Idempotency-Key": key}, timeout=20
                    )
                except httpx.TransportError:
                    time.sleep(0.05)
                    continue
                if answer.status_code == 503:
                    time.sleep(0.05)
                    continue
                found = answer.json()
                if found.get("number"):
                    self._numbers.setdefault(citizen, found["number"])
                answers.append(answer.status_code)
                if found.get("state") == "processing":  # a machine at its limit
                    ask(found["receipt"])

        def ask(receipt: str) -> None:
            for _ in range(200):
                with contextlib.suppress(httpx.TransportError, ValueError):
                    found = httpx.get(f"{self.url}/api/v1/receipts/{receipt}", headers=headers, timeout=20).json()
                    if found.get("number"):
                        self._numbers.setdefault(citizen, found["number"])
                        return
                time.sleep(0.1)

        self._asking[citizen] = threading.Thread(target=send, daemon=True)
        self._asking[citizen].start()
        return item

    def again(self, item: Item) -> None:
        path, key, body = item.raw
        self._post(path, key, item.citizen, body)

    def poison(self) -> None:
        self.intake(f"no JSON {next(_serials)}".encode())

    def seen(self, citizen: Any) -> list[str]:
        return [_words_of(raw) for raw in self.post.received(f"{citizen}@mail.test")]

    def hostile(self, value: str) -> list[bytes]:
        stated = ("full_name", "phone", "inn", "snils", "account_number", "preferred_channel", "call_back_at")
        details = ("application_number", "service", "step", "error_code", "error_text", "device", "os", "browser")
        number = next(_serials)
        body = {
            "source": "cabinet",
            "kind": "appeal",
            "idempotency_key": f"hostile-{number}",
            "text": value,
            "subject": value,
            "number": value,
            "citizen": {**dict.fromkeys(stated, value), "email": f"hostile{number}@mail.test"},
            "details": dict.fromkeys(details, value),
            "attachments": [{"name": value, "media_type": value, "content": "AQID"}],
        }
        return [json.dumps(body).encode()]


DRIVERS: tuple[type[Driver], ...] = (Email, Telegram, TelegramWebhook, Vk, VkCallback, WhatsApp, Portal)
