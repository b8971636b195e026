"""VK: what an event of a community means. Source: VK API 5.199, Callback API and Bots Long Poll (the same events).

A unit is one event. Native ids: `peer_id:conversation_message_id`; `callback:<event_id>` for a pressed button.
Conversations: the peer; in a chat (peers from 2,000,000,000 on) `peer:sender`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from normalizer.message import Account, Identity, Ignored, Message, Part, Reading, Sender, Unreadable
from normalizer.payload import (
    Draft,
    bounded,
    clean,
    digest,
    dump,
    identifier,
    integer,
    mapping,
    moment,
    parse,
    raw_identity,
    sequence,
    text,
)
from normalizer.vk_parts import lasting, read_content

FIRST_CHAT = 2_000_000_000  # peers from here on are chats of several people
# How one speaks to a community in a chat, where it hears nothing else: «[club1|@name], …».
_ADDRESSED = re.compile(r"\s*\[(?:club|public)(\d{1,12})\|[^\[\]|]{1,200}\][\s,:]*")
_LANGUAGES = {0: "ru", 1: "uk", 2: "be", 3: "en", 97: "kk", 100: "be"}  # client_info.lang_id
_CONTENT = ("attachments", "fwd_messages", "reply_message", "geo", "payload", "text")
_AROUND = frozenset(
    {
        "id", "date", "peer_id", "from_id", "out", "version", "conversation_message_id", "random_id", "important",
        "is_hidden", "is_cropped", "is_unavailable", "update_time", "members_count", "admin_author_id", "keyboard",
        "ref", "ref_source", "action", "format_data", "message_tag", "is_mentioned_user", "pinned_at", "was_listened",
        "is_silent", "deleted", "expire_ttl", "is_expired", "user_id", "read_state", "title", "body", "template",
    }
)  # fmt: skip
_NOT_MESSAGES = {
    "message_reply": "our own message",
    "message_allow": "allows messages",
    "message_deny": "forbids messages",
    "message_typing_state": "typing",
    "message_read": "a read mark",
    "confirmation": "a confirmation of the address",
}


def split(body: bytes) -> list[bytes]:
    """One unit for each event of a long-poll answer or a list; a Callback API body is one already."""
    document = parse(body, mark_long_integers=True)
    if isinstance(document, dict) and "type" not in document and isinstance(document.get("updates"), list):
        document = document["updates"]
    if not isinstance(document, list):
        return [body]
    return [dump(event) for event in document]


def identify(payload: bytes) -> Identity:
    """The identity of an event. `event_id` decides only where a message has no number of its own."""
    event = parse(payload)
    kind = text(event, "type")
    if kind is None:
        return raw_identity(payload)
    content = mapping(event, "object")
    if kind in ("message_new", "message_edit"):
        return _identify_message(kind, event, content) or raw_identity(payload)
    conversation = _conversation(content)
    pressed = identifier(content, "event_id")
    if kind == "message_event" and pressed:
        return Identity(key=f"callback:{pressed}", conversation=conversation or f"callback:{pressed}")
    number = identifier(event, "event_id")
    key = f"{kind[:64]}:{number}" if number else f"{kind[:64]}:{digest(content)}"
    return Identity(key=key, conversation=conversation or key, sent_at=moment(content, "date"))


def _identify_message(kind: str, event: Any, content: dict[str, Any]) -> Identity | None:
    message = _message(content)
    native_id = _native_id(message, event)
    if native_id is None:
        return None
    conversation = _conversation(message) or native_id
    if kind == "message_new":
        return Identity(key=native_id, conversation=conversation, sent_at=moment(message, "date"))
    edited_at = identifier(message, "update_time")
    key = f"{native_id}:edit:{edited_at}:{digest(lasting(message))}"
    return Identity(key=key, conversation=conversation, sent_at=moment(message, "update_time"))


def _message(content: dict[str, Any]) -> dict[str, Any]:
    """`message_new` wraps the message since 5.103; `message_edit` does not."""
    return mapping(content, "message") if "message" in content else content


def _peer(message: dict[str, Any]) -> str | None:
    return identifier(message, "peer_id") or identifier(message, "user_id") or identifier(message, "from_id")


def _native_id(message: dict[str, Any], event: Any) -> str | None:
    peer = _peer(message)
    number = integer(message, "conversation_message_id")
    if peer is None:
        return None
    if number:  # 0 stands for none
        return f"{peer}:{number}"
    if number := integer(message, "id"):
        return f"{peer}:id:{number}"
    event_id = identifier(event, "event_id")
    return f"{peer}:event:{event_id}" if event_id else None


def _conversation(message: dict[str, Any]) -> str | None:
    peer = _peer(message)
    sender = identifier(message, "from_id") or identifier(message, "user_id")
    number = integer({"peer": peer}, "peer")
    return f"{peer}:{sender}" if number is not None and number >= FIRST_CHAT and sender else peer


def read(payload: bytes, account: Account) -> Reading:
    """The meaning of one event."""
    event = parse(payload)
    if isinstance(event, Unreadable):
        return event
    kind = text(event, "type")
    if kind is None:
        return Unreadable("not an event")
    content = mapping(event, "object")
    if kind in ("message_new", "message_edit"):
        return _read_message(event, content, account, edited=kind == "message_edit")
    if kind == "message_event":
        return _read_press(content)
    if kind == "message_reaction_event":
        return _read_reaction(content)
    if kind in _NOT_MESSAGES:
        return Ignored(_NOT_MESSAGES[kind])
    if kind.startswith("message_"):
        return _read_unknown(kind, event, content, account)
    return Ignored(f"not a message: {kind[:64]}")


def _read_message(event: dict[str, Any], content: dict[str, Any], account: Account, *, edited: bool) -> Reading:
    message = _message(content)
    native_id = _native_id(message, event)
    if native_id is None:
        return Unreadable("a message without peer or number")
    if _is_ours(message, event, account):
        return Ignored("our own message")
    if action := text(message, "action", "type"):
        return Ignored(f"a service message: {action[:64]}")
    draft = Draft()
    draft.say(_own_words(message, event, account))
    read_content(message, draft, native_id, account.limits)
    _keep_unknown(message, draft, native_id)
    for item in sequence(message, "format_data", "items")[:200]:
        draft.hidden_link(text(item, "url"), native_id)
    if message.get("is_cropped") is True:
        draft.flags.add("too_large")
        draft.parts.append(_whole(message, native_id))
    return Message(
        native_id=native_id,
        conversation_id=_conversation(message) or native_id,
        change="edit" if edited else "message",
        revises=native_id if edited else None,
        sent_at=moment(message, "update_time" if edited else "date"),
        sender=_read_sender(message, content),
        reply_to=_read_reply(message),
        button=_button(message.get("payload")),
        **draft.within(account.limits),
    )


def _own_words(message: dict[str, Any], event: dict[str, Any], account: Account) -> str | None:
    """The text without our own name, by which the citizen turns to us; all of it where it is nothing else."""
    written = text(message, "text") or text(message, "body")  # `body`: before version 5.80 of the API
    addressed = _ADDRESSED.match(written or "")
    if not written or not addressed or addressed[1] not in _names(event, account):
        return written
    return written[addressed.end() :] or written


def _whole(message: dict[str, Any], native_id: str) -> Part:
    """The words of a message that VK shows only the beginning of (a callback is not asked again): to be fetched."""
    names = ("peer_id", "conversation_message_id", "id")
    which = {name: number for name in names if (number := integer(message, name))}
    return Part(part=native_id, kind="document", name="message.txt", media_type="text/plain", fetch={"message": which})


def _names(event: dict[str, Any], account: Account) -> set[str | None]:
    return {account.platform_account, identifier(event, "group_id")}


def _is_ours(message: dict[str, Any], event: dict[str, Any], account: Account) -> bool:
    writer = integer(message, "from_id")
    ours = _names(event, account)
    return message.get("out") == 1 or (writer is not None and writer < 0 and str(-writer) in ours)


def _read_sender(message: dict[str, Any], content: dict[str, Any]) -> Sender:
    number = identifier(message, "from_id") or identifier(message, "user_id")
    spoken = integer(content, "client_info", "lang_id")
    language = None if spoken is None else _LANGUAGES.get(spoken)
    return Sender(id=number, language=language, vouched=("id",) if number else ())


def _read_reply(message: dict[str, Any]) -> tuple[str, ...]:
    answered = mapping(message, "reply_message")
    number = integer(answered, "conversation_message_id")
    peer = identifier(answered, "peer_id") or _peer(message)
    return (f"{peer}:{number}",) if number and peer else ()


def _button(payload: Any) -> str | None:
    """A button's payload as it was set: a string that holds JSON, or JSON itself in a `message_event`."""
    if isinstance(payload, str):
        return clean(payload)[:4096] or None
    if isinstance(payload, dict | list):
        return clean(json.dumps(payload, ensure_ascii=False, separators=(",", ":")))[:4096]
    return None


