"""A worker with Telegram, VK and WhatsApp on their stand-ins, people who write there, and the oracle's view of it."""

import contextlib
import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.server import StandIn, Written
from sandbox.telegram import TelegramStandIn
from sandbox.vk import VkStandIn
from sandbox.whatsapp import WhatsAppStandIn
from tests.faults.oracle import Acknowledged, Report, Sent, check, drain
from tests.harness.worker import Worker
from tests.services.rabbitmq import RabbitNode

KINDS = ("telegram", "vk", "whatsapp")
NUMBER = re.compile(r"\d{6}-\d{6,}-\d")


@dataclass
class Chats:
    """Stand-ins of the given kinds, and the worker that serves them."""

    kinds: tuple[str, ...]
    rabbitmq: RabbitNode | None = None
    prefix: str = "priemnaya"
    options: dict[str, Any] = field(default_factory=dict)
    written: list[Written] = field(default_factory=list)
    people: int = 0
    firsts: dict[tuple[str, str], str] = field(default_factory=dict)  # kind and conversation -> first native id
    persons: dict[str, Any] = field(default_factory=dict)  # WhatsApp's, by phone

    def __enter__(self) -> "Chats":
        self._open = contextlib.ExitStack()
        self.platforms: dict[str, StandIn] = {kind: self._open.enter_context(MAKERS[kind]()) for kind in self.kinds}
        names = ["processor", *self.kinds, *(["relay"] if self.rabbitmq else [])]
        if "whatsapp" in self.kinds:
            names.append("web")
        self.worker = self._open.enter_context(
            Worker(
                channels={kind: channel(platform) for kind, platform in self.platforms.items()},
                broker_url=self.rabbitmq.url if self.rabbitmq else "",
                prefix=self.prefix,
                **{"names": tuple(names), **self.options},
            )
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def start(self) -> Worker:
        """Start the worker; WhatsApp's webhook is then entered at Meta."""
        worker = self.worker.start()
        whatsapp = self.platforms.get("whatsapp")
        if isinstance(whatsapp, WhatsAppStandIn) and not whatsapp.callback_url:
            worker.wait(lambda: worker.ready() is not None, 30, "the web front answers")
            assert whatsapp.subscribe(f"{worker.url}/hooks/whatsapp")
        if "vk" in self.kinds:  # what was written before the very first start is not taken in
            worker.wait(lambda: any(row["account"].startswith("vk") for row in worker.ledger.cursors()), 30, "VK's ts")
        return worker

    def write(self, people: int) -> None:
        """So many new people on each platform; each tells a trouble, and every third adds something to it."""
        for number in range(self.people, self.people + people):
            for kind, platform in self.platforms.items():
                self._say(kind, platform, number, f"Не могу войти в личный кабинет, страница {kind}{number} пуста")
        for number in range(self.people, self.people + people, 3):
            for kind, platform in self.platforms.items():
                self._say(kind, platform, number, f"Дополнение {kind}{number}: ошибка повторилась и сегодня утром")
        self.people += people

    def _say(self, kind: str, platform: StandIn, number: int, text: str) -> None:
        if isinstance(platform, TelegramStandIn):
            made = platform.text(platform.user(5_000_000 + number, f"Гражданин{number}"), text)
        elif isinstance(platform, VkStandIn):
            made = platform.write(platform.user(6_000_000 + number, f"Гражданин{number}"), text)
        else:
            assert isinstance(platform, WhatsAppStandIn)
            phone = f"7998{number:07d}"
            person = self.persons.get(phone) or platform.person(phone, f"Гражданин{number}")
            self.persons[phone] = person
            made = platform.text(person, text)
        self.written.append(made)
        self.firsts.setdefault((kind, made.conversation), made.native_id)

    def settled(self) -> bool:
        ledger = self.worker.ledger
        wanted = {made.native_id for made in self.written}
        states = ledger.states()
        unfinished = states["received"] + states["working"] + states["held"]
        if states["enveloped"] < len(wanted) or unfinished or ledger.owed():
            return False
        return self.rabbitmq is None or ledger.pending() == 0

    def wait(self, timeout: float = 40.0) -> None:
        self.worker.wait(self.settled, timeout, f"all {len(self.written)} messages are through")

    def report(self, name: str) -> Report:
        ledger = self.worker.ledger
        firsts = set(self.firsts.values())
        sent = [Sent(made.native_id, made.conversation, made.native_id in firsts) for made in self.written]
        return check(
            name,
            sent,
            ledger,
            delivered=None if self.rabbitmq is None else drain(self.rabbitmq.url, self.prefix, ledger),
            acknowledged=self.acknowledged(),
            kills=self.worker.kills,
        )

    def acknowledged(self) -> list[Acknowledged]:
        """What the citizens see on their screens; two copies of the same words under one number count as the same.

        No status of Telegram's or WhatsApp's says whether a message whose answer was lost has arrived.
        """
        found = []
        for kind, platform in self.platforms.items():
            for sent in platform.sent:
                number = NUMBER.search(sent.text)
                key = self.firsts.get((kind, sent.conversation), "?")
                found.append(Acknowledged(key, number.group() if number else sent.text))
        return found


MAKERS: dict[str, Any] = {
    "telegram": lambda: TelegramStandIn(time_factor=0.05),
    "vk": lambda: VkStandIn(time_factor=0.05),
    "whatsapp": lambda: WhatsAppStandIn(time_factor=0.05),
}


def channel(platform: StandIn) -> dict[str, Any]:
    """The keys of the channel that points at a stand-in."""
    if isinstance(platform, TelegramStandIn):
        return {"kind": "telegram", "token": platform.token, "api_url": platform.url}
    if isinstance(platform, VkStandIn):
        return {"kind": "vk", "token": platform.token, "group_id": platform.group_id, "api_url": platform.url}
    assert isinstance(platform, WhatsAppStandIn)
    return {
        "kind": "whatsapp",
        "token": platform.token,
        "phone_number_id": platform.phone_number_id,
        "app_secret": platform.app_secret,
        "verify_token": platform.verify_token,
        "graph_url": platform.graph_url,
        "media_hosts": [f"{platform.media.host}:{platform.media.port}"],
    }
