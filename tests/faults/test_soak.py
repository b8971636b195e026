"""`make soak`: everything at random, for as long as `SOAK_SECONDS` says (120 if it does not); ends with the table."""

import os
import random
import secrets
import time
from collections.abc import Callable

import pytest

from tests.faults.conftest import WITH_RELAY
from tests.faults.oracle import Report
from tests.harness.letters import letters
from tests.harness.mail import Post
from tests.services.dovecot import DovecotServer
from tests.services.postgres import PostgresServer
from tests.services.proxy import TcpProxy
from tests.services.rabbitmq import RabbitNode
from tests.services.smtp import SmtpServer

SECONDS = float(os.environ.get("SOAK_SECONDS", "120"))


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_random_kills_freezes_and_cuts_lose_nothing(
    make_post: Callable[..., Post],
    proxy_to: Callable[[int], TcpProxy],
    dovecot: DovecotServer,
    smtp: SmtpServer,
    postgres: PostgresServer,
    rabbitmq: RabbitNode,
    broker_prefix: str,
    database_url: str,
    record: Callable[[Report], Report],
) -> None:
    seed = secrets.randbits(32)
    chance = random.Random(seed)
    proxies = {
        name: proxy_to(service.port) for name, service in (("imap", dovecot), ("smtp", smtp), ("amqp", rabbitmq))
    }
    post = make_post(
        rabbitmq=rabbitmq,
        prefix=broker_prefix,
        database_url=database_url,
        broker_url=proxies["amqp"].url_of(rabbitmq.url),
        imap_port=proxies["imap"].port,
        smtp_port=proxies["smtp"].port,
    )
    worker = post.worker.start()
    post.put(letters(10, series="first"))
    post.wait()
    rabbitmq.settle()

    def reset() -> None:
        proxy = chance.choice(list(proxies.values()))
        proxy.reset_after(chance.randrange(8_000), chance.choice(("to_server", "to_client")))
        proxy.reset()

    def freeze() -> None:
        pid = worker.freeze_role(chance.choice(WITH_RELAY))
        time.sleep(chance.uniform(0.1, 14))
        worker.thaw(pid)

    def kill_broker() -> None:
        rabbitmq.kill()
        worker.kills += 1
        time.sleep(chance.uniform(0, 3))
        rabbitmq.start()

    def kill_database() -> None:
        postgres.kill()
        worker.kills += 1
        postgres.start()

    deeds: list[Callable[[], None]] = [lambda: worker.kill_role(chance.choice(WITH_RELAY))] * 6
    deeds += [reset] * 6 + [freeze, worker.restart, worker.restart, kill_broker]
    if database_url.startswith("postgresql"):
        deeds.append(kill_database)
    ends, batch = time.monotonic() + SECONDS, 0
    while time.monotonic() < ends:
        post.put(letters(10, series=f"{batch}x"))
        batch += 1
        chance.choice(deeds)()
        time.sleep(chance.uniform(0, 1.5))
    for proxy in proxies.values():
        proxy.restore()
    post.wait(180)
    report = record(post.report(f"random faults, seed {seed}, mail, {database_url.partition(':')[0]}"))
    report.assert_clean(allow_double_ack=True)
    assert worker.ledger.states()["quarantined"] == 0, "a message was blamed for what was done to its processor"
