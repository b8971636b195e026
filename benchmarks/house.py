"""What the processes cost while nothing or much happens: start, memory, idle CPU; and two pure steps by themselves."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import payloads
from benchmarks.filling import fill, take_in
from benchmarks.flows import LONG, Bench, arrived
from benchmarks.platform import Telegram
from benchmarks.table import Row
from ledger import linking
from normalizer import likeness
from pipeline.broker import declare_topology
from pipeline.processor import Processor
from pipeline.staging import Staging, Work, case_of
from pipeline.understand import Understood
from router.rules import Case, load

ROUTING = Path(__file__).resolve().parent.parent / "config" / "routing.toml"
IDLE_SECONDS = 15.0


def first_message(bench: Bench) -> list[Row]:
    """From `run` to the first confirmed envelope: of a message that waits in the journal, of one at Telegram.

    The queues are there, as at every start but the first, which waits a second for the broker to write them down.
    """
    found = []
    for name, roles, goal in (
        ("start to first message, journalled before", ("processor", "relay"), "< 2 s"),
        ("start to first message, from Telegram", ("telegram", "processor", "relay"), "< 5 s"),
    ):
        times = []
        for _ in range(max(3, bench.runs)):
            telegram = Telegram()
            with bench.worker(telegram_url=telegram.url) as worker:
                parts = worker.parts()
                asyncio.run(declare_topology(parts))
                if "telegram" in roles:
                    telegram.give(payloads.chat(1))
                else:
                    take_in(parts, payloads.chat(1))
                began = time.perf_counter()
                worker.start(*roles)
                worker.wait(lambda worker=worker: arrived(worker, 1), 120)  # type: ignore[misc]
                times.append(time.perf_counter() - began)
                parts.close()
            telegram.close()
        found.append(Row(name, "s", times, goal=goal))
    return found


def memory_and_idle(bench: Bench) -> list[Row]:
    """Resident sizes after the start and after a load; CPU of all processes together while nobody writes."""
    telegram = Telegram()
    count = 100_000 if bench.large else bench.rows
    with bench.worker(telegram_url=telegram.url) as worker:
        names = ("web", "processor", "housekeeping", "relay", "telegram")
        worker.start(*names)
        worker.wait_started(len(names))
        telegram.give(payloads.chat(1))
        worker.wait(lambda: arrived(worker, 1), 60)
        time.sleep(5)
        rest, before = worker.megabytes(), sum(worker.cpu_seconds().values())
        time.sleep(IDLE_SECONDS)
        idle = (sum(worker.cpu_seconds().values()) - before) / IDLE_SECONDS * 100
        tenth, sizes = count // 10, []
        for start in range(0, 10 * tenth, tenth):
            telegram.give(payloads.chat(tenth, first=2 + start))
            worker.wait(lambda start=start: arrived(worker, start + tenth + 1), LONG)  # type: ignore[misc]
            sizes.append(worker.megabytes())
    telegram.close()
    rows = [
        Row(
            f"memory of {name} after {count:,} messages",
            "MB",
            [sizes[-1][name]],
            note=f"{rest[name]:.0f} at rest, {sizes[0][name]:.0f} after a tenth, {sizes[4][name]:.0f} after half",
        )
        for name in ("run", *names)
    ]
    return [*rows, Row("idle, all processes together", "% of a core", [idle], goal="< 2 %")]


def steps(bench: Bench) -> list[Row]:
    """Rules and linking of one message, by themselves."""
    with bench.worker(broker=False) as worker:
        parts = worker.parts()
        fill(parts, 1_000)
        take_in(parts, payloads.chat(512, first=20_000_000))
        processor = Processor(parts)
        processor.take_lease()
        with parts.database.write() as conn:
            from ledger import journal

            rows = journal.claim(conn, processor.owner, parts.clock(), 512)
            works = [Work(row, processor._understood(row)) for row in rows]
            understood = [(w.row, w.understood) for w in works if isinstance(w.understood, Understood)]
            cases = [case_of(parts, row, message) for row, message in understood]
            staging = Staging(parts, conn, processor.numbers, parts.clock())
            staging._load(cases)
            began = time.process_time()
            for case in cases:
                linking.decide(case, staging.state, parts.policy, likeness.same_words)
            linked = (time.process_time() - began) / len(cases) * 1e6
        parts.close()
    rules = load(ROUTING)
    asked = [
        Case(received_at=datetime.now(UTC), channel="telegram", account="telegram", text=message.message.text)
        for _, message in understood
    ]
    rules.route(asked[0])
    began = time.process_time()
    for question in asked:
        rules.route(question)
    routed = (time.process_time() - began) / len(asked) * 1e6
    return [Row("linking a message", "µs", [linked]), Row("routing a message by the rules", "µs", [routed])]
