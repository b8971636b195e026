"""What the desks answer: read from the queue of replies, checked, handed over, and only then acknowledged.

A reply that cannot be used goes to the dead letters with the reason in the header `x-reason`, and the next is taken.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from pamqp import encode
from pamqp.common import FieldTable
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from router.publish import LIBRARY_FAILURES, Publisher, PublishFailed, farewell
from router.tasks import cancelled

log = structlog.get_logger(__name__)

REASON = "x-reason"
MOST_ATTACHMENTS = 10
PREFETCH = 16  # replies that wait here while one is written; more would only make a crash redeliver more
ATTEMPTS = 3  # of handling one reply before it goes back to the queue, whose delivery limit ends it
CONNECTING = 10.0  # seconds
# Seconds without a reply after which the queue is asked for anew. RabbitMQ (3.10) keeps a consumer whose queue is
# deleted and at once declared anew, tells nobody, and loses what it delivers to it until its channel is closed.
IDLE = 30.0
PAUSE = 0.2  # seconds before the next connection, so that a queue that is not there makes no busy loop
MOST_TEXT = 64 * 1024  # characters
MOST_ATTACHMENT = 25 * 1024 * 1024  # bytes, decoded
MOST_BODY = 40 * 1024 * 1024  # bytes


class ReplyError(ValueError):
    """A reply cannot be used. The text is the reason: which field, and what is wrong; nothing of the content."""


class NotNow(Exception):
    """Raised by a handler that cannot write now (the database is away): the same reply is tried again, for ever."""


def _no_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("holds a NUL")
    return value


def _decoded(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("base64 in a string is needed")
    if len(value) > MOST_ATTACHMENT * 4 // 3 + 4:
        raise ValueError(f"larger than {MOST_ATTACHMENT} bytes")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None


Text = Annotated[str, AfterValidator(_no_nul)]


class DeskAttachment(BaseModel):
    """A file that goes with an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Text = Field(min_length=1, max_length=255, pattern=r"^[^/\\\x00-\x1f\x7f]+$")
    media_type: str = Field(max_length=127, pattern=r"^[A-Za-z0-9][\w.+-]*/[A-Za-z0-9][\w.+-]*$")
    data: Annotated[bytes, BeforeValidator(_decoded, json_schema_input_type=str)] = Field(
        description="base64", repr=False, json_schema_extra={"format": "base64"}
    )


class DeskReply(BaseModel):
    """An answer of a desk to the citizen of a ticket. `id` is the desk's own and makes it idempotent."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: Text = Field(min_length=1, max_length=100)
    ticket: str = Field(pattern=r"^\d{6}-\d{6,7}-\d$", description="YYMMDD-NNNNNN-C")
    text: Text = Field(max_length=MOST_TEXT, repr=False)
    attachments: list[DeskAttachment] = Field(default_factory=list, max_length=MOST_ATTACHMENTS, repr=False)
    in_reply_to: Text | None = Field(None, max_length=1000, description="source.message_id of the message answered")
    close: bool = Field(False, description="close the ticket with this answer")

    @model_validator(mode="after")
    def _says_something(self) -> DeskReply:
        if not (self.text.strip() or self.attachments or self.close):
            raise ValueError("neither text nor attachments, and it does not close the ticket")
        return self


def parse(body: bytes) -> DeskReply:
    """The reply that a message body holds. Raises `ReplyError`, and nothing else, on any input."""
    if len(body) > MOST_BODY:
        raise ReplyError(f"larger than {MOST_BODY} bytes")
    try:
        return DeskReply.model_validate_json(body)
    except ValidationError as error:
        raise ReplyError("; ".join(map(_reason, error.errors(include_url=False, include_input=False)[:3]))) from None


def _reason(problem: Any) -> str:
    if problem["type"] == "json_invalid":
        return "no JSON"
    if problem["type"] == "extra_forbidden":
        return "a field that is not known"  # its name may be anything
    path = ".".join(str(step) for step in problem["loc"])
    what = problem["msg"].removeprefix("Value error, ")
    return f"{path}: {what}" if path else what


@dataclass(frozen=True, slots=True)
class Accepted:
    """The reply is durably written (or was before: the same id)."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The reply will never be sent: an unknown or forgotten ticket. `reason` goes to the dead letters."""

    reason: str


Handle = Callable[[DeskReply], Awaitable[Accepted | Rejected]]


