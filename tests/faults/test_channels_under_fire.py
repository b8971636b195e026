"""A flood of every kind of message from forty citizens, while the worker is killed again and again at random.

Sent is what is enveloped: none lost, none made up, order kept, one acknowledgement a request.
"""

import contextlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox.flood import flood_telegram, flood_vk, flood_whatsapp
from sandbox.server import Sent as Shown
from sandbox.server import StandIn, Written
from sandbox.vk import VkStandIn
from sandbox.whatsapp import WhatsAppStandIn
from tests.faults.oracle import Acknowledged, Delivered, Report, Sent, check, drain
from tests.harness.chats import KINDS, MAKERS, NUMBER, channel
from tests.harness.ledger import Ledger
from tests.harness.worker import Worker
from tests.services.rabbitmq import RabbitNode

Record = Callable[[Report], Report]
FLOODS: dict[str, Callable[..., list[Written]]] = {
    "telegram": flood_telegram,
    "vk": flood_vk,
    "whatsapp": flood_whatsapp,
}
PEOPLE = 40
# Meta waits for hours between its last tries; what is tried here is not its patience.
LONGEST_BACK_OFF = 40.0
# Seconds between two messages of a platform at most.
PAUSE = 0.1


class OfKind:
    """A ledger as if it had one platform only: two platforms may have the same ids."""

    def __init__(self, ledger: Ledger, kind: str) -> None:
        self._ledger, self._kind = ledger, kind

    def journal(self) -> list[Any]:
        return [row for row in self._ledger.journal() if row["kind"] == self._kind]

    def envelopes(self) -> list[dict[str, Any]]:
        return [each for each in self._ledger.envelopes() if each["source"]["channel"] == self._kind]


@dataclass
class Fire:
    """Platforms with their citizens, and the worker that is killed. `kills`: from when to when each took."""

    platforms: dict[str, Any]
    worker: Worker
    broker: tuple[str, str]  # URL and prefix
    seed: int
    kills: list[tuple[float, float]] = field(default_factory=list)

    def rage(self, messages: int, kills: int, *, power_cuts: int) -> None:
        """Citizens write; all processes die `kills` times, each time with work to do, while more is written.

        In the first `power_cuts` the supervisor dies with them: then nobody knows that the leases are free.
        """
        chance = random.Random(f"kills {self.seed}")
        waves = [len(range(at, messages, kills + 1)) for at in range(kills + 1)]
        for number, wave in enumerate(waves):
            before = self.worker.ledger.journalled()
            how = {"people": PEOPLE, "messages": wave, "seed": 100 * self.seed + number, "pause": PAUSE}
            floods = [
                threading.Thread(target=FLOODS[kind], args=(platform,), kwargs=how)
                for kind, platform in self.platforms.items()
            ]
            for flood in floods:
                flood.start()
            if number < kills:
                self.worker.wait(
                    lambda before=before: self.worker.ledger.journalled() > before,  # type: ignore[misc]
                    90,
                    "something comes",
                )
                time.sleep(chance.uniform(0.0, 1.0))
                self._kill(everything=number < power_cuts)
            for flood in floods:
                flood.join()

    def _kill(self, *, everything: bool) -> None:
        began = time.time()
        if everything:
            self.worker.kill()
            self.kills.append((began, time.time()))
            self.worker.start(ready=False)
            return
        for role in self.worker.roles():
            self.worker.kill_role(role)
        self.kills.append((began, time.time()))

    def settled(self) -> bool:
        """Everything written has come to an end, is published, and nothing is owed."""
        ledger = self.worker.ledger
        states = ledger.states()
        if states["enveloped"] < sum(len(platform.written) for platform in self.platforms.values()):
            return False
        return not (states["received"] or states["working"] or states["held"] or ledger.owed() or ledger.pending())

    def report(self, name: str, kind: str, delivered: Sequence[Delivered]) -> Report:
        """The oracle's view of one platform, with what its citizens see on their screens."""
        platform = self.platforms[kind]
        view: Any = OfKind(self.worker.ledger, kind)
        sent = sent_by(platform.written)
        firsts = {item.conversation: item.key for item in sent if item.acknowledged}
        own = {envelope["id"] for envelope in view.envelopes()}
        return check(
            f"{kind} under fire, {name}",
            sent,
            view,
            delivered=[item for item in delivered if item.message_id in own],
            acknowledged=[
                Acknowledged(answered(kind, shown) or firsts.get(shown.conversation, "?"), words(shown))
                for shown in platform.sent
            ],
            kills=len(self.kills),
        )

    def unexcused(self, kind: str) -> list[str]:
        """Second copies that no kill explains: one was on the screen before it, the next came after it."""
        last: dict[tuple[str | None, str], float] = {}
        found = []
        for shown in self.platforms[kind].sent:
            key = (answered(kind, shown), shown.text)
            before = last.get(key)
            # What was on its way when the process died still arrives: a moment more.
            if before is not None and not any(before <= end + 0.5 and begin <= shown.at for begin, end in self.kills):
                found.append(shown.text)
            last[key] = shown.at
        return found


