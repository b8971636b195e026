"""Takes journal rows into work, understands them, and stages them. Killing it loses nothing: claims come back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import structlog

from ledger import health, journal, leases, outbox, serials
from ledger.crypto import SealBroken
from ledger.database import Connection
from ledger.errors import Fenced, LedgerAway, LedgerError
from ledger.journal import Claimed
from ledger.leases import Lease
from ledger.serials import Numbers
from ledger.storage import Damaged, Missing, StorageError, Stored, TooLarge
from ledger.wake import Waker
from normalizer.media_type import sniff
from normalizer.message import Message, Reading, Renamed, Unreadable
from pipeline import commands, events
from pipeline.albums import Taken, one_for_each
from pipeline.intake import payload_of
from pipeline.kinds import read
from pipeline.parts import Parts
from pipeline.roles import either
from pipeline.staging import Staging, Work
from pipeline.understand import opens, says_nothing, understand

log = structlog.get_logger()

BATCH = 128
# SQLite has one writer, and a webhook to be journalled waits for it: what one transaction stages fits into this time.
STAGE_SECONDS, FEWEST = 0.1, 8
# A batch's raw bytes in memory at once: letters may be 40 MB each.
BATCH_BYTES = 48 * 1024 * 1024
IDLE_SECONDS = 5.0
# A transaction of one message costs half of one with eight: what comes within this time shares one.
REST_SECONDS = 0.005
BLOCKED_SECONDS = 0.1
# Where all that waits is of one conversation, which another processor has in work, a look reads it from end to end and
# holds up that other's claims: it is followed by a rest of so many times its length, whatever comes meanwhile.
VAIN_SECONDS, VAIN_REST = 0.02, 4.0
# How often the claims of dead processors are looked for.
RECOVER_SECONDS = 2.0
# After the database was away, every lease has lapsed: whose processor lives shows when it has had time to renew it.
RETURN_SECONDS = 2 * leases.RENEW_SECONDS
# Between tries of a row whose staging failed for a reason of its own.
RETRY_SECONDS = 1.0


@dataclass
class Processor:
    """One processor. `step` does one batch; `run` goes on until it is told to stop."""

    parts: Parts
    name: str = "processor"
    lease: Lease | None = None

    def __post_init__(self) -> None:
        # Broken rules or texts are nobody's message's fault: they stop the processor here, and quarantine nothing.
        _ = self.parts.rules.vocabulary, self.parts.texts
        self.numbers = Numbers(self.parts.database, self.parts.settings.tickets.timezone)
        self._first_day: date | None = None
        self._recover_at = 0.0
        self._portion = FEWEST if self.parts.database.dialect == "sqlite" else BATCH
        self._staging_since = 0.0
        self._vain = 0.0  # seconds of the last look that found nothing to claim
        # From a claim to its orderly end: an error in between (a database that takes neither the stage nor the way
        # back, a commit whose answer was cut off) leaves rows in this living processor's name, which nobody takes over.
        self._loose = False

    @property
    def owner(self) -> str:
        """The name of this processor's claims."""
        assert self.lease is not None
        return f"{self.lease.name}#{self.lease.token}"

    def take_lease(self) -> None:
        """The lease that keeps this processor's claims alive; taking it anew gives up what was claimed before."""
        holder = leases.this_process()

        def work(conn: Connection) -> Lease | None:
            if self.lease is not None:
                journal.give_up(conn, self.owner, self.parts.clock())
            return leases.acquire(conn, f"{self.name}:{holder}", holder)

        self.lease = self.parts.database.run_now(work)

    def recover(self) -> int:
        """Take back what dead processors had in work; quarantine what killed its third. Returns how many came back."""
        now = self.parts.clock()

        def work(conn: Connection) -> tuple[int, int]:
            back, poison = journal.recover(conn, now)
            reason = f"a processor died {journal.STARTS} times on this message alone"
            self._quarantine(conn, journal.rows(conn, poison), reason, now)
            return back, len(poison)

        back, quarantined = self.parts.database.run_now(work)
        if back or quarantined:
            log.warning("rows of a dead processor taken back", rows=back, quarantined=quarantined)
        return back

    def step(self, most: int = BATCH) -> int:
        """One batch: claim, understand, stage. Returns how many rows were claimed. Raises `LedgerAway`."""
        now = self.parts.clock()
        self._tidy(now)
        if not self.parts.database.look_now(lambda conn: journal.anything(conn, now)):
            return 0
        self._loose = True
        taken = self._take(now, most)
        self._loose = False
        return taken

    def _tidy(self, now: float) -> None:
        """Put back what an error has left in this processor's name."""
        if self._loose:
            self.parts.database.run_now(lambda conn: journal.give_up(conn, self.owner, now))
            self._loose = False

    def _take(self, now: float, most: int) -> int:
        rows = self.parts.database.run_now(lambda conn: journal.claim(conn, self.owner, now, most))
        if not rows:
            return 0
        kept, rest = _affordable(rows)
        if rest:
            self._give_back(rest, blame=False)
        try:
            self._process(kept)
        except (LedgerError, StorageError):
            raise  # nobody's message's fault: the next step puts the rows back
        except Exception as error:
            self._blame(kept, error)
        return len(rows)

    def release_greetings(self, ids: Sequence[int] | None = None) -> int:
        """End greetings that no request followed in time; with `ids`, those now."""
        now = self.parts.clock()
        held = self.parts.database.look_now(lambda conn: journal.take_held(conn, now, ids, lock=False))
        if not held:
            return 0
        try:
            return self.parts.database.run_now(lambda conn: self._greet(conn, now, ids))
        except (LedgerError, StorageError):
            raise
        except Exception as error:
            log.error("greetings could not be ended", rows=len(held), error=type(error).__name__, exc_info=error)
            return sum(self._greet_alone(row.id, now) for row in held)

    def _greet(self, conn: Connection, now: float, ids: Sequence[int] | None) -> int:
        rows = journal.take_held(conn, now, ids)
        staging = Staging(self.parts, conn, self.numbers, now)
        for row in rows:
            commands.greet(staging, Work(row, self._understood(row)))
        staging.batch.flush(conn, staging.state)
        return len(rows)

    def _greet_alone(self, row_id: int, now: float) -> int:
        """End one greeting; the guilty one goes to the quarantine, since nothing else would ever end it."""
        try:
            return self.parts.database.run_now(lambda conn: self._greet(conn, now, [row_id]))
        except (LedgerError, StorageError):
            raise
        except Exception as error:
            reason = f"could not be processed: {type(error).__name__}"

        def quarantine(conn: Connection) -> int:
            rows = journal.take_held(conn, now, [row_id])
            self._quarantine(conn, rows, reason, now)
            return len(rows)

        return self.parts.database.run_now(quarantine)

    @staticmethod
    def _quarantine(conn: Connection, rows: Iterable[Claimed], reason: str, now: float) -> None:
        for row in rows:
            journal.finish(conn, [{"id": row.id, "state": "quarantined", "reason": reason}], now)
            outbox.add(conn, [events.quarantine_row(now, row, reason)])

    def _process(self, rows: Sequence[Claimed]) -> None:
        taken = one_for_each([Taken(row, self._read(row)) for row in rows])
        works = [Work(one.row, self._meaning(one.reading), one.parts) for one in taken]
        self.parts.storage.at_once(self._store_file, list(_contents(works)))
        self.numbers.prepare(work.row.received_at for work in works)
        while works:
            some, works = works[: self._portion], works[self._portion :]
            orphans = self.parts.database.run_now(lambda conn, some=some: self._stage(conn, some))  # type: ignore[misc]
            self._fit(len(some))
            for stored in orphans:
                self.parts.storage.delete(stored.key)

    def _fit(self, staged: int) -> None:
        """How many messages the next transaction takes, after what this one took for so many."""
        if self.parts.database.dialect == "sqlite":
            seconds = time.perf_counter() - self._staging_since
            self._portion = min(BATCH, max(FEWEST, round(staged * STAGE_SECONDS / seconds)))

    def _stage(self, conn: Connection, works: Sequence[Work]) -> list[Stored]:
        self._staging_since = time.perf_counter()
        ids = [row.id for work in works for row in (work.row, *work.parts)]
        if len(journal.still_mine(conn, self.owner, ids)) < len(ids):
            raise Fenced("another processor has taken the rows over")
        held = journal.held(conn, {work.row.conversation for work in works})
        self._attach_greetings(works, held)
        orphans: list[Stored] = []
        for some in _between_renames(works):
            staging = Staging(self.parts, conn, self.numbers, self.parts.clock())
            staging.stage(some)
            orphans += staging.orphans
        return orphans

    def _attach_greetings(self, works: Sequence[Work], held: Sequence[Claimed]) -> None:
        """A greeting that waits belongs to the first message that follows in time, or to its own edit."""
        window = self.parts.policy.burst_window
        for greeting in held:
            for work in works:
                said = work.understood
                if said is None or work.row.conversation != greeting.conversation or work.row.id < greeting.id:
                    continue
                if said.greeting or says_nothing(said.message):
                    continue
                if opens(said.message):
                    if work.row.effective_at - greeting.effective_at <= window:
                        work.greetings.append(greeting)
                    break
                reading = self._read(greeting) if said.message.change == "edit" else None
                if isinstance(reading, Message) and reading.native_id == said.message.revises:
                    work.greetings.append(greeting)
                    break

    def _understood(self, row: Claimed) -> Any:
        return self._meaning(self._read(row))

    def _meaning(self, reading: Reading) -> Any:
        if not isinstance(reading, Message):
            return reading
        first, last = self._days()
        timezone = self.parts.settings.tickets.timezone.key
        own = self.parts.own_addresses
        return understand(reading, first_day=first, last_day=last, timezone=timezone, own_addresses=own)

    def _read(self, row: Claimed) -> Reading:
        try:
            payload = payload_of(self.parts, row)
        except (SealBroken, Damaged, Missing, LookupError) as error:
            return Unreadable(f"the raw payload cannot be opened: {type(error).__name__}")
        return read(row.kind, payload, self.parts.account(row.account, row.kind, row.platform_account))

    def _days(self) -> tuple[date, date]:
        """The dates that a ticket number may bear: from the ledger's first day to tomorrow."""
        if self._first_day is None:
            self._first_day = self.parts.database.look_now(serials.first_day)
        today = self.numbers.day(self.parts.clock())
        return min(self._first_day or today, today), today + timedelta(days=1)

    def _store_file(self, content: _Content) -> None:
        """Contents in hand go to the storage before the transaction that names them."""
        try:
            stored = self.parts.storage.put(content.data, limit=self.parts.limits.attachment)
        except TooLarge:
            return
        content.work.files[content.index] = (stored, sniff(content.data[:8192], content.media_type))

    def _give_back(self, rows: Sequence[Claimed], *, blame: bool, delay: float = 0.0) -> None:
        now = self.parts.clock()
        ids = [row.id for row in rows]
        self.parts.database.run_now(lambda conn: journal.give_back(conn, self.owner, ids, now + delay, blame=blame))

    def _blame(self, rows: Sequence[Claimed], error: Exception) -> None:
        """A batch failed for a reason of its own: its rows are tried alone, and the guilty one ends in quarantine."""
        log.error("a batch could not be staged", rows=len(rows), error=type(error).__name__, exc_info=error)
        now = self.parts.clock()
        alone = journal.one_message(rows)
        guilty = [row for row in rows if alone and row.attempts >= journal.STARTS]
        rest = [row for row in rows if row not in guilty]
        if rest:
            self._give_back(rest, blame=True, delay=RETRY_SECONDS if alone else 0.0)
        if not guilty:
            return
        reason = f"could not be processed: {type(error).__name__}"

        def work(conn: Connection) -> None:
            mine = journal.still_mine(conn, self.owner, [row.id for row in guilty])
            self._quarantine(conn, (row for row in guilty if row.id in mine), reason, now)

        self.parts.database.run_now(work)

    def drain(self, ids: Sequence[int] = ()) -> None:
        """Process until nothing is ready and none of the rows `ids` is open, here or in another processor's work."""
        while True:
            while self.step():
                pass
            if not self.parts.database.look_now(lambda conn: journal.unfinished(conn, ids)):
                return
            time.sleep(BLOCKED_SECONDS)
            self.recover()

    async def run(self, stop: asyncio.Event) -> None:
        """Process until `stop`. What is in work is finished first."""
        waker = Waker(self.parts.database, "journal", rest=REST_SECONDS)
        beat = asyncio.create_task(self._beat())
        try:
            while not stop.is_set():
                if beat.done():
                    beat.result()  # it never ends by itself: whatever ended it is a reason to start anew
                try:
                    pause = await asyncio.to_thread(self._round)
                except (LedgerAway, StorageError) as error:
                    log.warning("the ledger is away", role=self.name, error=error)
                    self._recover_at = time.monotonic() + RETURN_SECONDS
                    pause = 1.0
                if self._vain > VAIN_SECONDS:
                    await either(asyncio.sleep(min(IDLE_SECONDS, VAIN_REST * self._vain)), stop)
                if pause:
                    await either(waker.wait(pause), stop)
        finally:
            beat.cancel()
            waker.close()
            await asyncio.to_thread(self._leave)

    def _round(self) -> float:
        """One batch. Returns the seconds to wait for a change before the next."""
        try:
            self._tidy(self.parts.clock())  # first: to `recover` a lapsed lease is a dead processor's, this one's too
            if time.monotonic() >= self._recover_at:
                self._recover_at = time.monotonic() + RECOVER_SECONDS
                self.recover()
            began = time.monotonic()
            taken = self.step()
            self._vain = 0.0 if taken else time.monotonic() - began
            if taken >= BATCH:  # more is ready, most likely: no look through all of it for when the next is due
                return 0.0
            due = self.parts.database.look_now(journal.next_due)
            ahead = IDLE_SECONDS if due is None else min(IDLE_SECONDS, due - self.parts.clock())
            if ahead > 0:
                return ahead
            # It is ready by now, or a greeting whose time is over, or it waits for another row, which will be a change.
            return 0.0 if taken or self.release_greetings() else BLOCKED_SECONDS
        except Fenced:
            self.take_lease()
            return 0.0

    async def _beat(self) -> None:
        """Keep the lease: without it, others take the claims for those of a dead processor."""
        while True:
            try:
                await asyncio.to_thread(self._renew)
            except LedgerAway:
                log.debug("lease not renewed: the database is away", role=self.name)
                self._recover_at = time.monotonic() + RETURN_SECONDS
            await asyncio.sleep(leases.RENEW_SECONDS)

    def _renew(self) -> None:
        now = self.parts.clock()

        def work(conn: Connection) -> None:
            if self.lease is not None:
                leases.renew(conn, self.lease)
            health.say(conn, f"{self.name}:{leases.this_process()}", "ok", None, now)

        try:
            self.parts.database.run_now(work)
        except Fenced:
            self.take_lease()

    def _leave(self) -> None:
        lease = self.lease
        try:
            if lease is not None:
                self.parts.database.run_now(lambda conn: leases.release(conn, lease))
        except LedgerAway:
            log.debug("lease not released: the database is away", role=self.name)


@dataclass(frozen=True, slots=True)
class _Content:
    """What is attached to a message and came with it; `index` is its place among the attachments."""

    work: Work
    index: int
    data: bytes
    media_type: str | None


def _contents(works: Iterable[Work]) -> Iterator[_Content]:
    for work in works:
        understood = work.understood
        if understood is None or understood.command is not None:
            continue
        for index, part in enumerate(understood.message.attachments):
            if part.content is not None and not part.refused:
                yield _Content(work, index, part.content, part.media_type)


def _affordable(rows: Sequence[Claimed]) -> tuple[list[Claimed], list[Claimed]]:
    """As many rows from the front as fit in memory together; at least one."""
    total = 0
    for index, row in enumerate(rows):
        total += row.size
        if index and total > BATCH_BYTES:
            return list(rows[:index]), list(rows[index:])
    return list(rows), []


def _between_renames(works: Sequence[Work]) -> list[list[Work]]:
    """What comes after a new id must find what it changed: a rename ends its part of the batch."""
    parts: list[list[Work]] = [[]]
    for work in works:
        parts[-1].append(work)
        if isinstance(work.reading, Renamed):
            parts.append([])
    return [part for part in parts if part]
