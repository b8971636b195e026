"""What a VK message holds besides its text: attachments of every kind, forwarded and answered messages, the place.

Source: VK API 5.199, `messages_message`, `messages_message_attachment` and the objects they name.
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
    fields,
    find,
    identifier,
    integer,
    join,
    mapping,
    sequence,
    size,
    text,
)

_MAX_NESTED = 500  # VK's own limit for forwarded messages, whatever their depth
_SIZES = "smpoqrxyzw"  # VK's letters for a photo's sizes, ascending; the cropped o, p, q, r stand before x


def read_content(message: Any, draft: Draft, native_id: str, limits: Limits) -> None:
    """Add the parts of a message, and into `quoted` the words of the messages that it forwards or answers."""
    _read_attachments(sequence(message, "attachments"), draft, native_id, limits)
    _read_place(mapping(message, "geo"), draft, native_id)
    answered = mapping(message, "reply_message")
    draft.quote(text(answered, "text"))
    _read_forwarded(sequence(message, "fwd_messages"), draft, native_id, limits)


def _read_forwarded(messages: list[Any], draft: Draft, native_id: str, limits: Limits) -> None:
    """In reading order, without recursion: forwards nest."""
    stack = list(reversed(messages))
    seen = 0
    while stack and seen < _MAX_NESTED:
        message = stack.pop()
        if not isinstance(message, dict):
            continue
        seen += 1
        draft.flags.add("forwarded")
        draft.quote(text(message, "text"))
        _read_attachments(sequence(message, "attachments"), draft, native_id, limits)
        _read_place(mapping(message, "geo"), draft, native_id)
        inner = [
            *sequence(message, "fwd_messages"),
            *([message["reply_message"]] if "reply_message" in message else []),
        ]
        stack.extend(reversed(inner))
    if stack:
        draft.flags.add("too_large")


def _read_attachments(attachments: list[Any], draft: Draft, native_id: str, limits: Limits) -> None:
    stack = list(reversed(attachments))
    while stack and len(draft.parts) <= limits.parts:
        attachment = stack.pop()
        kind = text(attachment, "type") or "unknown"
        value = mapping(attachment, kind)
        if kind in ("wall", "wall_reply"):
            stack.extend(reversed(_read_post(kind, value, draft, native_id)))
        elif kind in _READERS and value:
            draft.parts.append(_READERS[kind](value, native_id, limits))
            if kind == "link":
                draft.link(text(value, "url"))
        else:
            draft.parts.append(Part(part=native_id, kind="other", data={kind[:100]: bounded(value or attachment)}))


def _read_post(kind: str, post: dict[str, Any], draft: Draft, native_id: str) -> list[Any]:
    """A post or a comment of a wall: its words are quoted; what it holds is returned, to be read next."""
    owner = identifier(post, "owner_id") or identifier(post, "to_id") or identifier(post, "from_id")
    if kind == "wall_reply":
        address = f"https://vk.com/wall{owner}_{identifier(post, 'post_id')}?reply={identifier(post, 'id')}"
    else:
        address = f"https://vk.com/wall{owner}_{identifier(post, 'id')}"
    draft.quote(text(post, "text"))
    draft.flags.add("forwarded")
    draft.parts.append(Part(part=native_id, kind="link", data={"url": address, "type": kind}))
    inner = sequence(post, "attachments")[:50]
    for copied in sequence(post, "copy_history")[:10]:
        inner = [*inner, {"type": "wall", "wall": copied}]
    return inner


def _read_place(geo: dict[str, Any], draft: Draft, native_id: str) -> None:
    if not geo:
        return
    coordinates = geo.get("coordinates")
    if isinstance(coordinates, str):  # older versions of the API: "55.75 37.61"
        latitude, _, longitude = coordinates[:100].partition(" ")
        coordinates = {"latitude": latitude, "longitude": longitude}
    data = fields(coordinates, "latitude", "longitude") | fields(geo.get("place"), "title", "city", "country")
    draft.parts.append(Part(part=native_id, kind="location", data=data))


def _file(
    kind: AttachmentKind,
    native_id: str,
    address: str | None,
    limits: Limits,
    *,
    name: str | None = None,
    length: int | None = None,
    data: dict[str, Any] | None = None,
) -> Part:
    refused = None
    if address is None:
        refused = "without an address"
    elif length is not None and length > limits.attachment:
        refused = TOO_LARGE
    fetch = None if refused else {"url": address}
    return Part(
        part=native_id,
        kind=kind,
        name=file_names.clean(name),
        size=length,
        fetch=fetch,
        data=data or None,
        refused=refused,
    )


def _photo(value: dict[str, Any], native_id: str, limits: Limits) -> Part:
    words = fields(value, "text") if text(value, "text") else {}
    return _file("photo", native_id, _largest(value), limits, data=words)


def _largest(value: dict[str, Any]) -> str | None:
    """The address of the largest size; the original comes first where VK gives it."""
    original = text(value, "orig_photo", "url")
    if original:
        return original
    sizes = [one for one in sequence(value, "sizes") if text(one, "url")]
    return text(max(sizes, key=_rank, default=None), "url")


def _rank(photo: dict[str, Any]) -> tuple[int, int]:
    return (size(photo, "width") or 0) * (size(photo, "height") or 0), _SIZES.find((text(photo, "type") or "?")[0])


def _doc(value: dict[str, Any], native_id: str, limits: Limits) -> Part:
    name = text(value, "title")
    extension = text(value, "ext")
    if name and extension and not name.lower().endswith("." + extension.lower()):
        name = f"{name}.{extension}"
    return _file("document", native_id, text(value, "url"), limits, name=name, length=size(value, "size"))


def _audio_message(value: dict[str, Any], native_id: str, limits: Limits) -> Part:
    address = text(value, "link_ogg") or text(value, "link_mp3")
    return _file("voice", native_id, address, limits, data=fields(value, "duration", "transcript"))


def _audio(value: dict[str, Any], native_id: str, limits: Limits) -> Part:
    data = fields(value, "artist", "title", "duration")
    address = text(value, "url")
    if address is None:  # VK gives music without an address to most communities
        return Part(part=native_id, kind="audio", data=data)
    name = join([text(value, "artist"), text(value, "title")], " - ")
    return _file("audio", native_id, address, limits, name=f"{name}.mp3" if name else None, data=data)


def _video(value: dict[str, Any], native_id: str, limits: Limits) -> Part:
    """VK gives no file of a video, only a player's page."""
    address = f"https://vk.com/video{identifier(value, 'owner_id')}_{identifier(value, 'id')}"
    data = {"url": address} | fields(value, "title", "description", "duration", "access_key")
    return Part(part=native_id, kind="video", data=data)


