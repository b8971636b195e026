"""The portal's way in: a request is journalled like any payload, and its number is waited for."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from connectors.portal import Settings as PortalSettings
from ledger import journal, portal, serials
from ledger.crypto import SealBroken
from ledger.portal import Outcome
from ledger.storage import StorageError
from normalizer.portal import identify
from normalizer.references import Places, find
from normalizer.ticket_number import parse_exact
from pipeline.intake import AccountIntake, payload_of
from pipeline.parts import Parts
from router.rules import Rules

KIND = "portal"
DEFAULT_NAME = "portal"
# What the front adds by itself: the same request sent again differs in it.
_OWN_FIELDS = ("sent_at",)
LOOK_SECONDS = (0.01, 0.02, 0.03, 0.05, 0.1)
JOURNAL_SECONDS = 10.0
DONE = ("enveloped", "merged", "redelivered", "ignored", "quarantined")


class KeyUsedBefore(Exception):
    """Another request was sent under this idempotency key."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A request that is in the journal. `again`: it was there before."""

    journal_id: int
    again: bool


class Front:
    """The intake of one portal channel: the configured one of this name, or the form's own where none is configured."""

    def __init__(self, parts: Parts, name: str | None = None) -> None:
        channels = parts.settings.channels
        names = [key for key, channel in channels.items() if channel.kind == KIND]
        self.parts = parts
        self.name = name or next(iter(names), DEFAULT_NAME)
        configured = channels.get(self.name)
        self.settings = configured if isinstance(configured, PortalSettings) else PortalSettings.model_validate({})
        self._intake = AccountIntake(
            parts, KIND, self.name, self.name, lease=None, acknowledge=self.settings.acknowledge
        )

    async def submit(self, value: Mapping[str, Any]) -> Receipt:
        """Journal one request. When this returns, it is durable.

        Raises `KeyUsedBefore`, `LedgerAway`, `StorageError` or TimeoutError.
        """
        unit = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        async with asyncio.timeout(JOURNAL_SECONDS):
            fresh = await self._intake.accept_once([unit])
        key = journal.key_hash(self.parts.keys, KIND, self.name, identify(unit).key)
        row = await self.parts.database.look(lambda conn: portal.journalled(conn, key))
        if row is None:  # nothing deletes rows of the journal
            raise RuntimeError("a request that was journalled is not in the journal")
        if not fresh and not await asyncio.to_thread(self._same, row, unit):
            raise KeyUsedBefore
        return Receipt(row["id"], not fresh)

    def _same(self, row: Any, unit: bytes) -> bool:
        try:
            before = payload_of(self.parts, row)
        except (LookupError, SealBroken, StorageError):
            return True  # its bytes are gone: nothing says that it was another
        return bool(_essence(before) == _essence(unit))

    async def outcome(self, journal_id: int, seconds: float) -> Outcome | None:
        """What became of a request, waited for so long; None when there is none, or it is still being processed."""
        deadline = time.monotonic() + seconds
        for step in _steps():
            found = await self.parts.database.look(lambda conn: portal.outcome(conn, journal_id))
            if found is not None and found.state in DONE:
                return found
            if time.monotonic() + step >= deadline:
                return None
            await asyncio.sleep(step)
        return None


def _steps() -> Any:
    yield from LOOK_SECONDS
    while True:
        yield LOOK_SECONDS[-1]


def _essence(unit: bytes) -> Any:
    value = json.loads(unit)
    return {name: item for name, item in value.items() if name not in _OWN_FIELDS}


class Numbers:
    """Reads ticket numbers as people write them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._first: date | None = None

    async def read(self, written: str) -> str | None:
        """The number in the one form that is stored, or None for what is none. It need not be given out yet."""
        written = written.strip()[:100]
        exact = parse_exact(written)
        if exact is not None:
            return str(exact)
        first, last = await self._days()
        found = find(Places(own=f"№ {written}"), first_day=first, last_day=last).found
        return found[0].number if found else None

    async def _days(self) -> tuple[date, date]:
        now = self._parts.clock()
        zone = self._parts.settings.tickets.timezone
        today = datetime.fromtimestamp(now, zone).date()
        if self._first is None:
            self._first = await self._parts.database.look(serials.first_day)
        return min(self._first or today, today), today + timedelta(days=1)


def identity_hashes(parts: Parts, values: Collection[tuple[str, str]]) -> list[bytes]:
    """The names of identities in the ledger; `values`: kind (channel, phone, email, inn, snils) and value."""
    return [parts.keys.identity(kind, value) for kind, value in values]


def ticket_state(row: Mapping[str, Any]) -> str:
    """`open`, `answered` or `closed`, as a citizen is told."""
    if row["state"] == "closed":
        return "closed"
    return "answered" if row["answered_at"] is not None and row["waiting_since"] is None else "open"


def categories(rules: Rules, language: str) -> list[tuple[str, str]]:
    """Names and titles of what can be chosen, `other` last."""
    titles = rules.titles[language]
    return sorted(((name, titles[name]) for name in rules.categories), key=lambda pair: pair[0] == "other")
