"""The relay's role: takes the outbox to the broker, as the one holder of its lease."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from ledger import outbox
from ledger.errors import LedgerAway
from ledger.leases import Lease
from ledger.outbox import Pending
from ledger.wake import Waker
from pipeline.broker import declare_topology
from pipeline.parts import Parts
from pipeline.roles import Holder, either, pause, say
from pipeline.times import moment
from router.publish import BrokerAway, NoExchange, Publisher, PublishFailed
from router.relay import Item, publish_all

log = structlog.get_logger()

BATCH = 256
# Past 64 in flight it is mostly the latency that grows (measured with a quorum queue).
IN_FLIGHT = 64
RETRY_SECONDS = 5.0
IDLE_SECONDS = 5.0
# Events follow an envelope within milliseconds: taken together, they cost one transaction.
REST_SECONDS = 0.005
HEALTH_SECONDS = 20.0
DRAIN_SECONDS = 12.0
DECLARE_SECONDS = 60.0


@dataclass
class Relay:
    """Publishes what the outbox holds. With no broker configured there is nothing to do, and it is not started."""

    parts: Parts

    def __post_init__(self) -> None:
        broker = self.parts.settings.broker
        self.prefix = broker.prefix
        self._url = broker.url.get_secret_value()
        self._declared_at: float | None = None
        self._trouble_said: str | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what is in flight is finished and marked."""
        await Holder(self.parts, "relay", stop, drain=DRAIN_SECONDS).run(lambda lease: self._work(lease, stop))

    async def _work(self, lease: Lease, stop: asyncio.Event) -> None:
        waker = Waker(self.parts.database, "outbox", rest=REST_SECONDS)
        said = 0.0
        loop = asyncio.get_running_loop()
        try:
            async with Publisher(self._url) as publisher:
                while not stop.is_set():
                    try:
                        published = await self._round(lease, publisher)
                        self._trouble_said = None
                    except (LedgerAway, BrokerAway) as error:
                        await self._trouble(error)
                        await pause(1.0, stop)
                        continue
                    if loop.time() - said > HEALTH_SECONDS:
                        said = loop.time()
                        await say(self.parts, "relay", "ok")
                    if published < BATCH:
                        await either(waker.wait(IDLE_SECONDS), stop)
        finally:
            waker.close()

    async def _trouble(self, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        if text != self._trouble_said:  # not once a second for as long as a broker is away
            log.warning("envelopes wait in the outbox", error=text)
        self._trouble_said = text
        if isinstance(error, BrokerAway):
            await say(self.parts, "relay", "trouble", f"envelopes wait in the outbox: {error}")

    async def _round(self, lease: Lease, publisher: Publisher) -> int:
        """Publish one batch and mark it; returns how many were confirmed or put off. Raises what is away."""
        at = self._declared_at
        if at is None or asyncio.get_running_loop().time() - at > DECLARE_SECONDS:
            await self._declare()
        now = self.parts.clock()
        rows = await self.parts.database.look(lambda conn: outbox.take(conn, now, BATCH))
        if not rows:
            return 0

        async def publish(item: Item) -> None:
            await publisher.publish(
                f"{self.prefix}.{item.exchange}",
                item.routing_key,
                item.body,
                message_id=item.message_id,
                type=item.type,
                headers=item.headers,
                timestamp=moment(item.timestamp),
                mandatory=item.exchange != "events",
            )

        done = await publish_all(
            [_item(row) for row in rows],
            publish,
            most=IN_FLIGHT,
            expected=lambda error: isinstance(error, PublishFailed),
        )
        away = {row_id: error for row_id, error in done.failed.items() if isinstance(error, BrokerAway)}
        refused = {row_id: str(error) for row_id, error in done.failed.items() if row_id not in away}
        if refused:
            log.error(
                "the broker refuses envelopes; they are tried again",
                count=len(refused),
                error=next(iter(refused.values())),
            )
        if done.confirmed or refused:
            ended = self.parts.clock()
            await self.parts.database.run(
                lambda conn: outbox.mark(conn, lease, done.confirmed, refused, ended, ended + RETRY_SECONDS)
            )
        if refused:
            # RabbitMQ tells a channel once that a quorum queue is full, and not that its limit was raised: ask anew.
            await publisher.close()
        if away:
            error = next(iter(away.values()))
            if isinstance(error, NoExchange):
                self._declared_at = None
            raise error
        return len(rows)

    async def _declare(self) -> None:
        """At the start, when an exchange turns out to be gone, and now and then: a deleted queue comes back."""
        await declare_topology(self.parts)
        self._declared_at = asyncio.get_running_loop().time()


def _item(row: Pending) -> Item:
    headers = {"ticket": row.ticket, "channel": row.channel, "kind": row.kind}
    return Item(
        id=row.id,
        message_id=row.message_id,
        exchange=row.exchange,
        routing_key=row.routing_key,
        type=row.type,
        conversation=row.conversation,
        body=row.body,
        timestamp=row.created_at,
        headers=headers,
    )
