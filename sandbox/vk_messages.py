"""The methods of the VK API that concern messages and files: what the community reads and sends.

dev.vk.com: messages.send, getConversations, getHistory, getById, getByConversationMessageId; docs.*, photos.*.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sandbox.server import Sent, Upload
from sandbox.vk_people import CHAT, VkPeople

TEXT_LIMIT = 4096
MESSAGES = {
    1: "Unknown error occurred",
    3: "Unknown method passed",
    5: "User authorization failed: invalid access_token (4).",
    6: "Too many requests per second",
    7: "Permission to perform this action is denied",
    8: "Invalid request",
    9: "Flood control",
    10: "Internal server error: could not check access_token now, check later.",
    14: "Captcha needed",
    15: "Access denied",
    27: "Group authorization failed: method is unavailable with group auth.",
    29: "Rate limit reached",
    100: "One of the parameters specified was missing or invalid",
    901: "Can't send messages for users without permission",
    902: "Can't send messages to this user due to their privacy settings",
    911: "Keyboard format is invalid",
    914: "Message is too long",
    917: "You don't have access to this chat",
}  # fmt: skip


class Refusal(Exception):
    """`error` inside a 200."""

    def __init__(self, code: int, detail: str = "", **more: Any) -> None:
        super().__init__(code)
        text = MESSAGES.get(code, "Error") + (f": {detail}" if detail else "")
        self.error: dict[str, Any] = {"error_code": code, "error_msg": text, **more}


class VkMessages(VkPeople):
    """The community's side. `swallowed`: what was dropped in silence for a random_id that had been used before."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.swallowed: list[Sent] = []
        self.uploads: dict[str, Upload] = {}
        self.saved: dict[str, dict[str, Any]] = {}  # by the name that messages.send takes
        self._by_random_id: dict[int, Sent] = {}

    # ---- sending ------------------------------------------------------------------------------------------

    def send(self, params: dict[str, Any]) -> Any:
        try:
            random_id = int(params["random_id"])
        except (KeyError, ValueError):
            raise Refusal(100, "random_id is a required parameter") from None
        if not -(2**31) <= random_id < 2**31:
            raise Refusal(100, "random_id should be int32")
        many = params.get("peer_ids") or params.get("user_ids")
        if many:
            return [self._try_one(peer, params, random_id) for peer in numbers(many)[:100]]
        peer_id = integer(params.get("peer_id") or params.get("user_id"), 0)
        if params.get("chat_id"):
            peer_id = CHAT + integer(params["chat_id"], 0)
        if not peer_id:
            raise Refusal(100, "peer_id is undefined")
        return self._send_one(peer_id, params, random_id)[0]

    def _try_one(self, peer_id: int, params: dict[str, Any], random_id: int) -> dict[str, Any]:
        try:
            message_id, cmid = self._send_one(peer_id, params, random_id)
            return {"peer_id": peer_id, "message_id": message_id, "conversation_message_id": cmid}
        except Refusal as refusal:
            error = {"code": refusal.error["error_code"], "description": refusal.error["error_msg"]}
            return {"peer_id": peer_id, "message_id": 0, "error": error}

    def _send_one(self, peer_id: int, params: dict[str, Any], random_id: int) -> tuple[int, int]:
        """(message id, its number in the conversation). A random_id of this community seen before sends nothing."""
        text, attachments = str(params.get("message", "")), self._attached(params)
        self._check_send(peer_id, text, bool(attachments), params)
        files = tuple(Upload(each["name"], "", each["content"]) for each in attachments)
        seen = self._by_random_id.get(random_id) if random_id else None
        if seen is not None:
            self.swallowed.append(Sent(str(peer_id), text, seen.native_id, self.now(), params, files))
            at = int(seen.native_id.partition(":")[2])
            return int(self.message(int(seen.conversation), at)["id"]), at
        shown = [each["object"] for each in attachments]
        message = self.compose(peer_id, -self.group_id, text, random_id=random_id, attachments=shown)
        native = f"{peer_id}:{message['conversation_message_id']}"
        sent = Sent(str(peer_id), text, native, self.now(), params, files)
        self.sent.append(sent)
        if random_id:
            self._by_random_id[random_id] = sent
        if "message_reply" in self.listening:
            self.event("message_reply", self.cropped(message), native_id=native, conversation=str(peer_id), own=True)
        self.wake()
        return message["id"], message["conversation_message_id"]

    def _check_send(self, peer_id: int, text: str, attached: bool, params: dict[str, Any]) -> None:
        if len(text) > TEXT_LIMIT:
            raise Refusal(914)
        if not text.strip() and not attached:
            raise Refusal(100, "message is empty or invalid")
        if params.get("keyboard"):
            check_keyboard(params["keyboard"])
        if peer_id in self.private:
            raise Refusal(902)
        if peer_id in self.denied or (peer_id < CHAT and peer_id not in self.history):
            raise Refusal(901)
        if peer_id >= CHAT and peer_id not in self.history:
            raise Refusal(917)

    def _attached(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        found = []
        for name in filter(None, str(params.get("attachment", "")).split(",")):
            if name not in self.saved:
                raise Refusal(100, "attachment is invalid")
            found.append(self.saved[name])
        return found

    # ---- history ------------------------------------------------------------------------------------------

    def get_conversations(self, params: dict[str, Any]) -> Any:
        offset, count = integer(params.get("offset"), 0), min(integer(params.get("count"), 20), 200)
        only = params.get("filter", "all")
        items: list[dict[str, Any]] = []
        for peer_id, messages in self.history.items():
            answered = max((at for at, each in enumerate(messages) if each["out"]), default=-1)
            unread = len(messages) - 1 - answered
            if only in ("unread", "unanswered") and not unread:
                continue
            items.append(self._conversation(peer_id, messages, unread))
        items.sort(key=lambda item: item["last_message"]["id"], reverse=True)
        page = items[offset : offset + count]
        shown = [item["conversation"]["peer"]["id"] for item in page]
        return {"count": len(items), "items": page, **self._extended(params, shown)}

    def _conversation(self, peer_id: int, messages: list[dict[str, Any]], unread: int) -> dict[str, Any]:
        kind, local = ("chat", peer_id - CHAT) if peer_id >= CHAT else ("user", peer_id)
        last = messages[-1]
        allowed = {"allowed": False, "reason": 901} if peer_id in self.denied else {"allowed": True}
        conversation = {
            "peer": {"id": peer_id, "type": kind, "local_id": local}, "last_message_id": last["id"],
            "last_conversation_message_id": last["conversation_message_id"], "in_read": last["id"],
            "out_read": last["id"], "is_marked_unread": False, "important": False, "can_write": allowed,
        }  # fmt: skip
        if unread:
            conversation["unread_count"] = unread
        return {"conversation": conversation, "last_message": self.cropped(last)}

    def get_history(self, params: dict[str, Any]) -> Any:
        peer_id = integer(params.get("peer_id") or params.get("user_id"), 0)
        if peer_id in self.closed:
            raise Refusal(917)
        count = min(integer(params.get("count"), 20), 200)
        offset = integer(params.get("offset"), 0)
        messages = list(self.history.get(peer_id, []))
        if str(params.get("rev", "0")) != "1":
            messages.reverse()
        for name, field in (("start_message_id", "id"), ("start_cmid", "conversation_message_id")):
            start = integer(params.get(name), 0)
            if start > 0:  # from that message on backwards; a negative offset reaches newer ones
                offset += next((at for at, each in enumerate(messages) if each[field] <= start), len(messages))
        first = max(0, offset)
        items = [self.cropped(each) for each in messages[first : first + count]]
        return {"count": len(messages), "items": items, **self._extended(params, [peer_id])}

    def get_by_id(self, params: dict[str, Any]) -> Any:
        if params.get("cmids"):
            return self.get_by_conversation_message_id({**params, "conversation_message_ids": params["cmids"]})
        found = [self.by_id[each] for each in numbers(params.get("message_ids", ""))[:100] if each in self.by_id]
        return {"count": len(found), "items": found, **self._extended(params, [each["peer_id"] for each in found])}

    def get_by_conversation_message_id(self, params: dict[str, Any]) -> Any:
        peer_id = integer(params.get("peer_id"), 0)
        wanted = set(numbers(params.get("conversation_message_ids", ""))[:100])
        found = [each for each in self.history.get(peer_id, []) if each["conversation_message_id"] in wanted]
        return {"count": len(found), "items": found, **self._extended(params, [peer_id])}

    def _extended(self, params: dict[str, Any], peers: list[int]) -> dict[str, Any]:
        if str(params.get("extended", "0")) != "1":
            return {}
        return {"profiles": [self.profiles[peer] for peer in dict.fromkeys(peers) if peer in self.profiles]}

    def get_users(self, params: dict[str, Any]) -> Any:
        return [self.profiles[each] for each in numbers(params.get("user_ids", "")) if each in self.profiles]

    # ---- files --------------------------------------------------------------------------------------------

    def upload_server(self, kind: str) -> Callable[[dict[str, Any]], Any]:
        return lambda params: {"upload_url": f"{self.url}/upload/{kind}", "album_id": -64, "group_id": self.group_id}

    def save_doc(self, params: dict[str, Any]) -> Any:
        upload = self.uploads.get(str(params.get("file", "")))
        if upload is None:
            raise Refusal(100, "file is invalid")
        made = self.doc(upload.content, str(params.get("title") or upload.name), -self.group_id)
        return self._save("doc", made, upload)

    def save_photo(self, params: dict[str, Any]) -> Any:
        try:
            upload = self.uploads[json.loads(params["photo"])[0]["photo"]]
        except (KeyError, ValueError, IndexError, TypeError):
            raise Refusal(100, "photo is invalid") from None
        return [self._save("photo", self.photo(upload.content, -self.group_id), upload)["photo"]]

    def _save(self, kind: str, made: dict[str, Any], upload: Upload) -> dict[str, Any]:
        name = f"{kind}{made[kind]['owner_id']}_{made[kind]['id']}"
        kept = {"object": made, "name": upload.name, "content": upload.content}
        self.saved[name] = self.saved[f"{name}_{made[kind].get('access_key', '')}"] = kept
        return made


def check_keyboard(value: Any) -> None:
    """Form and limits of a keyboard: 5 buttons a row, 10 rows, 40 buttons; inline 6 rows, 10 buttons."""
    try:
        keyboard = json.loads(value) if isinstance(value, str) else value
        rows = keyboard["buttons"]
        inline = bool(keyboard.get("inline"))
        buttons = [button for row in rows for button in row]
        fits = len(rows) <= (6 if inline else 10) and len(buttons) <= (10 if inline else 40)
        fits = fits and all(len(row) <= 5 for row in rows)
        for button in buttons:
            action = button["action"]
            payload = action.get("payload", "{}")
            json.loads(payload) if isinstance(payload, str) else json.dumps(payload)
            fits = fits and len(str(payload)) <= 255 and len(action.get("label", "x")) in range(1, 41)
    except (KeyError, TypeError, ValueError, AttributeError):
        fits = False
    if not fits:
        raise Refusal(911)


def integer(value: Any, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


def numbers(value: Any) -> list[int]:
    parts = value if isinstance(value, list) else str(value).split(",")
    return [int(part) for part in parts if str(part).strip().lstrip("-").isdigit()]
