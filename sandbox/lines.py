"""How a citizen does a thing on each channel: the same acts, each platform's own way.

A line knows what its citizen has written and seen. An act that the channel does not have (a press by mail,
an edit of a letter) becomes what people do instead: they write a message.
"""

from __future__ import annotations

import email
import email.policy
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

from sandbox.citizens import Act, Citizen
from sandbox.letters import Post, letter, message_id
from sandbox.server import Written
from sandbox.telegram import TelegramStandIn
from sandbox.vk import VkStandIn
from sandbox.whatsapp import WhatsAppStandIn

NUMBER = re.compile(r"\b\d{6}-\d{6,7}-\d\b")  # as our acknowledgements write it
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
OGG = b"OggS\x00\x02" + b"\x00" * 20 + b"\x01\x1eOpusHead\x01\x01"
PLACE = (55.751244, 37.618423)


class Line(ABC):
    """A citizen's end of a channel."""

    def __init__(self, citizen: Citizen) -> None:
        self.citizen = citizen
        self.last: Written | None = None

    def do(self, act: Act, text: str) -> list[str]:
        """Do it; returns the native ids of the messages that this made (none where it made no message)."""
        made = getattr(self, act, self.say)(text)
        made = made if isinstance(made, list) else [made]
        if act not in ("edit", "delete", "press") and made:
            self.last = made[-1]
        return [each.native_id for each in made]

    def numbers(self) -> list[str]:
        """The request numbers that this citizen has been told, oldest first."""
        return [number for text in self.seen() for number in NUMBER.findall(text)]

    @abstractmethod
    def seen(self) -> list[str]:
        """The service's messages, as this citizen sees them."""

    @abstractmethod
    def say(self, text: str) -> Written | list[Written]: ...


class TelegramLine(Line):
    def __init__(self, citizen: Citizen, telegram: TelegramStandIn) -> None:
        super().__init__(citizen)
        self.telegram = telegram
        self.user = telegram.user(citizen.platform_id, citizen.first, last_name=citizen.last)

    def seen(self) -> list[str]:
        return self.telegram.shown_to(self.citizen.platform_id)

    def say(self, text: str) -> Written:
        return self.telegram.text(self.user, text)

    def press(self, text: str) -> Written:
        return self.say(text)  # commands are typed, or tapped in the menu, which sends them as text

    def answer(self, text: str) -> Written:
        ours = [sent for sent in self.telegram.sent if sent.conversation == str(self.citizen.platform_id)]
        return self.telegram.text(self.user, text, reply_to=int(ours[-1].native_id.partition(":")[2]) if ours else None)

    def album(self, text: str) -> list[Written]:
        return self.telegram.album(self.user, [PNG + bytes([at]) * 200 for at in range(3)], text)

    def photo(self, text: str) -> Written:
        return self.telegram.photo(self.user, PNG * 9, text)

    def document(self, text: str) -> Written:
        return self.telegram.document(self.user, PDF, "справка.pdf", caption=text)

    def voice(self, _: str) -> Written:
        return self.telegram.voice(self.user, OGG)

    def location(self, _: str) -> Written:
        return self.telegram.write(self.user, location={"latitude": PLACE[0], "longitude": PLACE[1]})

    def forward(self, text: str) -> Written:
        origin = {"type": "hidden_user", "sender_user_name": "Служба поддержки", "date": int(self.telegram.now())}
        return self.telegram.text(self.user, text, forward_origin=origin)

    def edit(self, text: str) -> Written | list[Written]:
        return self.telegram.edit(self.last, text) if self.last else []

    def delete(self, _: str) -> list[Written]:
        return []  # bots are not told of deletions


class VkLine(Line):
    def __init__(self, citizen: Citizen, vk: VkStandIn) -> None:
        super().__init__(citizen)
        self.vk, self.peer = vk, vk.user(citizen.platform_id, citizen.first, citizen.last)

    def seen(self) -> list[str]:
        return self.vk.shown_to(self.peer)

    def say(self, text: str) -> Written:
        return self.vk.write(self.peer, text)

    def press(self, text: str) -> Written:
        command = text.lstrip("/").partition(" ")[0]
        label = {"start": "Начать", "status": "Статус"}.get(command, "Новое обращение")
        return self.vk.press(self.peer, {"command": command}, label)

    def answer(self, text: str) -> Written:
        ours = [sent for sent in self.vk.sent if sent.conversation == str(self.peer)]
        return self.vk.reply(self.peer, text, int(ours[-1].native_id.partition(":")[2])) if ours else self.say(text)

    def album(self, text: str) -> Written:
        return self.vk.write(self.peer, text, attachments=[self.vk.photo(PNG * (at + 1)) for at in range(3)])

    def photo(self, text: str) -> Written:
        return self.vk.write(self.peer, text, attachments=[self.vk.photo(PNG * 9)])

    def document(self, text: str) -> Written:
        return self.vk.write(self.peer, text, attachments=[self.vk.doc(PDF, "справка.pdf")])

    def voice(self, _: str) -> Written:
        return self.vk.write(self.peer, attachments=[self.vk.voice(OGG)])

    def location(self, _: str) -> Written:
        place = {"latitude": PLACE[0], "longitude": PLACE[1]}
        return self.vk.write(self.peer, geo={"type": "point", "coordinates": place})

    def forward(self, text: str) -> Written:
        other = {"date": int(self.vk.now()), "from_id": 777, "text": text, "attachments": [], "fwd_messages": []}
        return self.vk.write(self.peer, "Мне пришло вот это, это вы?", fwd_messages=[other])

    def edit(self, text: str) -> Written | list[Written]:
        return self.vk.edit(self.last, text) if self.last else []

    def delete(self, _: str) -> list[Written]:
        return []  # communities are not told of deletions


