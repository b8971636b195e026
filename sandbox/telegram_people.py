"""The citizens' side of the Telegram stand-in: people, chats, messages, files, and the queue of updates.

Bot API 9.x, core.telegram.org/bots/api: Update, Message, getUpdates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.server import StandIn, Written

DAY = 86400
UNASKED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})  # never by default
FILE_LIMIT = 20 * 1024 * 1024  # getFile
LINK_AGE = 3600  # seconds that a file's path is good for


@dataclass(slots=True)
class StoredFile:
    """A file on the platform's servers."""

    file_id: str
    name: str
    media_type: str
    content: bytes = field(repr=False)
    size: int = 0  # as the platform states it; larger than the content where a test wants a huge file
    path: str = ""
    linked_at: float | None = None


class TelegramPeople(StandIn):
    """What people do. Each act makes an update (a `Written`) and returns it."""

    def __init__(self, *, bot_id: int, username: str, **options: Any) -> None:
        super().__init__(**options)
        self.me = {"id": bot_id, "is_bot": True, "first_name": "Приёмная", "username": username}
        self.chats: dict[int, dict[str, Any]] = {}
        self.messages: dict[tuple[int, int], dict[str, Any]] = {}
        self.blocked: set[int] = set()
        self.migrated: dict[int, int] = {}
        self.files: dict[str, StoredFile] = {}
        self.callbacks: set[str] = set()  # query ids that wait for answerCallbackQuery
        self.queue: list[Written] = []  # not confirmed yet, by rising update_id
        self.allowed: frozenset[str] | None = None  # None: the default, all but UNASKED
        self.next_update_id = self.random.randrange(10**8, 9 * 10**8) + self.first_id
        self._last_message_id: dict[int, int] = {}
        self._serial = self.first_id

    # ---- the queue of updates -----------------------------------------------------------------------------

    def push(self, kind: str, body: Any, *, native_id: str = "", conversation: str = "") -> Written:
        """Queue an update of any kind, as it is: also a malformed or a quite unknown one."""
        with self.lock:
            update = {"update_id": self.next_update_id, kind: body}
            key = str(self.next_update_id)
            made = Written(key, native_id or key, conversation or key, kind, update, self.now())
            self.written.append(made)
            wanted = kind not in UNASKED if self.allowed is None else kind in self.allowed
            if wanted:
                self.next_update_id += 1
                self.queue.append(made)
            else:  # such an update gets no identifier at all
                made.key, made.withheld = "", "kind not allowed"
        self.wake()
        return made

    def expire(self) -> None:
        """Forget what is older than a day."""
        for made in self.queue:
            if self.now() - made.at > DAY:
                made.withheld = "older than 24 h"
        self.queue[:] = [made for made in self.queue if made.withheld is None]

    def quiet_week(self, next_update_id: int | None = None) -> None:
        """A week without updates: the identifiers go on from a random value, here a lower one."""
        with self.lock:
            self.advance(8 * DAY)
            self.expire()
            self.next_update_id = next_update_id or self.random.randrange(1, max(2, self.next_update_id // 2))

    def unconfirmed(self) -> list[Written]:
        """What the bot has still to fetch or to confirm."""
        with self.lock:
            return list(self.queue)

    # ---- people, chats, files -----------------------------------------------------------------------------

    def user(self, user_id: int, first_name: str = "Анна", **more: Any) -> dict[str, Any]:
        """A person (`last_name`, `username`, `language_code`, …) and the private chat with the bot."""
        person = {"id": user_id, "is_bot": False, "first_name": first_name, "language_code": "ru", **more}
        with self.lock:
            named: dict[str, Any] = {name: more[name] for name in ("last_name", "username") if name in more}
            self.chats[user_id] = {"id": user_id, "type": "private", "first_name": first_name, **named}
        return person

    def group(self, chat_id: int, title: str = "Соседи", kind: str = "supergroup") -> dict[str, Any]:
        """A group that the bot is in; its id is negative."""
        with self.lock:
            self.chats[chat_id] = {"id": chat_id, "type": kind, "title": title}
        return self.chats[chat_id]

    def file(self, content: bytes, name: str = "file.bin", media_type: str = "", size: int | None = None) -> StoredFile:
        """Put a file on the platform's servers; `size` may claim more than there is."""
        with self.lock:
            self._serial += 1
            stored = StoredFile(f"AgACAgIAAx{self._serial:08d}", name, media_type, content, size or len(content))
            self.files[stored.file_id] = stored
        return stored

    def file_object(self, stored: StoredFile, **more: Any) -> dict[str, Any]:
        """The file as a message names it."""
        unique = f"AQAD{stored.file_id[-8:]}"
        return {"file_id": stored.file_id, "file_unique_id": unique, "file_size": stored.size, **more}

    # ---- messages -----------------------------------------------------------------------------------------

    def compose(self, chat_id: int, sender: dict[str, Any], **content: Any) -> dict[str, Any]:
        """A Message with the chat's next id, kept by the platform."""
        with self.lock:
            message_id = self._last_message_id.get(chat_id, self.first_id) + 1
            self._last_message_id[chat_id] = message_id
            message = {"message_id": message_id, "from": sender, "chat": self.chats[chat_id], "date": int(self.now())}
            message.update({name: value for name, value in content.items() if value is not None})
            self.messages[chat_id, message_id] = message
        return message

    def write(self, user: dict[str, Any], *, chat: int | None = None, kind: str = "message", **content: Any) -> Written:
        """Any message: `text`, `photo`, `voice`, `contact`, `forward_origin`, `quote`, … as the Bot API names them."""
        chat_id = chat if chat is not None else int(user["id"])
        with self.lock:
            if chat_id not in self.chats:
                self.user(chat_id, user["first_name"])
            message = self.compose(chat_id, user, **content)
            return self.push(kind, message, native_id=_native(message), conversation=str(chat_id))

    def text(
        self, user: dict[str, Any], text: str, *, reply_to: int | None = None, chat: int | None = None, **more: Any
    ) -> Written:
        """A text; `reply_to` is the message_id in that chat which it answers."""
        chat_id = chat if chat is not None else int(user["id"])
        if text.startswith("/"):
            more.setdefault("entities", [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}])
        replied = self.messages.get((chat_id, reply_to or 0))
        return self.write(user, chat=chat, text=text, reply_to_message=replied, **more)

    def photo(self, user: dict[str, Any], content: bytes, caption: str | None = None, **more: Any) -> Written:
        """A photo in two sizes, the larger last."""
        small = self.file_object(self.file(content[: len(content) // 3], "s.jpg", "image/jpeg"), width=90, height=67)
        large = self.file_object(self.file(content, "x.jpg", "image/jpeg"), width=1280, height=960)
        return self.write(user, photo=[small, large], caption=caption, **more)

    def document(
        self, user: dict[str, Any], content: bytes, name: str, media_type: str = "application/pdf",
        caption: str | None = None, **more: Any,
    ) -> Written:  # fmt: skip
        stored = self.file(content, name, media_type)
        body = self.file_object(stored, file_name=name, mime_type=media_type)
        return self.write(user, document=body, caption=caption, **more)

    def voice(self, user: dict[str, Any], content: bytes, seconds: int = 5, **more: Any) -> Written:
        stored = self.file(content, "voice.oga", "audio/ogg")
        body = self.file_object(stored, duration=seconds, mime_type="audio/ogg")
        return self.write(user, voice=body, **more)

    def album(self, user: dict[str, Any], photos: Sequence[bytes], caption: str | None = None) -> list[Written]:
        """Several messages that share a media_group_id; the caption stands at the first."""
        with self.lock:
            self._serial += 1
            group = f"137{self._serial:014d}"
            return [
                self.photo(user, content, caption if at == 0 else None, media_group_id=group)
                for at, content in enumerate(photos)
            ]

    def edit(self, made: Written, text: str) -> Written:
        """The citizen corrects the message (its caption, where it has no text)."""
        with self.lock:
            old = made.message
            name = "text" if "text" in old else "caption"
            message = {**old, name: text, "edit_date": int(self.now())}
            self.messages[message["chat"]["id"], message["message_id"]] = message
            kind = made.kind if made.kind.startswith("edited_") else f"edited_{made.kind}"
            return self.push(kind, message, native_id=_native(message), conversation=made.conversation)

    def press(self, user: dict[str, Any], message_id: int, data: str, chat: int | None = None) -> Written:
        """The citizen presses a button under the bot's message."""
        with self.lock:
            self._serial += 1
            query_id = str(4 * 10**17 + self._serial)
            self.callbacks.add(query_id)
            chat_id = chat if chat is not None else int(user["id"])
            message = self.messages[chat_id, message_id]
            body = {"id": query_id, "from": user, "message": message, "chat_instance": "1", "data": data}
            return self.push("callback_query", body, native_id=f"callback:{query_id}", conversation=str(chat_id))

    def block(self, user: dict[str, Any]) -> Written:
        """The citizen blocks the bot: it may not write to them any more."""
        return self._membership(user, "member", "kicked")

    def unblock(self, user: dict[str, Any]) -> Written:
        return self._membership(user, "kicked", "member")

    def _membership(self, user: dict[str, Any], old: str, new: str) -> Written:
        with self.lock:
            chat_id = int(user["id"])
            (self.blocked.add if new == "kicked" else self.blocked.discard)(chat_id)

            def state(status: str) -> dict[str, Any]:
                return {"user": self.me, "status": status, **({"until_date": 0} if status == "kicked" else {})}

            body = {
                "chat": self.chats[chat_id], "from": user, "date": int(self.now()),
                "old_chat_member": state(old), "new_chat_member": state(new),
            }  # fmt: skip
            return self.push("my_chat_member", body, conversation=str(chat_id))

    def migrate(self, chat_id: int, new_id: int) -> list[Written]:
        """A group becomes a supergroup: a service message in each, and the old id takes no messages any more."""
        with self.lock:
            self.group(new_id, self.chats[chat_id]["title"])
            self.migrated[chat_id] = new_id
            first = self.write(self.me, chat=chat_id, migrate_to_chat_id=new_id)
            return [first, self.write(self.me, chat=new_id, migrate_from_chat_id=chat_id)]

    def shown_to(self, chat_id: int) -> list[str]:
        """The bot's texts in a chat, in order: what this citizen has seen."""
        with self.lock:
            return [sent.text for sent in self.sent if sent.conversation == str(chat_id)]


def _native(message: dict[str, Any]) -> str:
    return f"{message['chat']['id']}:{message['message_id']}"
