"""Publishing to a real broker that is killed, frozen, full, or not there: confirmed or reported, never lost."""

from __future__ import annotations

import asyncio
import time

import aio_pika
import pytest

from router.publish import BrokerAway, NoExchange, Publisher, Refused, Unroutable
from router.topology import declare, desk_queue
from tests.router.broker import KEY, RULES, channel, drain, until
from tests.services.rabbitmq import RabbitNode


async def ready(url: str, prefix: str) -> None:
    async with await aio_pika.connect(url) as connection:
        assert await declare(connection, RULES, prefix) == []


async def publish(publisher: Publisher, prefix: str, number: int, key: str = KEY) -> None:
    message_id = f"{number:05}"
    await publisher.publish(f"{prefix}.appeals", key, message_id.encode(), message_id=message_id, type="t")


def test_hundreds_in_flight_are_all_stored_and_persistent(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        await ready(rabbitmq.url, broker_prefix)
        async with Publisher(rabbitmq.url) as publisher:
            await asyncio.gather(*(publish(publisher, broker_prefix, number) for number in range(300)))
        stored = await drain(rabbitmq.url, desk_queue(broker_prefix, "mobile"), 300)
        assert [message.message_id for message in stored] == [f"{number:05}" for number in range(300)]
        assert {message.delivery_mode for message in stored} == {aio_pika.DeliveryMode.PERSISTENT}

    asyncio.run(run())


def test_what_no_queue_takes_is_told_to_the_one_that_published_it(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        await ready(rabbitmq.url, broker_prefix)
        async with Publisher(rabbitmq.url) as publisher:

            async def event(number: int) -> None:
                key = "heard" if number % 2 else "unheard"
                await publisher.publish(f"{broker_prefix}.events", key, b"{}", message_id=f"e{number}", type="t")

            async with channel(rabbitmq.url) as open_channel:
                queue = await open_channel.declare_queue(exclusive=True)
                await queue.bind(f"{broker_prefix}.events", "heard")
                outcomes = await asyncio.gather(*(event(number) for number in range(40)), return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [Unroutable, type(None)] * 20
            await publisher.publish(  # an event that nobody listens to is no failure
                f"{broker_prefix}.events", "unheard", b"{}", message_id="e", type="t", mandatory=False
            )

    asyncio.run(run())


def test_two_publishes_of_one_id_follow_one_another(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        await ready(rabbitmq.url, broker_prefix)
        async with Publisher(rabbitmq.url) as publisher:
            keys = ["nobody", KEY] * 10
            outcomes = await asyncio.gather(
                *(publisher.publish(f"{broker_prefix}.events", key, b"", message_id="same", type="t") for key in keys),
                return_exceptions=True,
            )
            assert all(isinstance(outcome, Unroutable) for outcome in outcomes)

    asyncio.run(run())


def test_a_full_queue_refuses_and_is_used_again_when_there_is_room(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        async with channel(rabbitmq.url) as open_channel:
            exchange = await open_channel.declare_exchange(f"{broker_prefix}.appeals", "topic", durable=True)
            arguments = {"x-queue-type": "quorum", "x-max-length": 2, "x-overflow": "reject-publish"}
            queue = await open_channel.declare_queue(f"{broker_prefix}.q", durable=True, arguments=arguments)
            await queue.bind(exchange, "#")
        async with Publisher(rabbitmq.url) as publisher:
            refused = 0
            for number in range(50):  # the limit is kept only roughly (RabbitMQ, Queue Length Limit)
                try:
                    await publish(publisher, broker_prefix, number)
                except Refused:
                    refused += 1
            assert 0 < refused < 50
            await drain(rabbitmq.url, f"{broker_prefix}.q", 50 - refused)
            await publish(publisher, broker_prefix, 99)

    asyncio.run(run())


def test_an_exchange_that_was_deleted_is_told_apart(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        async with Publisher(rabbitmq.url) as publisher:
            with pytest.raises(NoExchange):
                await publish(publisher, broker_prefix, 1)
            await ready(rabbitmq.url, broker_prefix)
            await publish(publisher, broker_prefix, 1)

    asyncio.run(run())


def test_a_broker_that_is_not_there_is_reported_within_the_deadline() -> None:
    async def run() -> None:
        async with Publisher("amqp://user:geheim@127.0.0.1:1/", deadline=1.0) as publisher:
            start = time.monotonic()
            with pytest.raises(BrokerAway) as away:
                await publish(publisher, "x", 1)
            assert 0.9 < time.monotonic() - start < 6.0  # back-off, not a busy loop, and not without end
            assert "geheim" not in str(away.value)

    asyncio.run(run())


def test_cancelling_a_publish_cancels_it_and_the_next_one_works(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        await ready(rabbitmq.url, broker_prefix)
        async with Publisher(rabbitmq.url) as publisher:
            await publish(publisher, broker_prefix, 0)
            task = asyncio.create_task(publish(publisher, broker_prefix, 1))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await publish(publisher, broker_prefix, 2)

    asyncio.run(run())


async def _pump(publisher: Publisher, prefix: str, numbers: range, confirmed: set[str]) -> None:
    """Publishes each number until it is confirmed, 64 in flight."""
    places = asyncio.Semaphore(64)

    async def one(number: int) -> None:
        async with places:
            while True:
                try:
                    await publish(publisher, prefix, number)
                except BrokerAway:
                    await asyncio.sleep(0.05)
                    continue
                confirmed.add(f"{number:05}")
                return

    await asyncio.gather(*(one(number) for number in numbers))


def test_nothing_confirmed_is_lost_when_the_broker_is_killed(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        await ready(rabbitmq.url, broker_prefix)
        confirmed: set[str] = set()
        async with Publisher(rabbitmq.url, deadline=5.0) as publisher:
            pump = asyncio.create_task(_pump(publisher, broker_prefix, range(4000), confirmed))
            await until(lambda: len(confirmed) > 300)
            await asyncio.to_thread(rabbitmq.kill)
            await asyncio.to_thread(rabbitmq.start)
            await asyncio.wait_for(pump, 60)
        assert len(confirmed) == 4000
        stored = set()
        async with channel(rabbitmq.url) as open_channel:
            queue = await open_channel.get_queue(desk_queue(broker_prefix, "mobile"))
            while (message := await queue.get(fail=False, no_ack=True)) is not None:
                stored.add(message.message_id)
        assert stored == confirmed

    asyncio.run(run())


def test_a_frozen_broker_costs_no_more_than_the_deadline_and_nothing_is_lost(
    rabbitmq: RabbitNode, broker_prefix: str
) -> None:
    async def run() -> None:
        await ready(rabbitmq.url, broker_prefix)
        async with Publisher(rabbitmq.url, deadline=2.0) as publisher:
            await publish(publisher, broker_prefix, 0)
            rabbitmq.freeze()
            start = time.monotonic()
            outcomes = await asyncio.gather(
                *(publish(publisher, broker_prefix, number) for number in range(1, 9)), return_exceptions=True
            )
            assert {type(outcome) for outcome in outcomes} == {BrokerAway}
            assert time.monotonic() - start < 8.0, "not one after the other"
            rabbitmq.thaw()
            confirmed: set[str] = set()
            await _pump(publisher, broker_prefix, range(1, 9), confirmed)
            assert len(confirmed) == 8

    asyncio.run(run())


def test_a_cancellation_that_the_library_makes_up_is_a_failure(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        await ready(rabbitmq.url, broker_prefix)
        # A frozen broker misses its heartbeats, and the library then cancels what waits for it.
        async with Publisher(f"{rabbitmq.url}?heartbeat=1", deadline=60.0) as publisher:
            await publish(publisher, broker_prefix, 0)
            rabbitmq.freeze()
            publishing = asyncio.create_task(publish(publisher, broker_prefix, 1))
            done, _ = await asyncio.wait({publishing}, timeout=30)
            rabbitmq.thaw()
            assert done and isinstance(publishing.exception(), BrokerAway)
            await publish(publisher, broker_prefix, 1)

    asyncio.run(run())