class WhatsAppLine(Line):
    def __init__(self, citizen: Citizen, whatsapp: WhatsAppStandIn) -> None:
        super().__init__(citizen)
        self.whatsapp = whatsapp
        name = f"{citizen.first} {citizen.last}"
        self.person = whatsapp.person(citizen.phone, name, hidden=citizen.index % 5 == 2)

    def seen(self) -> list[str]:
        return self.whatsapp.shown_to(self.person)

    def say(self, text: str) -> Written:
        return self.whatsapp.text(self.person, text)

    def answer(self, text: str) -> Written:
        ours = [sent for sent in self.whatsapp.sent if sent.conversation == self.person.user_id]
        return self.whatsapp.text(self.person, text, reply_to=ours[-1].native_id if ours else None)

    def album(self, text: str) -> list[Written]:
        with self.whatsapp.batch():  # WhatsApp has no albums: three messages, here in one body
            captions = (text, None, None)
            return [self.whatsapp.image(self.person, PNG * (at + 1), each) for at, each in enumerate(captions)]

    def photo(self, text: str) -> Written:
        return self.whatsapp.image(self.person, PNG * 9, text)

    def document(self, text: str) -> Written:
        return self.whatsapp.document(self.person, PDF, "справка.pdf", text)

    def voice(self, _: str) -> Written:
        return self.whatsapp.voice(self.person, OGG)

    def location(self, text: str) -> Written:
        content = {"latitude": PLACE[0], "longitude": PLACE[1], "name": text}
        return self.whatsapp.write(self.person, "location", content)

    def forward(self, text: str) -> Written:
        return self.whatsapp.text(self.person, text, context={"forwarded": True})

    def edit(self, text: str) -> Written | list[Written]:
        return self.whatsapp.edit(self.person, self.last, text) if self.last else []

    def delete(self, _: str) -> Written | list[Written]:
        return self.whatsapp.revoke_message(self.person, self.last) if self.last else []


class MailLine(Line):
    """By mail everything is a letter; the thread hangs on the service's last one."""

    def __init__(self, citizen: Citizen, post: Post, to: str) -> None:
        super().__init__(citizen)
        self.post, self.to, self.serial = post, to, 0

    def seen(self) -> list[str]:
        texts = []
        for raw in self.post.received(self.citizen.email):
            parsed = email.message_from_bytes(raw, policy=email.policy.default)
            body = parsed.get_body(("plain", "html"))
            texts.append(f"{parsed['Subject']}\n{body.get_content() if body is not None else ''}")
        return texts

    def _write(self, text: str, files: Sequence[tuple[str, str, bytes]] = (), reply: bool = False) -> Written:
        self.serial += 1
        subject = "Отзыв о поддержке" if self.citizen.desk == "review" else "Обращение"
        thread = None
        if reply and (received := self.post.received(self.citizen.email)):
            parsed = email.message_from_bytes(received[-1], policy=email.policy.default)
            thread, subject = str(parsed["Message-ID"]), f"Re: {parsed['Subject']}"
        raw = letter(
            self.citizen, text, to=self.to, subject=subject, serial=self.serial, in_reply_to=thread, files=files
        )
        self.post.deliver(raw)
        native = message_id(self.citizen, self.serial).strip("<>")
        return Written(native, native, self.citizen.email, "letter", {"raw": raw.decode("ascii", "replace")}, 0.0)

    def say(self, text: str) -> Written:
        return self._write(text)

    def answer(self, text: str) -> Written:
        return self._write(text, reply=True)

    def album(self, text: str) -> Written:
        return self._write(text, [(f"экран {at}.png", "image/png", PNG * at) for at in (1, 2, 3)])

    def photo(self, text: str) -> Written:
        return self._write(text, [("экран.png", "image/png", PNG)])

    def document(self, text: str) -> Written:
        return self._write(text, [("справка.pdf", "application/pdf", PDF)])

    def voice(self, _: str) -> Written:
        return self._write("Записал голосом, файл во вложении.", [("голос.ogg", "audio/ogg", OGG)])

    def press(self, _: str) -> list[Written]:
        return []

    def delete(self, _: str) -> list[Written]:
        return []