def _graffiti(value: dict[str, Any], native_id: str, limits: Limits) -> Part:
    return _file("photo", native_id, text(value, "url") or _largest(value), limits)


def _sticker(value: dict[str, Any], native_id: str, limits: Limits) -> Part:
    images = [image for image in sequence(value, "images") if text(image, "url")]
    address = text(max(images, key=_rank, default=None), "url")
    data = fields(value, "product_id", "sticker_id")
    if address is None:
        return Part(part=native_id, kind="sticker", data=data)
    return _file("sticker", native_id, address, limits, data=data)


def _poll(value: dict[str, Any], native_id: str, limits: Limits) -> Part:
    options = [answer for item in sequence(value, "answers")[:100] if (answer := text(item, "text"))]
    return Part(part=native_id, kind="poll", data=fields(value, "id", "question") | {"options": bounded(options)})


def _link(value: dict[str, Any], native_id: str, limits: Limits) -> Part:
    return Part(part=native_id, kind="link", data=fields(value, "url", "title", "caption", "description"))


def _article(value: dict[str, Any], native_id: str, limits: Limits) -> Part:
    address = text(value, "view_url") or text(value, "url")
    return Part(part=native_id, kind="link", data=fields({"url": address}, "url") | fields(value, "title", "subtitle"))


def _podcast(value: dict[str, Any], native_id: str, limits: Limits) -> Part:
    data = fields(value, "artist", "title", "duration")
    if text(value, "url") is None:
        return Part(part=native_id, kind="audio", data=data)
    return _file("audio", native_id, text(value, "url"), limits, data=data)


def _shown(kind: str, *names: str) -> Callable[[dict[str, Any], str, Limits], Part]:
    """A kind without a file: what is worth showing of it."""

    def reader(value: dict[str, Any], native_id: str, limits: Limits) -> Part:
        return Part(part=native_id, kind="other", data={kind: fields(value, *names)})

    return reader


_READERS: dict[str, Callable[[dict[str, Any], str, Limits], Part]] = {
    "photo": _photo,
    "doc": _doc,
    "audio_message": _audio_message,
    "audio": _audio,
    "video": _video,
    "graffiti": _graffiti,
    "sticker": _sticker,
    "poll": _poll,
    "link": _link,
    "article": _article,
    "podcast": _podcast,
    "market": _shown("market", "id", "owner_id", "title", "description", "price"),
    "market_album": _shown("market_album", "id", "owner_id", "title"),
    "gift": _shown("gift", "id", "thumb_256"),
    "call": _shown("call", "initiator_id", "receiver_id", "state", "time", "duration", "video"),
    "story": _shown("story", "id", "owner_id", "date", "is_expired"),
    "video_playlist": _shown("video_playlist", "id", "owner_id", "title", "count"),
}


def lasting(message: dict[str, Any]) -> list[Any]:
    """What of a message is the same in each delivery of one edit: the addresses of files are signed anew each time."""
    things = []
    for attachment in sequence(message, "attachments"):
        kind = text(attachment, "type")
        value = mapping(attachment, kind or "")
        things.append(
            [kind, integer(value, "owner_id"), integer(value, "id"), find(value, "url") if kind == "link" else 0]
        )
    forwarded = [identifier(one, "conversation_message_id") for one in sequence(message, "fwd_messages")]
    return [text(message, "text"), things, forwarded, message.get("geo"), text(message, "payload")]
