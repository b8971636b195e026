"""What one WhatsApp message says and holds, by its `type`. Source: WhatsApp Cloud API, webhook reference `messages`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from normalizer import file_names
from normalizer.message import AttachmentKind, Limits, Part
from normalizer.payload import TOO_LARGE, Draft, bounded, fields, form, identifier, mapping, sequence, size, text

_MEDIA: dict[str, AttachmentKind] = {
    "image": "photo",
    "video": "video",
    "audio": "audio",
    "voice": "voice",
    "document": "document",
    "sticker": "sticker",
}
_AROUND = frozenset(
    {
        "id", "from", "from_user_id", "from_parent_user_id", "timestamp", "type", "context", "group_id", "errors",
        "identity", "referral",
    }
)  # fmt: skip


def read_content(message: dict[str, Any], draft: Draft, native_id: str, limits: Limits) -> str | None:
    """Add words and parts; returns the payload of a pressed button."""
    kind = text(message, "type") or "unknown"
    button = None
    if kind in _MEDIA:
        _read_media(kind, mapping(message, kind), draft, native_id, limits)
    elif kind in _BUTTONS:
        button = _BUTTONS[kind](mapping(message, kind), draft, native_id)
    elif kind in _READERS:
        _READERS[kind](message, draft, native_id)
    else:
        _read_unknown(kind, message, draft, native_id)
    _read_referral(mapping(message, "referral"), draft, native_id)
    if message.get("errors"):  # of a kind not supported, or media that the platform could not take over
        draft.flags.add("unreadable_part")
    return button


def _read_media(kind: str, value: dict[str, Any], draft: Draft, native_id: str, limits: Limits) -> None:
    media_id = identifier(value, "id")
    length = size(value, "file_size")
    refused = None
    if media_id is None:
        refused = "without a media id"
    elif length is not None and length > limits.attachment:
        refused = TOO_LARGE
    shown = "voice" if kind == "audio" and value.get("voice") is True else kind
    declared = text(value, "mime_type")
    part = Part(
        part=native_id,
        kind=_MEDIA[shown],
        name=file_names.clean(text(value, "filename")),
        media_type=declared[:100] if declared else None,
        size=length,
        fetch=None if refused else {"media_id": media_id},
        data=fields(value, "animated") or None,
        refused=refused,
    )
    draft.parts.append(part)
    draft.say(text(value, "caption"))


def _read_text(message: dict[str, Any], draft: Draft, native_id: str) -> None:
    draft.say(text(message, "text", "body"))


def _read_location(message: dict[str, Any], draft: Draft, native_id: str) -> None:
    data = fields(message.get("location"), "latitude", "longitude", "name", "address", "url")
    draft.parts.append(Part(part=native_id, kind="location", data=data))


def _read_contacts(message: dict[str, Any], draft: Draft, native_id: str) -> None:
    for contact in sequence(message, "contacts"):
        data = fields(contact, "name", "phones", "emails", "addresses", "org", "birthday", "urls", "vcard")
        draft.parts.append(Part(part=native_id, kind="contact", data=data))


def _read_reaction(message: dict[str, Any], draft: Draft, native_id: str) -> None:
    emoji = text(message, "reaction", "emoji")  # none: the reaction was removed
    emoji = emoji[:32] if emoji else None
    draft.say(emoji)
    data = {"reaction": [emoji] if emoji else [], "removed": emoji is None}
    draft.parts.append(Part(part=native_id, kind="other", data=data))


def _read_order(message: dict[str, Any], draft: Draft, native_id: str) -> None:
    order = mapping(message, "order")
    draft.say(text(order, "text"))
    data = {"order": fields(order, "catalog_id", "product_items")}
    draft.parts.append(Part(part=native_id, kind="other", data=data))


def _read_referral(referral: dict[str, Any], draft: Draft, native_id: str) -> None:
    """The advertisement or post through which the citizen came: not the citizen's words."""
    if not referral:
        return
    address = text(referral, "source_url")
    draft.link(address)
    data = fields({"url": address}, "url") | fields(referral, "source_type", "source_id", "headline", "body")
    draft.parts.append(Part(part=native_id, kind="link", data=data))


def _read_unknown(kind: str, message: dict[str, Any], draft: Draft, native_id: str) -> None:
    """`unsupported`, and what the platform adds later: the unknown part is kept, and what errors say of it."""
    unknown = {name: value for name, value in message.items() if name not in _AROUND}
    draft.say(text(message, kind, "body") or text(message, kind, "caption") or text(message, kind, "text"))
    data = {"type": kind[:64]} | bounded(unknown) | fields(message, "errors")
    draft.parts.append(Part(part=native_id, kind="other", data=data))


def _press_button(button: dict[str, Any], draft: Draft, native_id: str) -> str | None:
    """The quick reply of a template."""
    draft.say(text(button, "text"))
    return _payload(button, "payload")


def _press_interactive(interactive: dict[str, Any], draft: Draft, native_id: str) -> str | None:
    kind = text(interactive, "type") or "unknown"
    reply = mapping(interactive, kind)
    if kind in ("button_reply", "list_reply"):
        draft.say(text(reply, "title"))
        return _payload(reply, "id")
    if kind == "nfm_reply":
        _read_form(reply, draft, native_id)
        return None
    data = {"interactive": bounded(interactive)}
    draft.parts.append(Part(part=native_id, kind="other", data=data))
    return None


def _payload(source: dict[str, Any], name: str) -> str | None:
    payload = text(source, name)
    return payload[:4096] if payload else None


def _read_form(reply: dict[str, Any], draft: Draft, native_id: str) -> None:
    """A filled-in flow: its answers are the citizen's words; `body` is only a label ("Sent")."""
    lines, answers = form(text(reply, "response_json") or "")
    for words in lines:
        draft.say(words)
    draft.parts.append(Part(part=native_id, kind="other", data={"form": answers} | fields(reply, "name")))


_READERS: dict[str, Callable[[dict[str, Any], Draft, str], None]] = {
    "text": _read_text,
    "location": _read_location,
    "contacts": _read_contacts,
    "reaction": _read_reaction,
    "order": _read_order,
}
_BUTTONS: dict[str, Callable[[dict[str, Any], Draft, str], str | None]] = {
    "button": _press_button,
    "interactive": _press_interactive,
}
