"""From the outbox to RabbitMQ: confirmed, then marked; in order within a conversation; at least once, one id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Item:
    """One outbox row. `exchange` is without the prefix."""

    id: int
    message_id: str
    exchange: str
    routing_key: str
    type: str
    conversation: str
    body: bytes = field(repr=False)
    timestamp: float
    headers: Mapping[str, Any] = field(default_factory=dict)


class Publish(Protocol):
    """Publishes one item; returns when the broker has confirmed it, raises when it has not."""

    async def __call__(self, item: Item) -> None:
        """Raises `PublishError` or what the caller made of it."""
        ...


@dataclass(slots=True)
class Round:
    """What became of a batch: ids that the broker has confirmed, and ids with what went wrong."""

    confirmed: list[int] = field(default_factory=list)
    failed: dict[int, Exception] = field(default_factory=dict)


async def publish_all(
    items: Sequence[Item], publish: Publish, *, most: int, expected: Callable[[Exception], bool]
) -> Round:
    """Publish a batch, at most `most` in flight, one at a time of a conversation.

    Where one fails, the rest of its conversation waits for it: the order within a conversation is kept. Exceptions
    for which `expected` is false come through.
    """
    lanes: dict[str, list[Item]] = {}
    for item in items:
        lanes.setdefault(f"{item.exchange}:{item.conversation}", []).append(item)
    slots = asyncio.Semaphore(most)
    result = Round()

    async def run(lane: Sequence[Item]) -> None:
        for item in lane:
            async with slots:
                try:
                    await publish(item)
                except Exception as error:
                    if not expected(error):
                        raise
                    result.failed[item.id] = error
                    return
            result.confirmed.append(item.id)

    async with asyncio.TaskGroup() as group:
        for lane in lanes.values():
            group.create_task(run(lane))
    return result
