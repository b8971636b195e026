"""What the measurements send: chat messages as people write them, and letters of three sizes. Same seed, same bytes."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from sandbox.citizens import TROUBLES, fields

BOT = 700_000_001
# A citizen writes so many messages: the first opens a ticket, the others join it by their conversation.
A_PERSON = 4


_TROUBLES = [text for desk in TROUBLES.values() for text in desk]
_LATER = ("И ещё: это началось вчера около 18:00, браузер Firefox 128.", "Помогите, пожалуйста")


def _says(person: int, number: int) -> tuple[str, str, str]:
    """A person's names, and his message with this number: a trouble, more of it, another trouble, a word.

    Names, phones and papers are his own, as they are in a crowd.
    """
    own = fields(random.Random(f"person {person}"), person)
    texts = (_TROUBLES[person % len(_TROUBLES)], _LATER[0], _TROUBLES[(person + 5) % len(_TROUBLES)], _LATER[1])
    return own["first"], own["last"], texts[number].format(**own)


def updates(count: int, *, first: int = 1, at: float | None = None) -> Iterator[dict[str, Any]]:
    """Telegram updates, the next `count` from the serial `first`: distinct people, who write four times each."""
    chance = random.Random(f"updates {first}")
    now = int(time.time() if at is None else at)
    for serial in range(first, first + count):
        # Neighbours are different people, as in a crowd: the four messages of one lie 64 apart.
        block, place = divmod(serial, 64 * A_PERSON)
        person = block * 64 + place % 64
        given, last, text = _says(person, place // 64)
        names = {"first_name": given, "last_name": last}
        chat = 10_000_000 + person
        yield {
            "update_id": serial,
            "message": {
                "message_id": place // 64 + 1,
                "from": {"id": chat, "is_bot": False, **names, "language_code": "ru"},
                "chat": {"id": chat, **names, "type": "private"},
                "date": now,
                "text": f"{text} (случай {chance.randrange(10**6)})",
            },
        }


def chat(count: int, *, first: int = 1, at: float | None = None) -> list[bytes]:
    """The same as payloads."""
    return [
        json.dumps(u, ensure_ascii=False, separators=(",", ":")).encode() for u in updates(count, first=first, at=at)
    ]


def letters(count: int, size: int, *, first: int = 1) -> list[bytes]:
    """Letters of about `size` bytes: text and HTML alternatives; from 20 kB on with a quoted letter and a picture."""
    chance = random.Random(f"letters {size} {first}")
    return [_letter(chance, serial, size) for serial in range(first, first + count)]


def _letter(chance: random.Random, serial: int, size: int) -> bytes:
    given, last, text = _says(serial, serial % A_PERSON)
    name = f"{given} {last}"
    message = EmailMessage()
    message["From"] = f"{name} <person{serial}@example.org>"
    message["To"] = "help@example.gov"
    message["Subject"] = text[:50].replace("\n", " ")
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{serial}.{chance.randrange(10**12)}@example.org>"
    for hop in range(6):  # what every letter carries of its way
        message[f"X-Relay-{hop}"] = (
            f"from mx{hop}.example.org by mx{hop + 1}.example.org with ESMTPS; {chance.randrange(10**9)}"
        )
    words = f"{text}\n\nС уважением,\n{name}\n"
    quoted = "\n".join(f"> {line}" for line in _filler(chance, 40 if size > 20_000 else 8))
    message.set_content(f"{words}\nВторник, писали вы:\n{quoted}\n", charset="utf-8", cte="base64")
    rows = "".join(f"<div style='margin:0'>{line}</div>" for line in (*words.splitlines(), *quoted.splitlines()))
    message.add_alternative(f"<html><body>{rows}</body></html>", subtype="html", cte="base64")
    missing = size - len(message.as_bytes())
    if missing > 2_000:
        picture = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + chance.randbytes(int(missing / 1.37))
        message.add_attachment(picture, maintype="image", subtype="jpeg", filename="снимок.jpg")
    return message.as_bytes(policy=SMTP)


def _filler(chance: random.Random, lines: int) -> list[str]:
    words = "заявление портал услуга кабинет ошибка уведомление запись паспорт документ оплата номер ответ"
    return [" ".join(chance.choice(words.split()) for _ in range(9)) for _ in range(lines)]
