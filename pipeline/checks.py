"""`check`: reaches every part for real, and says what to do about each that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from config import page_texts
from config.key import ensure_encryption_key, key_note
from config.settings import Settings
from config.texts import Texts, TextsError
from connectors.base import ConnectorError, Transient
from ledger.errors import LedgerError, LedgerUnusable
from ledger.storage import StorageError
from pipeline.channels import connector_of

SECONDS = 30.0
_REACH = "does this machine reach it? Its addresses stand in [channels.{}]"


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: whether it is well, what was reached, and what to do when it was not."""

    part: str
    ok: bool
    detail: str

    def line(self) -> str:
        """For a person."""
        return f"{'ok    ' if self.ok else 'FAILED'} {self.part}: {self.detail}"

    def as_dict(self) -> dict[str, Any]:
        """For a machine."""
        return asdict(self)


def check_all(settings: Settings) -> list[Finding]:
    """Every part, one after the other; none stops the rest."""
    found = [_rules(settings), _texts(settings), _database(settings), _storage(settings), _disk(settings)]
    found.append(asyncio.run(_broker(settings)))
    found += asyncio.run(_channels(settings))
    return found


def _rules(settings: Settings) -> Finding:
    from router.rules import RulesError, load

    try:
        rules = load(settings.routing.path)
    except (RulesError, OSError) as error:
        return Finding("routing", False, f"{error}; see routing.file")
    return Finding("routing", True, f"{len(rules.desks)} desks")


def _texts(settings: Settings) -> Finding:
    try:
        Texts.load(settings.texts.path)
        page_texts.load(settings.texts.path)
    except TextsError as error:
        return Finding("texts", False, f"{'; '.join(error.problems)}; see texts.folder")
    return Finding("texts", True, "every text can be said")


def _database(settings: Settings) -> Finding:
    from pipeline.parts import open_parts

    try:
        parts = open_parts(settings)
    except LedgerUnusable as error:
        return Finding("database", False, str(error))
    except LedgerError as error:
        return Finding("database", False, f"{error}; see database.url")
    except (OSError, StorageError) as error:
        return Finding("database", False, f"{error}; see database.url and storage.url")
    dialect = parts.database.dialect
    parts.close()
    return Finding("database", True, f"{dialect}, migrated, written to and read")


def _storage(settings: Settings) -> Finding:
    from ledger.storage import Storage

    try:
        line = Storage(settings.storage.url, ensure_encryption_key(settings)).check()
    except (OSError, StorageError) as error:
        return Finding("storage", False, f"{error}; see storage.url")
    return Finding("storage", True, f"{line}; {key_note(settings)}")


def _disk(settings: Settings) -> Finding:
    from pipeline.housekeeping import room

    full = room(settings)
    return Finding("disk", full is None, full or "there is room")


async def _broker(settings: Settings) -> Finding:
    url = settings.broker.url.get_secret_value()
    if not url:
        return Finding("broker", True, "none is set: envelopes wait in the outbox; set broker.url")
    import aio_pika

    from pipeline.broker import refusal
    from router.rules import load
    from router.topology import declare

    try:
        async with asyncio.timeout(SECONDS), await aio_pika.connect(url) as connection:
            differences = await declare(connection, load(settings.routing.path), settings.broker.prefix)
    except (TimeoutError, OSError, aio_pika.exceptions.AMQPError, ValueError) as error:
        return Finding("broker", False, f"{refusal(error)}; see broker.url")
    if differences:
        return Finding("broker", False, "; ".join(map(str, differences)))
    return Finding("broker", True, "connected; exchanges, queues and bindings are there")


async def _channels(settings: Settings) -> list[Finding]:
    taken: dict[tuple[str, str], str] = {}
    return [await _channel(settings, name, taken) for name in settings.channels]


async def _channel(settings: Settings, name: str, taken: dict[tuple[str, str], str]) -> Finding:
    part = f"channel {name} ({settings.channels[name].kind})"
    connector = connector_of(settings, name)
    try:
        account = getattr(connector, "source", None) or await connector.account()
        other = taken.setdefault((connector.kind, account), name)
        if other != name:
            return Finding(part, False, f"has the same account as {other}, and would stand by for ever; remove one")
        line = await _bounded(connector.check)
    except Transient as error:
        return Finding(part, False, f"{error}; {_REACH.format(name)}")
    except ConnectorError as error:  # its text says what to do
        return Finding(part, False, str(error))
    except TimeoutError:
        return Finding(part, False, f"did not answer within {SECONDS:g} s; {_REACH.format(name)}")
    finally:
        await connector.close()
    return Finding(part, True, line)


async def _bounded(check: Callable[[], Awaitable[str]]) -> str:
    async with asyncio.timeout(SECONDS):
        return await check()
