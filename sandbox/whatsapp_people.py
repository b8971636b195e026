"""The citizens' side of the WhatsApp stand-in: people, messages, media, and the webhook's bodies.

developers.facebook.com, WhatsApp Cloud API: webhooks (messages, statuses), business-scoped user ids, media.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.server import StandIn, Written

Spread = Literal["messages", "changes", "entries"]


@dataclass(slots=True)
class Person:
    """A WhatsApp user. `hidden`: has a username and hides the phone, so only `user_id` is told."""

    phone: str
    name: str
    user_id: str
    hidden: bool = False
    username: str | None = None
    wrote_at: float | None = None
    has_whatsapp: bool = True


@dataclass(slots=True)
class Media:
    """A file at Meta's, kept 30 days; its URL is good for five minutes."""

    media_id: str
    name: str
    media_type: str
    content: bytes = field(repr=False)
    made_at: float = 0.0
    deleted: bool = False


class WhatsAppPeople(StandIn):
    """What people write to the number. Each act makes a `Written` and sends it on by webhook."""

    def __init__(self, *, phone_number_id: str, business_id: str, display_phone: str, **options: Any) -> None:
        super().__init__(**options)
        self.phone_number_id, self.business_id, self.display_phone = phone_number_id, business_id, display_phone
        self.people: dict[str, Person] = {}  # by phone
        self.media_files: dict[str, Media] = {}
        self.statuses: list[Written] = []
        self._held: list[tuple[Written, dict[str, Any]]] | None = None
        self._serial = self.first_id

    def person(self, phone: str, name: str = "Анна", **more: Any) -> Person:
        with self.lock:
            known = self.people.get(phone)
            made = Person(phone, name, f"RU.{int(phone) * 7919 % 10**17:017d}", **more)
            made.wrote_at = known.wrote_at if known else made.wrote_at  # who is named again has written all the same
            self.people[phone] = made
        return made

    def wamid(self) -> str:
        with self.lock:
            self._serial += 1
            raw = f"{self.display_phone}:{self._serial:08d}".encode()
        return "wamid." + base64.b64encode(hashlib.sha256(raw).digest()[:24] + raw).decode()

    def media_file(self, content: bytes, media_type: str, name: str = "") -> Media:
        with self.lock:
            self._serial += 1
            media = Media(str(10**15 + self._serial), name, media_type, content, self.now())
            self.media_files[media.media_id] = media
        return media

    # ---- what people do -----------------------------------------------------------------------------------

    def write(self, person: Person, kind: str, content: Any = None, **more: Any) -> Written:
        """A message of any type; `content` stands under the type's name (text, image, location, order, …)."""
        with self.lock:
            wamid = self.wamid()
            message: dict[str, Any] = {"id": wamid, "timestamp": str(int(self.now())), "type": kind}
            message["from_user_id"] = person.user_id
            if not person.hidden:
                message["from"] = person.phone
            if content is not None:
                message[kind] = content
            message.update({name: value for name, value in more.items() if value is not None})
            person.wrote_at = self.now()
            contact: dict[str, Any] = {"profile": {"name": person.name}, "user_id": person.user_id}
            if person.username:
                contact["profile"]["username"] = person.username
            if not person.hidden:
                contact["wa_id"] = person.phone
            made = Written(wamid, wamid, person.user_id, kind, {"messages": [message]}, self.now())
            self.written.append(made)
            return self.pass_on(made, {"contacts": [contact], "messages": [message]})

    def text(self, person: Person, text: str, *, reply_to: str | None = None, **more: Any) -> Written:
        """A text; `reply_to` is the wamid that it answers."""
        if reply_to:
            more["context"] = {"from": self.display_phone, "id": reply_to}
        return self.write(person, "text", {"body": text}, **more)

    def image(self, person: Person, content: bytes, caption: str | None = None, **more: Any) -> Written:
        return self.attach(person, "image", content, "image/jpeg", caption=caption, **more)

    def document(self, person: Person, content: bytes, name: str, caption: str | None = None, **more: Any) -> Written:
        return self.attach(person, "document", content, "application/pdf", filename=name, caption=caption, **more)

    def voice(self, person: Person, content: bytes, **more: Any) -> Written:
        return self.attach(person, "audio", content, "audio/ogg; codecs=opus", voice=True, **more)

    def attach(self, person: Person, kind: str, content: bytes, media_type: str, **fields: Any) -> Written:
        """Any message with media: its id, its type and the hash, never the bytes."""
        media = self.media_file(content, media_type, fields.get("filename") or "")
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        body = {"mime_type": media_type, "sha256": digest, "id": media.media_id}
        body.update({name: value for name, value in fields.items() if value is not None})
        return self.write(person, kind, body)

    def press(self, person: Person, button_id: str, title: str, reply_to: str) -> Written:
        """A reply button of an interactive message."""
        content = {"type": "button_reply", "button_reply": {"id": button_id, "title": title}}
        return self.write(person, "interactive", content, context={"from": self.display_phone, "id": reply_to})

    def edit(self, person: Person, made: Written, text: str) -> Written:
        """An edit has a wamid of its own and names the original."""
        message = {"type": "text", "text": {"body": text}}
        return self.write(person, "edit", {"original_message_id": made.key, "message": message})

    def revoke_message(self, person: Person, made: Written) -> Written:
        return self.write(person, "revoke", {"original_message_id": made.key})

    def push(self, value: dict[str, Any], *, key: str = "", kind: str = "raw", conversation: str = "") -> Written:
        """Anything at all as the `value` of a change: a malformed or unknown entry."""
        made = Written(key or self.wamid(), key, conversation or "raw", kind, value, self.now())
        self.written.append(made)
        return self.pass_on(made, value)

    # ---- the webhook's bodies -----------------------------------------------------------------------------

    def pass_on(self, made: Written, value: dict[str, Any]) -> Written:
        with self.lock:
            if self._held is None:
                self.dispatch([(made, value)], "messages")
            else:
                self._held.append((made, value))
        return made

    @contextlib.contextmanager
    def batch(self, spread: Spread = "messages") -> Iterator[None]:
        """What is written meanwhile goes out in one body: as messages of a change, as changes, or as entries."""
        self._held = []
        try:
            yield
        finally:
            held, self._held = self._held, None
            if held:
                self.dispatch(held, spread)

    def dispatch(self, held: list[tuple[Written, dict[str, Any]]], spread: Spread) -> None:
        """Send one body on; the stand-in knows where to."""
        raise NotImplementedError

    def body(self, values: list[dict[str, Any]], spread: Spread) -> bytes:
        """The bytes as Meta writes them: escaped, so that the signature is over ASCII."""
        if spread == "messages":
            merged: dict[str, Any] = {}
            for value in values:
                for name, items in value.items():
                    if isinstance(items, list) and isinstance(merged.get(name, []), list):
                        known = merged.setdefault(name, [])
                        known.extend(item for item in items if name != "contacts" or item not in known)
                    else:
                        merged[name] = items
            values = [merged]
        changes = [{"value": self._value(value), "field": "messages"} for value in values]
        groups = [[change] for change in changes] if spread == "entries" else [changes]
        entries = [{"id": self.business_id, "changes": group} for group in groups]
        body = {"object": "whatsapp_business_account", "entry": entries}
        return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()

    def _value(self, value: dict[str, Any]) -> dict[str, Any]:
        metadata = {"display_phone_number": self.display_phone, "phone_number_id": self.phone_number_id}
        return {"messaging_product": "whatsapp", "metadata": metadata, **value}

    def shown_to(self, person: Person) -> list[str]:
        """The number's texts to a person, in order, as they arrived."""
        with self.lock:
            return [sent.text for sent in self.sent if sent.conversation == person.user_id]
