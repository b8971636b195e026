"""From a raw payload to a journal row: what tells it apart, sealed, and durable when it returns."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import structlog

from connectors.base import ConnectorError, Fenced
from ledger import cursors, health, journal, leases
from ledger.database import Connection
from ledger.errors import Fenced as LeaseLost
from ledger.errors import LedgerAway
from ledger.group_commit import GroupCommit
from ledger.journal import Entry
from ledger.leases import Lease
from ledger.storage import StorageError
from normalizer.message import Identity
from pipeline.kinds import normalizer
from pipeline.parts import Parts

log = structlog.get_logger()

T = TypeVar("T")

# Between tries while the database is away: seconds, doubled up to the last, with jitter.
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
RECEIVING, SENDING, FETCHING = "receiving", "sending", "fetching"
CUT = b"X-Priemnaya-Cut: larger than the limit\r\n"


def entry(
    parts: Parts, kind: str, account: str, platform_account: str, unit: bytes, *, wait: bool = True, acknowledge: bool
) -> Entry:
    """The journal's entry of one payload. Large ones are written to the storage first. Raises `StorageError`."""
    if kind == "email" and len(unit) > parts.settings.limits.mail:
        # Cut at the limit, and said so in a header of its own: the normalizer flags it, nothing else changes.
        unit = CUT + unit[: parts.settings.limits.mail]
    identity = normalizer(kind).identify(unit)
    keys = parts.keys
    now = parts.clock()
    payload: bytes | None = None
    payload_key, wrapped = None, None
    if len(unit) <= journal.INLINE_BYTES:
        payload = keys.seal(unit, b"payload")
    else:
        stored = parts.storage.put(unit, limit=len(unit))
        payload_key, wrapped = stored.key, stored.wrapped_key
    return Entry(
        key_hash=journal.key_hash(keys, kind, _owner(kind, platform_account), identity.key),
        kind=kind,
        account=account,
        platform_account=platform_account,
        payload=payload,
        payload_key=payload_key,
        payload_wrapped=wrapped,
        received_at=now,
        due_at=now + (identity.wait if wait else 0.0),
        acknowledge=acknowledge,
        **place(parts, kind, platform_account, unit, identity),
    )


def _owner(kind: str, platform_account: str) -> str:
    """The same letter through two mailboxes is one: what tells mail apart is its content, not the mailbox."""
    return "" if kind == "email" else platform_account


def place(parts: Parts, kind: str, platform_account: str, unit: bytes, identity: Identity) -> dict[str, Any]:
    """The columns of the journal that say what a payload belongs to."""
    keys, group, owner = parts.keys, identity.group, _owner(kind, platform_account)
    return {
        "conversation": journal.conversation_hash(keys, kind, owner, identity.conversation),
        "album": keys.keyed_hash(b"album", group.encode("utf-8", "replace"))[:16].hex() if group else None,
        "size": len(unit),
        "sent_at": identity.sent_at.timestamp() if identity.sent_at else None,
    }


def payload_of(parts: Parts, row: Any) -> bytes:
    """The raw bytes of a journal row. Raises `StorageError` or `SealBroken`; LookupError when it was erased."""
    if row.payload is not None:
        return parts.keys.unseal(bytes(row.payload), b"payload")
    if row.payload_key is None:
        raise LookupError("the payload was erased")
    return b"".join(parts.storage.open(row.payload_key, bytes(row.payload_wrapped)))


@dataclass(frozen=True, slots=True)
class _Delivery:
    """What one `accept` writes: rows, and the cursor under the lease that guards it."""

    entries: tuple[Entry, ...]
    cursor: Mapping[str, Any] | None


