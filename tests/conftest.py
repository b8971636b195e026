"""Fixtures for all tests: the real services, started when first asked for, and healed after a test that broke one."""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.services.dovecot import DovecotServer
from tests.services.postgres import PostgresServer
from tests.services.process import Service, ServiceMissing
from tests.services.proxy import TcpProxy
from tests.services.rabbitmq import RabbitNode
from tests.services.smtp import SmtpServer

S = TypeVar("S", bound=Service)

_started: list[Service] = []


def started(make: Callable[[], S]) -> Iterator[S]:
    """A service for the session. One that is not installed skips the test on a laptop, and fails it under CI."""
    try:
        service = make()
    except ServiceMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
    try:
        service.start()
        _started.append(service)
        yield service
    finally:
        if service in _started:
            _started.remove(service)
        service.close()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Whatever a test did to a service, the next one finds it running."""
    for service in _started:
        service.heal()


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitNode]:
    """A private RabbitMQ for the session; use `broker_prefix` to stay out of other tests' queues."""
    yield from started(RabbitNode)


@pytest.fixture
def broker_prefix() -> str:
    """A value for `[broker] prefix` that no other test has."""
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A private PostgreSQL for the session."""
    yield from started(PostgresServer)


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """An empty database of PostgreSQL."""
    url = postgres.create_database()
    yield url
    postgres.start().drop_database(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A database of SQLite that does not exist yet."""
    return f"sqlite:///{tmp_path / 'priemnaya.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database, once of each kind."""
    url = request.getfixturevalue(f"{request.param}_url")
    assert isinstance(url, str)
    return url


@pytest.fixture(scope="session")
def dovecot() -> Iterator[DovecotServer]:
    """A private Dovecot for the session; `dovecot.add_user()` makes a test's own mailbox."""
    yield from started(DovecotServer)


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    """A plain SMTP server of the test's own; others are made with `SmtpServer(security=…, users=…)`."""
    with SmtpServer() as server:
        yield server


@pytest.fixture
def proxy_to() -> Iterator[Callable[[int], TcpProxy]]:
    """Starts a proxy to a port of 127.0.0.1; all are stopped at the end of the test."""
    proxies: list[TcpProxy] = []

    def make(port: int) -> TcpProxy:
        proxies.append(TcpProxy(port).start())
        return proxies[-1]

    yield make
    for proxy in proxies:
        proxy.stop()
