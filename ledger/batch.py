"""What a batch of linked messages writes: collected row by row, written in a few statements, one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import Connection, bindparam, case, or_, update

from ledger import journal
from ledger.dialect import execute_each, insert_each, once, upsert
from ledger.schema import (
    attachments,
    conversations,
    identities,
    messages,
    outbox,
    outgoing,
    threads,
    ticket_identities,
    tickets,
    vouches,
)
from ledger.state import Identity, State, Ticket
from ledger.wake import notify

_TICKET_COLUMNS = tuple(each.name for each in fields(Ticket) if each.name not in ("is_new", "changed"))
_OLD_TICKETS = (
    update(tickets)
    .where(tickets.c.number == bindparam("new_number"))
    .values({column: bindparam(f"new_{column}") for column in _TICKET_COLUMNS if column != "number"})
)
_NEW_THREADS = once(lambda conn: upsert(conn, threads).on_conflict_do_nothing())
_MOVED_THREADS = (
    update(threads).where(threads.c.native_hash == bindparam("moved_hash")).values(ticket=bindparam("moved_to"))
)
_NEW_VOUCHES = once(lambda conn: upsert(conn, vouches).on_conflict_do_nothing())
_OLD_PEOPLE = (
    update(identities)
    .where(identities.c.hash == bindparam("row_hash"))
    .values(person_id=bindparam("new_person"), guesses=bindparam("new_guesses"), guesses_since=bindparam("new_since"))
)


@once
def _HOLDS(conn: Connection) -> Any:  # noqa: N802 a statement, as the others here
    statement = upsert(conn, ticket_identities)
    now, earlier = statement.excluded.last_at, ticket_identities.c.last_at
    return statement.on_conflict_do_update(
        index_elements=["hash", "ticket"],
        set_={
            "vouched": or_(ticket_identities.c.vouched, statement.excluded.vouched),
            "last_at": case((now > earlier, now), else_=earlier),  # old mail comes later than new
        },
    )


@once
def _TALKS(conn: Connection) -> Any:  # noqa: N802
    statement = upsert(conn, conversations)
    return statement.on_conflict_do_update(
        index_elements=["conversation"],
        set_={"ticket": statement.excluded.ticket, "last_at": statement.excluded.last_at},
    )


@dataclass
class Batch:
    """Rows to be written. `flush` writes them and the changed part of the state."""

    now: float
    messages: list[dict[str, Any]] = field(default_factory=list)
    threads: list[dict[str, Any]] = field(default_factory=list)
    holds: dict[tuple[bytes, str], dict[str, Any]] = field(default_factory=dict)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    outbox: list[dict[str, Any]] = field(default_factory=list)
    outgoing: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    erased: list[int] = field(default_factory=list)  # journal rows whose raw bytes nobody may keep

    def end(self, row_id: int, state: str, reason: str | None = None, merged_into: int | None = None) -> None:
        """End a journal row."""
        self.outcomes.append({"id": row_id, "state": state, "reason": reason, "merged_into": merged_into})

    def hold(self, identity: Identity, ticket: str, vouched: bool, at: float) -> None:
        """Let this identity speak for the ticket. `at`: of the message that says so; a letter may come late."""
        key = identity.hash, ticket
        last_at = max(at, self.holds[key]["last_at"]) if key in self.holds else at
        row = {"hash": identity.hash, "ticket": ticket, "kind": identity.kind, "vouched": vouched, "last_at": last_at}
        self.holds[key] = row

    def flush(self, conn: Connection, state: State) -> None:
        """Write everything."""
        _write_tickets(conn, state)
        insert_each(conn, messages, self.messages)
        execute_each(conn, _NEW_THREADS(conn), _by(self.threads, "native_hash"))
        moved = [{"moved_hash": key, "moved_to": ticket} for key, ticket in sorted(state.moved.items())]
        execute_each(conn, _MOVED_THREADS, moved)
        execute_each(conn, _HOLDS(conn), sorted(self.holds.values(), key=lambda row: (row["hash"], row["ticket"])))
        _write_talks(conn, state)
        _write_people(conn, state)
        _write_vouches(conn, state)
        insert_each(conn, attachments, self.attachments)
        insert_each(conn, outbox, self.outbox)
        insert_each(conn, outgoing, self.outgoing)
        journal.finish(conn, self.outcomes, self.now)
        journal.erase(conn, self.erased)
        for what, rows in (("outbox", self.outbox), ("outgoing", self.outgoing), ("attachments", self.attachments)):
            if rows:
                notify(conn, what)


def event_row(
    now: float,
    message_id: str,
    type_: str,
    routing_key: str,
    body: bytes,
    *,
    conversation: str,
    ticket: str | None,
    channel: str | None,
) -> dict[str, Any]:
    """An outbox row of an event."""
    return {
        "message_id": message_id,
        "exchange": "events",
        "routing_key": routing_key,
        "type": "priemnaya.event.v1",
        "conversation": conversation,
        "desk": None,
        "ticket": ticket,
        "channel": channel,
        "kind": type_,
        "body": body,
        "created_at": now,
    }


def _by(rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """One row a key, in its order: every writer locks in the same order."""
    return [row for _, row in sorted({row[key]: row for row in rows}.items())]


def _ticket_values(ticket: Ticket) -> dict[str, Any]:
    values = {name: getattr(ticket, name) for name in _TICKET_COLUMNS}
    values["known"] = " ".join(sorted(ticket.known))
    return values


def _write_tickets(conn: Connection, state: State) -> None:
    written = sorted((ticket for ticket in state.tickets.values() if ticket.changed), key=lambda ticket: ticket.number)
    insert_each(conn, tickets, [_ticket_values(ticket) for ticket in written if ticket.is_new])
    old = [{f"new_{k}": v for k, v in _ticket_values(ticket).items()} for ticket in written if not ticket.is_new]
    execute_each(conn, _OLD_TICKETS, old)


def _write_talks(conn: Connection, state: State) -> None:
    rows = [
        {"conversation": conversation, "ticket": talk.ticket, "last_at": talk.last_at}
        for conversation, talk in sorted(state.talks.items())
        if talk.changed
    ]
    execute_each(conn, _TALKS(conn), rows)


def _write_vouches(conn: Connection, state: State) -> None:
    rows = [{"channel": key, "other": other.hash, "kind": other.kind} for key, other in state.vouched]
    rows.sort(key=lambda row: (row["channel"], row["other"]))
    execute_each(conn, _NEW_VOUCHES(conn), rows)


def _write_people(conn: Connection, state: State) -> None:
    rows = [
        {
            "row_hash": key,
            "new_person": person.person_id,
            "new_guesses": person.guesses,
            "new_since": person.guesses_since,
        }
        for key, person in sorted(state.people.items())
        if person.changed
    ]
    execute_each(conn, _OLD_PEOPLE, rows)
