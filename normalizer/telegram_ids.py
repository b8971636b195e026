"""Telegram: who wrote, where, and under which id. Source: Telegram Bot API, `Message`, `User`, `Chat`."""

from __future__ import annotations

from typing import Any

from normalizer.message import Sender
from normalizer.payload import identifier, join, line, mapping, phone, text


def native_id_of(message: dict[str, Any], message_id: str | None) -> str | None:
    """`chat_id:message_id`, before it `business:<connection>:` in a chat of a business account; None without a chat."""
    chat = identifier(message, "chat", "id")
    if chat is None or message_id is None:
        return None
    connection = identifier(message, "business_connection_id")
    return f"business:{connection}:{chat}:{message_id}" if connection else f"{chat}:{message_id}"


def _sender_id(message: dict[str, Any]) -> str | None:
    """A channel or a group that writes under its own name comes first: `from` then holds a placeholder."""
    return identifier(message, "sender_chat", "id") or identifier(message, "from", "id")


def conversation_of(message: dict[str, Any]) -> str:
    """The chat; `chat:sender` in a group; `business:<connection>:<chat>` in a business account's chat."""
    chat = identifier(message, "chat", "id") or "?"
    connection = identifier(message, "business_connection_id")
    if connection:
        return f"business:{connection}:{chat}"
    sender = _sender_id(message)
    if text(message, "chat", "type") in ("group", "supergroup") and sender:
        return f"{chat}:{sender}"
    return chat


def conversation_of_press(callback: dict[str, Any]) -> str:
    """The conversation of a pressed button: the person's where its message is unknown (inline mode)."""
    person = identifier(callback, "from", "id")
    if not mapping(callback, "message", "chat"):
        return person or "?"
    return conversation_of({**mapping(callback, "message"), "sender_chat": None, "from": callback.get("from")})


def place_of(happened: Any) -> str | None:
    """The conversation in which something that is no message happened."""
    people = ("user", "from", "actor_chat", "voter_chat")
    person = next((found for name in people if (found := identifier(happened, name, "id"))), None)
    chat = identifier(happened, "chat", "id")
    if chat and person and text(happened, "chat", "type") in ("group", "supergroup"):
        return f"{chat}:{person}"
    return chat or person


def read_sender(message: dict[str, Any]) -> Sender:
    """Who wrote a message. The phone of a shared contact is vouched when the contact is the writer's own."""
    chat = mapping(message, "sender_chat") or (mapping(message, "chat") if not mapping(message, "from") else {})
    if chat:
        name = line(text(chat, "title")) or _name(chat)
        number = identifier(chat, "id")
        vouched = ("id",) if number else ()
        return Sender(id=number, display_name=name, username=line(text(chat, "username")), vouched=vouched)
    person = read_person(mapping(message, "from"))
    contact = mapping(message, "contact")
    owner = identifier(contact, "user_id")
    shared = phone(contact, "phone_number")
    if person.id is None or owner != person.id or shared is None or "forward_origin" in message:
        return person
    return Sender(
        id=person.id,
        display_name=person.display_name,
        username=person.username,
        language=person.language,
        phone=shared,
        vouched=("id", "phone"),
    )


def read_person(user: dict[str, Any]) -> Sender:
    """A Telegram user: the id is vouched, the name is what the person likes to be called."""
    number = identifier(user, "id")
    return Sender(
        id=number,
        display_name=_name(user),
        username=line(text(user, "username")),
        language=identifier(user, "language_code"),
        vouched=("id",) if number else (),
    )


def _name(user: dict[str, Any]) -> str | None:
    return line(join([text(user, "first_name"), text(user, "last_name")], " "))
