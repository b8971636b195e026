"""Faults 11 to 13: RabbitMQ frozen, out of memory, without its queue, full: envelopes wait, and intake goes on."""

import asyncio
from collections.abc import Callable

import aio_pika
import pytest

from tests.faults.oracle import Report
from tests.harness.letters import letters
from tests.harness.mail import Post
from tests.services.rabbitmq import RabbitNode

Record = Callable[[Report], Report]


@pytest.fixture
def post(make_post: Callable[..., Post], rabbitmq: RabbitNode, broker_prefix: str) -> Post:
    made = make_post(rabbitmq=rabbitmq, prefix=broker_prefix)
    made.worker.start()
    made.put(letters(10))
    made.wait()
    return made


def desk(post: Post) -> str:
    """The queue that the letters go to."""
    return f"{post.prefix}.desk.{post.worker.ledger.envelopes()[0]['route']['desk']}"


def waiting(post: Post) -> Callable[[], bool]:
    """Whether everything is staged and answered while envelopes still wait for the broker."""
    ledger = post.worker.ledger
    return lambda: ledger.ended() == len(post.letters) and not ledger.owed() and ledger.pending() > 0


# What RabbitMQ is told, to raise an alarm and to end it: it then reads nothing more from whoever publishes.
ALARMS = {
    "out of memory": (
        ("set_vm_memory_high_watermark", "absolute", "1MB"),
        ("set_vm_memory_high_watermark", "0.4"),
    ),
    "out of disk": (("set_disk_free_limit", "900000GB"), ("set_disk_free_limit", "50MB")),
}


@pytest.mark.parametrize("how", ["frozen", *(pytest.param(alarm, marks=pytest.mark.soak) for alarm in ALARMS)])
def test_13_a_broker_that_stops_reading_holds_up_nothing_but_the_relay(
    post: Post, rabbitmq: RabbitNode, record: Record, how: str
) -> None:
    if how == "frozen":
        rabbitmq.freeze()
    else:
        rabbitmq.rabbitmqctl(*ALARMS[how][0])
    try:
        post.put(letters(40)[10:])
        post.worker.wait(waiting(post), 30, "intake and acknowledgements go on")
        post.worker.wait(lambda: "envelopes wait in the outbox" in post.worker.log(), 30, "the deadline has struck")
    finally:
        if how == "frozen":
            rabbitmq.thaw()
        else:
            rabbitmq.rabbitmqctl(*ALARMS[how][1])
    post.wait(60)
    record(post.report(f"RabbitMQ {how}, mail")).assert_clean()


def test_12_what_no_queue_takes_goes_to_unrouted(post: Post, rabbitmq: RabbitNode, record: Record) -> None:
    queue = desk(post)
    first = post.report("before")  # it empties the queue, which is to be deleted
    first.assert_clean()
    rabbitmq.rabbitmqctl("delete_queue", queue)
    post.put(letters(20)[10:])
    post.wait()
    report = post.report("queue deleted, mail")
    # The first ten were taken out above.
    assert set(report.not_queued) == {envelope["id"] for envelope in post.worker.ledger.envelopes()[:10]}
    report.not_queued.clear()
    record(report).assert_clean()


def test_12_a_deleted_exchange_is_declared_anew(post: Post, rabbitmq: RabbitNode, record: Record) -> None:
    async def delete() -> None:
        async with await aio_pika.connect(rabbitmq.url) as connection, connection.channel() as channel:
            await channel.exchange_delete(f"{post.prefix}.appeals")

    asyncio.run(delete())
    post.put(letters(20)[10:])
    post.wait()
    record(post.report("exchange deleted, mail")).assert_clean()


def test_12_a_full_queue_keeps_envelopes_pending_with_an_alert(
    post: Post, rabbitmq: RabbitNode, record: Record
) -> None:
    queue = desk(post)
    policy = f'{{"max-length":{12}}}'
    rabbitmq.rabbitmqctl("set_policy", "--apply-to", "queues", "full", f"^{queue}$", policy)
    try:
        post.put(letters(40)[10:])
        post.worker.wait(lambda: "the broker refuses envelopes" in post.worker.log(), 30, "the refusal is told")
        post.worker.wait(waiting(post), 30, "all is staged and answered, and envelopes wait")
    finally:
        rabbitmq.rabbitmqctl("clear_policy", "full")
    post.wait(60)
    record(post.report("queue full, mail")).assert_clean()
