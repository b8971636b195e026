"""The ways of messages, measured with the processes as they are shipped, each beside its floor."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks import payloads
from benchmarks.filling import fill, process, take_in
from benchmarks.floor import Floor, parse_chat, parse_letter
from benchmarks.platform import Telegram
from benchmarks.table import Row
from benchmarks.worker import Worker
from connectors.email import BATCH_BYTES, BATCH_LETTERS
from ledger.schema import outbox
from pipeline.intake import AccountIntake
from pipeline.parts import Parts
from pipeline.processor import BATCH, Processor
from tests.services.postgres import PostgresServer
from tests.services.rabbitmq import RabbitNode

SECRET = "X-Telegram-Bot-Api-Secret-Token: bench"
LONG = 900.0  # seconds that any of it may take before it counts as hung
LETTERS = {6_000: 500, 39_000: 300, 500_000: 150}


@dataclass
class Bench:
    """What every measurement needs."""

    rabbit: RabbitNode
    postgres: PostgresServer
    rows: int
    runs: int
    large: bool

    @contextlib.contextmanager
    def database(self, kind: str) -> Iterator[str]:
        """The URL of an empty database; empty text for the worker's own SQLite."""
        if kind == "sqlite":
            yield ""
            return
        url = self.postgres.create_database()
        yield url
        self.postgres.drop_database(url)

    @contextlib.contextmanager
    def worker(self, kind: str = "sqlite", *, broker: bool = True, **more: Any) -> Iterator[Worker]:
        """A worker on an empty database, with queues of its own."""
        prefix = f"bench{time.time_ns()}"
        url = self.rabbit.url if broker else ""
        with (
            self.database(kind) as database,
            Worker(database_url=database, broker_url=url, prefix=prefix, **more) as made,
        ):
            yield made

    @contextlib.contextmanager
    def floor(self, kind: str) -> Iterator[Floor]:
        """The floor on an empty database."""
        with tempfile.TemporaryDirectory(prefix="priemnaya-floor-") as folder, self.database(kind) as url:
            yield Floor(url or f"sqlite:///{folder}/floor.db", self.rabbit.url, Path(folder))


def chat(bench: Bench, kind: str) -> Row:
    """Telegram's updates: the channel, the processors and the relay; from the first poll's answer to the last mark."""
    units = payloads.chat(bench.rows, first=2)
    ours, floor = [], []
    for _ in range(bench.runs):
        with bench.floor(kind) as least:
            floor.append(len(units) / least.end_to_end(units, parse_chat))
        telegram = Telegram()
        with bench.worker(kind, telegram_url=telegram.url) as worker:
            start(worker, telegram, kind)
            telegram.give(units)
            seconds = worker.wait(lambda worker=worker: arrived(worker, len(units) + 1), LONG)  # type: ignore[misc]
            ours.append(len(units) / seconds)
        telegram.close()
    return Row(f"chat messages end to end, {kind}", "/s", ours, floor, "≥ 1,000 /s, ratio ≥ 0.5")


def start(worker: Worker, telegram: Telegram, kind: str = "sqlite") -> None:
    """Start the processes of a message's way, and see the first update through."""
    names = ["telegram", "processor", *(["processor-2"] if kind == "postgres" else []), "relay"]
    worker.start(*names)
    worker.wait_started(len(names))
    telegram.give(payloads.chat(1))
    worker.wait(lambda: arrived(worker, 1), 60)


def arrived(worker: Worker, count: int) -> bool:
    """Whether so many envelopes and everything else that is owed to the broker are confirmed and marked."""
    return worker.staged() >= count and not worker.waiting()  # in this order: the last may be staged in between


def latency(bench: Bench, kind: str, rate: int = 200) -> list[Row]:
    """From the moment an update is there to the mark of its confirmed envelope, at a steady rate."""
    telegram = Telegram()
    units = payloads.chat(rate * 15, first=2)
    with bench.worker(kind, telegram_url=telegram.url) as worker:
        start(worker, telegram, kind)
        began = time.perf_counter()
        for number, unit in enumerate(units):
            time.sleep(max(0.0, began + number / rate - time.perf_counter()))
            telegram.give([unit])
        worker.wait(lambda: arrived(worker, len(units) + 1), LONG)
        waits = sorted(1000 * wait for wait in worker.published_after(telegram.given)[rate:])
    telegram.close()
    p50, p99 = statistics.median(waits), waits[int(len(waits) * 0.99)]
    name = f"payload to confirmed publish at {rate}/s, {kind}"
    return [Row(f"{name}, p50", "ms", [p50], goal="< 40 ms"), Row(f"{name}, p99", "ms", [p99], goal="< 150 ms")]


