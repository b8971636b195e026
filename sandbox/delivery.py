"""How a platform delivers by webhook: POST, and again with back-off until the other side says yes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from sandbox.server import StandIn


@dataclass(slots=True)
class Delivery:
    """One body on its way. `attempts` are (time, status); status 0 means that nobody answered."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    conversations: tuple[str, ...]
    accepted: Callable[[int, bytes], bool]
    done: Callable[[Delivery, bytes], None] = lambda delivery, answer: None
    attempts: list[tuple[float, int]] = field(default_factory=list)
    finished: bool = False
    not_before: float = 0.0
    in_work: bool = False

    @property
    def statuses(self) -> list[int]:
        return [status for _, status in self.attempts]


class Courier:
    """Takes deliveries out, several at once; those of one conversation one after another while `ordered`.

    The back-off doubles from `first` to `longest` seconds, scaled by the stand-in's time factor. After
    `give_up` seconds (unscaled) of failing a delivery is dropped, as the platforms do.
    """

    def __init__(
        self, owner: StandIn, *, parallel: int = 40, timeout: float = 10.0, first: float = 1.0, longest: float = 3600.0,
        give_up: float = 7 * 86400.0,
    ) -> None:  # fmt: skip
        self.owner, self.parallel, self.timeout = owner, parallel, timeout
        self.first, self.longest, self.give_up = first, longest, give_up
        self.ordered = True
        self.paused = False
        self.queue: list[Delivery] = []
        self.log: list[Delivery] = []
        self.given_up: list[Delivery] = []

    def add(self, delivery: Delivery) -> Delivery:
        with self.owner.lock:
            self.queue.append(delivery)
            self.log.append(delivery)
        self.owner.wake()
        return delivery

    @property
    def idle(self) -> bool:
        """Nothing is waiting and nothing is under way."""
        return not self.queue

    def clear(self) -> None:
        with self.owner.lock:
            self.queue.clear()

    def _due(self) -> list[Delivery]:
        """What may be taken out now."""
        with self.owner.lock:
            if self.paused:
                return []
            busy = {name for each in self.queue if each.in_work for name in each.conversations}
            free = self.parallel - sum(each.in_work for each in self.queue)
            due: list[Delivery] = []
            for each in self.queue:
                if len(due) >= free:
                    break
                waits = self.ordered and not busy.isdisjoint(each.conversations)
                busy.update(each.conversations)  # a later one of these waits behind this one, its back-off included
                if waits or each.in_work:
                    continue
                if each.not_before <= asyncio.get_running_loop().time():
                    due.append(each)
            return due

    async def run(self) -> None:
        """Deliver for ever; runs in the stand-in's loop."""
        tasks: set[asyncio.Task[None]] = set()
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=self.parallel)
        async with httpx.AsyncClient(timeout=self.timeout, limits=limits, trust_env=False) as client:
            try:
                while not self.owner.closing:
                    for delivery in self._due():
                        delivery.in_work = True
                        task = asyncio.create_task(self._take_out(client, delivery))
                        tasks.add(task)
                        task.add_done_callback(tasks.discard)
                    await self.owner.until(lambda: bool(self._due()) or self.owner.closing, self._nap())
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                with self.owner.lock:
                    for each in self.queue:
                        each.in_work = False

    def _nap(self) -> float:
        """Seconds until the next back-off ends."""
        now = asyncio.get_running_loop().time()
        with self.owner.lock:
            waiting = [each.not_before - now for each in self.queue if not each.in_work and each.not_before > now]
        return min([*waiting, 0.25])

    async def _take_out(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        status, answer = await post(client, delivery)
        with self.owner.lock:
            delivery.in_work = False
            delivery.attempts.append((self.owner.now(), status))
            yes = delivery.accepted(status, answer)
            tried = len(delivery.attempts)
            pause = min(self.first * 2 ** min(tried - 1, 30), self.longest)
            spent = sum(min(self.first * 2 ** min(n, 30), self.longest) for n in range(tried))
            if yes or spent > self.give_up:
                delivery.finished = yes
                if not yes:
                    self.given_up.append(delivery)
                if delivery in self.queue:
                    self.queue.remove(delivery)
            else:
                delivery.not_before = asyncio.get_running_loop().time() + pause * self.owner.time_factor
        delivery.done(delivery, answer)
        self.owner.wake()


async def post(client: httpx.AsyncClient, delivery: Delivery) -> tuple[int, bytes]:
    """One attempt: (status, body), or (0, b"") when nobody answered in time."""
    try:
        answer = await client.post(delivery.url, content=delivery.body, headers=dict(delivery.headers))
    except httpx.HTTPError:
        return 0, b""
    return answer.status_code, answer.content
