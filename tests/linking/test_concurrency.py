"""Two messages of one citizen at once, on two channels, in two processors: decided in the database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.processor import Processor
from tests.linking import payloads
from tests.linking.payloads import Written
from tests.linking.world import PROBLEM, World, open_world, said

ROUNDS = 50
PROBLEMS = (
    PROBLEM,
    "Здравствуйте! Не приходит смс с кодом подтверждения при входе в личный кабинет на портале, помогите",
)

pytestmark = pytest.mark.timeout(600)


class Pair:
    """Two processors with connections of their own, which stage at the same moment."""

    def __init__(self, world: World, url: str, folder: Path) -> None:
        self.world = world
        self.barrier = threading.Barrier(2, timeout=60)
        self.both = [self._processor(url, folder, name) for name in ("one", "two")]
        self.pool = ThreadPoolExecutor(2)

    def _processor(self, url: str, folder: Path, name: str) -> Processor:
        parts = open_world(url, folder)
        parts.keys, parts.clock = self.world.parts.keys, self.world.parts.clock
        processor = Processor(parts, name)
        processor.take_lease()
        prepare = processor.numbers.prepare

        def then_wait(moments: Any) -> None:
            prepare(moments)
            self.barrier.wait()

        processor.numbers.prepare = then_wait  # type: ignore[method-assign]
        return processor

    def stage(self) -> None:
        """Each takes one row, and both stage at once. Raises what either raised: also a deadlock."""
        taken = list(self.pool.map(lambda processor: processor.step(1), self.both))
        assert taken == [1, 1]

    def close(self) -> None:
        self.pool.shutdown()
        for processor in self.both:
            processor.parts.close()


@pytest.fixture
def pair(world: World, database_url: str, tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(world, database_url, tmp_path)
    yield pair
    pair.close()


def shares_phone(world: World, sender: str, phone: str) -> None:
    """A citizen of Telegram shows his phone, and then begins anew."""
    world.serial += 1
    event = {"channel": "telegram", "sender": sender, "vouched": {"phone": phone}}
    share, _ = payloads.build(Written(event, datetime.fromtimestamp(world.now, UTC), world.serial, "x"))
    world.take("telegram", share)
    world.now += 1
    world.take("telegram", said(world, "telegram", sender, "/new"))
    world.now += 1


def test_the_same_problem_on_two_channels_at_once_becomes_one_ticket(world: World, pair: Pair) -> None:
    for number in range(ROUNDS):
        phone = f"+7916{number:07}"
        shares_phone(world, str(5000 + number), phone)
        ids = world.journal("telegram", said(world, "telegram", str(5000 + number), PROBLEMS[number % 2]))
        ids += world.journal("whatsapp", said(world, "whatsapp", phone[1:], PROBLEMS[1 - number % 2]))
        pair.stage()
        one, other = world.outcomes(ids)
        assert one.ticket == other.ticket, number
        links = [outcome.envelope["ticket"] for outcome in (one, other) if outcome.envelope]
        assert sorted(link["sequence"] for link in links) == [1, 2]
        assert sorted(link["link"]["how"] for link in links) == ["content", "none"]


def test_two_messages_with_one_number_at_once_join_its_ticket_one_after_the_other(world: World, pair: Pair) -> None:
    for number in range(ROUNDS):
        phone = f"+7925{number:07}"
        shares_phone(world, str(7000 + number), phone)
        (opening,) = world.take("telegram", said(world, "telegram", str(7000 + number), PROBLEMS[0]))
        text = f"Повторяю обращение {opening.ticket}"
        ids = world.journal("whatsapp", said(world, "whatsapp", phone[1:], text))
        ids += world.journal("telegram", said(world, "telegram", str(7000 + number), text))
        pair.stage()
        both = world.outcomes(ids)
        links = [outcome.envelope["ticket"] for outcome in both if outcome.envelope]
        assert [link["number"] for link in links] == [opening.ticket] * 2
        assert sorted(link["sequence"] for link in links) == [2, 3]
        assert {link["link"]["certainty"] for link in links} == {"verified"}


def test_two_citizens_with_the_same_words_at_once_stay_two(world: World, pair: Pair) -> None:
    for number in range(5):
        ids = world.journal("telegram", said(world, "telegram", str(9000 + number), PROBLEMS[0]))
        ids += world.journal("whatsapp", said(world, "whatsapp", f"7903{number:07}", PROBLEMS[0]))
        pair.stage()
        one, other = world.outcomes(ids)
        assert one.ticket != other.ticket
