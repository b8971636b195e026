"""Exchanges, quorum queues and bindings (contract, section 7), declared from the rules and changed safely.

`declare` only ever adds: a desk that is gone from the rules keeps its queue with what is in it, and is reported until
somebody has emptied and deleted it. A queue whose arguments differ cannot be changed by AMQP: it stays as it is, is
bound all the same, and is reported.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from router.rules import Rules

DELIVERY_LIMIT = 5  # a consumer that fails on a message so often finds it in the dead letters
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    type: ExchangeType
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Binding:
    """What leads from an exchange to a queue."""

    exchange: str
    queue: str
    key: str


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that must be there before the first envelope is published."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something on the broker is not as the rules want it. `what` is for an administrator."""

    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


def desk_queue(prefix: str, desk: str) -> str:
    """The name of a desk's queue."""
    return f"{prefix}.desk.{desk}"


def topology(rules: Rules, prefix: str) -> Topology:
    """What the rules ask for. Pure."""
    appeals, unrouted, dead = f"{prefix}.appeals", f"{prefix}.unrouted", f"{prefix}.dead"
    replies, events = f"{prefix}.replies", f"{prefix}.events"
    # At-least-once dead lettering works only from a quorum queue that refuses what it cannot hold
    # (RabbitMQ, Quorum Queues, "Dead Lettering"): otherwise a message may vanish between the two queues.
    working = {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": dead,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-delivery-limit": DELIVERY_LIMIT,
    }
    last = {"x-queue-type": "quorum"}
    desks = [(desk, desk_queue(prefix, desk.name)) for desk in rules.desks]
    return Topology(
        exchanges=(
            Exchange(dead, ExchangeType.FANOUT),
            Exchange(unrouted, ExchangeType.FANOUT),
            Exchange(appeals, ExchangeType.TOPIC, {"alternate-exchange": unrouted}),
            Exchange(replies, ExchangeType.FANOUT),
            Exchange(events, ExchangeType.TOPIC),
        ),
        queues=(
            Queue(dead, last),
            Queue(unrouted, last),
            Queue(replies, working),
            *(Queue(name, working) for _, name in desks),
        ),
        bindings=(
            Binding(dead, dead, ""),
            Binding(unrouted, unrouted, ""),
            Binding(replies, replies, ""),
            *(Binding(appeals, name, key) for desk, name in desks for key in (f"{desk.name}.#", *desk.bindings)),
        ),
    )


async def declare(
    connection: AbstractConnection, rules: Rules, prefix: str, former_desks: Sequence[str] = ()
) -> list[Difference]:
    """Declare all of it; returns what is on the broker otherwise than wanted.

    `former_desks`: desks that the rules had once; each whose queue still exists is named, with what waits in it.
    Raises what aio-pika raises when the broker is away.
    """
    wanted = topology(rules, prefix)
    differences: list[Difference] = []
    for exchange in wanted.exchanges:
        differences += await _exchange(connection, exchange)
    for queue in wanted.queues:
        differences += await _queue(connection, queue)
    await _on_a_channel(connection, lambda channel: _bind(channel, wanted.bindings))
    current = {desk.name for desk in rules.desks}
    for desk in dict.fromkeys(former_desks):
        if desk not in current:
            differences += await _former(connection, desk_queue(prefix, desk))
    return differences


async def stands(connection: AbstractConnection, rules: Rules, prefix: str) -> bool:
    """Whether every queue is there already."""

    async def look(channel: AbstractChannel) -> None:
        for queue in topology(rules, prefix).queues:
            await channel.declare_queue(queue.name, passive=True)

    try:
        await _on_a_channel(connection, look)
    except ChannelNotFoundEntity:
        return False
    return True


async def _on_a_channel(connection: AbstractConnection, act: Callable[[AbstractChannel], Awaitable[T]]) -> T:
    """A refused declaration closes its channel (AMQP 0-9-1, 4.10): each try has one of its own."""
    channel = await connection.channel(publisher_confirms=False)
    try:
        return await act(channel)
    finally:
        if not channel.is_closed:
            await channel.close()


async def _exchange(connection: AbstractConnection, exchange: Exchange) -> list[Difference]:
    async def act(channel: AbstractChannel) -> None:
        await channel.declare_exchange(exchange.name, exchange.type, durable=True, arguments=exchange.arguments or None)

    return await _difference(connection, "exchange", exchange.name, act)


async def _queue(connection: AbstractConnection, queue: Queue) -> list[Difference]:
    async def act(channel: AbstractChannel) -> None:
        await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))

    return await _difference(connection, "queue", queue.name, act)


async def _difference(
    connection: AbstractConnection, kind: str, name: str, act: Callable[[AbstractChannel], Awaitable[None]]
) -> list[Difference]:
    try:
        await _on_a_channel(connection, act)
    except ChannelPreconditionFailed as refused:
        reason = str(refused).removeprefix("PRECONDITION_FAILED - ")
        return [Difference(name, f"the {kind} is there with other arguments and was left alone ({reason})")]
    return []


async def _bind(channel: AbstractChannel, bindings: Sequence[Binding]) -> None:
    for binding in bindings:
        queue = await channel.get_queue(binding.queue, ensure=False)
        await queue.bind(binding.exchange, binding.key)


async def _former(connection: AbstractConnection, name: str) -> list[Difference]:
    async def count(channel: AbstractChannel) -> int | None:
        # Not by a robust channel's cache, which would show an old count: this channel is new.
        queue = await channel.declare_queue(name, passive=True)
        return queue.declaration_result.message_count

    try:
        waiting = await _on_a_channel(connection, count)
    except ChannelNotFoundEntity:
        return []
    return [Difference(name, f"its desk is no longer in the rules; {waiting} messages wait in it")]
