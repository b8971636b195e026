"""Publishing that is either confirmed by the broker or reported as failed, whatever the broker does.

    PublishFailed
    ├── Unroutable       no queue took it (returned by the broker)
    ├── Refused          a queue that is full refused it, or the broker could not store it: try again later
    └── BrokerAway       no confirmation came; it may have been stored all the same: publish again under the same id
        └── NoExchange   the exchange is not there: declare the topology again

What a client library's own calls do not promise, and is done here: a deadline by the wall clock around everything
(a blocked socket hangs `publish(timeout=…)` too); a `CancelledError` that the library raises when a frozen broker's
heartbeat runs out, in a task that nobody cancelled, is a failure like others; after any doubt the connection is left
behind and the next publish opens a fresh one, with back-off. At least once, never zero times, always under one id.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import aio_pika
import aiormq
from aio_pika import DeliveryMode
from aio_pika.abc import AbstractChannel, AbstractConnection, HeadersType
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    AMQPError,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    DeliveryError,
    PublishError,
)
from pamqp.commands import Basic
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from router.tasks import cancelled

CLOSING = 3.0  # seconds that a connection left behind may take to say goodbye
LIBRARY_FAILURES = (AMQPError, ChannelInvalidStateError, *CONNECTION_EXCEPTIONS)


class PublishFailed(Exception):
    """Base. The text holds no address and no content."""


class Unroutable(PublishFailed):
    """No queue is bound to the routing key, and no alternate exchange took it."""


class Refused(PublishFailed):
    """The broker said no: a full queue with reject-publish, or a failure inside."""


class BrokerAway(PublishFailed):
    """There is no connection, or no confirmation within the deadline."""


class NoExchange(BrokerAway):
    """The exchange was deleted, or the topology was never declared."""


@dataclass(slots=True, eq=False)
class _Line:
    """One connection with one channel, good until the first doubt."""

    connection: AbstractConnection
    channel: AbstractChannel


class Publisher:
    """Publishes over one connection that it opens when it is first needed. For many tasks of one event loop.

    `deadline` is in seconds and bounds each call of `publish`, opening the connection included.
    """

    def __init__(self, url: str, *, deadline: float = 10.0, name: str = "priemnaya") -> None:
        self._url = url
        self._deadline = deadline
        self._name = name
        self._line: _Line | None = None
        self._opening = asyncio.Lock()
        self._in_flight: dict[str, asyncio.Event] = {}
        self._farewells: set[asyncio.Task[None]] = set()

    async def publish(
        self,
        exchange: str,
        routing_key: str,
        body: bytes,
        *,
        message_id: str,
        type: str,  # noqa: A002  the name of the AMQP property
        headers: Mapping[str, Any] | None = None,
        timestamp: datetime | None = None,
        content_type: str = "application/json",
        mandatory: bool = True,
    ) -> None:
        """Returns when the broker has confirmed that it is stored. Raises `PublishFailed`.

        Two calls with one `message_id` follow one another: the library tells a returned message by its id. Without
        `mandatory` (events, which nobody may be listening to) what no queue takes is dropped and counts as done.
        """
        properties = Basic.Properties(
            message_id=message_id,
            message_type=type,
            headers=_headers(headers),
            timestamp=timestamp,
            content_type=content_type,
            content_encoding="utf-8",
            delivery_mode=DeliveryMode.PERSISTENT,
        )
        try:
            async with asyncio.timeout(self._deadline), self._alone(message_id):
                await self._publish(exchange, routing_key, body, properties, mandatory)
        except TimeoutError:
            raise BrokerAway(f"no confirmation within {self._deadline:g} s") from None

    async def _publish(
        self, exchange: str, routing_key: str, body: bytes, properties: Basic.Properties, mandatory: bool
    ) -> None:
        line = await self._open()
        try:
            # The channel under aio-pika's: its exchange waits for the socket after each message, one after another,
            # which costs a turn of the loop and a system call each. Confirmed it is all the same.
            channel = await line.channel.get_underlay_channel()
            assert isinstance(channel, aiormq.Channel)
            await channel.basic_publish(
                body,
                exchange=exchange,
                routing_key=routing_key,
                properties=properties,
                mandatory=mandatory,
                wait=False,
            )
        except PublishError:
            raise Unroutable(f"no queue takes the key {routing_key!r}") from None
        except DeliveryError:
            raise Refused(f"refused under the key {routing_key!r}") from None
        except ChannelNotFoundEntity:
            self._leave(line)
            raise NoExchange(f"the channel was closed: an exchange such as {exchange!r} is not there") from None
        except asyncio.CancelledError:
            self._leave(line)  # what was in flight is in doubt: nothing may follow it on this channel
            if cancelled():
                raise
            raise BrokerAway("the connection ended without a word") from None
        except LIBRARY_FAILURES as error:
            self._leave(line)
            if cancelled():  # somebody's, under which the library failed
                raise asyncio.CancelledError from None
            raise BrokerAway(f"the connection failed: {error.__class__.__name__}") from None

    @contextlib.asynccontextmanager
    async def _alone(self, message_id: str) -> Any:
        """Wait until no other publish of this id is in flight."""
        while (earlier := self._in_flight.get(message_id)) is not None:
            await earlier.wait()
        self._in_flight[message_id] = done = asyncio.Event()
        try:
            yield
        finally:
            del self._in_flight[message_id]
            done.set()

    async def _open(self) -> _Line:
        """The line in use, or a new one; tries again with back-off until the caller's deadline."""
        async with self._opening:
            if self._line is not None and not self._line.channel.is_closed and not self._line.connection.is_closed:
                return self._line
            if self._line is not None:
                self._leave(self._line)
            attempts = AsyncRetrying(
                retry=retry_if_exception_type(BrokerAway), wait=wait_random_exponential(multiplier=0.1, max=5)
            )
            async for attempt in attempts:
                with attempt:
                    self._line = await self._connect()
        assert self._line is not None
        return self._line

    async def _connect(self) -> _Line:
        try:
            connection = await aio_pika.connect(self._url, client_properties={"connection_name": self._name})
        except LIBRARY_FAILURES as error:
            raise BrokerAway(f"cannot connect: {error.__class__.__name__}") from None
        except asyncio.CancelledError:
            if cancelled():
                raise
            raise BrokerAway("cannot connect: the broker hung up") from None
        try:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        except BaseException as error:
            self._part(connection)
            if isinstance(error, asyncio.CancelledError) and cancelled():
                raise
            if isinstance(error, (*LIBRARY_FAILURES, asyncio.CancelledError)):
                raise BrokerAway(f"cannot open a channel: {error.__class__.__name__}") from None
            raise
        return _Line(connection, channel)

    def _leave(self, line: _Line) -> None:
        """Use the line no more. Others that have publishes in flight on it learn by its closing."""
        if self._line is line:
            self._line = None
            self._part(line.connection)

    def _part(self, connection: AbstractConnection) -> None:
        task = asyncio.get_running_loop().create_task(farewell(connection))
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

    async def close(self) -> None:
        """Release the connection. What is in flight then fails as `BrokerAway`."""
        if self._line is not None:
            self._leave(self._line)
        if self._farewells:
            await asyncio.wait(set(self._farewells))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _headers(headers: Mapping[str, Any] | None) -> HeadersType:
    return {key: value for key, value in (headers or {}).items() if value is not None}


async def farewell(connection: AbstractConnection) -> None:
    """Close a connection that may be past answering. Raises nothing."""
    with contextlib.suppress(Exception, asyncio.CancelledError):
        async with asyncio.timeout(CLOSING):
            await connection.close()
