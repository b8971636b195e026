"""The kinds of channel, and the normalizer of each: imported when it is first needed, and nothing else with it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Protocol, cast

from normalizer.message import Account, Identity, Reading


class Normalizer(Protocol):
    """What `normalizer/<kind>.py` offers."""

    identify: Callable[[bytes], Identity]
    read: Callable[[bytes, Account], Reading]
    split: Callable[[bytes], list[bytes]]


@cache
def normalizer(kind: str) -> Normalizer:
    """The normalizer of a kind of channel."""
    module = importlib.import_module(f"normalizer.{kind}")
    if not hasattr(module, "split"):
        module.split = _whole  # type: ignore[attr-defined]
    return cast(Normalizer, module)


def _whole(body: bytes) -> list[bytes]:
    return [body]


def read(kind: str, payload: bytes, account: Account) -> Reading:
    """The payload's meaning by its kind's normalizer."""
    return normalizer(kind).read(payload, account)


def kinds() -> list[str]:
    """The kinds that there are: those with a connector and a normalizer."""
    import connectors
    import normalizer as room

    return sorted(_modules(connectors) & _modules(room))


def _modules(package: object) -> set[str]:
    return {module.name for module in pkgutil.iter_modules(package.__path__)}  # type: ignore[attr-defined]
