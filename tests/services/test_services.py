"""The services of the tests do what the other tests believe of them."""

import asyncio
import os
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import aio_pika
import psycopg
import pytest
from imapclient import IMAPClient

from tests.services.dovecot import DovecotServer
from tests.services.postgres import PostgresServer
from tests.services.process import HOST, Service, ServiceMissing, find_program, free_port, speaks, wait_until
from tests.services.rabbitmq import RabbitNode
from tests.services.session import started

LETTER = b"From: anna@example.org\r\nSubject: test\r\n\r\nbody\r\n"


async def _publish(url: str, queue: str, body: bytes) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True, arguments={"x-queue-type": "quorum"})
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, queue, mandatory=True)


async def _take(url: str, queue: str) -> bytes:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        declared = await channel.declare_queue(queue, passive=True)
        message = await declared.get(timeout=20)
        assert message is not None
        await message.ack()
        return message.body


def test_a_confirmed_message_survives_the_killing_of_the_broker(rabbitmq: RabbitNode, broker_prefix: str) -> None:
    asyncio.run(_publish(rabbitmq.url, broker_prefix, b"kept"))
    rabbitmq.settle()
    rabbitmq.kill()
    assert not speaks(rabbitmq.port, b"AMQP\x00\x00\x09\x01", b"\x01")
    rabbitmq.start()
    assert asyncio.run(_take(rabbitmq.url, broker_prefix)) == b"kept"


def test_a_frozen_broker_keeps_silent_and_answers_once_thawed(rabbitmq: RabbitNode) -> None:
    rabbitmq.freeze()
    assert not rabbitmq.ready()
    rabbitmq.thaw()
    wait_until(rabbitmq.ready, 10, "an answer of the thawed broker")


def test_rabbitmqctl_asks_the_private_node(rabbitmq: RabbitNode) -> None:
    assert rabbitmq.rabbitmqctl("list_vhosts", "name").split() == ["name", "/"]


def test_a_broken_service_is_healed_before_the_next_test(rabbitmq: RabbitNode) -> None:
    rabbitmq.freeze()
    rabbitmq.heal()
    wait_until(rabbitmq.ready, 10, "an answer of the healed broker")


def test_a_commit_survives_the_killing_of_postgresql(postgres: PostgresServer, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    postgres.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres_url)
    postgres.start()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_a_database_of_each_kind_is_empty_and_its_own(database_url: str) -> None:
    assert database_url.startswith(("sqlite:///", "postgresql://"))
    if database_url.startswith("postgresql://"):
        with psycopg.connect(database_url) as connection:
            tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        assert tables == (0,)
    else:
        assert not Path(database_url.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_dovecot_takes_a_login_over_each_kind_of_connection(dovecot: DovecotServer, security: str) -> None:
    user = dovecot.add_user()
    dovecot.append(user, LETTER)
    context = ssl.create_default_context(cafile=str(dovecot.ca_file))
    port = dovecot.tls_port if security == "tls" else dovecot.port
    with IMAPClient(HOST, port, ssl=security == "tls", ssl_context=context if security == "tls" else None) as client:
        if security == "starttls":
            client.starttls(context)
        client.login(user, dovecot.password)
        client.select_folder("INBOX", readonly=True)
        assert client.fetch([1], [b"BODY.PEEK[]"])[1][b"BODY[]"] == LETTER


def test_dovecot_takes_a_token_until_it_is_revoked(dovecot: DovecotServer) -> None:
    user = dovecot.add_user()
    token = dovecot.token(user)
    with IMAPClient(HOST, dovecot.port, ssl=False) as client:
        client.oauth2_login(user, token)
        assert client.list_folders()
    dovecot.revoke(token)
    client = IMAPClient(HOST, dovecot.port, ssl=False)
    with pytest.raises(client.Error):
        client.oauth2_login(user, token)
    client.shutdown()


def test_a_changed_uidvalidity_keeps_the_letters_under_new_uids(dovecot: DovecotServer) -> None:
    user = dovecot.add_user()
    dovecot.append(user, LETTER, LETTER)
    with dovecot.session(user) as session:
        session.select("INBOX")
        session.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
        session.expunge()
    before = dovecot.uidvalidity(user)
    assert dovecot.change_uidvalidity(user) > before
    with dovecot.session(user) as session:
        session.select("INBOX")
        assert session.uid("SEARCH", "ALL") == ("OK", [b"1"])


def test_bytes_that_imap_refuses_can_be_delivered(dovecot: DovecotServer) -> None:
    user = dovecot.add_user()
    dovecot.deliver(user, b"Subject: \x00\r\n\r\n\x00", folder="Odd")
    dovecot.deliver(user, b"", folder="Odd")
    with dovecot.session(user) as session:
        assert session.select("Odd") == ("OK", [b"2"])


def test_a_killed_dovecot_comes_back_with_its_letters(dovecot: DovecotServer) -> None:
    user = dovecot.add_user()
    dovecot.append(user, LETTER)
    dovecot.kill()
    with pytest.raises(OSError):
        dovecot.append(user, LETTER)
    dovecot.start()
    with dovecot.session(user) as session:
        assert session.select("INBOX") == ("OK", [b"1"])


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(ServiceMissing, match="no-such-program is not installed: apt-get install some-package"):
        find_program("no-such-program", "some-package")


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_service_fails_under_ci_and_skips_elsewhere(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    class Missing(Service):
        def __init__(self) -> None:
            find_program("no-such-program", "some-package")

    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="apt-get install some-package"):
        next(started(Missing))


def test_ports_given_out_are_free_and_lie_below_the_ephemeral_range() -> None:
    ports = {free_port() for _ in range(20)}
    assert len(ports) == 20
    assert all(20_000 <= port < 32_000 for port in ports)


KILLED = """
import sys, time
from tests.services.{module} import {name}
service = {name}().start()
print(service.folder, service.port, service.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(("module", "name"), [("postgres", "PostgresServer"), ("dovecot", "DovecotServer")])
def test_nothing_of_a_service_is_left_when_its_tests_are_killed(
    request: pytest.FixtureRequest, module: str, name: str
) -> None:
    request.getfixturevalue(module)  # skips where it is not installed
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", KILLED.format(module=module, name=name)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    ) as tests:
        assert tests.stdout is not None
        folder, port, pid = tests.stdout.readline().split()
        assert Path(folder).is_dir()
        assert _exists(int(pid))
        started = time.monotonic()
        tests.send_signal(signal.SIGKILL)
        wait_until(lambda: not Path(folder).exists() and not _exists(int(pid)), 10, "the end of the service")
        assert time.monotonic() - started < 10
        assert not speaks(int(port), b"", b"*")


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
