"""One channel's process: the holder of the account's lease receives (where it is polled), sends and fetches."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from connectors.base import AccountTrouble, ConnectorError, Fenced, Transient
from ledger import attachments, outgoing
from ledger.database import Connection
from ledger.errors import Fenced as LeaseLost
from ledger.errors import LedgerAway
from ledger.leases import Lease
from ledger.wake import Waker
from pipeline.channels import connector_of
from pipeline.downloader import Downloader
from pipeline.intake import AccountIntake
from pipeline.parts import Parts
from pipeline.roles import Holder, either, pause
from pipeline.sender import Record, Sender
from router.tasks import cancelled

log = structlog.get_logger()

IDLE_SECONDS = 5.0
# Answers that become due one by one are taken together (see `Waker`).
REST_SECONDS = 0.02
PREPARE_SECONDS = 3600.0
# What is being sent is finished and recorded before the process ends: else a citizen would get it twice.
DRAIN_SECONDS = 15.0
PREPARE_AGAIN_SECONDS = 30.0
LONGEST_WAIT = 60.0
ADOPT_SECONDS = 15.0


@dataclass
class Channel:
    """Runs one configured channel until it is told to stop."""

    parts: Parts
    name: str
    _unrecorded: dict[int, Record] = field(default_factory=dict, init=False)  # see `Sender`

    async def run(self, stop: asyncio.Event) -> None:
        """Hold the account's lease and do its work; stand by while another worker has it."""
        connector = connector_of(self.parts.settings, self.name)
        if hasattr(connector, "most_bytes"):
            connector.most_bytes = self.parts.settings.limits.mail
        account = await connector.account()
        source = getattr(connector, "source", account)
        holder = Holder(self.parts, f"channel:{connector.kind}:{source}", stop, drain=DRAIN_SECONDS)
        try:
            await holder.run(lambda lease: self._work(connector, account, lease, stop))
        finally:
            await connector.close()

    async def _work(self, connector: Any, account: str, lease: Lease, stop: asyncio.Event) -> None:
        source = getattr(connector, "source", None)
        intake = AccountIntake(self.parts, connector.kind, self.name, account, lease, source=source)
        sender = Sender(self.parts, connector, account, lease, intake, self._unrecorded)
        downloader = Downloader(self.parts, connector, lease, intake)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._guarded(stop, lambda: self._adopt(connector.kind, account, lease, stop)))
            group.create_task(self._guarded(stop, lambda: self._send(sender, stop)))
            group.create_task(self._guarded(stop, lambda: self._rounds(downloader.round, "attachments", stop)))
            if connector.polled:
                group.create_task(self._guarded(stop, lambda: self._receive(connector, intake, stop)))
            if hasattr(connector, "prepare") or not connector.polled:
                group.create_task(self._guarded(stop, lambda: self._prepare(connector, intake, stop)))

    async def _receive(self, connector: Any, intake: AccountIntake, stop: asyncio.Event) -> None:
        """The receive loop, which ends by being cancelled: whatever was not confirmed to the platform comes again."""
        receiving, stopping = asyncio.create_task(connector.receive(intake)), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({receiving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if receiving.done():
                receiving.result()
        finally:
            receiving.cancel()
            stopping.cancel()
            await asyncio.gather(receiving, stopping, return_exceptions=True)

    async def _guarded(self, stop: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
        """One side of the channel; a fault of its own is logged and it starts again, the other side goes on."""
        wait = 1.0
        while not stop.is_set():
            began = time.monotonic()
            try:
                await work()
                return
            except (Fenced, LeaseLost) as error:
                raise LeaseLost(str(error)) from None
            except (Exception, asyncio.CancelledError) as error:
                if cancelled():
                    raise
                # A library's CancelledError would end this side alone, as if it had been told to, and nobody miss it.
                log.error("a part of the channel failed; it starts again", channel=self.name, exc_info=error)
                if time.monotonic() - began > LONGEST_WAIT:
                    wait = 1.0
                await pause(wait, stop)
                wait = min(wait * 2, LONGEST_WAIT)

    async def _adopt(self, kind: str, account: str, lease: Lease, stop: asyncio.Event) -> None:
        """Renaming a channel loses nothing: what its old name owes is its own. Desks still answer to the old one."""
        known = set(self.parts.settings.channels)

        def work(conn: Connection) -> int:
            return sum(room.adopt(conn, lease, kind, self.name, account, known) for room in (outgoing, attachments))

        while not stop.is_set():
            with contextlib.suppress(LedgerAway):
                if count := await self.parts.database.run(work):
                    log.info("took over what a former name of the channel owed", channel=self.name, count=count)
            await pause(ADOPT_SECONDS, stop)

    async def _send(self, sender: Sender, stop: asyncio.Event) -> None:
        waker = Waker(self.parts.database, "outgoing", rest=REST_SECONDS)
        try:
            while not stop.is_set():
                try:
                    due = await self.parts.database.look(lambda conn: outgoing.next_due(conn, self.name))
                    now = self.parts.clock()
                    if due is not None and due <= now and await sender.round():
                        continue
                    seconds = IDLE_SECONDS if due is None or due <= now else min(IDLE_SECONDS, due - now)
                except LedgerAway:
                    seconds = 1.0
                await either(waker.wait(seconds), stop)
        finally:
            waker.close()

    async def _rounds(self, work: Callable[[], Awaitable[int]], topic: str, stop: asyncio.Event) -> None:
        waker = Waker(self.parts.database, topic, rest=REST_SECONDS)
        try:
            while not stop.is_set():
                try:
                    if await work():
                        continue
                    await either(waker.wait(IDLE_SECONDS), stop)
                except LedgerAway:
                    await pause(1.0, stop)
        finally:
            waker.close()

    async def _prepare(self, connector: Any, intake: AccountIntake, stop: asyncio.Event) -> None:
        """What the platform must be told (the webhook's address, the bot's commands), at start and every hour.

        Where webhooks bring the messages nobody polls, and nobody else sees how the account is: the platform is asked
        here, again and again while there is trouble, and in between it is said that this process lives.
        """
        due = 0.0
        while not stop.is_set():
            if time.monotonic() >= due or (intake.in_trouble and not connector.polled):
                due = time.monotonic() + await self._prepared(connector, intake)
            elif not connector.polled:
                await intake.healthy()
            await pause(PREPARE_AGAIN_SECONDS, stop)

    async def _prepared(self, connector: Any, intake: AccountIntake) -> float:
        """Tell the platform or, where it need be told nothing, ask it who we are. Returns seconds to the next time."""
        try:
            if hasattr(connector, "prepare"):
                await connector.prepare(f"{self.parts.settings.http.base_url}/hooks/{self.name}")
            else:
                await connector.check()
            if not connector.polled:
                await intake.healthy()
        except ConnectorError as error:
            await intake.trouble(error)
            return PREPARE_AGAIN_SECONDS if isinstance(error, (Transient, AccountTrouble)) else PREPARE_SECONDS
        return PREPARE_SECONDS