def sent_by(written: Sequence[Written]) -> list[Sent]:
    """What was written, in order. An acknowledgement is due to the first message of each conversation."""
    lanes: set[str] = set()
    revisions: Counter[str] = Counter()
    found = []
    for made in written:
        key = made.native_id
        if made.kind in ("edited_message", "message_edit", "edit", "revoke"):
            base = _changed(made)
            revisions[base] += 1
            key = f"{key}#{revisions[base]}"
        lane = lane_of(made)
        found.append(Sent(key, lane, lane not in lanes))
        lanes.add(lane)
    return found


def _changed(made: Written) -> str:
    """The message that an edit or a deletion concerns; WhatsApp's have ids of their own."""
    if made.kind not in ("edit", "revoke"):
        return made.native_id
    return str(made.payload["messages"][0][made.kind]["original_message_id"])


def lane_of(made: Written) -> str:
    """A conversation: the chat, and in a group the sender too (contract, section 5)."""
    if not made.conversation.startswith(("-", "20000000")):
        return made.conversation
    sender = made.message.get("from") or {"id": made.message.get("from_id")}
    return f"{made.conversation}/{sender['id']}"


def answered(kind: str, shown: Shown) -> str | None:
    """The id of the message that one of ours answers; None for the press of a button, which cannot be quoted."""
    if kind == "telegram":
        reply = shown.params.get("reply_parameters") or {}
        number = (json.loads(reply) if isinstance(reply, str) else reply).get("message_id")
    elif kind == "vk":
        numbers = json.loads(shown.params.get("forward") or "{}").get("conversation_message_ids")
        number = numbers[0] if numbers else None
    else:
        return (shown.params.get("context") or {}).get("message_id")
    return f"{shown.conversation}:{number}" if number else None


def words(shown: Shown) -> str:
    """What tells two acknowledgements apart: the number in them."""
    found = NUMBER.search(shown.text)
    return found.group() if found else shown.text


@contextlib.contextmanager
def burning(kinds: Sequence[str], rabbitmq: RabbitNode, prefix: str, url: str, seed: int) -> Iterator[Fire]:
    """The platforms and a running worker of web, processor, relay and channels."""
    with contextlib.ExitStack() as stack:
        platforms: dict[str, StandIn] = {kind: stack.enter_context(MAKERS[kind]()) for kind in kinds}
        worker = stack.enter_context(
            Worker(
                channels={kind: channel(platform) for kind, platform in platforms.items()},
                names=("web", "processor", "relay", *kinds),
                broker_url=rabbitmq.url,
                prefix=prefix,
                database_url=url,
            )
        )
        worker.start()
        for kind, platform in platforms.items():
            if isinstance(platform, VkStandIn):
                platform.listening |= {"message_edit", "message_event"}
                calls = platform.calls
                # What was written before the first poll ever is not ours.
                worker.wait(lambda calls=calls: any(one.method == "a_check" for one in calls), 60, "VK is polled")  # type: ignore[misc]
            if isinstance(platform, WhatsAppStandIn):
                platform.courier.longest = LONGEST_BACK_OFF
                hook = f"{worker.url}/hooks/{kind}"
                worker.wait(lambda platform=platform, hook=hook: platform.subscribe(hook), 30, "WhatsApp is subscribed")  # type: ignore[misc]
        yield Fire(platforms, worker, (rabbitmq.url, prefix), seed)


def assert_nothing_is_lost(fire: Fire, messages: int, kills: int, power_cuts: int, record: Record) -> None:
    fire.rage(messages, kills, power_cuts=power_cuts)
    fire.worker.wait(fire.settled, 120, "all is through")
    delivered = drain(*fire.broker, fire.worker.ledger)
    for kind in fire.platforms:
        report = record(fire.report(fire.worker.database_url.partition(":")[0], kind, delivered))
        # VK tells a repeated random_id by itself; Telegram and WhatsApp give no way to tell whether the first arrived.
        report.assert_clean(allow_double_ack=kind != "vk")
        assert fire.unexcused(kind) == []
        assert report.envelopes == report.sent == messages
    states = fire.worker.ledger.states()
    assert states["quarantined"] == states["redelivered"] == 0


@pytest.mark.timeout(300)
def test_nothing_is_lost_of_three_floods_while_the_worker_is_killed_four_times(
    rabbitmq: RabbitNode, broker_prefix: str, sqlite_url: str, record: Record
) -> None:
    with burning(KINDS, rabbitmq, broker_prefix, sqlite_url, 1) as fire:
        assert_nothing_is_lost(fire, 150, 4, 1, record)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_of_five_hundred_messages_while_the_worker_is_killed_ten_times(
    kind: str, rabbitmq: RabbitNode, broker_prefix: str, database_url: str, record: Record, seed: int
) -> None:
    with burning([kind], rabbitmq, broker_prefix, database_url, seed) as fire:
        assert_nothing_is_lost(fire, 500, 10, 10, record)
