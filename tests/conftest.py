"""Fixtures for all tests: the real services, started when first asked for, and healed after a test that broke one."""

import gc
import secrets
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from router.rules import Rules
from tests.linking.world import World
from tests.services.chromium import Chromium
from tests.services.dovecot import DovecotServer
from tests.services.postgres import PostgresServer
from tests.services.proxy import TcpProxy
from tests.services.rabbitmq import RabbitNode
from tests.services.session import heal_all, started
from tests.services.smtp import SmtpServer

# By the clock on the wall, on a busy machine, any example may be slow once.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


def pytest_collection_finish() -> None:
    """To look through what seven thousand collected tests hold takes a second: rarely, and not in any test's time."""
    gc.collect()
    gc.set_threshold(5_000, 20, 200)


@pytest.fixture(scope="session", autouse=True)
def rules_read_once() -> Iterator[None]:
    """The same rules in nearly every test: to read them and make every form of their words takes half a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rules, "parse", staticmethod(lru_cache(maxsize=4)(Rules.parse)))
        yield


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    heal_all()


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
    postgres.heal()
    postgres.drop_database(url)


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


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A whole Priemnaya without processes, on each kind of database."""
    world = World(database_url, tmp_path)
    yield world
    world.close()


@pytest.fixture(scope="session")
def dovecot() -> Iterator[DovecotServer]:
    """A private Dovecot for the session; `dovecot.add_user()` makes a test's own mailbox."""
    yield from started(DovecotServer)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """A browser for the session; `chromium.open()` gives a window of a test's own."""
    yield from started(Chromium)


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
