"""A whole Priemnaya without processes: payloads go into the journal, a processor stages them, a stand-in of every
platform takes what is owed to citizens. The clock is the test's.

One ledger serves many cases: each has a master key of its own, so that nothing of one is known to another.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select

from config.settings import load
from ledger import erasure, journal, leases, outgoing, replies, serials
from ledger.crypto import Keyring
from ledger.leases import Lease
from ledger.schema import journal as journal_table
from ledger.schema import messages
from ledger.schema import outgoing as outgoing_table
from normalizer import ticket_number
from pipeline.intake import entry
from pipeline.parts import Parts, open_parts
from pipeline.processor import Processor
from pipeline.replies import accept_reply
from router.replies import DeskReply
from tests.linking import payloads
from tests.linking.cases import LINKING_FLAGS, Case, render
from tests.linking.payloads import ACCOUNTS, AUTHSERV, MAILBOX, Written

FIRST_DAY = date(2026, 1, 1)
PROBLEM = "Не приходит СМС с кодом подтверждения при входе в личный кабинет на портале"
NOBODY = 999_983  # a serial that no test gives out

CONFIG = f"""
[database]
url = "{{url}}"
[storage]
url = "{{folder}}/files"
[http]
public_url = "https://priemnaya.example"
[channels.email]
kind = "email"
imap_host = "imap.example"
smtp_host = "smtp.example"
username = "{MAILBOX}"
password = "x"
trusted_authserv_id = "{AUTHSERV}"
[channels.telegram]
kind = "telegram"
token = "{ACCOUNTS["telegram"]}:AAAA"
[channels.vk]
kind = "vk"
token = "x"
group_id = {ACCOUNTS["vk"]}
[channels.whatsapp]
kind = "whatsapp"
token = "x"
phone_number_id = "{ACCOUNTS["whatsapp"]}"
app_secret = "x"
verify_token = "x"
[channels.portal]
kind = "portal"
"""


@dataclass
class Outcome:
    """What became of a payload: its journal row's state, and the envelope with the sentences of its link."""

    state: str
    reason: str | None
    envelope: dict[str, Any] | None
    why: list[str] = field(default_factory=list)

    @property
    def ticket(self) -> str:
        assert self.envelope is not None, f"no envelope: {self.state} ({self.reason})"
        return str(self.envelope["ticket"]["number"])


