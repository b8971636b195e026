"""A service for each driver, once for the whole session: a test brings citizens of its own."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.rules import Rules
from router.rules import load as load_rules
from tests.contract.drivers import DRIVERS, Driver
from tests.contract.service import Service


@pytest.fixture(scope="session")
def rules() -> Rules:
    """Read once: it takes half a second, and there are seven services."""
    return load_rules(Path("config/routing.toml"))


@pytest.fixture(scope="session", params=DRIVERS, ids=lambda driver: driver.kind + driver.mode)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, rules: Rules
) -> Iterator[Service]:
    """The service with one channel, and its platform."""
    driver: Driver = request.param()
    driver.open()
    with contextlib.closing(driver), Service(driver, tmp_path_factory.mktemp("contract"), rules=rules) as made:
        yield made
