"""What a Telegram message holds besides its plain text: files, places, contacts, polls, and kinds not known yet.

Source: Telegram Bot API, types `Message` and `ExternalReplyInfo`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from normalizer import file_names
from normalizer.message import AttachmentKind, Limits, Part
from normalizer.payload import (
    TOO_LARGE,
    Draft,
    bounded,
    clean,
    fields,
    find,
    form,
    identifier,
    integer,
    mapping,
    sequence,
    size,
    text,
)

DOWNLOAD_LIMIT = 20 * 1024 * 1024  # bytes; what a bot may download through the cloud API
TOO_LARGE_TO_DOWNLOAD = "larger than the platform lets a bot download"

_FILES: dict[str, AttachmentKind] = {
    "animation": "video",
    "audio": "audio",
    "document": "document",
    "live_photo": "photo",
    "sticker": "sticker",
    "video": "video",
    "video_note": "video",
    "voice": "voice",
    "voice_note": "voice",
}
# What has no file and no kind of its own: (field of the message, keys worth showing; none named: all of them).
_OTHERS: dict[str, tuple[str, ...]] = {
    "dice": ("emoji", "value"),
    "game": ("title", "description", "text"),
    "gift": ("text", "owned_gift_id", "unique_gift_number"),
    "giveaway": (),
    "giveaway_winners": (),
    "invoice": ("title", "description", "currency", "total_amount"),
    "passport_data": (),
    "refunded_payment": ("currency", "total_amount", "invoice_payload"),
    "reply_to_story": ("chat", "id"),
    "story": ("chat", "id"),
    "successful_payment": ("currency", "total_amount", "invoice_payload"),
    "unique_gift": ("text", "origin", "owned_gift_id"),
    "user_shared": ("request_id", "user_id"),
    "users_shared": ("request_id", "users"),
    "chat_shared": ("request_id", "chat_id", "title", "username"),
}


def read_parts(message: Any, draft: Draft, native_id: str, limits: Limits) -> None:
    """Add the parts of a message (or of the message that it answers from another chat), and the words inside them."""
    if READ_FIELDS.isdisjoint(message):
        return
    _read_files(message, draft, native_id, limits)
    for name, reader in _READERS.items():
        if isinstance(message.get(name), dict):
            reader(message[name], draft, native_id, limits)
    for name, names in _OTHERS.items():
        value = message.get(name)
        if isinstance(value, dict):
            data = fields(value, *(names or tuple(value)[:50]))
            draft.parts.append(Part(part=native_id, kind="other", data={name: data}))
    for name in ("gift", "unique_gift"):
        draft.say(text(message, name, "text"))


def _read_files(message: Any, draft: Draft, native_id: str, limits: Limits) -> None:
    largest = _largest(sequence(message, "photo"))
    if largest is not None:
        draft.parts.append(_file(largest, "photo", native_id, limits))
    for name, kind in _FILES.items():
        value = message.get(name)
        # an animation is sent a second time as a document, for programs that do not know animations
        if isinstance(value, dict) and not (name == "document" and isinstance(message.get("animation"), dict)):
            draft.parts.append(_file(value, kind, native_id, limits))
    for media in sequence(message, "paid_media", "paid_media"):
        _read_paid(media, draft, native_id, limits)


def _read_paid(media: Any, draft: Draft, native_id: str, limits: Limits) -> None:
    kind = text(media, "type")
    photo = _largest(sequence(media, "photo"))
    if photo is not None:
        draft.parts.append(_file(photo, "photo", native_id, limits))
    elif kind in ("video", "live_photo") and mapping(media, kind):
        draft.parts.append(_file(mapping(media, kind), _FILES[kind], native_id, limits))
    else:
        draft.parts.append(Part(part=native_id, kind="other", data={"paid_media": bounded(media)}))


def _largest(sizes: list[Any]) -> dict[str, Any] | None:
    candidates = [one for one in sizes if isinstance(one, dict) and identifier(one, "file_id")]
    return max(candidates, key=_area, default=None)


def _area(photo: dict[str, Any]) -> tuple[int, int]:
    return (size(photo, "width") or 0) * (size(photo, "height") or 0), size(photo, "file_size") or 0


def _file(value: dict[str, Any], kind: AttachmentKind, native_id: str, limits: Limits) -> Part:
    file_id = identifier(value, "file_id")
    length = size(value, "file_size")
    refused = None
    if length is not None and length > DOWNLOAD_LIMIT:
        refused = TOO_LARGE_TO_DOWNLOAD
    elif length is not None and length > limits.attachment:
        refused = TOO_LARGE
    elif file_id is None:
        refused = "without a file id"
    data = fields(value, "duration", "emoji", "set_name", "title", "performer")
    return Part(
        part=native_id,
        kind=kind,
        name=file_names.clean(text(value, "file_name")),
        media_type=_media_type(value, kind),
        size=length,
        fetch=None if refused else {"file_id": file_id},
        data=data or None,
        refused=refused,
    )


def _media_type(value: dict[str, Any], kind: AttachmentKind) -> str | None:
    declared = text(value, "mime_type")
    return declared[:100] if declared else None


def _read_contact(value: dict[str, Any], draft: Draft, native_id: str, limits: Limits) -> None:
    data = fields(value, "phone_number", "first_name", "last_name", "user_id", "vcard")
    draft.parts.append(Part(part=native_id, kind="contact", data=data))


def _read_location(value: dict[str, Any], draft: Draft, native_id: str, limits: Limits) -> None:
    data = fields(value, "latitude", "longitude", "horizontal_accuracy", "live_period", "heading")
    draft.parts.append(Part(part=native_id, kind="location", data=data))


def _read_venue(value: dict[str, Any], draft: Draft, native_id: str, limits: Limits) -> None:
    # a venue repeats its point as `location` of the message: one part tells both
    draft.parts = [part for part in draft.parts if part.kind != "location" or part.part != native_id]
    data = fields(value.get("location"), "latitude", "longitude") | fields(value, "title", "address")
    draft.parts.append(Part(part=native_id, kind="location", data=data))


def _read_poll(value: dict[str, Any], draft: Draft, native_id: str, limits: Limits) -> None:
    options = [option for item in sequence(value, "options")[:100] if (option := text(item, "text"))]
    data = fields(value, "id", "question", "description", "type", "is_closed") | {"options": bounded(options)}
    draft.parts.append(Part(part=native_id, kind="poll", data=data))
    for words in (text(value, "question"), text(value, "description"), *options):
        draft.say(words)


def _read_checklist(value: dict[str, Any], draft: Draft, native_id: str, limits: Limits) -> None:
    tasks = [(task, _is_done(item)) for item in sequence(value, "tasks")[:100] if (task := text(item, "text"))]
    data = fields(value, "title") | {"tasks": [{"text": clean(task[:1000]), "done": done} for task, done in tasks]}
    draft.parts.append(Part(part=native_id, kind="other", data={"checklist": data}))
    draft.say(text(value, "title"))
    for task, _done in tasks:
        draft.say(task)


def _is_done(task: Any) -> bool:
    return (integer(task, "completion_date") or 0) > 0


def _read_web_app(value: dict[str, Any], draft: Draft, native_id: str, limits: Limits) -> None:
    """What a form inside Telegram sends: its answers are the citizen's words."""
    lines, data = form(text(value, "data") or "")
    for words in lines:
        draft.say(words)
    draft.parts.append(Part(part=native_id, kind="other", data={"form": data} | fields(value, "button_text")))


