"""Sends what is owed to citizens by one account: in order within a conversation, retried, each end recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from tenacity import RetryCallState, wait_exponential_jitter

from connectors.backoff import Backoff
from connectors.base import AccountTrouble, Away, Connector, ConnectorError, Final, Outgoing, OutgoingFile, Transient
from ledger import outbox, outgoing
from ledger.database import Connection
from ledger.errors import LedgerAway, LedgerError
from ledger.group_commit import GroupCommit
from ledger.leases import Lease, guard
from ledger.outgoing import Owed
from ledger.storage import Damaged, Missing
from pipeline import events
from pipeline.parts import Parts
from pipeline.times import moment

log = structlog.get_logger()

AT_ONCE = 8
# A transient refusal is tried again for about a day (the platforms keep theirs as long), then it has failed.
FIRST_RETRY, LONGEST_RETRY, MOST_ATTEMPTS = 2.0, 1800.0, 60
IDLE_SECONDS = 5.0
SEND_SECONDS = 60.0
RECORD_SECONDS = 1.0
# What was taken under the lease is sent within this time or taken anew: a holder that was frozen longer (a lease lasts
# five times that) may have a successor, which has it too.
FRESH_SECONDS = 2.0
# So long nothing goes out before that is said: a server that is started anew is no trouble.
AWAY_SECONDS = 60.0

# What is to be written of one row, in a transaction that has guarded the lease that is held then.
Record = Callable[[Connection], object]


class Health(Protocol):
    """Who is told how the sending side is: see `AccountIntake`."""

    async def sending(self, error: ConnectorError | None) -> None:
        """What is refused, or None once the platform takes something."""


@dataclass
class Sender:
    """The sending side of one account, under the lease of its holder."""

    parts: Parts
    connector: Connector
    platform_account: str
    lease: Lease
    intake: Health
    # By `seq`: what the platform has answered and the ledger has not taken yet. It outlives the lease, which lapses
    # while the database is away: forgotten, all of it would be sent again.
    unrecorded: dict[int, Record] = field(default_factory=dict)

    _refused: Backoff = field(default_factory=Backoff, init=False)
    _paused_until: float = field(default=0.0, init=False)  # by the monotonic clock; 0 while the account is not refused
    _away_since: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        # What several sends have to record at one time is one transaction.
        self._commits: GroupCommit[_Step, None] = GroupCommit(self.parts.database, self._write)

    async def round(self) -> int:
        """Send what is due. Returns how many were tried. Raises `LedgerAway` or `Fenced`."""
        for seq in list(self.unrecorded):  # left by a round that was cancelled when the lease was lost
            await self._record(seq)
        now, taken = self.parts.clock(), time.monotonic()
        if taken < self._paused_until:
            return 0
        most = 1 if self._paused_until else AT_ONCE  # who is refused as a whole asks with one, not with all that wait
        owed = await self.parts.database.run(
            lambda conn: outgoing.next_owed(conn, self.parts.keys, self.lease, self.connector.name, now, most)
        )
        # Each is waited for even where one fails: what is still being sent must not be taken up by the next round.
        ends = await asyncio.gather(*(self._one(item, taken) for item in owed), return_exceptions=True)
        for error in ends:
            if error is not None:
                raise error
        return len(owed)

    async def _one(self, owed: Owed, taken: float) -> None:
        if time.monotonic() - taken > FRESH_SECONDS:
            return
        try:
            async with asyncio.timeout(SEND_SECONDS):
                sent = await self.connector.send(self._message(owed))
        except asyncio.CancelledError as error:  # the lease is lost: what the citizen has of a long text is known here
            if getattr(error, "already_sent", 0):
                self.unrecorded[owed.seq] = self._interrupted(owed, self.parts.clock(), "interrupted", error)
            raise
        except Final as error:
            await self._answered()
            await self._end(owed, "failed", str(error), error.sent_ids)
        except AccountTrouble as error:
            await self.intake.sending(error)
            # The next try is another message's: one that alone is refused so must not stand before all others.
            await self._again(owed, 2 * self._pause(error), error)
        except Transient as error:
            await self._put_off(error)
            await self._later(owed, error)
        except TimeoutError as error:
            late = Away("the platform did not answer in time")
            late.already_sent = getattr(error.__cause__, "already_sent", 0)
            late.sent_ids = getattr(error.__cause__, "sent_ids", ())
            await self._put_off(late)
            await self._later(owed, late)
        except (Missing, Damaged) as error:
            await self._end(owed, "failed", f"a file of it cannot be read: {error}")
        except LedgerError:
            raise
        except Exception as error:  # a storage that is away, a fault of ours: nobody else waits for it
            log.error("a message to a citizen cannot be sent", channel=self.connector.name, exc_info=error)
            await self._later(owed, Transient(f"it cannot be sent: {type(error).__name__}"))
        else:
            await self._answered()
            await self._sent(owed, tuple(key for key in (sent.native_id, *sent.more_ids) if key))

    def _pause(self, error: AccountTrouble) -> float:
        """The account is refused: nothing is sent for a while, longer each time. Returns how many seconds are left."""
        now = time.monotonic()
        if now >= self._paused_until:  # of several that were on their way, the first one counts
            self._paused_until = now + self._refused.wait_after(error)
        return self._paused_until - now

    async def _put_off(self, error: Transient) -> None:
        """Not now. Where that goes on for all that is tried, the channel has trouble."""
        if not isinstance(error, Away):
            return
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
        elif now - self._away_since >= AWAY_SECONDS:
            await self.intake.sending(error)

    async def _answered(self) -> None:
        """The platform has taken a message, or refused this one alone: the account is well."""
        self._refused.reset()
        self._paused_until, self._away_since = 0.0, None
        await self.intake.sending(None)

    async def _later(self, owed: Owed, error: Transient) -> None:
        if owed.attempts >= MOST_ATTEMPTS:
            await self._end(owed, "failed", f"given up: {error}", error.sent_ids)
        else:
            await self._again(owed, error.retry_after or _wait(owed.attempts), error)

    def _message(self, owed: Owed) -> Outgoing:
        content = owed.content
        files = tuple(
            OutgoingFile(file["name"], file["media_type"], self._content(file)) for file in content.get("files", ())
        )
        last = content.get("last_message_at")
        return Outgoing(
            id=owed.id,
            purpose=owed.purpose,  # type: ignore[arg-type]
            address=content.get("address", {}),
            text=content.get("text", ""),
            random_id=owed.random_id,
            buttons=tuple((label, payload) for label, payload in content.get("buttons", ())),
            reply_to=content.get("reply_to"),
            subject=content.get("subject"),
            references=tuple(content.get("references", ())),
            signed_id=owed.signed_id,
            automatic=content.get("automatic", True),
            last_message_at=moment(last) if last else None,
            files=files,
            attempt=owed.attempts,
            already_sent=owed.already_sent,
        )

    def _content(self, file: dict[str, str]) -> bytes:
        return b"".join(self.parts.storage.open(file["key"], bytes.fromhex(file["wrapped_key"])))

    async def _sent(self, owed: Owed, native_ids: tuple[str, ...]) -> None:
        now = self.parts.clock()
        kind, hashes = self.connector.kind, self._hashes(native_ids)
        event = events.sent_row(now, owed, kind, self.connector.name, "delivered" if owed.reply_id else "acknowledged")

        def work(conn: Connection) -> None:
            if outgoing.sent(conn, owed, hashes, now, chat=kind != "email") and event is not None:
                outbox.add(conn, [event])

        await self._recorded(owed, work)

    def _hashes(self, native_ids: Sequence[str]) -> list[bytes]:
        kind = self.connector.kind
        owner = "" if kind == "email" else self.platform_account
        return [
            self.parts.keys.keyed_hash(b"native", kind.encode(), owner.encode(), native_id.encode("utf-8", "replace"))
            for native_id in native_ids
        ]

    async def _end(self, owed: Owed, state: str, reason: str, native_ids: Sequence[str] = ()) -> None:
        now = self.parts.clock()
        log.warning("a message to a citizen failed", channel=self.connector.name, purpose=owed.purpose, error=reason)
        event = events.sent_row(now, owed, self.connector.kind, self.connector.name, "failed", reason)

        hashes = self._hashes(native_ids)

        def work(conn: Connection) -> None:
            if not outgoing.failed(conn, owed.seq, reason):
                return
            if owed.ticket is not None:
                outgoing.remember(conn, hashes, owed.ticket, owed.id)
            if event is not None:
                outbox.add(conn, [event])

        await self._recorded(owed, work)

    async def _again(self, owed: Owed, seconds: float, error: ConnectorError) -> None:
        await self._recorded(owed, self._interrupted(owed, self.parts.clock() + seconds, str(error), error))

    def _interrupted(self, owed: Owed, due: float, reason: str, error: BaseException) -> Record:
        """It goes on later; the citizen may answer the parts that he has, and the platform may refuse them."""
        parts = max(owed.already_sent, getattr(error, "already_sent", 0))
        hashes = self._hashes(getattr(error, "sent_ids", ()))

        def work(conn: Connection) -> None:
            if outgoing.again(conn, owed.seq, due, reason, parts) and owed.ticket is not None:
                outgoing.remember(conn, hashes, owed.ticket, owed.id)

        return work

    async def _recorded(self, owed: Owed, work: Record) -> None:
        """What the platform has answered is known in this process only: it is kept until the ledger takes it."""
        self.unrecorded[owed.seq] = work
        while True:
            try:
                await self._record(owed.seq, owed.conversation)
                return
            except LedgerAway as error:
                log.warning("cannot record what was sent; trying again", channel=self.connector.name, error=error)
                await asyncio.sleep(RECORD_SECONDS)

    async def _record(self, seq: int, conversation: str = "") -> None:
        await self._commits.submit(_Step(conversation, self.unrecorded[seq]))
        self.unrecorded.pop(seq, None)

    def _write(self, conn: Connection, steps: Sequence[_Step]) -> Sequence[None]:
        """In the order of the conversations, as the processors lock them: in any other, two wait for each other."""
        guard(conn, self.lease)
        for step in sorted(steps, key=lambda step: step.conversation):
            step.work(conn)
        return [None] * len(steps)


@dataclass(frozen=True, slots=True)
class _Step:
    """What is recorded of one send, and the conversation whose row it may change."""

    conversation: str
    work: Record


_BACK_OFF = wait_exponential_jitter(multiplier=FIRST_RETRY, max=LONGEST_RETRY, jitter=FIRST_RETRY)


def _wait(attempts: int) -> float:
    """Seconds before the next try. The attempts are counted in the ledger, so only tenacity's schedule is used."""
    state = RetryCallState(None, None, (), {})  # type: ignore[arg-type]
    state.attempt_number = attempts
    return _BACK_OFF(state)
