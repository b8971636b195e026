"""The crowd: walks every citizen through their story, at a human pace or faster, and keeps what was said."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from sandbox.citizens import Citizen, Step
from sandbox.letters import Post
from sandbox.lines import Line, MailLine, TelegramLine, VkLine, WhatsAppLine
from sandbox.telegram import TelegramStandIn
from sandbox.vk import VkStandIn
from sandbox.whatsapp import WhatsAppStandIn

PATIENCE = 120.0  # seconds (of a person's time) that somebody waits for a number before writing without it
LOOKS = 2.0  # seconds between two looks at the screen meanwhile


@dataclass(frozen=True, slots=True)
class Said:
    """One step that was done. `native_ids` are the `source.message_id` of the envelopes to come."""

    citizen: Citizen
    step: Step
    text: str
    native_ids: tuple[str, ...]
    at: float


@dataclass(order=True, slots=True)
class _Turn:
    due: float
    order: int
    citizen: Citizen = field(compare=False)
    step: int = field(compare=False)
    waited: float = field(default=0.0, compare=False)


class Crowd:
    """Citizens on the platforms that are given; those of a channel that is not given stay silent.

    `pace` is how many seconds of a person's time pass in one real second. `run` blocks until all stories are told;
    `start`/`stop` do it in a thread. `said` is what was done, in order; `lines` are the citizens' ends.
    """

    def __init__(
        self, citizens: Sequence[Citizen], *, telegram: TelegramStandIn | None = None, vk: VkStandIn | None = None,
        whatsapp: WhatsAppStandIn | None = None, post: Post | None = None, mailbox: str = "help@example.ru",
        pace: float = 1.0,
    ) -> None:  # fmt: skip
        self.said: list[Said] = []
        self.pace = pace
        self.lines: dict[int, Line] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        for citizen in citizens:
            line: Line | None = None
            if citizen.channel == "telegram" and telegram is not None:
                line = TelegramLine(citizen, telegram)
            elif citizen.channel == "vk" and vk is not None:
                line = VkLine(citizen, vk)
            elif citizen.channel == "whatsapp" and whatsapp is not None:
                line = WhatsAppLine(citizen, whatsapp)
            elif citizen.channel == "email" and post is not None:
                line = MailLine(citizen, post, mailbox)
            if line is not None:
                self.lines[citizen.index] = line

    def run(self) -> None:
        """Until every story is told, or `stop()`."""
        began = time.monotonic()
        order = 0
        turns: list[_Turn] = []
        for line in self.lines.values():
            heapq.heappush(turns, _Turn(line.citizen.story[0].after, order, line.citizen, 0))
            order += 1
        while turns and not self._stop.is_set():
            turn = heapq.heappop(turns)
            if self._stop.wait(max(0.0, began + turn.due / self.pace - time.monotonic())):
                return
            order += 1
            if not self._known(turn) and turn.waited < PATIENCE:
                later = _Turn(turn.due + LOOKS, order, turn.citizen, turn.step, turn.waited + LOOKS)
                heapq.heappush(turns, later)
                continue
            self._act(turn)
            following = turn.step + 1
            if following < len(turn.citizen.story):
                due = turn.due + turn.citizen.story[following].after
                heapq.heappush(turns, _Turn(due, order, turn.citizen, following))

    def _known(self, turn: _Turn) -> bool:
        """Does this citizen know the number that they want to write?"""
        text = turn.citizen.story[turn.step].text
        if "{number}" in text:
            return bool(self.lines[turn.citizen.index].numbers())
        return "{foreign}" not in text or self.foreign(turn.citizen) is not None

    def foreign(self, citizen: Citizen) -> str | None:
        """A number that somebody else on the same channel was told."""
        own = set(self.lines[citizen.index].numbers())
        for line in self.lines.values():
            if line.citizen.channel == citizen.channel and line.citizen is not citizen:
                for number in line.numbers():
                    if number not in own:
                        return number
        return None

    def _act(self, turn: _Turn) -> None:
        line, step = self.lines[turn.citizen.index], turn.citizen.story[turn.step]
        numbers = line.numbers()
        text = step.text.replace("{number}", numbers[-1] if numbers else "(номер не помню)")
        text = text.replace("{foreign}", self.foreign(turn.citizen) or "(номера нет)")
        ids = line.do(step.act, text)
        self.said.append(Said(turn.citizen, step, text, tuple(ids), time.time()))

    def start(self) -> Self:
        self._thread = threading.Thread(target=self.run, daemon=True, name="citizens")
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)

    @property
    def finished(self) -> bool:
        return self._thread is not None and not self._thread.is_alive()