def webhooks(bench: Bench, rate: int = 300, seconds: int = 10) -> list[Row]:
    """The answer to a webhook that is journalled: the web's process by itself, and while everything else runs."""
    rows = []
    for where, roles in (("alone", ("web",)), ("beside all others", ("web", "processor", "relay"))):
        with bench.worker(mode="webhook") as worker:
            worker.start(*roles)
            worker.wait_started(len(roles))
            worker.wait(lambda port=worker.port: _answers(port), 30)  # type: ignore[misc]
            waits = sorted(asyncio.run(_post(worker.port, payloads.chat(rate * seconds), rate))[rate:])
        p50, p99 = (1000 * waits[int(len(waits) * part)] for part in (0.5, 0.99))
        rows.append(
            Row(f"webhook answered at {rate}/s {where}, p99", "ms", [p99], goal="< 20 ms", note=f"p50 {p50:.1f}")
        )
    return rows


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def _post(port: int, units: list[bytes], rate: int) -> list[float]:
    """Seconds of each answer; requests leave on time, whatever became of the earlier ones."""
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    waits: list[float] = []

    async def one(unit: bytes) -> None:
        began = time.perf_counter()
        reader, writer = free.pop() if free else await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /hooks/telegram HTTP/1.1\r\nHost: x\r\n{SECRET}\r\nContent-Length: {len(unit)}\r\n\r\n"
        writer.write(head.encode() + unit)
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answer.split(b"\r\n", 1)[0]:
            raise OSError(answer.split(b"\r\n", 1)[0].decode())
        length = int(answer.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        await reader.readexactly(length)
        waits.append(time.perf_counter() - began)
        free.append((reader, writer))

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, unit in enumerate(units):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            group.create_task(one(unit))
    for _, writer in free:
        writer.close()
    return waits


def letters(bench: Bench, size: int) -> Row:
    """Letters from the journal's door on: the intake of a mailbox, the processor and the relay, without IMAP."""
    units = payloads.letters(max(60, min(bench.rows // 2, 120_000_000 // size)), size)
    ours, floor = [], []
    for _ in range(bench.runs):
        with bench.floor("sqlite") as least:
            floor.append(len(units) / least.end_to_end(units, parse_letter, files=True))
        with bench.worker() as worker:
            parts = worker.parts()
            worker.start("processor", "relay")
            worker.wait_started(2)
            asyncio.run(_deliver(parts, payloads.letters(1, size, first=10**6)))
            worker.wait(lambda worker=worker: arrived(worker, 1), 60)  # type: ignore[misc]
            began = time.perf_counter()
            asyncio.run(_deliver(parts, units))
            worker.wait(lambda worker=worker: arrived(worker, len(units) + 1), LONG)  # type: ignore[misc]
            ours.append(len(units) / (time.perf_counter() - began))
            parts.close()
    return Row(f"letters of {size // 1000} kB", "/s", ours, floor, f"≥ {LETTERS[size]} /s, ratio ≥ 0.7")


async def _deliver(parts: Parts, letters: Sequence[bytes]) -> None:
    """Letters to the intake, as many together as the connector fetches."""
    intake = AccountIntake(parts, "email", "post", "help@service.test", None)
    together = max(1, min(BATCH_LETTERS, BATCH_BYTES // len(letters[0])))
    for start in range(0, len(letters), together):
        await intake.accept_once(letters[start : start + together])


def drain(bench: Bench) -> Row:
    """A full outbox to the broker, by the relay."""
    count = 100_000 if bench.large else bench.rows * 2
    ours, floor = [], []
    with bench.floor("sqlite") as least:
        floor.append(count / least.drain([b"x" * 1600] * count))
    with bench.worker() as worker:
        parts = worker.parts()
        take_in(parts, payloads.chat(1))
        process(parts)
        with parts.database.write() as conn:
            row = dict(conn.execute(outbox.select().where(outbox.c.exchange == "appeals")).mappings().one())
            del row["id"]
            rows = [{**row, "body": b"x" * 1600, "message_id": f"m{n}", "conversation": f"c{n}"} for n in range(count)]
            conn.execute(outbox.insert(), rows)
        worker.start("relay")
        worker.wait(lambda: _pending(worker) < count, 60, step=0.01)  # it is connected: a start is not what is measured
        left, began = _pending(worker), time.perf_counter()
        worker.wait(lambda: not worker.waiting(), LONG, step=0.1)
        ours.append(left / (time.perf_counter() - began))
        parts.close()
    return Row(f"draining an outbox of {count:,}", "/s", ours, floor, "ratio ≥ 0.7")


def _pending(worker: Worker) -> int:
    statement = select(func.count()).where(outbox.c.state == "pending")
    return worker.database.look_now(lambda conn: int(conn.execute(statement).scalar_one()))


def backlog(bench: Bench, kind: str) -> Row:
    """Microseconds, the database's included, that a processor takes for a message, with more or less behind it."""
    sizes = (1_000, 100_000 if bench.large else 20_000)
    spent = []
    for size in sizes:
        with bench.worker(kind, broker=False) as worker:
            parts = worker.parts()
            processor = Processor(parts, name="bench")
            processor.take_lease()
            take_in(parts, payloads.chat(size + BATCH, first=2))
            processor._round()  # what is made once
            times = []
            for _ in range(size // BATCH if size < 2 * 8 * BATCH else 8):
                began = time.perf_counter()
                processor._round()
                times.append((time.perf_counter() - began) / BATCH * 1e6)
            spent.append(min(times))
            parts.close()
    small, large = spent
    name = f"processing a message with {sizes[1]:,} waiting behind it, {kind}"
    return Row(name, "µs", [large], [small], "ratio ≥ 0.8", f"the floor is the same with {sizes[0]:,}")


def growth(bench: Bench, kind: str) -> Row:
    """Microseconds of CPU that the processor takes for a message, in ledgers of different sizes."""
    sizes = (1_000, 1_000_000 if bench.large else 100_000)
    spent: dict[int, list[float]] = {}
    for size in sizes:
        with bench.worker(kind, broker=False) as worker:
            parts = worker.parts()
            fill(parts, size)
            take_in(parts, payloads.chat(256, first=20_000_000))
            process(parts)  # what is made once
            spent[size] = []
            for run in range(8):
                take_in(parts, payloads.chat(256, first=30_000_000 + 1000 * run))
                began = time.process_time()
                process(parts)
                spent[size].append((time.process_time() - began) / 256 * 1e6)
            parts.close()
    small, large = (min(spent[size]) for size in sizes)
    name = f"processing a message with {sizes[1]:,} in the ledger, {kind}"
    return Row(name, "µs", [large], [small], "ratio ≥ 0.8", f"the floor is the same with {sizes[0]:,}")


def two_processors(bench: Bench) -> Row:
    """A journal worked off by two processors and by one, on PostgreSQL; nothing is published meanwhile."""
    units = payloads.chat(bench.rows * 2)  # the end, where one of them has nothing left to do, counts little
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(bench.runs):
        for count in (1, 2):
            with bench.worker("postgres", broker=False) as worker:
                parts = worker.parts()
                worker.start(*(["processor", "processor-2"][:count] if count > 1 else ["processor"]))
                worker.wait_started(count)
                take_in(parts, payloads.chat(64, first=10**6))
                worker.wait(lambda worker=worker: not worker.unprocessed(), 60)  # type: ignore[misc]
                take_in(parts, units)
                left = len(units) + 64 - worker.staged()
                seconds = worker.wait(lambda worker=worker: not worker.unprocessed(), LONG)  # type: ignore[misc]
                rates[count].append(left / seconds)
                parts.close()
    name = "two processors on PostgreSQL"
    return Row(name, "/s", rates[2], rates[1], "ratio ≥ 1.6", "the floor is one processor")
