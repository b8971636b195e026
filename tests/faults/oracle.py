"""The total-queue check (as in Jepsen): what was sent to us, against journal, envelopes, queue and answers.

Lost and unexpected must be empty; what is duplicated must carry the same id; a conversation keeps its order.
"""

import asyncio
import contextlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity

from tests.harness.ledger import ENDS, Ledger
from tests.services.smtp import Received


@dataclass(frozen=True)
class Sent:
    """What a citizen sent. `key` is the native id of its envelope; `answers` are the acknowledgements that are due."""

    key: str
    conversation: str
    acknowledged: bool = True


@dataclass(frozen=True)
class Delivered:
    """One message of the broker, in the order of its queue."""

    queue: str
    message_id: str
    native_id: str


@dataclass(frozen=True)
class Acknowledged:
    """One acknowledgement as the citizen saw it: what it answers, and the id that tells a second copy."""

    key: str
    id: str


@dataclass
class Report:
    """What became of it all."""

    name: str
    sent: int = 0
    journal: int = 0
    envelopes: int = 0
    delivered: int = 0
    kills: int = 0
    unfinished: list[str] = field(default_factory=list)  # journal rows that came to no end
    lost: list[str] = field(default_factory=list)  # sent, and in no envelope
    not_queued: list[str] = field(default_factory=list)  # enveloped, and in no queue
    unexpected: list[str] = field(default_factory=list)  # nobody sent it
    twice_same_id: list[str] = field(default_factory=list)  # harmless: a consumer tells it by its id
    twice_other_id: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    ack_missing: list[str] = field(default_factory=list)
    ack_unexpected: list[str] = field(default_factory=list)
    ack_same_id: list[str] = field(default_factory=list)  # two copies that show as one
    ack_other_id: list[str] = field(default_factory=list)

    def faults(self, *, allow_double_ack: bool) -> dict[str, list[str]]:
        """What must not be, by name; empty when all is well."""
        never = (
            "unfinished", "lost", "not_queued", "unexpected", "twice_other_id", "out_of_order", "ack_missing",
            "ack_unexpected", "ack_other_id", *(() if allow_double_ack else ("ack_same_id",)),
        )  # fmt: skip
        return {name: getattr(self, name)[:20] for name in never if getattr(self, name)}

    def assert_clean(self, *, allow_double_ack: bool = False) -> None:
        """Nothing lost, nothing made up, order kept. `allow_double_ack`: second copies under one id may be."""
        print(table([self]))
        assert self.faults(allow_double_ack=allow_double_ack) == {}, self.name


def check(
    name: str,
    sent: Sequence[Sent],
    ledger: Ledger,
    *,
    delivered: Sequence[Delivered] | None = None,
    acknowledged: Sequence[Acknowledged] | None = None,
    kills: int = 0,
    quarantined: Iterable[str] = (),
) -> Report:
    """Compare. `delivered` None: no broker took part. `quarantined`: keys that must have no envelope."""
    journal, envelopes, out = ledger.journal(), ledger.envelopes(), set(quarantined)
    report = Report(name, len(sent), len(journal), len(envelopes), len(delivered or ()), kills)
    wanted = {item.key: item for item in sent if item.key not in out}
    report.unfinished = [f"row {row['id']}: {row['state']}" for row in journal if row["state"] not in ENDS]
    ids: dict[str, set[str]] = defaultdict(set)
    for envelope in envelopes:
        ids[_native(envelope)].add(envelope["id"])
    report.lost = [key for key in wanted if key not in ids]
    report.unexpected = [key for key in ids if key not in wanted]
    said = [row for row in journal if row.get("reason") != "a delivery status"]  # WhatsApp's, of our own messages
    extra = len(said) - len({item.key for item in sent})
    if extra > 0:
        report.unexpected.append(f"{extra} journal rows more than were sent")
    report.twice_other_id = [key for key, known in ids.items() if len(known) > 1]
    if delivered is not None:
        _check_queue(report, envelopes, delivered, wanted)
    if acknowledged is not None:
        _check_answers(report, wanted, acknowledged)
    return report


def _native(envelope: dict[str, Any]) -> str:
    revision = envelope["source"]["revision"]
    return str(envelope["source"]["message_id"]) + (f"#{revision}" if revision else "")


