"""The way back on a real broker: replies are handed over once they are good, buried with a reason when they are not."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from pamqp import encode

from router.publish import Publisher
from router.replies import REASON, Accepted, DeskReply, Handle, NotNow, Rejected, consume
from router.topology import declare
from tests.router.broker import KEY, RULES, drain, until
from tests.services.rabbitmq import RabbitNode

TICKET = "261122-000001-5"
DESK = Path(__file__).parents[2] / "examples" / "desk.py"


def body(reply_id: str, ticket: str = TICKET) -> bytes:
    return json.dumps({"id": reply_id, "ticket": ticket, "text": "Смотрим."}).encode()


async def ready(url: str, prefix: str) -> None:
    async with await aio_pika.connect(url) as connection:
        assert await declare(connection, RULES, prefix) == []


@asynccontextmanager
async def consuming(url: str, prefix: str, handle: Handle) -> AsyncIterator[None]:
    task = asyncio.create_task(consume(url, prefix, handle))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def answer(url: str, prefix: str, *bodies: bytes) -> None:
    async with Publisher(url) as publisher:
        for number, one in enumerate(bodies):
            await publisher.publish(f"{prefix}.replies", "any", one, message_id=f"m{number}", type="reply")


def test_good_replies_are_handed_over_in_order_and_bad_ones_buried_with_the_reason(
    rabbitmq: RabbitNode, broker_prefix: str
) -> None:
    async def run() -> None:
        await ready(rabbitmq.url, broker_prefix)
        taken: list[str] = []

        async def handle(reply: DeskReply) -> Accepted | Rejected:
            if reply.ticket != TICKET:
                return Rejected("no such ticket")
            taken.append(reply.id)
            return Accepted()

        bodies = [body("1"), b"{", body("x", "261122-000009-9"), b'{"id": "y", "text": "z"}', body("2"), body("3")]
        async with consuming(rabbitmq.url, broker_prefix, handle):
            await answer(rabbitmq.url, broker_prefix, *bodies)
            await until(lambda: taken == ["1", "2", "3"])
        dead = await drain(rabbitmq.url, f"{broker_prefix}.dead", 3)
        assert [message.headers[REASON] for message in dead] == ["no JSON", "no such ticket", "ticket: Field required"]
        assert [message.body for message in dead] == bodies[1:4]
        await drain(rabbitmq.url, f"{broker_prefix}.replies", 0)

    asyncio.run(run())


def test_a_bad_reply_with_a_header_that_is_no_utf_8_is_buried_and_the_next_is_taken(
    rabbitmq: RabbitNode, broker_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AMQP's long string is any bytes, and some clients write theirs. The library reads them, and cannot write them."""
    written = encode.encode_table_value

    def as_others_do(value: Any) -> bytes:
        return b"S" + len(value).to_bytes(4, "big") + value if isinstance(value, bytes) else written(value)

    async def run() -> None:
        await ready(rabbitmq.url, broker_prefix)
        taken: list[str] = []

        async def handle(reply: DeskReply) -> Accepted:
            taken.append(reply.id)
            return Accepted()

        with monkeypatch.context() as patched:
            patched.setattr(encode, "encode_table_value", as_others_do)
            async with Publisher(rabbitmq.url) as publisher:
                headers = {"operator": "Иванов".encode("cp1251"), "line": 7}
                await publisher.publish(
                    f"{broker_prefix}.replies", "any", b"{", message_id="bad", type="reply", headers=headers
                )
        await answer(rabbitmq.url, broker_prefix, body("1"))
        async with consuming(rabbitmq.url, broker_prefix, handle):
            await until(lambda: taken == ["1"])
        (dead,) = await drain(rabbitmq.url, f"{broker_prefix}.dead", 1)
        assert dead.headers[REASON] == "no JSON" and dead.headers["line"] == 7 and "operator" not in dead.headers

    asyncio.run(run())


