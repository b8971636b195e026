"""The citizens' side of the VK stand-in: conversations, messages, events.

dev.vk.com: objects Message and Conversation, community events (message_new, message_edit, message_allow, …).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from sandbox.server import StandIn, Written

CHAT = 2_000_000_000  # peers from here are chats


class VkPeople(StandIn):
    """What people write to the community. Each act makes an event (a `Written`) and returns it."""

    def __init__(self, *, group_id: int, **options: Any) -> None:
        super().__init__(**options)
        self.group_id = group_id
        self.profiles: dict[int, dict[str, Any]] = {}
        self.history: dict[int, list[dict[str, Any]]] = {}  # peer -> messages, oldest first
        self.by_id: dict[int, dict[str, Any]] = {}
        self.denied: set[int] = set()  # 901
        self.private: set[int] = set()  # 902
        self.closed: set[int] = set()  # 917: chats where the community is no administrator
        self.files: dict[str, bytes] = {}
        self.echoes: list[Written] = []
        self.events: list[Written] = []  # of the long poll; the last one has the number `self.ts`
        self.ts = 1 + self.first_id
        self.first_ts = self.ts  # events up to this number are not kept any more
        self.listening: set[str] = {"message_new"}  # as VK has it until setLongPollSettings
        self.silent = False  # an outage: no events are made
        self.crop_at = 4096  # characters of a message in a list or an event; the rest only by getById
        self._message_ids = 100_000 + self.first_id

    # ---- people and events --------------------------------------------------------------------------------

    def user(self, user_id: int, first_name: str = "Анна", last_name: str = "Ким") -> int:
        """A person; they need not allow messages before they write."""
        with self.lock:
            self.profiles[user_id] = {
                "id": user_id, "first_name": first_name, "last_name": last_name, "can_access_closed": True,
                "is_closed": False,
            }  # fmt: skip
        return user_id

    def event(
        self, kind: str, body: Any, *, native_id: str = "", conversation: str = "", own: bool = False,
        without: Sequence[str] = (), **more: Any,
    ) -> Written:  # fmt: skip
        """An event of any kind, as it is: also a malformed one (`without` group_id), or a quite unknown one.

        `own`: the community's own act, kept in `echoes` and not in `written`.
        """
        with self.lock:
            # event_id is the same in every delivery of one event
            number = len(self.written) + len(self.echoes) + self.first_id
            event_id = hashlib.sha1(f"{self.group_id}:{number}".encode()).hexdigest()
            payload = {"type": kind, "event_id": event_id, "v": "5.199", "object": body, "group_id": self.group_id}
            payload.update(more)
            for name in without:
                payload.pop(name, None)
            made = Written(event_id, native_id or event_id, conversation or event_id, kind, payload, self.now())
            (self.echoes if own else self.written).append(made)
            if self.silent:
                made.withheld = "outage"
            else:
                self.dispatch(made)
        self.wake()
        return made

    def dispatch(self, made: Written) -> None:
        """To the long poll's queue, where that kind of event is wanted."""
        if made.kind in self.listening:
            self.ts += 1
            self.events.append(made)
        else:
            made.withheld = "kind not enabled"

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        """Meanwhile no events are made: what citizens write is in the history only."""
        self.silent = True
        try:
            yield
        finally:
            self.silent = False

    # ---- messages -----------------------------------------------------------------------------------------

    def compose(self, peer_id: int, from_id: int, text: str, **content: Any) -> dict[str, Any]:
        """A message with the conversation's next id, kept in the history."""
        with self.lock:
            self._message_ids += 1
            number = len(self.history.get(peer_id, [])) + 1 + self.first_id
            message: dict[str, Any] = {
                "id": self._message_ids, "version": 10000 + self._message_ids, "date": int(self.now()),
                "peer_id": peer_id, "from_id": from_id, "conversation_message_id": number, "text": text,
                "out": int(from_id == -self.group_id), "important": False, "is_hidden": False, "attachments": [],
                "fwd_messages": [], "random_id": 0,
            }  # fmt: skip
            message.update({name: value for name, value in content.items() if value is not None})
            self.history.setdefault(peer_id, []).append(message)
            self.by_id[message["id"]] = message
        return message

    def message(self, peer_id: int, conversation_message_id: int) -> dict[str, Any]:
        """A message of the history by its number in the conversation."""
        return self.history[peer_id][conversation_message_id - 1 - self.first_id]

    def write(self, user_id: int, text: str = "", *, chat: int | None = None, **content: Any) -> Written:
        """Any message: `attachments`, `fwd_messages`, `reply_message`, `geo`, `payload`, … as VK names them."""
        peer_id = chat if chat is not None else user_id
        with self.lock:
            if user_id not in self.profiles:
                self.user(user_id)
            message = self.compose(peer_id, user_id, text, **content)
            client = {"button_actions": ["text", "callback"], "keyboard": True, "inline_keyboard": True, "lang_id": 0}
            body = {"message": self.cropped(message), "client_info": {**client, "carousel": True}}
            return self.event("message_new", body, native_id=_native(message), conversation=str(peer_id))

    def reply(self, user_id: int, text: str, to: int, **content: Any) -> Written:
        """The citizen answers a message of the conversation, by its conversation_message_id."""
        with self.lock:
            old = self.message(user_id, to)
            names = ("id", "date", "from_id", "text", "conversation_message_id", "peer_id", "attachments")
            return self.write(user_id, text, reply_message={name: old[name] for name in names}, **content)

    def edit(self, made: Written, text: str) -> Written:
        with self.lock:
            message = self.by_id[made.message["id"]]
            message.update(text=text, update_time=int(self.now()))
            shown, native, peer = self.cropped(message), made.native_id, made.conversation
            return self.event("message_edit", shown, native_id=native, conversation=peer)

    def press(self, user_id: int, payload: Any, label: str = "Новое обращение") -> Written:
        """A button of the keyboard: a message with its label and the payload, which is a JSON string."""
        return self.write(user_id, label, payload=json.dumps(payload, ensure_ascii=False))

    def press_callback(self, user_id: int, payload: Any, conversation_message_id: int) -> Written:
        """A button of type `callback`: no message, a message_event."""
        body = {
            "user_id": user_id, "peer_id": user_id, "event_id": f"{self.random.getrandbits(48):012x}",
            "payload": payload, "conversation_message_id": conversation_message_id,
        }  # fmt: skip
        return self.event("message_event", body, native_id=f"callback:{body['event_id']}", conversation=str(user_id))

    def deny(self, user_id: int) -> Written:
        """The citizen forbids the community to write: 901 from now on."""
        self.denied.add(user_id)
        return self.event("message_deny", {"user_id": user_id}, conversation=str(user_id))

    def allow(self, user_id: int) -> Written:
        self.denied.discard(user_id)
        return self.event("message_allow", {"user_id": user_id, "key": ""}, conversation=str(user_id))

    # ---- attachments --------------------------------------------------------------------------------------

    def photo(self, content: bytes, owner_id: int = 1) -> dict[str, Any]:
        """A photo attachment in two sizes."""
        sizes = []
        for letter, width, part in (("s", 75, content[: len(content) // 3]), ("w", 1280, content)):
            sizes.append({"type": letter, "width": width, "height": width, "url": self._keep(part, "jpg")})
        photo = {"id": len(self.files), "owner_id": owner_id, "album_id": -15, "date": int(self.now()), "sizes": sizes}
        return {"type": "photo", "photo": {**photo, "text": "", "access_key": "k"}}

    def doc(self, content: bytes, title: str, owner_id: int = 1) -> dict[str, Any]:
        ending = title.rpartition(".")[2]
        doc = {"id": len(self.files), "owner_id": owner_id, "title": title, "size": len(content), "ext": ending}
        return {"type": "doc", "doc": {**doc, "date": int(self.now()), "type": 1, "url": self._keep(content, ending)}}

    def voice(self, content: bytes, owner_id: int = 1) -> dict[str, Any]:
        link = self._keep(content, "ogg")
        body = {"id": len(self.files), "owner_id": owner_id, "duration": 5, "link_ogg": link, "link_mp3": link}
        return {"type": "audio_message", "audio_message": {**body, "waveform": [1, 5, 9]}}

    def _keep(self, content: bytes, ending: str) -> str:
        with self.lock:
            name = f"{len(self.files) + 1}.{ending}"
            self.files[name] = content
        return f"{self.url}/files/{name}"

    def cropped(self, message: dict[str, Any]) -> dict[str, Any]:
        """As an event or a list shows it: a long text cut, with the mark `is_cropped`."""
        if len(message["text"]) <= self.crop_at:
            return dict(message)
        return {**message, "text": message["text"][: self.crop_at], "is_cropped": True}

    def shown_to(self, peer_id: int) -> list[str]:
        """The community's texts in a conversation, in order."""
        with self.lock:
            return [sent.text for sent in self.sent if sent.conversation == str(peer_id)]


def _native(message: dict[str, Any]) -> str:
    return f"{message['peer_id']}:{message['conversation_message_id']}"
