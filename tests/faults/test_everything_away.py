"""Database and broker away, apart and at once, shorter and longer than a lease, while desks answer; no process dies.

What was in work goes on by itself, in the same processes, and no citizen is told anything twice.
"""

import asyncio
import json
import os
import random
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import aio_pika
import pytest

from tests.faults.oracle import Report
from tests.harness.chats import KINDS, Chats
from tests.services.postgres import PostgresServer
from tests.services.rabbitmq import RabbitNode

SECONDS = float(os.environ.get("SOAK_SECONDS", "120"))
NAMES = ("processor", "processor-2", *KINDS, "relay", "web")
ANSWER = re.compile(r"Ответ (\w+)")


@pytest.fixture
def chats(rabbitmq: RabbitNode, broker_prefix: str, postgres_url: str) -> Iterator[Chats]:
    options: dict[str, Any] = {"database_url": postgres_url, "names": NAMES}
    with Chats(KINDS, rabbitmq=rabbitmq, prefix=broker_prefix, options=options) as made:
        yield made


def answer(chats: Chats, names: list[str]) -> None:
    """Desks answer citizens, one answer of each name."""
    assert chats.rabbitmq is not None
    url = chats.rabbitmq.url
    tickets = [envelope["ticket"]["number"] for envelope in chats.worker.ledger.envelopes()]

    async def go() -> None:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange(f"{chats.prefix}.replies", ensure=False)
            for name in names:
                body = {"id": name, "ticket": random.choice(tickets), "text": f"Ответ {name}"}
                await exchange.publish(aio_pika.Message(json.dumps(body).encode(), delivery_mode=2), "")

    asyncio.run(go())


def answers(chats: Chats) -> Counter[str]:
    shown = [ANSWER.search(sent.text) for platform in chats.platforms.values() for sent in platform.sent]
    return Counter(found[1] for found in shown if found is not None)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_outages_of_database_and_broker_stop_nothing_and_double_nothing(
    chats: Chats, postgres: PostgresServer, rabbitmq: RabbitNode, record: Callable[[Report], Report]
) -> None:
    seed = int(os.environ.get("SOAK_SEED", "0")) or secrets.randbits(32)
    chance = random.Random(seed)
    worker = chats.start()
    chats.write(4)
    chats.wait(60)
    rabbitmq.settle()
    processes = {name: worker.pid(name) for name in NAMES}

    def database_away(seconds: float) -> None:
        postgres.kill()
        time.sleep(seconds)
        postgres.start()

    def both_away(seconds: float) -> None:
        rabbitmq.kill()
        postgres.kill()
        time.sleep(seconds)
        for service in chance.sample([rabbitmq, postgres], 2):
            service.start()

    def processor_frozen(seconds: float) -> None:
        pid = worker.freeze_role(chance.choice(NAMES[:2]))
        time.sleep(chance.uniform(0, 1))
        database_away(seconds)
        time.sleep(chance.uniform(0, 4))
        worker.thaw(pid)

    deeds = [database_away, database_away, both_away, processor_frozen]
    ends, outages, published = time.monotonic() + SECONDS, 0, list[str]()
    while time.monotonic() < ends:
        names = [f"a{outages}x{number}" for number in range(6)]
        published += names
        answer(chats, names)
        chats.write(3)
        time.sleep(chance.uniform(0, 0.5))
        chance.choice(deeds)(chance.choice((0.0, 3.0, 13.0)))
        outages += 1
        worker.kills += 1
        if chance.random() < 0.5:
            chats.wait(90)
    chats.wait(120)
    worker.wait(lambda: set(answers(chats)) == set(published) and not worker.ledger.owed(), 90, "the desks' answers")
    assert {name: worker.pid(name) for name in NAMES} == processes, "nothing had to be started again"
    assert not [name for name, count in answers(chats).items() if count > 1]
    for platform in chats.platforms.values():  # the oracle knows of acknowledgements only
        platform.sent[:] = [sent for sent in platform.sent if not ANSWER.search(sent.text)]
    report = record(chats.report(f"{outages} outages of database and broker, three chats, seed {seed}"))
    report.assert_clean()
    assert worker.ledger.states()["quarantined"] == 0
