"""Fault 12: the queue of the desks' replies is deleted under its reader and declared anew; it is read on by itself."""

import asyncio
import json

import aio_pika
import pytest

from router import replies
from router.replies import Accepted, DeskReply, consume
from tests.services.rabbitmq import RabbitNode


@pytest.mark.parametrize("gap", [0.0, 1.0], ids=["at once", "after a second"])
def test_replies_are_read_on_when_their_queue_was_deleted_and_is_back(
    rabbitmq: RabbitNode, broker_prefix: str, gap: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "IDLE", replies.IDLE if gap else 1.0)
    taken: asyncio.Queue[str] = asyncio.Queue()
    name = f"{broker_prefix}.replies"

    async def handle(reply: DeskReply) -> Accepted:
        await taken.put(reply.id)
        return Accepted()

    async def go() -> None:
        async with await aio_pika.connect(rabbitmq.url) as connection:
            channel = await connection.channel()

            async def put(reply_id: str) -> str:
                body = {"id": reply_id, "ticket": "261122-000001-7", "text": "Ответ"}
                await channel.default_exchange.publish(aio_pika.Message(json.dumps(body).encode()), name)
                async with asyncio.timeout(20):
                    return await taken.get()

            await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
            reading = asyncio.create_task(consume(rabbitmq.url, broker_prefix, handle))
            assert await put("first") == "first"
            await channel.queue_delete(name)
            await asyncio.sleep(gap)  # with a gap the broker tells the reader; without, it tells nobody
            await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
            assert await put("second") == "second"
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    asyncio.run(go())
