"""The floor: the least program that does the same durable work with the same libraries. Each figure is held against it.

For every payload: read it (the parser is given), a journal row, then a row pair (message and outbox), then a
persistent publish to a quorum queue that the broker confirms, then the mark. Commits are grouped, as many payloads as
one answer of a platform holds; writers of SQLite take turns and sync fully as ours do (`ledger.database`). Two
processes, so that both cores work: one reads and stages, the other publishes and marks, on uvloop as ours do.
It knows no redelivery, no order, no ticket, no rules, no encryption, no citizen, and survives no death.
"""

from __future__ import annotations

import asyncio
import functools
import json
import multiprocessing
import os
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aio_pika
import uvloop
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text, select, update

from ledger.database import Database
from ledger.dialect import insert_each
from ledger.journal import INLINE_BYTES
from normalizer import mime

metadata = MetaData()
Serial = BigInteger().with_variant(Integer(), "sqlite")
journal = Table("floor_journal", metadata, Column("id", Serial, primary_key=True), Column("payload", LargeBinary))
messages = Table("floor_messages", metadata, Column("id", Text, primary_key=True), Column("body", LargeBinary))
outbox = Table(
    "floor_outbox",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("state", Text, nullable=False, index=True),
)

# What is published of a payload, beside its fields: an envelope is about so large.
BODY_BYTES = 1_600
GROUP, TAKEN, IN_FLIGHT = 100, 256, 64
QUEUE = "floor"

Parse = Callable[[bytes], Any]


def parse_chat(payload: bytes) -> Any:
    """An update."""
    return json.loads(payload)


def parse_letter(payload: bytes) -> list[bytes]:
    """A letter: every part decoded, by the same parser; the files among them."""
    letter = mime.parse(payload, 1_000, 50)
    decoded = [(part.file_name(), mime.body(letter, part)) for part in letter.root.leaves()]
    return [content for name, content in decoded if name]


def store(folder: Path, content: bytes) -> bytes:
    """The name of a file that holds the content durably."""
    name = uuid.uuid4().hex
    descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(descriptor, content)
    os.fsync(descriptor)
    os.close(descriptor)
    return name.encode()


def inline(folder: Path, payload: bytes) -> bytes:
    """What the journal's row holds: the payload, or the name of a file with it."""
    return payload if len(payload) <= INLINE_BYTES else store(folder, payload)


def stage(url: str, payloads: Sequence[bytes], parse: Parse, folder: Path | None, done: Connection | None) -> None:
    """Journal and stage the payloads; each group is told to `done`."""
    database = Database(url)
    writers = ThreadPoolExecutor(4)
    for start in range(0, len(payloads), GROUP):
        group = payloads[start : start + GROUP]
        raw = group if folder is None else list(writers.map(functools.partial(inline, folder), group))
        with database.write() as conn:
            insert_each(conn, journal, [{"payload": payload} for payload in raw])
        parsed = [parse(payload) for payload in group]
        if folder is not None:  # several at once, as ours do: a disk makes them durable together
            files = [content for contents in parsed for content in contents]
            list(writers.map(functools.partial(store, folder), files))
        pairs = [(str(uuid.uuid4()), payload[:BODY_BYTES].ljust(BODY_BYTES)) for payload in group]
        with database.write() as conn:
            insert_each(conn, messages, [{"id": name, "body": body} for name, body in pairs])
            insert_each(conn, outbox, [{"message_id": name, "state": "pending"} for name, _ in pairs])
        if done is not None:
            done.send(len(group))
    writers.shutdown()
    database.close()


async def publish(url: str, broker: str, total: int, more: Connection | None) -> None:
    """Publish and mark `total` rows; where there is nothing, wait for `more`."""
    database = Database(url)
    connection = await aio_pika.connect(broker)
    channel = await connection.channel(publisher_confirms=True)
    exchange = channel.default_exchange
    slots = asyncio.Semaphore(IN_FLIGHT)
    if more is not None:
        more.send("ready")
    pending = (
        select(outbox.c.id, outbox.c.message_id, messages.c.body)
        .join(messages, messages.c.id == outbox.c.message_id)
        .where(outbox.c.state == "pending")
        .order_by(outbox.c.id)
        .limit(TAKEN)
    )

    async def one(row: Any) -> None:
        async with slots:
            message = aio_pika.Message(
                bytes(row.body), message_id=row.message_id, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
            )
            await exchange.publish(message, QUEUE, mandatory=True)

    def mark(conn: Any, ids: list[int]) -> None:
        conn.execute(update(outbox).where(outbox.c.id.in_(ids)).values(state="published"))

    while total > 0:
        rows = await database.look(lambda conn: conn.execute(pending).all())
        if not rows and more is not None:
            await asyncio.to_thread(more.recv)
            continue
        await asyncio.gather(*(one(row) for row in rows))
        ids = [row.id for row in rows]
        await database.run(lambda conn, ids=ids: mark(conn, ids))  # type: ignore[misc]
        total -= len(rows)
    await connection.close()
    database.close()


@dataclass
class Floor:
    """The floor on one empty database and one broker."""

    database_url: str
    broker_url: str
    folder: Path

    def prepare(self) -> None:
        """Tables and the queue."""
        database = Database(self.database_url)
        with database.write() as conn:
            metadata.drop_all(conn)
            metadata.create_all(conn)
        database.close()
        asyncio.run(self._declare())

    async def _declare(self) -> None:
        connection = await aio_pika.connect(self.broker_url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
            await queue.purge()

    def end_to_end(self, payloads: Sequence[bytes], parse: Parse, files: bool = False) -> float:
        """Seconds from the first payload to the last mark."""
        self.prepare()
        receiver, sender = multiprocessing.Pipe()
        spawn = multiprocessing.get_context("spawn")
        publisher = spawn.Process(target=_publish, args=(self.database_url, self.broker_url, len(payloads), receiver))
        publisher.start()
        sender.recv()  # it is connected: a start is not what is measured
        began = time.perf_counter()
        stage(self.database_url, payloads, parse, self.folder if files else None, sender)
        publisher.join()
        return time.perf_counter() - began

    def drain(self, payloads: Sequence[bytes]) -> float:
        """Seconds to publish an outbox that is full."""
        self.prepare()
        stage(self.database_url, payloads, len, None, None)
        began = time.perf_counter()
        uvloop.run(publish(self.database_url, self.broker_url, len(payloads), None))
        return time.perf_counter() - began


def _publish(url: str, broker: str, total: int, more: Connection) -> None:
    uvloop.run(publish(url, broker, total, more))