def _keep_unknown(message: dict[str, Any], draft: Draft, native_id: str) -> None:
    """What VK added later stands beside nothing that could be read; an empty message may be `is_unavailable`."""
    if draft.own or draft.parts or draft.quoted or message.get("payload"):
        return
    unknown = {name: value for name, value in message.items() if name not in _AROUND and name not in _CONTENT}
    draft.parts.append(Part(part=native_id, kind="other", data=bounded(unknown)))


def _read_press(content: dict[str, Any]) -> Reading:
    press, conversation = identifier(content, "event_id"), _conversation(content)
    if press is None or conversation is None:
        return Unreadable("a button press without id or peer")
    number = integer(content, "conversation_message_id")
    return Message(
        native_id=f"callback:{press}",
        conversation_id=conversation,
        sender=_read_sender(content, content),
        reply_to=(f"{_peer(content)}:{number}",) if number else (),
        button=_button(content.get("payload")),
    )


def _read_reaction(content: dict[str, Any]) -> Reading:
    number, peer = integer(content, "cmid"), identifier(content, "peer_id")
    person = identifier(content, "reacted_id")
    if not number or peer is None:
        return Unreadable("a reaction without a message")
    chosen = integer(content, "reaction_id")  # VK gives a number, no emoji; none: the reaction was removed
    native_id = f"reaction:{peer}:{number}:{person}:{chosen}"
    return Message(
        native_id=native_id,
        conversation_id=_conversation({"peer_id": peer, "from_id": person}) or peer,
        sender=Sender(id=person, vouched=("id",) if person else ()),
        reply_to=(f"{peer}:{number}",),
        attachments=(Part(part=native_id, kind="other", data={"reaction": chosen, "removed": chosen is None}),),
    )


def _read_unknown(kind: str, event: dict[str, Any], content: dict[str, Any], account: Account) -> Reading:
    """An event about messages that VK added later; readable as long as it says where it happened."""
    message = _message(content)
    conversation = _conversation(message)
    if conversation is None:
        return Unreadable("an event of an unknown kind")
    native_id = f"{kind[:64]}:{identifier(event, 'event_id') or digest(content)}"
    draft = Draft()
    draft.say(text(message, "text"))
    draft.parts.append(Part(part=native_id, kind="other", data={kind[:64]: bounded(content)}))
    return Message(
        native_id=native_id,
        conversation_id=conversation,
        sent_at=moment(message, "date"),
        sender=_read_sender(message, content),
        **draft.within(account.limits),
    )