def open_world(url: str, folder: Path) -> Parts:
    """The parts of an instance on this database; its files lie in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "priemnaya.toml"
    config.write_text(CONFIG.format(url=url, folder=folder), encoding="utf-8")
    return open_parts(load(config, environ={}))


def _without_syncing(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF").close()


class World:
    """One ledger and its clock."""

    def __init__(self, url: str, folder: Path) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
        self.parts = open_world(url, folder)
        self.parts.clock = lambda: self.now
        if self.parts.database.dialect == "sqlite":  # nothing here is about durability: no wait for the disk
            sqlalchemy_event.listen(self.parts.database.engine, "connect", _without_syncing)
            self.parts.database.engine.dispose()
        self.processor = Processor(self.parts)
        self.processor.take_lease()
        self.parts.database.run_now(lambda conn: serials.reserve(conn, FIRST_DAY, 1))
        self._leases: dict[str, Lease] = {}
        self.serial = 1000
        self.sent: list[tuple[outgoing.Owed, str]] = []  # what was sent, with its native id

    def close(self) -> None:
        self.parts.close()

    def forget_everybody(self) -> None:
        """From now on nobody is known."""
        self.parts.keys = Keyring(os.urandom(32))
        self.sent = []

    def take(self, kind: str, *units: bytes) -> list[Outcome]:
        """Take payloads in, process them, and send what is owed. The outcomes in the order of the payloads."""
        ids = self.journal(kind, *units)
        self.work()
        return self.outcomes(ids)

    def journal(self, kind: str, *units: bytes) -> list[int]:
        """Journal these payloads; the ids of the new rows."""
        rows = [entry(self.parts, kind, kind, ACCOUNTS[kind], unit, wait=False, acknowledge=True) for unit in units]
        return list(self.parts.database.run_now(lambda conn: journal.append(conn, rows)).values())

    def work(self) -> None:
        """Process what is ready, then play the platforms' side."""
        self.processor.release_greetings()
        while self.processor.step():
            pass
        self.send()

    def outcomes(self, ids: list[int]) -> list[Outcome]:
        """What became of these rows."""
        statement = (
            select(journal_table.c.id, journal_table.c.state, journal_table.c.reason, messages.c.body, messages.c.why)
            .outerjoin(messages, messages.c.journal_id == journal_table.c.id)
            .where(journal_table.c.id.in_(ids))
            .order_by(journal_table.c.id)
        )
        rows = self.parts.database.look_now(lambda conn: conn.execute(statement).all())
        return [
            Outcome(row.state, row.reason, json.loads(row.body) if row.body else None, (row.why or "").splitlines())
            for row in rows
        ]

    def send(self) -> None:
        """Every owed message reaches its citizen at once."""
        owed_at = select(outgoing_table.c.account).where(outgoing_table.c.state == "owed").distinct()
        while accounts := [row.account for row in self.parts.database.look_now(lambda c: c.execute(owed_at).all())]:
            for account in accounts:
                self._send(account)

    def _send(self, account: str) -> None:
        parts, now = self.parts, self.now

        def work(conn: Any) -> None:
            name = f"send:{account}"
            lease = self._leases.get(account) or leases.acquire(conn, name, "test")
            assert lease is not None
            self._leases[account] = lease
            for owed in outgoing.next_owed(conn, parts.keys, lease, account, now, 100):
                self.serial += 1
                native = payloads.own_id(account, owed.content["address"], self.serial, owed.signed_id)
                owner = "" if account == "email" else ACCOUNTS[account]
                key = parts.keys.keyed_hash(b"native", account.encode(), owner.encode(), native.encode())
                outgoing.sent(conn, owed, [key], now, chat=account not in ("email", "portal"))
                self.sent.append((owed, native))

        parts.database.run_now(work)

    def answer(self, number: str, *, close: bool = False, text: str = "Мы проверяем ваш вопрос.") -> str | None:
        """A desk's reply reaches the citizen. Returns why it could not."""
        self.serial += 1
        reply = DeskReply(
            id=f"r{self.serial}-{os.urandom(4).hex()}", ticket=number, text=text, close=close, in_reply_to=None
        )
        reason = accept_reply(self.parts, reply)
        self.send()
        return reason

    def shut(self, number: str) -> None:
        """The ticket is closed."""
        self.parts.database.run_now(lambda conn: erasure.close(conn, number, self.now))

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """The SQL that is executed inside the block."""
        seen: list[str] = []

        def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            seen.append(statement)

        sqlalchemy_event.listen(self.parts.database.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            sqlalchemy_event.remove(self.parts.database.engine, "before_cursor_execute", note)


@dataclass
class Played:
    """A case after its last message."""

    case: Case
    numbers: dict[str, str]  # ticket name -> number
    outcome: Outcome | None
    trouble: str | None = None  # why the history did not come out as it was meant
    joined: str | None = None  # the name of the ticket that the message joined; None for a ticket of its own

    def __post_init__(self) -> None:
        if self.outcome is not None and self.outcome.envelope is not None:
            names = {number: name for name, number in self.numbers.items() if name != "nobody"}
            self.joined = names.get(self.outcome.ticket)

    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Field -> (expected, found), of the fields that the case speaks of."""
        if self.trouble or self.outcome is None or self.outcome.envelope is None:
            return {"ticket": (self.case.expect["ticket"], self.trouble or f"{self.outcome}")}
        envelope, expect = self.outcome.envelope, self.case.expect
        names = {number: name for name, number in self.numbers.items()}
        found = {
            "ticket": self.joined or "new",
            "how": envelope["ticket"]["link"]["how"],
            "certainty": envelope["ticket"]["link"]["certainty"],
            "kind": envelope["kind"],
            "related": sorted(names.get(number, number) for number in envelope["ticket"]["related"]),
            "flags": sorted(set(envelope["flags"]) & LINKING_FLAGS),
        }
        wanted = {k: sorted(v) if isinstance(v, list) else v for k, v in expect.items()}
        return {name: (wanted[name], found[name]) for name in wanted if wanted[name] != found[name]}


class Player:
    """Plays cases on a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def play(self, case: Case) -> Played:
        """The history, then the message."""
        world = self.world
        world.forget_everybody()
        self.numbers: dict[str, str] = {}
        self.openings: dict[str, str] = {}
        self.serials: dict[str, int] = {}
        for event in case.history:
            trouble = self._happen(case, event)
            if trouble:
                return Played(case, self.numbers, None, trouble)
        day = world.processor.numbers.day(case.now.timestamp() - 3 * 86400)
        self.numbers["nobody"] = ticket_number.make(day, NOBODY)
        world.now = case.now.timestamp()
        *_, outcome = self._take(case, case.message)
        return Played(case, self.numbers, outcome)

    def _happen(self, case: Case, event: Any) -> str | None:
        self.world.now = case.at(event).timestamp()
        if "answer" in event:
            if self.world.answer(self.numbers[event["answer"]]):  # the portal's citizen left no address: by phone then
                self._answered_by_phone(self.numbers[event["answer"]])
            return None
        if "close" in event:
            self.world.shut(self.numbers[event["close"]])
            return None
        outcomes = self._take(case, event)
        outcome = outcomes[0]
        if "ticket" in event:
            if outcome.envelope is None or outcome.envelope["ticket"]["link"]["how"] != "none":
                return f"the history's {event['ticket']} opened no ticket: {outcome}"
            self.numbers[event["ticket"]] = outcome.ticket
        elif event.get("ignored") and outcome.envelope is not None:
            return f"the history's message was to be ignored: {outcome}"
        return None

    def _answered_by_phone(self, number: str) -> None:
        self.world.parts.database.run_now(lambda conn: replies.answered(conn, number, "by phone", self.world.now))

    def _take(self, case: Case, event: Any) -> list[Outcome]:
        written = self._write(case, event)
        if "ticket" in event:
            self.openings[event["ticket"]] = payloads.native_id(written)
        return self.world.take(written.channel, *payloads.build(written))

    def _write(self, case: Case, event: Any) -> Written:
        self.world.serial += 1
        serial = self.serials.get(event.get("revises"), self.world.serial)
        if "id" in event:
            self.serials[event["id"]] = serial
        replies = (self._native(event["reply_to"]),) if "reply_to" in event else ()

        def fill(template: str | None) -> str | None:
            return None if template is None else render(template, self.numbers)

        return Written(
            event=event,
            at=case.at(event),
            serial=serial,
            text=fill(event["text"]) or "",
            subject=fill(event.get("subject")),
            quoted=fill(event.get("quoted")),
            file_names=tuple(filter(None, map(fill, event.get("file_names", ())))),
            links=tuple(filter(None, map(fill, event.get("links", ())))),
            replies=replies,
            references=tuple(self.openings[event["reply_to"][-1]] for _ in replies) if replies else (),
        )

    def _native(self, target: str) -> str:
        which, _, name = target.partition(":")
        if which == "opening":
            return self.openings[name]
        for owed, native in reversed(self.world.sent):
            if owed.ticket == self.numbers[name] and (owed.reply_id is not None) == (which == "answer"):
                return native
        raise LookupError(f"nothing was sent that is {target}")


def said(world: World, channel: str, sender: str, text: str, **more: Any) -> bytes:
    """A message as its platform would bring it, under a serial of its own."""
    world.serial += 1
    event = {"channel": channel, "sender": sender, **more}
    (payload,) = payloads.build(Written(event, datetime.fromtimestamp(world.now, UTC), world.serial, text))
    return payload
