"""The broker's side of the configuration: exchanges, queues and bindings, declared by whoever needs them."""

from __future__ import annotations

import asyncio

import aio_pika
import structlog
from aiormq.exceptions import ChannelAccessRefused, InvalidFrameError

from ledger import board
from ledger.errors import LedgerAway
from pipeline.parts import Parts
from router.publish import BrokerAway
from router.tasks import cancelled
from router.topology import declare, stands

log = structlog.get_logger()

SECONDS = 15.0
# A quorum queue of RabbitMQ 3.10 that was declared less than half a second before the node is killed comes back
# without a leader: the node writes its list of queues every 500 ms. Nothing is published into a new one before.
SETTLE_SECONDS = 1.0


def refusal(error: BaseException) -> str:
    """What the broker, or the way to it, says against us: to be read after «the broker». Holds no password."""
    match error:
        case aio_pika.exceptions.ProbableAuthenticationError():
            return "refuses the user or the password"
        case InvalidFrameError():  # in place of Connection.OpenOk; aiormq keeps the reason to itself
            return "refuses the virtual host: it is not there, or this user has no right to it"
        case ChannelAccessRefused():
            return (
                "refuses this user: configure, write and read are needed on everything that begins with broker.prefix"
            )
        case TimeoutError():
            return "does not answer in time"
    cause = error.__cause__ if isinstance(error, OSError) and error.__cause__ else error
    return f"does not answer ({getattr(cause, 'strerror', None) or type(cause).__name__})"


async def _former_desks(parts: Parts) -> list[str]:
    """Desks whose queues may hold what nobody reads any more, since the rules name them no longer."""
    names = [desk.name for desk in parts.rules.desks]
    try:
        return await parts.database.look(lambda conn: board.former_desks(conn, names))
    except LedgerAway:
        return []


async def declare_topology(parts: Parts) -> None:
    """Declare all of it; what is there otherwise than wanted is logged and left alone. Raises `BrokerAway`.

    Where a queue was not there yet, it returns when the broker has written it down.
    """
    broker = parts.settings.broker
    try:
        async with parts.declaring, asyncio.timeout(SECONDS):
            connection = await aio_pika.connect(broker.url.get_secret_value())
            async with connection:
                known = await stands(connection, parts.rules, broker.prefix)
                differences = await declare(connection, parts.rules, broker.prefix, await _former_desks(parts))
            if not known:
                await asyncio.sleep(SETTLE_SECONDS)
    except (TimeoutError, OSError, aio_pika.exceptions.AMQPError, asyncio.CancelledError) as error:
        if isinstance(error, asyncio.CancelledError) and cancelled():
            raise
        raise BrokerAway(f"the broker {refusal(error)}") from None
    for difference in differences:
        log.warning("the broker's topology differs", difference=str(difference))
