"""The queues on a real broker: declared from the rules, changed without losing anything."""

from __future__ import annotations

import asyncio

import aio_pika

from router.publish import Publisher
from router.rules import Rules
from router.topology import declare, desk_queue
from tests.router.broker import KEY, RULES, SHIPPED, channel, drain
from tests.services.rabbitmq import RabbitNode

TEXT = SHIPPED.read_text(encoding="utf-8")


async def declared(url: str, prefix: str, rules: Rules = RULES, former: tuple[str, ...] = ()) -> list[str]:
    async with await aio_pika.connect(url) as connection:
        return [str(difference) for difference in await declare(connection, rules, prefix, former)]


async def publish(url: str, prefix: str, key: str, *ids: str) -> None:
    async with Publisher(url) as publisher:
        for message_id in ids:
            await publisher.publish(f"{prefix}.appeals", key, message_id.encode(), message_id=message_id, type="t")


def test_every_desk_gets_what_is_its_own(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        assert await declared(rabbitmq.url, broker_prefix) == []
        for desk in RULES.desks:
            await publish(rabbitmq.url, broker_prefix, f"{desk.name}.{desk.name}.general.vk", desk.name)
        for desk in RULES.desks:
            (message,) = await drain(rabbitmq.url, desk_queue(broker_prefix, desk.name), 1)
            assert message.message_id == desk.name

    asyncio.run(run())


def test_what_no_desk_is_bound_to_ends_in_unrouted(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        await declared(rabbitmq.url, broker_prefix)
        await publish(rabbitmq.url, broker_prefix, "nobody.other.general.vk", "lost?")
        (message,) = await drain(rabbitmq.url, f"{broker_prefix}.unrouted", 1)
        assert message.message_id == "lost?"

    asyncio.run(run())


def test_declaring_again_changes_nothing_and_a_new_desk_is_added(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        await declared(rabbitmq.url, broker_prefix)
        await publish(rabbitmq.url, broker_prefix, KEY, "1")
        more = '[[categories]]\nname = "tax"\ntitle_ru = "н"\ntitle_en = "t"\n[[desks]]\nname = "tax-desk"\n'
        more += 'title_ru = "н"\ntitle_en = "t"\ncategories = ["tax"]\nbindings = ["mobile.#"]\n'
        assert await declared(rabbitmq.url, broker_prefix, Rules.parse(TEXT + more)) == []
        await publish(rabbitmq.url, broker_prefix, "tax-desk.tax.general.vk", "2")
        await publish(rabbitmq.url, broker_prefix, KEY, "3")
        assert [m.message_id for m in await drain(rabbitmq.url, desk_queue(broker_prefix, "mobile"), 2)] == ["1", "3"]
        assert [m.message_id for m in await drain(rabbitmq.url, desk_queue(broker_prefix, "tax-desk"), 2)] == ["2", "3"]

    asyncio.run(run())


def test_a_renamed_desk_loses_nothing_and_its_old_queue_is_named(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    async def run() -> None:
        await declared(rabbitmq.url, broker_prefix)
        await publish(rabbitmq.url, broker_prefix, KEY, "before")
        title = '[[desks]]\nname = "mobile"'
        assert title in TEXT
        renamed = Rules.parse(TEXT.replace(title, '[[desks]]\nname = "app"'))
        former = tuple(desk.name for desk in RULES.desks)
        differences = await declared(rabbitmq.url, broker_prefix, renamed, (*former, "never-declared"))
        assert differences == [
            f"{broker_prefix}.desk.mobile: its desk is no longer in the rules; 1 messages wait in it"
        ]
        await publish(rabbitmq.url, broker_prefix, KEY, "late")  # an envelope staged before the renaming
        await publish(rabbitmq.url, broker_prefix, "app.mobile.general.vk", "after")
        old = await drain(rabbitmq.url, desk_queue(broker_prefix, "mobile"), 2)
        assert [message.message_id for message in old] == ["before", "late"]
        assert (await drain(rabbitmq.url, desk_queue(broker_prefix, "app"), 1))[0].message_id == "after"

    asyncio.run(run())


def test_a_queue_with_other_arguments_is_reported_and_used_all_the_same(
    rabbitmq: RabbitNode, broker_prefix: str
) -> None:
    async def run() -> None:
        async with channel(rabbitmq.url) as open_channel:
            await open_channel.declare_queue(desk_queue(broker_prefix, "mobile"), durable=True)
        (difference,) = await declared(rabbitmq.url, broker_prefix)
        assert difference.startswith(f"{broker_prefix}.desk.mobile: the queue is there with other arguments")
        await publish(rabbitmq.url, broker_prefix, KEY, "1")
        assert len(await drain(rabbitmq.url, desk_queue(broker_prefix, "mobile"), 1)) == 1

    asyncio.run(run())


def test_what_a_consumer_fails_on_again_and_again_is_in_the_dead_letters_with_its_history(
    rabbitmq: RabbitNode, broker_prefix: str
) -> None:
    async def run() -> None:
        await declared(rabbitmq.url, broker_prefix)
        await publish(rabbitmq.url, broker_prefix, KEY, "poison")
        tries = 0
        async with channel(rabbitmq.url) as open_channel:
            queue = await open_channel.get_queue(desk_queue(broker_prefix, "mobile"))
            while (message := await queue.get(fail=False)) is not None:
                tries += 1
                await message.nack(requeue=True)
        assert tries == 6  # the first delivery and five more
        (dead,) = await drain(rabbitmq.url, f"{broker_prefix}.dead", 1)
        assert (dead.message_id, dead.body) == ("poison", b"poison")
        assert dead.headers["x-first-death-reason"] == "delivery_limit"

    asyncio.run(run())
