"""Messages of every kind that a platform has, from many people: what a loss test sends, the same for the same seed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from sandbox.lines import OGG, PDF, PLACE, PNG
from sandbox.server import Written
from sandbox.telegram import TelegramStandIn
from sandbox.vk import VkStandIn
from sandbox.vk_people import CHAT
from sandbox.whatsapp import WhatsAppStandIn
from sandbox.whatsapp_people import Person

Kind = Callable[[Any, str], Written]
LATITUDE, LONGITUDE = PLACE


def flood_telegram(
    telegram: TelegramStandIn, *, people: int = 40, messages: int = 500, seed: int = 1, pause: float = 0.0
) -> list[Written]:
    """`messages` updates from so many people, every kind in turn; `pause` seconds between two at most."""
    users = [telegram.user(6_000_000 + at, f"Гражданин{at}", username=f"citizen{at}") for at in range(people)]
    return list(_flood(users, list(telegram_kinds(telegram).values()), messages, seed, pause))


def flood_vk(
    vk: VkStandIn, *, people: int = 40, messages: int = 500, seed: int = 1, pause: float = 0.0
) -> list[Written]:
    """The same for VK. `message_edit` and `message_event` come only where those events are enabled."""
    users = [vk.user(6_000_000 + at, f"Гражданин{at}") for at in range(people)]
    return list(_flood(users, list(vk_kinds(vk).values()), messages, seed, pause))


def flood_whatsapp(
    whatsapp: WhatsAppStandIn, *, people: int = 40, messages: int = 500, seed: int = 1, pause: float = 0.0
) -> list[Written]:
    """The same for WhatsApp; every fifth person hides the phone."""
    persons = [whatsapp.person(f"7998{at:07d}", f"Гражданин{at}", hidden=at % 5 == 4) for at in range(people)]
    return list(_flood(persons, list(whatsapp_kinds(whatsapp).values()), messages, seed, pause))


def _flood(people: list[Any], kinds: list[Kind], messages: int, seed: int, pause: float) -> Iterator[Written]:
    chance = random.Random(f"flood {seed}")
    count: dict[int, int] = {}
    for serial in range(messages):
        who = chance.randrange(len(people))
        count[who] = count.get(who, 0) + 1
        kind = kinds[serial % len(kinds)] if serial < len(kinds) else chance.choice(kinds)
        # The text says who wrote it and which of theirs it is: so the order within a conversation can be checked.
        yield kind(people[who], f"Сообщение {count[who]} гражданина {who}: не работает личный кабинет, ошибка {serial}")
        if pause:
            time.sleep(chance.uniform(0, pause))


def telegram_kinds(telegram: TelegramStandIn) -> dict[str, Kind]:
    """A call for each kind of update that carries a citizen's message: (user, text) -> Written."""

    def media(kind: str, name: str, media_type: str, content: bytes, **more: Any) -> Kind:
        def write(user: Any, text: str) -> Written:
            body = telegram.file_object(telegram.file(content, name, media_type), mime_type=media_type, **more)
            shown: dict[str, Any] = {kind: body, "caption": text}
            return telegram.write(user, **shown)

        return write

    def plain(**content: Any) -> Kind:
        return lambda user, text: telegram.write(user, **content)

    def edited(user: Any, text: str) -> Written:
        mine = [made for made in telegram.written if made.conversation == str(user["id"]) and "text" in made.message]
        return telegram.edit(mine[-1], text) if mine else telegram.text(user, text)

    def pressed(user: Any, text: str) -> Written:
        shown = telegram.compose(user["id"], telegram.me, text="Что дальше?")
        return telegram.press(user, shown["message_id"], "other")

    def in_group(user: Any, text: str) -> Written:
        telegram.group(-1_001_000_000_001)
        return telegram.text(user, text, chat=-1_001_000_000_001)

    def quoting(user: Any, text: str) -> Written:
        quote = {"text": "часть чужих слов", "position": 0, "is_manual": True}
        origin = {"type": "hidden_user", "sender_user_name": "Сосед", "date": int(telegram.now())}
        return telegram.text(user, text, quote=quote, external_reply={"origin": origin})

    def forwarded(user: Any, text: str) -> Written:
        origin = {"type": "hidden_user", "sender_user_name": "Служба", "date": int(telegram.now())}
        return telegram.text(user, text, forward_origin=origin)

    location = {"latitude": LATITUDE, "longitude": LONGITUDE}
    option = {"persistent_id": "1", "text": "да", "voter_count": 0}
    poll = {"id": "5", "question": "Работает?", "options": [option], "total_voter_count": 0, "type": "regular"}
    poll.update(dict.fromkeys(("is_closed", "allows_multiple_answers", "allows_revoting", "members_only"), False))
    story_chat = {"id": 42, "type": "private", "first_name": "Сосед"}
    return {
        "text": telegram.text,
        "photo": lambda user, text: telegram.photo(user, PNG * 9, text),
        "document": lambda user, text: telegram.document(user, PDF, "справка.pdf", caption=text),
        "voice": media("voice", "v.oga", "audio/ogg", OGG, duration=3),
        "audio": media("audio", "a.mp3", "audio/mpeg", b"ID3", duration=3, title="Запись"),
        "video": media("video", "v.mp4", "video/mp4", b"ftyp", duration=3, width=640, height=480),
        "video_note": media("video_note", "n.mp4", "video/mp4", b"ftyp", duration=3, length=240),
        "animation": media("animation", "a.gif", "video/mp4", b"GIF8", duration=1, width=9, height=9),
        "sticker": lambda user, text: telegram.write(
            user,
            sticker=telegram.file_object(
                telegram.file(b"RIFF", "s.webp"), type="regular", width=512, height=512, is_animated=False,
                is_video=False, emoji="🙏",
            ),
        ),
        "contact": lambda user, text: telegram.write(
            user,
            # Each has a phone of his own: who shares the same one is the same citizen.
            contact={
                "phone_number": f"+7999{user['id'] % 10**7:07d}", "first_name": user["first_name"],
                "user_id": user["id"],
            },
        ),
        "location": plain(location=location),
        "venue": plain(location=location, venue={"location": location, "title": "МФЦ", "address": "ул. Мира, 1"}),
        "poll": plain(poll={**poll, "is_anonymous": True}),
        "dice": plain(dice={"emoji": "🎲", "value": 4}),
        "story": plain(story={"chat": story_chat, "id": 7}),
        "paid_media": plain(paid_media={"star_count": 5, "paid_media": [{"type": "preview"}]}),
        "quote": quoting, "forward": forwarded, "group": in_group, "edit": edited, "press": pressed,
        "unknown": lambda user, text: telegram.write(user, hologram={"depth": 3, "caption": text}),
    }  # fmt: skip


