"""Loads what linking looks at, for a whole batch in a few statements, under the locks of the batch's identities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, bindparam, select, text

from ledger.crypto import Keyring
from ledger.dialect import among, once, upsert
from ledger.schema import (
    conversations,
    identities,
    messages,
    people,
    threads,
    ticket_identities,
    tickets,
    vouches,
)
from ledger.state import Base, Case, Identity, Person, Policy, Said, State, Talk, Ticket

# How many of a citizen's latest tickets are looked at for a repeat, and how many messages of each.
RECENT_TICKETS = 20
COMPARED_MESSAGES = 3

_TICKET_NAMES = (
    "number", "opened_at", "last_message_at", "state", "closed_at", "person_id", "sequence", "repeats",
    "answered_at", "waiting_since", "category", "audience", "desk", "priority", "answer_by", "language", "known",
    "asked", "why", "erased_at",
)  # fmt: skip
_TICKET_COLUMNS = [tickets.c[name] for name in _TICKET_NAMES]


# The latest so many of each: a person with ten thousand tickets costs no more than one with twenty.
_RECENT_POSTGRESQL = text(
    "SELECT w.hash, t.ticket, t.last_at FROM unnest(CAST(:wanted AS bytea[])) AS w(hash) CROSS JOIN LATERAL"
    " (SELECT ticket, last_at FROM ticket_identities WHERE hash = w.hash AND last_at >= :since"
    " ORDER BY last_at DESC LIMIT :most) AS t"
)
# SQLite knows neither LATERAL nor arrays: the rows of `identities` stand for the array.
_RECENT_SQLITE = text(
    "SELECT w.hash, t.ticket, t.last_at FROM identities AS w CROSS JOIN ticket_identities AS t ON t.rowid IN"
    " (SELECT n.rowid FROM ticket_identities AS n WHERE n.hash = w.hash AND n.last_at >= :since"
    " ORDER BY n.last_at DESC LIMIT :most) WHERE w.hash IN :wanted ORDER BY w.hash, t.last_at DESC"
).bindparams(bindparam("wanted", expanding=True))
_KIN = select(vouches.c.channel, vouches.c.other, vouches.c.kind).where(among(vouches.c.channel, "wanted"))


def _known_and_locked(conn: Connection) -> Any:
    statement = upsert(conn, identities)
    return statement.on_conflict_do_update(index_elements=["hash"], set_={"kind": statement.excluded.kind}).returning(
        identities.c.hash, identities.c.person_id, identities.c.guesses, identities.c.guesses_since
    )


_PEOPLE = once(_known_and_locked)
_NEW_PEOPLE = people.insert().returning(people.c.id, sort_by_parameter_order=True)
_THREADS = select(threads.c.native_hash, threads.c.ticket, threads.c.ours).where(among(threads.c.native_hash, "wanted"))
_TALKS = select(conversations.c.conversation, conversations.c.ticket, conversations.c.last_at).where(
    among(conversations.c.conversation, "wanted")
)
_BASES = (
    select(messages.c.native_hash, messages.c.ticket, messages.c.revision, messages.c.how, messages.c.certainty)
    .where(among(messages.c.native_hash, "wanted"))
    .order_by(messages.c.id)
)
_CONTENTS = select(messages.c.content_hash, messages.c.journal_id, messages.c.body.is_(None)).where(
    among(messages.c.content_hash, "wanted")
)
_TICKETS = (
    select(*_TICKET_COLUMNS).where(among(tickets.c.number, "wanted")).order_by(tickets.c.number).with_for_update()
)
# By the ticket alone: with the hashes too, SQLite looks up every pair of both lists.
_HOLDS = select(ticket_identities.c.hash, ticket_identities.c.ticket, ticket_identities.c.vouched).where(
    among(ticket_identities.c.ticket, "numbers")
)
_LIKENESS = select(messages.c.ticket, messages.c.likeness, messages.c.effective_at).where(
    among(messages.c.ticket, "numbers"),
    messages.c.likeness.is_not(None),
    messages.c.sequence <= COMPARED_MESSAGES,
)


def load(
    conn: Connection,
    keys: Keyring,
    cases: Sequence[Case],
    policy: Policy,
    now: float,
    *,
    signed: Mapping[bytes, str] = MappingProxyType({}),
    former: Mapping[str, str] = MappingProxyType({}),
) -> State:
    """The state that these cases can depend on. Locks their identities, in the order of the hash, then their tickets.

    `signed`: ids of our own letters that name their ticket, with it. `former`: earlier names of conversations.
    """
    state = State()
    _load_kin(conn, cases, state)
    _load_people(conn, cases, state, now)
    _load_threads(conn, cases, state)
    state.threads |= {key: (ticket, True) for key, ticket in signed.items()}
    _load_talks(conn, cases, state, former)
    _load_bases(conn, cases, state)
    _load_recent(conn, cases, state, policy)
    named = {reference.number for case in cases for reference in case.references.found}
    pointed = {number for number, _ in state.threads.values()}
    pointed |= {talk.ticket for talk in state.talks.values() if talk.ticket}
    pointed |= {base.ticket for base in state.bases.values()}
    near = {number for rows in state.recent.values() for number, _ in rows}
    _load_tickets(conn, named | pointed | near, state)
    # Now that the tickets are locked: what was erased is no message any more that an edit could revise.
    state.bases = {key: base for key, base in state.bases.items() if not _erased(base, state)}
    _load_holds(conn, cases, state)
    _load_likeness(conn, keys, near, state)
    return state


def _erased(base: Base, state: State) -> bool:
    ticket = state.tickets.get(base.ticket)
    return ticket is not None and ticket.erased_at is not None


def _load_tickets(conn: Connection, numbers: Iterable[str], state: State) -> None:
    """Add the tickets of these numbers to the state, locked in the order of the number."""
    wanted = sorted(set(numbers))
    if not wanted:
        return
    for row in conn.execute(_TICKETS, {"wanted": wanted}).all():
        values: dict[str, Any] = dict(zip(_TICKET_NAMES, row, strict=True))
        values["known"] = frozenset(row.known.split())
        state.tickets[row.number] = Ticket(**values)


def _distinct(cases: Sequence[Case], state: State) -> list[Identity]:
    found = {identity.hash: identity for case in cases for identity in state.identities(case)}
    return [found[key] for key in sorted(found)]


def _load_kin(conn: Connection, cases: Sequence[Case], state: State) -> None:
    """What was shown of a vouched channel id before. Not locked: one id's messages come in one conversation's order."""
    wanted = sorted({one.hash for case in cases for one in case.identities if one.kind == "channel" and one.vouched})
    if wanted:
        for channel, other, kind in conn.execute(_KIN, {"wanted": wanted}).all():
            state.kin.setdefault(channel, {})[other] = Identity(other, kind, True)


def _load_people(conn: Connection, cases: Sequence[Case], state: State, now: float) -> None:
    wanted = _distinct(cases, state)
    if not wanted:
        return
    rows = conn.execute(_PEOPLE(conn), [{"hash": identity.hash, "kind": identity.kind} for identity in wanted])
    for key, person_id, guesses, since in rows.all():
        state.people[key] = Person(person_id, guesses, since)
    _give_persons(conn, cases, state, now)


def _give_persons(conn: Connection, cases: Sequence[Case], state: State, now: float) -> None:
    """A person for each sender: whose channel id or vouched contact is known already, else a new one."""
    unknown: list[list[Person]] = []
    for case in cases:
        own = [state.people[i.hash] for i in case.identities if i.kind == "channel" or i.vouched]
        if not own:
            continue
        known = next((person.person_id for person in own if person.person_id is not None), None)
        if known is None:
            unknown.append(own)
        else:
            _assign(own, known)
    pending = [own for own in unknown if all(person.person_id is None for person in own)]
    if not pending:
        return
    given = conn.execute(_NEW_PEOPLE, [{"first_seen": now}] * len(pending)).scalars().all()
    for own, new in zip(pending, given, strict=True):
        taken = next((person.person_id for person in own if person.person_id is not None), new)
        _assign(own, taken)


def _assign(own: Iterable[Person], person_id: int) -> None:
    for person in own:
        if person.person_id is None:
            person.person_id = person_id
            person.changed = True


def _load_threads(conn: Connection, cases: Sequence[Case], state: State) -> None:
    wanted = sorted({reply for case in cases for reply in case.reply_hashes})
    if wanted:
        for key, ticket, ours in conn.execute(_THREADS, {"wanted": wanted}).all():
            state.threads[key] = (ticket, ours)


def _load_talks(conn: Connection, cases: Sequence[Case], state: State, former: Mapping[str, str]) -> None:
    names = {case.conversation for case in cases if case.message.chat}
    wanted = sorted(names | {former[name] for name in names & former.keys()})
    if not wanted:
        return
    rows = conn.execute(_TALKS, {"wanted": wanted}).all()
    found = {name: (ticket, last_at) for name, ticket, last_at in rows}
    for name in names:
        values = found.get(name) or found.get(former.get(name, ""))
        if values is not None:
            state.talks[name] = Talk(*values)


def _load_bases(conn: Connection, cases: Sequence[Case], state: State) -> None:
    wanted = sorted({case.base_hash for case in cases if case.base_hash})
    if wanted:
        for key, *base in conn.execute(_BASES, {"wanted": wanted}).all():  # the latest comes last, and stays
            state.bases[key] = Base(*base)
    contents = sorted({case.content_hash for case in cases if case.content_hash})
    if contents:
        for key, row_id, erased in conn.execute(_CONTENTS, {"wanted": contents}).all():
            state.contents[key] = row_id
            if erased:
                state.erased.add(row_id)


def _compares(case: Case) -> bool:
    return case.likeness is not None or bool(case.references.slips)


def _load_recent(conn: Connection, cases: Sequence[Case], state: State, policy: Policy) -> None:
    """The latest tickets of each sender who may be repeating himself."""
    wanted = sorted({identity.hash for case in cases if _compares(case) for identity in state.identities(case)})
    if not wanted:
        return
    since = min(case.effective_at for case in cases) - policy.repeat_window
    statement = _RECENT_POSTGRESQL if conn.dialect.name == "postgresql" else _RECENT_SQLITE
    for key, ticket, last_at in conn.execute(
        statement, {"wanted": wanted, "since": since, "most": RECENT_TICKETS}
    ).all():
        state.recent.setdefault(key, []).append((ticket, last_at))


def _load_holds(conn: Connection, cases: Sequence[Case], state: State) -> None:
    """Which of the loaded tickets are held by which of the cases' identities."""
    if not state.tickets:
        return
    wanted = {identity.hash for identity in _distinct(cases, state)}
    for key, ticket, vouched in conn.execute(_HOLDS, {"numbers": sorted(state.tickets)}).all():
        if key in wanted:
            state.holds[(key, ticket)] = vouched


def _load_likeness(conn: Connection, keys: Keyring, numbers: set[str], state: State) -> None:
    if not numbers:
        return
    for ticket, sealed, at in conn.execute(_LIKENESS, {"numbers": sorted(numbers)}).all():
        state.likeness.setdefault(ticket, []).append(Said(at, partial(_opened, keys, sealed)))


def _opened(keys: Keyring, sealed: bytes) -> str:
    return keys.unseal(sealed, b"likeness").decode()