def _read_rich(value: dict[str, Any], draft: Draft, native_id: str, limits: Limits) -> None:
    """A formatted document: its words, a line for each block, and the files between them.

    The depth of the tree is limited by the parser (`payload.MAX_DEPTH`); stacks of our own keep it off Python's.
    """
    stack: list[Any] = [value.get("blocks")]
    while stack and len(draft.parts) <= limits.parts:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(reversed(node))
        elif isinstance(node, dict):
            for name in ("label", "title", "text", "caption", "summary"):
                draft.say(_inline(node.get(name), draft, native_id))
            _read_files(node, draft, native_id, limits)
            stack.extend(node[name] for name in ("cells", "items", "blocks") if name in node)


def _inline(rich_text: Any, draft: Draft, native_id: str) -> str:
    """Rich text is a string, a list of rich texts, or an object that holds one as `text`, perhaps with an address."""
    pieces: list[str] = []
    stack: list[Any] = [rich_text]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            pieces.append(node)
        elif isinstance(node, list):
            stack.extend(reversed(node))
        elif isinstance(node, dict):
            stack.append(node.get("text"))
            draft.hidden_link(text(node, "url"), native_id)
    return clean("".join(pieces)).strip()


_READERS: dict[str, Callable[[dict[str, Any], Draft, str, Limits], None]] = {
    "contact": _read_contact,
    "location": _read_location,
    "venue": _read_venue,
    "poll": _read_poll,
    "checklist": _read_checklist,
    "rich_message": _read_rich,
    "web_app_data": _read_web_app,
}

READ_FIELDS = frozenset(_FILES) | frozenset(_READERS) | frozenset(_OTHERS) | {"photo", "paid_media"}


def hidden_links(message: Any) -> list[str]:
    """Addresses behind words: they are not in the text, and a ticket's number may stand in one."""
    found = []
    for name in ("entities", "caption_entities"):
        for entity in sequence(message, name)[:200]:
            if find(entity, "type") == "text_link" and (address := text(entity, "url")):
                found.append(address)
    return found
