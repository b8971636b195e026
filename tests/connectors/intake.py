"""The durable side in memory: it obeys `connectors.base.Intake`, and can fail or crash at each step."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from connectors.base import ConnectorError, Fenced
from pipeline.kinds import normalizer


class Crash(BaseException):
    """The process was killed here: nothing may catch this."""


class MemoryIntake:
    """Rows by the identity that the kind's normalizer gives them. What it holds outlives a connector, as a ledger does.

    `at_accept` is called with ("before" or "after" the commit, payloads, cursor) and may raise.
    """

    def __init__(self, kind: str) -> None:
        self._normalizer = normalizer(kind)
        self.rows: dict[str, bytes] = {}
        self.cursors: list[dict[str, Any]] = []
        self.untold: set[str] = set()
        self.redelivered = 0
        self.healthy_count = 0
        self.troubles: list[ConnectorError] = []
        self.at_accept: Callable[[str, Sequence[bytes], Mapping[str, Any] | None], None] = lambda *_: None
        self.back = asyncio.Event()  # cleared: the database is away
        self.back.set()
        self.fenced = False

    async def accept(
        self, payloads: Sequence[bytes], cursor: Mapping[str, Any] | None = None, *, acknowledge: bool = True
    ) -> int:
        await self.back.wait()
        await asyncio.sleep(0)
        if self.fenced:
            raise Fenced("another worker has the lease")
        self.at_accept("before", payloads, cursor)
        fresh = 0
        for unit in (unit for payload in payloads for unit in self._normalizer.split(payload)):
            assert isinstance(unit, bytes)
            key = self._normalizer.identify(unit).key
            fresh += key not in self.rows
            self.redelivered += key in self.rows
            self.rows.setdefault(key, unit)
            if not acknowledge:
                self.untold.add(key)
        if cursor is not None:
            self.cursors.append(json.loads(json.dumps(cursor)))
        self.at_accept("after", payloads, cursor)
        return fresh

    async def cursor(self) -> dict[str, Any] | None:
        await self.back.wait()
        return dict(self.cursors[-1]) if self.cursors else None

    async def healthy(self) -> None:
        self.healthy_count += 1

    async def trouble(self, error: ConnectorError) -> None:
        self.troubles.append(error)

    def crash_at(self, number: int, step: str) -> None:
        """Crash at the so-many-th accept from now (from 1), before or after its commit; once."""
        left = [number]

        def at_accept(when: str, *_: Any) -> None:
            if when == step:
                left[0] -= 1
                if left[0] == 0:
                    raise Crash

        self.at_accept = at_accept

    def texts(self) -> str:
        return " | ".join(str(error) for error in self.troubles)


async def until(ready: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until `ready()`, looked at every 5 ms."""
    async with asyncio.timeout(seconds):
        while not ready():  # noqa: ASYNC110 - what is waited for happens in a stand-in's thread
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def receiving(connector: Any, intake: MemoryIntake) -> AsyncIterator[asyncio.Task[None]]:
    """The receive loop, running; cancelled at the end, and what left it by itself is raised."""
    task = asyncio.create_task(connector.receive(intake))
    try:
        yield task
    finally:
        ended_itself = task.done()
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        await connector.close()
    if ended_itself and isinstance(result, BaseException):
        raise result


async def until_crash(connector: Any, intake: MemoryIntake) -> None:
    """Run the loop until the intake crashes it."""
    try:
        async with asyncio.timeout(10):
            await connector.receive(intake)
    except Crash:
        intake.at_accept = lambda *_: None
    finally:
        await connector.close()


async def content(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])