class AccountIntake:
    """`connectors.base.Intake` for one account of one channel. `lease` is None for webhooks: they move no cursor."""

    def __init__(
        self,
        parts: Parts,
        kind: str,
        name: str,
        platform_account: str,
        lease: Lease | None,
        *,
        acknowledge: bool | None = None,
        source: str | None = None,
    ) -> None:
        """`source`: what the cursor is of, where that is not the whole account (a folder of a mailbox)."""
        self.parts = parts
        self.kind = kind
        self.name = name
        self.platform_account = platform_account
        self.lease = lease
        self._cursor_name = f"{kind}:{source or platform_account}"
        channel = parts.settings.channels.get(name)
        by_channel = channel.acknowledge if channel else False
        self._acknowledge = by_channel if acknowledge is None else acknowledge
        self._commits: GroupCommit[_Delivery, int] = GroupCommit(parts.database, self._write, first=True)
        self._troubles: dict[str, str] = {}  # by the side of the channel that has it
        self._said_at = 0.0

    async def accept(
        self, payloads: Sequence[bytes], cursor: Mapping[str, Any] | None = None, *, acknowledge: bool = True
    ) -> int:
        """See `connectors.base.Intake`."""
        return await self._until_back(lambda: self.accept_once(payloads, cursor, acknowledge=acknowledge))

    async def accept_once(
        self, payloads: Sequence[bytes], cursor: Mapping[str, Any] | None = None, *, acknowledge: bool = True
    ) -> int:
        """`accept` that raises `LedgerAway` or `StorageError` instead of waiting: the web front answers 503."""
        # What holds nothing is a unit too: the platform is told that it is taken, so it has an end that is seen.
        units = [unit for payload in payloads for unit in normalizer(self.kind).split(payload) or [payload]]
        where = (self.parts, self.kind, self.name, self.platform_account)
        made = partial(entry, *where, acknowledge=self._acknowledge and acknowledge)
        if any(len(unit) > journal.INLINE_BYTES for unit in units):
            entries = await asyncio.to_thread(self.parts.storage.at_once, made, units)
        else:
            entries = [made(unit) for unit in units]
        return await self._commits.submit(_Delivery(tuple(entries), cursor))

    def _write(self, conn: Connection, deliveries: Sequence[_Delivery]) -> list[int]:
        if self.lease is not None:
            leases.guard(conn, self.lease)
        rows = journal.append(conn, [row for delivery in deliveries for row in delivery.entries])
        moved = [delivery.cursor for delivery in deliveries if delivery.cursor is not None]
        if moved:
            token = self.lease.token if self.lease else 0
            cursors.move(conn, self._cursor_name, json.dumps(moved[-1]), token, self.parts.clock())
        return [sum(row.key_hash in rows for row in delivery.entries) for delivery in deliveries]

    async def cursor(self) -> dict[str, Any] | None:
        """See `connectors.base.Intake`."""

        async def read() -> dict[str, Any] | None:
            value = await self.parts.database.look(lambda conn: cursors.read(conn, self._cursor_name))
            return json.loads(value) if value else None

        return await self._until_back(read)

    @property
    def in_trouble(self) -> bool:
        """Whether trouble was the last that was said of receiving."""
        return RECEIVING in self._troubles

    async def healthy(self) -> None:
        """See `connectors.base.Intake`."""
        known = self._troubles.pop(RECEIVING, None)
        if known is not None:
            log.info("channel is well again", channel=self.name)
        elif self.parts.clock() - self._said_at < health.SAY_EVERY:
            return
        await self._say()

    async def trouble(self, error: ConnectorError) -> None:
        """See `connectors.base.Intake`."""
        await self._has_trouble(RECEIVING, error)

    async def sending(self, error: ConnectorError | None) -> None:
        """How the other side is, of which receiving tells nothing: what refuses it, or None once a message is taken."""
        await self._other_side(SENDING, error, "the platform takes messages again")

    async def fetching(self, error: ConnectorError | None) -> None:
        """How the fetching of files is: what refuses the account, or None once a file has come."""
        await self._other_side(FETCHING, error, "the platform gives files again")

    async def _other_side(self, side: str, error: ConnectorError | None, well: str) -> None:
        if error is not None:
            await self._has_trouble(side, error)
        elif self._troubles.pop(side, None) is not None:
            log.info(well, channel=self.name)
            await self._say()

    async def _has_trouble(self, side: str, error: ConnectorError) -> None:
        text = str(error)
        if text != self._troubles.get(side):
            cause = {} if error.__cause__ is None else {"cause": error.__cause__}
            log.warning("channel has trouble", channel=self.name, side=side, error=text, **cause)
        self._troubles[side] = text
        await self._say()

    async def _say(self) -> None:
        self._said_at = self.parts.clock()
        detail = "; ".join(dict.fromkeys(self._troubles.values())) or None
        state = "trouble" if detail else "ok"
        try:
            component = f"channel:{self.name}"
            await self.parts.database.run(lambda conn: health.say(conn, component, state, detail, self.parts.clock()))
        except LedgerAway:
            log.debug("health not written: the database is away", channel=self.name)

    async def _until_back(self, work: Callable[[], Awaitable[T]]) -> T:
        wait = FIRST_WAIT
        while True:
            try:
                return await work()
            except LeaseLost:
                raise Fenced(f"the lease of {self.name} is with another worker") from None
            except (LedgerAway, StorageError) as error:
                if wait == FIRST_WAIT:
                    log.warning(
                        "cannot write to the ledger; the platform is not told", channel=self.name, error=str(error)
                    )
                await asyncio.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
                wait = min(wait * 2, LONGEST_WAIT)
