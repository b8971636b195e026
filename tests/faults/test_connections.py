"""Fault 14: TCP resets at many byte offsets, to the broker, the database, IMAP and SMTP at once."""

import random
from collections.abc import Callable

import pytest

from tests.faults.oracle import Report
from tests.harness.letters import letters
from tests.harness.mail import Post
from tests.services.dovecot import DovecotServer
from tests.services.postgres import PostgresServer
from tests.services.proxy import Direction, TcpProxy
from tests.services.rabbitmq import RabbitNode
from tests.services.smtp import SmtpServer

OFFSETS = (0, 1, 60, 300, 900, 2_500, 6_000, 20_000)
WAYS: tuple[Direction, Direction] = ("to_server", "to_client")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("offsets", [OFFSETS[1::3], pytest.param(OFFSETS, marks=pytest.mark.soak)], ids=len)
def test_14_resets_at_many_byte_offsets_lose_nothing(
    make_post: Callable[..., Post],
    proxy_to: Callable[[int], TcpProxy],
    dovecot: DovecotServer,
    smtp: SmtpServer,
    postgres: PostgresServer,
    postgres_url: str,
    rabbitmq: RabbitNode,
    broker_prefix: str,
    record: Callable[[Report], Report],
    offsets: tuple[int, ...],
) -> None:
    proxies = {name: proxy_to(port) for name, port in _ports(dovecot, smtp, postgres, rabbitmq).items()}
    post = make_post(
        rabbitmq=rabbitmq,
        prefix=broker_prefix,
        database_url=proxies["postgres"].url_of(postgres_url),
        broker_url=proxies["rabbitmq"].url_of(rabbitmq.url),
        imap_port=proxies["imap"].port,
        smtp_port=proxies["smtp"].port,
    )
    worker = post.worker.start()
    written = letters(10 * len(offsets))
    resets = 0
    for number, offset in enumerate(offsets):
        for name, proxy in proxies.items():
            after = offset + random.randrange(1 + offset // 4)
            # A letter that could not be sent is tried again after seconds, the others at once.
            proxy.reset_after(after, random.choice(WAYS), connections=1 if name == "smtp" else 3)
            proxy.reset()  # what is open goes too: the next ones are cut at the offset
            resets += 1
        post.put(written[10 * number : 10 * number + 10])
        worker.wait(
            # Not every connection carries so many bytes: then the letters are through without a cut.
            lambda: post.settled() or all(proxy._fault and not proxy._fault.left for proxy in proxies.values()),
            90,
            f"connections were cut at {offset}, or all is through",
        )
    for proxy in proxies.values():
        proxy.restore()
    post.wait(90)
    worker.kills += resets
    record(post.report(f"resets at {len(offsets)} offsets, 4 services, mail, postgresql")).assert_clean(
        allow_double_ack=True
    )


def _ports(dovecot: DovecotServer, smtp: SmtpServer, postgres: PostgresServer, rabbitmq: RabbitNode) -> dict[str, int]:
    return {"imap": dovecot.port, "smtp": smtp.port, "postgres": postgres.port, "rabbitmq": rabbitmq.port}