def vk_kinds(vk: VkStandIn) -> dict[str, Kind]:
    """A call for each kind of event that carries a citizen's message: (user id, text) -> Written."""

    def attached(kind: str, **body: Any) -> Kind:
        return lambda user, text: vk.write(user, text, attachments=[{"type": kind, kind: {"id": 1, **body}}])

    def file(make: Callable[[], dict[str, Any]]) -> Kind:
        return lambda user, text: vk.write(user, text, attachments=[make()])

    def edited(user: int, text: str) -> Written:
        mine = [made for made in vk.written if made.conversation == str(user) and made.kind == "message_new"]
        return vk.edit(mine[-1], text) if mine else vk.write(user, text)

    def forwarded(user: int, text: str) -> Written:
        inner = {"date": int(vk.now()), "from_id": 9, "text": "внутри", "attachments": [], "fwd_messages": []}
        outer = {**inner, "text": "снаружи", "fwd_messages": [inner]}
        return vk.write(user, text, fwd_messages=[outer])

    place = {"type": "point", "coordinates": {"latitude": LATITUDE, "longitude": LONGITUDE}}
    return {
        "text": vk.write, "photo": file(lambda: vk.photo(PNG * 9)), "doc": file(lambda: vk.doc(PDF, "справка.pdf")),
        "audio_message": file(lambda: vk.voice(OGG)),
        "video": attached("video", owner_id=5, title="Запись экрана"),
        "audio": attached("audio", owner_id=5, artist="Сосед", title="Запись", url=""),
        "graffiti": attached("graffiti", owner_id=5, url=""),
        "link": attached("link", url="https://example.org/1", title="Ссылка", description=""),
        "market": attached("market", owner_id=-5, title="Товар"),
        "wall": attached("wall", from_id=-5, to_id=-5, text="запись на стене"),
        "wall_reply": attached("wall_reply", owner_id=-5, from_id=5, text="ответ на стене"),
        "gift": attached("gift", thumb_256=""),
        "sticker": lambda user, text: vk.write(
            user, attachments=[{"type": "sticker", "sticker": {"sticker_id": 9, "product_id": 1, "images": []}}]
        ),
        "poll": attached("poll", owner_id=5, question="Работает?", answers=[]),
        "article": attached("article", owner_id=-5, title="Статья", url="https://example.org/2"),
        "podcast": attached("podcast", owner_id=-5, title="Выпуск"),
        "call": attached("call", initiator_id=5, state="reached", duration=3),
        "story": attached("story", owner_id=5),
        "video_playlist": attached("video_playlist", owner_id=-5, title="Список"),
        "geo": lambda user, text: vk.write(user, geo=place),
        "chat": lambda user, text: vk.write(user, text, chat=CHAT + 1),
        "forward": forwarded, "edit": edited,
        "long": lambda user, text: vk.write(user, text + " я" * 2500),
        "unknown": attached("hologram", depth=3),
    }  # fmt: skip


