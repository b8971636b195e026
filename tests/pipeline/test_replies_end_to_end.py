"""A desk's answer goes the whole way back: from the queue of replies to the citizen, once, in his own channel."""

import asyncio
import email
import email.policy
import json
from collections.abc import Iterator

import aio_pika
import pytest

from sandbox.run import Sandbox
from tests.harness.worker import Worker
from tests.services.process import wait_until
from tests.services.rabbitmq import RabbitNode

PLATFORMS = ("telegram", "vk", "whatsapp")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


@pytest.fixture
def worker(sandbox: Sandbox, rabbitmq: RabbitNode, broker_prefix: str) -> Iterator[Worker]:
    with Worker(channels=sandbox.channels(), broker_url=rabbitmq.url, prefix=broker_prefix) as made:
        made.start()
        assert sandbox.subscribe(f"{made.url}/hooks/whatsapp")
        yield made


def publish(url: str, prefix: str, *bodies: bytes) -> None:
    async def go() -> None:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange(f"{prefix}.replies", ensure=False)
            for body in bodies:
                await exchange.publish(aio_pika.Message(body, delivery_mode=2), "")

    asyncio.run(go())


def dead_reasons(url: str, prefix: str, count: int) -> list[str]:
    async def go() -> list[str]:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            queue = await channel.get_queue(f"{prefix}.dead", ensure=False)
            found = []
            async with asyncio.timeout(20), queue.iterator() as messages:
                async for message in messages:
                    await message.ack()
                    found.append(str(message.headers["x-reason"]))
                    if len(found) == count:
                        break
            return found

    return asyncio.run(go())


def write_everywhere(sandbox: Sandbox) -> None:
    telegram, vk, whatsapp = sandbox.telegram, sandbox.vk, sandbox.whatsapp
    telegram.text(telegram.user(71, "Иван"), "Не могу оплатить госпошлину, ошибка 500")
    vk.write(vk.user(72, "Ольга"), "Не приходит код подтверждения на телефон")
    whatsapp.text(whatsapp.person("79160000073", "Пётр"), "Приложение вылетает сразу после запуска")
    sandbox.mail.deliver(
        b"From: Anna <anna@mail.test>\r\nTo: help@mail.test\r\nSubject: Help\r\nMessage-ID: <one@mail.test>\r\n"
        b"Date: Sun, 22 Nov 2026 10:00:00 +0300\r\n\r\nI cannot open my personal account, error 502\r\n"
    )


def tickets(worker: Worker) -> dict[str, str]:
    """Number by channel."""
    return {e["source"]["channel"]: e["ticket"]["number"] for e in worker.ledger.envelopes()}


def received(sandbox: Sandbox, text: str) -> dict[str, int]:
    """How often each channel's citizen got a message with this text."""
    found = {name: sum(text in sent.text for sent in getattr(sandbox, name).sent) for name in PLATFORMS}
    return {**found, "email": sum(text in letter_text(letter) for letter in sandbox.mail.received("anna@mail.test"))}


def letter_text(letter: bytes) -> str:
    body = email.message_from_bytes(letter, policy=email.policy.default).get_body()
    return str(body.get_content()) if body else ""


def message_id(letter: bytes) -> str:
    return str(email.message_from_bytes(letter, policy=email.policy.default)["Message-ID"])


def reply(number: str, *, id: str = "r", text: str = "Ответ: всё готово.", **more: object) -> bytes:
    return json.dumps({"id": f"{id}-{number}", "ticket": number, "text": text, **more}).encode()


def test_an_answer_reaches_the_citizen_once_in_each_channel_also_when_it_is_put_twice_and_the_worker_is_killed(
    sandbox: Sandbox, worker: Worker, rabbitmq: RabbitNode, broker_prefix: str
) -> None:
    write_everywhere(sandbox)
    worker.wait(lambda: len(tickets(worker)) == 4 and worker.ledger.owed() == 0, 90, "four requests are acknowledged")
    numbers = list(tickets(worker).values())

    bodies = [reply(number) for number in numbers]
    publish(rabbitmq.url, broker_prefix, *bodies, *bodies)
    wait_until(lambda: min(received(sandbox, "всё готово").values()) >= 1, 60, "each citizen has the answer")
    worker.wait(lambda: worker.ledger.owed() == 0, 45, "nothing is owed")
    assert received(sandbox, "всё готово") == {"telegram": 1, "vk": 1, "whatsapp": 1, "email": 1}

    again = [reply(number, id="s", text="И ещё одно.") for number in numbers]
    publish(rabbitmq.url, broker_prefix, *again, *again)
    worker.wait(lambda: len(worker.ledger.outgoing()) == 12, 60, "four more replies are written")
    worker.kill()
    worker.start()
    wait_until(lambda: min(received(sandbox, "И ещё одно").values()) >= 1, 100, "each citizen has the second answer")
    worker.wait(lambda: worker.ledger.owed() == 0, 45, "nothing is owed")
    found = received(sandbox, "И ещё одно")
    assert found["vk"] == 1
    # Telegram and WhatsApp cannot tell a second copy, nor a mail server, but a mail program does by its Message-ID.
    assert max(found.values()) <= 2
    ids = {
        message_id(letter) for letter in sandbox.mail.received("anna@mail.test") if "И ещё одно" in letter_text(letter)
    }
    assert len(ids) == 1

    assert received(sandbox, "всё готово") == {"telegram": 1, "vk": 1, "whatsapp": 1, "email": 1}
    assert {row.state for row in worker.ledger.outgoing()} <= {"sent", "delivered"}
    assert all(ticket.answered_at is not None and ticket.waiting_since is None for ticket in worker.ledger.tickets())


def test_an_answer_that_closes_the_ticket_closes_it_and_what_is_wrong_goes_to_the_dead_letters_with_the_reason(
    sandbox: Sandbox, worker: Worker, rabbitmq: RabbitNode, broker_prefix: str
) -> None:
    telegram = sandbox.telegram
    telegram.text(telegram.user(71, "Иван"), "Не могу оплатить госпошлину, ошибка 500")
    worker.wait(lambda: len(tickets(worker)) == 1 and worker.ledger.owed() == 0, 40, "one request is acknowledged")
    number = tickets(worker)["telegram"]

    unknown, broken = reply("261122-999999-0"), b'{"id": "x"}'
    publish(rabbitmq.url, broker_prefix, b"no json", unknown, broken, reply(number, close=True))
    wait_until(lambda: received(sandbox, "всё готово")["telegram"] == 1, 30, "the citizen has the answer")

    reasons = dead_reasons(rabbitmq.url, broker_prefix, 3)
    assert reasons[0] == "no JSON" and "no ticket has this number" in reasons[1] and "ticket" in reasons[2]
    worker.wait(lambda: worker.ledger.tickets()[0].state == "closed", 10, "the ticket is closed")