def _check_queue(
    report: Report, envelopes: Sequence[dict[str, Any]], delivered: Sequence[Delivered], wanted: dict[str, Sent]
) -> None:
    known = {envelope["id"] for envelope in envelopes}
    times = Counter(item.message_id for item in delivered)
    report.not_queued = sorted(known - set(times))
    report.unexpected += sorted(set(times) - known)
    report.twice_same_id = [message_id for message_id, count in times.items() if count > 1]
    place = {key: index for index, key in enumerate(wanted)}
    last: dict[tuple[str, str], int] = {}
    arrived: set[str] = set()
    for item in delivered:
        if item.message_id in arrived or item.native_id not in place:
            continue  # a second copy comes when it comes
        arrived.add(item.message_id)
        lane = (item.queue, wanted[item.native_id].conversation)
        if place[item.native_id] < last.get(lane, -1):
            report.out_of_order.append(item.native_id)
        last[lane] = max(last.get(lane, -1), place[item.native_id])


def _check_answers(report: Report, wanted: dict[str, Sent], acknowledged: Sequence[Acknowledged]) -> None:
    got: dict[str, list[str]] = defaultdict(list)
    for item in acknowledged:
        got[item.key].append(item.id)
    due = {key for key, item in wanted.items() if item.acknowledged}
    report.ack_missing = sorted(due - set(got))
    report.ack_unexpected = sorted(set(got) - due)
    report.ack_same_id = [key for key, ids in got.items() if len(ids) > len(set(ids))]
    report.ack_other_id = [key for key, ids in got.items() if len(set(ids)) > 1]


COLUMNS: dict[str, Callable[[Report], int]] = {
    "sent": lambda report: report.sent,
    "journal": lambda report: report.journal,
    "envelopes": lambda report: report.envelopes,
    "in queues": lambda report: report.delivered,
    "kills": lambda report: report.kills,
    "lost": lambda report: len(report.lost) + len(report.not_queued) + len(report.unfinished),
    "unexpected": lambda report: len(report.unexpected),
    "twice, same id": lambda report: len(report.twice_same_id),
    "other id": lambda report: len(report.twice_other_id),
    "out of order": lambda report: len(report.out_of_order),
    "acks missing": lambda report: len(report.ack_missing),
    "not due": lambda report: len(report.ack_unexpected),
    "doubled, same id": lambda report: len(report.ack_same_id),
    "doubled": lambda report: len(report.ack_other_id),
}


def table(reports: Sequence[Report]) -> str:
    """Lines for a person; also a table of Markdown."""
    lines = [f"| run | {' | '.join(COLUMNS)} |", "|---|" + "---|" * len(COLUMNS)]
    lines += [
        f"| {report.name} | {' | '.join(str(count(report)) for count in COLUMNS.values())} |" for report in reports
    ]
    return "\n".join(lines)


def letters_answered(messages: Sequence[Received]) -> list[Acknowledged]:
    """Acknowledgements as an SMTP server was given them: what they answer, and their Message-ID."""
    found = []
    for message in messages:
        headers = message_from_bytes(message.content, policy=policy.compat32)
        found.append(Acknowledged(_bare(headers["In-Reply-To"]), _bare(headers["Message-ID"])))
    return found


def _bare(value: Any) -> str:
    match = re.search(r"<([^>]*)>", str(value or ""))
    return match.group(1) if match else ""


def drain(url: str, prefix: str, ledger: Ledger) -> list[Delivered]:
    """Take everything out of the desks' queues and the unrouted one, in the order of each queue."""
    desks = {envelope["route"]["desk"] for envelope in ledger.envelopes()}
    queues = [f"{prefix}.unrouted", *(f"{prefix}.desk.{desk}" for desk in sorted(desks))]
    return asyncio.run(_drain(url, queues))


async def _drain(url: str, queues: Sequence[str]) -> list[Delivered]:
    found: list[Delivered] = []
    connection = await aio_pika.connect(url)
    async with connection:
        for name in queues:
            with contextlib.suppress(ChannelNotFoundEntity):  # a test has deleted it
                await _drain_one(connection, name, found)
    return found


async def _drain_one(connection: AbstractConnection, name: str, found: list[Delivered]) -> None:
    channel = await connection.channel()
    queue = await channel.get_queue(name, ensure=False)
    while (message := await queue.get(no_ack=True, fail=False, timeout=20)) is not None:
        native = re.search(rb'"message_id":"((?:[^"\\]|\\.)*)"', message.body)
        native_id = native.group(1).decode() if native else ""
        revision = re.search(rb'"revision":(\d+)', message.body)
        if revision and int(revision.group(1)):
            native_id += f"#{int(revision.group(1))}"
        found.append(Delivered(name, str(message.message_id), native_id))