def whatsapp_kinds(whatsapp: WhatsAppStandIn) -> dict[str, Kind]:
    """A call for each type of message: (person, text) -> Written."""

    def media(kind: str, media_type: str, content: bytes, *, captioned: bool = True, **fields: Any) -> Kind:
        def write(person: Person, text: str) -> Written:
            caption = {"caption": text} if captioned else {}
            return whatsapp.attach(person, kind, content, media_type, **caption, **fields)

        return write

    def plain(kind: str, content: Any) -> Kind:
        return lambda person, text: whatsapp.write(person, kind, content)

    def first_text(person: Person, text: str) -> Written | None:
        mine = [made for made in whatsapp.written if made.conversation == person.user_id and made.kind == "text"]
        return mine[-1] if mine else None

    def edited(person: Person, text: str) -> Written:
        mine = first_text(person, text)
        return whatsapp.edit(person, mine, text) if mine else whatsapp.text(person, text)

    def revoked(person: Person, text: str) -> Written:
        mine = first_text(person, text)
        return whatsapp.revoke_message(person, mine) if mine else whatsapp.text(person, text)

    def contact(person: Person, text: str) -> Written:
        name = {"formatted_name": "Сосед Пётр", "first_name": "Пётр"}
        return whatsapp.write(person, "contacts", [{"name": name, "phones": [{"phone": "+79990000001"}]}])

    listed = {"type": "list_reply", "list_reply": {"id": "other", "title": "Другое", "description": ""}}
    order = {"catalog_id": "1", "product_items": [{"product_retailer_id": "1", "quantity": 1}], "text": "заказ"}
    referral = {"source_url": "https://example.org/ad", "source_type": "ad", "source_id": "1", "headline": "Реклама"}
    unsupported = [{"code": 131051, "title": "Message type unknown", "message": "Message type unknown"}]
    return {
        "text": whatsapp.text,
        "image": media("image", "image/jpeg", PNG * 9),
        "video": media("video", "video/mp4", b"ftyp"),
        "audio": media("audio", "audio/ogg; codecs=opus", OGG, captioned=False, voice=True),
        "document": media("document", "application/pdf", PDF, filename="справка.pdf"),
        "sticker": media("sticker", "image/webp", b"RIFF", captioned=False, animated=False),
        "location": plain("location", {"latitude": LATITUDE, "longitude": LONGITUDE, "name": "МФЦ"}),
        "contacts": contact,
        "list": plain("interactive", listed),
        "button": plain("button", {"payload": "other", "text": "Другое"}),
        "order": plain("order", order),
        "referral": lambda person, text: whatsapp.text(person, text, referral=referral),
        "forwarded": lambda person, text: whatsapp.text(person, text, context={"frequently_forwarded": True}),
        "unsupported": lambda person, text: whatsapp.write(person, "unsupported", errors=unsupported),
        "edit": edited, "revoke": revoked,
        "unknown": plain("hologram", {"depth": 3}),
    }  # fmt: skip
