"""Fetches the files that an account's platform holds: after the journal, retried, bounded; an event tells the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from connectors.base import AccountTrouble, Connector, ConnectorError, Final, Transient
from ledger import attachments, outbox
from ledger.attachments import Wanted
from ledger.database import Connection
from ledger.leases import Lease
from ledger.storage import TooLarge, Unavailable
from normalizer.media_type import sniff
from pipeline import events
from pipeline.parts import Parts

log = structlog.get_logger()

AT_ONCE = 4
FETCH_SECONDS = 120.0
# Telegram's and Meta's links end within the hour, but each try asks for a new one; after a day the file is gone.
FIRST_RETRY, LONGEST_RETRY, MOST_ATTEMPTS = 3.0, 1800.0, 40
SNIFFED_BYTES = 8192


class Health(Protocol):
    """Who is told how the fetching side is: see `AccountIntake`."""

    async def fetching(self, error: ConnectorError | None) -> None:
        """What refuses the account, or None once a file has come."""


@dataclass
class Downloader:
    """The fetching side of one account, under the lease of its holder."""

    parts: Parts
    connector: Connector
    lease: Lease
    intake: Health

    async def round(self) -> int:
        """Fetch what is due. Returns how many were tried. Raises `LedgerAway` or `Fenced`."""
        now, name = self.parts.clock(), self.connector.name
        if not await self.parts.database.look(lambda conn: attachments.anything(conn, name, now)):
            return 0
        found = await self.parts.database.run(
            lambda conn: attachments.wanted(conn, self.parts.keys, self.lease, name, now, AT_ONCE)
        )
        # Each is waited for even where one fails: what is still being fetched must not be taken up by the next round.
        ends = await asyncio.gather(*(self._one(item) for item in found), return_exceptions=True)
        for error in ends:
            if error is not None:
                raise error
        return len(found)

    async def _one(self, item: Wanted) -> None:
        head = bytearray()

        async def content() -> AsyncIterator[bytes]:
            async for piece in self.connector.fetch(item.fetch, self.parts.limits.attachment):
                if len(head) < SNIFFED_BYTES:
                    head.extend(piece[: SNIFFED_BYTES - len(head)])
                yield piece

        try:
            async with asyncio.timeout(FETCH_SECONDS):
                file = await self.parts.storage.put_async(content(), limit=self.parts.limits.attachment)
        except TooLarge:
            await self._refuse(item, "larger than the limit")
        except Final as error:
            await self._refuse(item, str(error))
        except AccountTrouble as error:  # said at once: after a day of tries the file is lost
            await self.intake.fetching(error)
            await self._later(item, str(error))
        except (Transient, Unavailable, TimeoutError) as error:
            await self._later(item, str(error) or "it did not come in time")
        except Exception as error:  # a fault of ours: no other file waits for it
            log.error("a file cannot be fetched", channel=self.connector.name, exc_info=error)
            await self._later(item, f"it cannot be fetched: {type(error).__name__}")
        else:
            await self.intake.fetching(None)
            media_type = sniff(bytes(head), item.media_type)
            event = self._event(item, "stored", None)

            def work(conn: Connection) -> bool:
                kept = attachments.stored(conn, self.lease, item.id, file, media_type)
                if kept:
                    outbox.add(conn, [event])
                return kept

            if not await self.parts.database.run(work):
                await asyncio.to_thread(self.parts.storage.delete, file.key)

    async def _later(self, item: Wanted, reason: str) -> None:
        if item.attempts >= MOST_ATTEMPTS:
            await self._refuse(item, f"given up: {reason}")
        else:
            await self._again(item, reason)

    async def _refuse(self, item: Wanted, reason: str) -> None:
        event = self._event(item, "refused", reason)

        def work(conn: Connection) -> None:
            if attachments.refused(conn, self.lease, item.id, reason):
                outbox.add(conn, [event])

        await self.parts.database.run(work)

    def _event(self, item: Wanted, state: str, reason: str | None) -> dict[str, Any]:
        return events.row(
            self.parts.clock(),
            "attachment",
            conversation=f"attachment:{item.envelope_id}",
            ticket=item.ticket,
            journal_id=item.journal_id,
            channel=self.connector.kind,
            account=self.connector.name,
            envelope_id=item.envelope_id,
            attachment_id=item.id,
            state=state,
            reason=reason,
        )

    async def _again(self, item: Wanted, reason: str) -> None:
        log.info("a file did not come; it is tried again", channel=self.connector.name, error=reason)
        due = self.parts.clock() + min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(item.attempts - 1, 10))
        await self.parts.database.run(lambda conn: attachments.again(conn, self.lease, item.id, due, reason))