async def consume(url: str, prefix: str, handle: Handle) -> None:
    """Take replies one by one, in order, until cancelled; connect again, with back-off, whenever the broker was away.

    `handle` writes the reply in one durable transaction and must be idempotent by its id: what was written but not
    yet acknowledged comes again. It raises `NotNow` while it cannot write. Anything else that it raises is tried
    again a few times, then the reply goes back to the queue, whose delivery limit ends in the dead letters.
    """
    wait = wait_random_exponential(multiplier=0.2, max=10)
    async with Publisher(url) as publisher:
        while True:
            attempts = AsyncRetrying(retry=retry_if_exception_type(LIBRARY_FAILURES), wait=wait)
            async for attempt in attempts:
                with attempt:
                    properties: FieldTable = {"connection_name": f"{prefix} replies"}
                    connection = await aio_pika.connect(url, timeout=CONNECTING, client_properties=properties)
            try:
                while await _consume(await connection.channel(), publisher, prefix, handle):
                    log.debug("replies_asked_for_anew")
            except (*LIBRARY_FAILURES, PublishFailed) as error:
                if cancelled():  # the library's iterator closes its channel then, and may fail at that instead
                    raise asyncio.CancelledError from None
                log.warning("replies_interrupted", error=error.__class__.__name__)
            except asyncio.CancelledError:
                if cancelled():
                    raise
                log.warning("replies_interrupted", error="CancelledError")  # the library's, of a frozen broker
            finally:
                await farewell(connection)
            await asyncio.sleep(PAUSE)


async def _consume(channel: AbstractChannel, publisher: Publisher, prefix: str, handle: Handle) -> bool:
    """Read until nothing has come for a while (True), or the channel has ended (False)."""
    await channel.set_qos(prefetch_count=PREFETCH)
    queue = await channel.get_queue(f"{prefix}.replies")
    # aio-pika does not tell its iterator that the broker has cancelled the consumer (the queue was deleted, and will be
    # declared anew): it would wait for ever. A channel that closes does end it.
    cancelled_by_broker = asyncio.Event()
    underlay = await channel.get_underlay_channel()
    underlay.on_consumer_cancel_callbacks.add(lambda _: cancelled_by_broker.set())
    closing = asyncio.create_task(_close_after(cancelled_by_broker, channel))
    try:
        await _read(queue, publisher, prefix, handle)
    except TimeoutError:
        await channel.close()
        return True
    finally:
        closing.cancel()
    return False


async def _close_after(event: asyncio.Event, channel: AbstractChannel) -> None:
    await event.wait()
    await channel.close()


async def _read(queue: AbstractQueue, publisher: Publisher, prefix: str, handle: Handle) -> None:
    async with queue.iterator(timeout=IDLE) as messages:
        async for message in messages:
            await _take(message, publisher, prefix, handle)


async def _take(message: AbstractIncomingMessage, publisher: Publisher, prefix: str, handle: Handle) -> None:
    try:
        reply = parse(message.body)
    except ReplyError as error:
        await _bury(message, publisher, prefix, str(error))
        return
    try:
        outcome = await _handled(reply, handle)
    except Exception as error:  # not ours to understand: the queue's delivery limit decides
        log.error("reply_failed", error=error.__class__.__name__)
        await message.nack(requeue=True)
        return
    if isinstance(outcome, Rejected):
        await _bury(message, publisher, prefix, outcome.reason)
    else:
        await message.ack()


async def _handled(reply: DeskReply, handle: Handle) -> Accepted | Rejected:
    failures = 0
    for_ever = AsyncRetrying(
        retry=retry_if_exception_type(NotNow), wait=wait_random_exponential(multiplier=0.2, max=10), reraise=True
    )
    async for now in for_ever:
        with now:
            while True:
                try:
                    return await handle(reply)
                except NotNow:
                    raise
                except Exception:
                    failures += 1
                    if failures >= ATTEMPTS:
                        raise
                    await asyncio.sleep(0.2 * 2**failures)
    raise AssertionError("for ever has ended")


def _writable(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Without those that the library reads and cannot write: text that is no UTF-8 comes as bytes."""
    kept = {}
    for name, value in headers.items():
        with contextlib.suppress(TypeError, ValueError):
            encode.encode_table_value(value)
            kept[name] = value
    return kept


async def _bury(message: AbstractIncomingMessage, publisher: Publisher, prefix: str, reason: str) -> None:
    """To the dead letters with the reason, confirmed, and only then off the queue: `reject` would carry no reason."""
    await publisher.publish(
        f"{prefix}.dead",
        f"{prefix}.replies",
        message.body,
        message_id=message.message_id or f"reply-{message.delivery_tag}",
        type=message.type or "",
        headers={**_writable(message.headers), REASON: reason},
        timestamp=message.timestamp,
        content_type=message.content_type or "application/json",
    )
    log.warning("reply_rejected", reason=reason)
    await message.ack()
