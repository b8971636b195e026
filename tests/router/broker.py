"""What the tests of the router do with a real broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from router.rules import Rules, load

SHIPPED = Path(__file__).parents[2] / "config" / "routing.toml"
RULES: Rules = load(SHIPPED)
KEY = "mobile.mobile.general.telegram"


@asynccontextmanager
async def channel(url: str) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(url)
    async with connection:
        yield await connection.channel()


async def drain(url: str, queue: str, expect: int, timeout: float = 10.0) -> list[AbstractIncomingMessage]:
    """Takes and acknowledges messages until there are `expect`, in the queue's order."""
    found: list[AbstractIncomingMessage] = []
    deadline = time.monotonic() + timeout
    async with channel(url) as open_channel:
        source = await open_channel.get_queue(queue)
        while len(found) < expect and time.monotonic() < deadline:
            message = await source.get(fail=False)
            if message is None:
                await asyncio.sleep(0.05)
                continue
            await message.ack()
            found.append(message)
        extra = await source.get(fail=False)
        assert extra is None, "more than expected"
    assert len(found) == expect, f"{len(found)} of {expect} in {queue}"
    return found


async def until(condition: Callable[[], bool | Awaitable[bool]], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer if isinstance(answer, bool) else await answer:
            return
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.05)