def test_a_reply_is_acknowledged_only_after_it_was_handed_over(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        await ready(rabbitmq.url, broker_prefix)
        begun = asyncio.Event()

        async def never_ends(_: DeskReply) -> Accepted:
            begun.set()
            await asyncio.sleep(3600)
            return Accepted()

        await answer(rabbitmq.url, broker_prefix, body("1"))
        async with consuming(rabbitmq.url, broker_prefix, never_ends):
            await asyncio.wait_for(begun.wait(), 10)
        (message,) = await drain(rabbitmq.url, f"{broker_prefix}.replies", 1)
        assert message.redelivered

    asyncio.run(run())


def test_a_database_that_is_away_only_delays_a_reply(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        await ready(rabbitmq.url, broker_prefix)
        tries: list[str] = []

        async def handle(reply: DeskReply) -> Accepted:
            tries.append(reply.id)
            if len(tries) < 8:  # more often than the delivery limit
                raise NotNow
            return Accepted()

        await answer(rabbitmq.url, broker_prefix, body("1"), body("2"))
        async with consuming(rabbitmq.url, broker_prefix, handle):
            await until(lambda: tries == ["1"] * 8 + ["2"], 60)
        await drain(rabbitmq.url, f"{broker_prefix}.replies", 0)
        await drain(rabbitmq.url, f"{broker_prefix}.dead", 0)

    asyncio.run(run())


def test_a_reply_that_breaks_the_handler_does_not_stop_the_next(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        await ready(rabbitmq.url, broker_prefix)
        taken: list[str] = []

        async def handle(reply: DeskReply) -> Accepted:
            if reply.id == "poison":
                raise RuntimeError("a slip of ours")
            taken.append(reply.id)
            return Accepted()

        await answer(rabbitmq.url, broker_prefix, body("poison"), body("2"))
        async with consuming(rabbitmq.url, broker_prefix, handle):
            await until(lambda: taken == ["2"])
            (dead,) = await drain(rabbitmq.url, f"{broker_prefix}.dead", 1, timeout=30)
        assert json.loads(dead.body)["id"] == "poison"
        assert dead.headers["x-first-death-reason"] == "delivery_limit"

    asyncio.run(run())


def test_the_consumer_goes_on_after_the_broker_was_killed(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        await ready(rabbitmq.url, broker_prefix)
        taken: list[str] = []

        async def handle(reply: DeskReply) -> Accepted:
            taken.append(reply.id)
            return Accepted()

        async with consuming(rabbitmq.url, broker_prefix, handle):
            await answer(rabbitmq.url, broker_prefix, body("1"))
            await until(lambda: taken == ["1"])
            await asyncio.to_thread(rabbitmq.kill)
            await asyncio.to_thread(rabbitmq.start)
            await answer(rabbitmq.url, broker_prefix, body("2"))
            await until(lambda: taken[-1] == "2", 30)

    asyncio.run(run())


def test_the_example_of_a_desk_prints_its_queue_and_answers(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        await ready(rabbitmq.url, broker_prefix)
        envelope = {
            "id": "0193a5f0-0000-7000-8000-000000000001",
            "ticket": {"number": TICKET},
            "source": {"message_id": "123:45"},
            "text": "Приложение вылетает",
            "route": {"priority": 4, "answer_by": "2026-11-22T10:00:00Z"},
        }
        async with Publisher(rabbitmq.url) as publisher:
            one = json.dumps(envelope).encode()
            await publisher.publish(f"{broker_prefix}.appeals", KEY, one, message_id=envelope["id"], type="t")
        script = (
            "import asyncio, runpy, sys; work = runpy.run_path(sys.argv[1])['work']; "
            "asyncio.run(work(sys.argv[2], 'mobile', 'Обновите приложение.', sys.argv[3]))"
        )
        desk = await asyncio.create_subprocess_exec(
            *(sys.executable, "-u", "-c", script, str(DESK), rabbitmq.url, broker_prefix),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            (message,) = await drain(rabbitmq.url, f"{broker_prefix}.replies", 1, timeout=20)
        finally:
            desk.terminate()
            printed, _ = await desk.communicate()
        assert "Приложение вылетает" in printed.decode() and TICKET in printed.decode()
        reply = DeskReply.model_validate_json(message.body)
        assert (reply.ticket, reply.text, reply.in_reply_to) == (TICKET, "Обновите приложение.", "123:45")
        await drain(rabbitmq.url, f"{broker_prefix}.desk.mobile", 0)

    asyncio.run(run())
