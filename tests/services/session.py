"""Services that last for the whole session: started when first asked for, healed after every test, ended at the end."""

import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests.services.process import Service, ServiceMissing

S = TypeVar("S", bound=Service)

_started: list[Service] = []


def started(make: Callable[[], S]) -> Iterator[S]:
    """The body of a session's fixture. What is not installed skips the test on a laptop, and fails it under CI."""
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


def heal_all() -> None:
    """Whatever a test did to a service, the next one finds it running."""
    for service in _started:
        service.heal()
