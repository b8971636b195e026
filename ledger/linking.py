"""Which ticket a message belongs to (contract, section 5): evidence by strength, and whose ticket it is. Pure.

The strongest evidence that holds decides. Evidence that turns out claimed or unknown is noted and set aside, and
the next weaker decides; so nobody gets into a stranger's ticket, and nobody learns whether it exists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ledger.state import Base, Case, Link, Person, Policy, State, Ticket
from normalizer.references import Reference, Slip, one_slip_apart

_PLACES = {
    "own": "in the citizen's own words",
    "subject": "in the subject",
    "quoted": "in the quoted part",
    "file_name": "in the name of a file",
    "link": "in a link",
}


@dataclass(slots=True)
class _Notes:
    """What was found on the way to the decision."""

    related: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    guesses: int = 0

    def relate(self, number: str) -> None:
        if number not in self.related:
            self.related.append(number)

    def flag(self, name: str) -> None:
        if name not in self.flags:
            self.flags.append(name)


def decide(case: Case, state: State, policy: Policy, alike: Callable[[str, str], bool]) -> Link:
    """The link of one message. `state` is read only; the caller applies the link to it before the next message."""
    notes = _Notes()
    base = state.bases.get(case.base_hash) if case.base_hash else None
    if base is not None:
        return _revision(case, state, policy, base, notes)
    thread = _by_thread(case, state, policy, notes)
    named = _by_number(case, state, policy, notes)
    if thread is not None and named is not None:
        notes.relate(str(named.number))
        own = {found.number for found in case.references.found if found.place == "own"}
        if named.number == thread.number and thread.number in own:
            thread = replace(thread, kind=named.kind)  # an answer that states the number itself asks again
    link = (
        thread
        or named
        or _by_conversation(case, state, policy, notes)
        or _by_content(case, state, policy, alike, notes)
        or Link(None, "none", None, "new", why=("nothing points at an earlier request: a new one",))
    )
    return _finish(link, case, state, notes)


def standing(case: Case, ticket: str, state: State, *, signed: bool = False) -> str | None:
    """`verified`, `corroborated` or None (claimed): whether the ticket is the sender's."""
    corroborated = signed
    for identity in state.identities(case):
        vouched = state.holds.get((identity.hash, ticket))
        if vouched is None:
            continue
        if identity.kind == "channel" or (vouched and identity.vouched):
            return "verified"
        corroborated = True
    return "corroborated" if corroborated else None


def limited(person: Person | None, at: float, policy: Policy) -> bool:
    """Whether this identity has named so many foreign numbers that none is looked up for a while."""
    if person is None or person.guesses_since is None or person.guesses < policy.number_attempts:
        return False
    return at - person.guesses_since < policy.number_attempts_window


def _open_enough(ticket: Ticket, case: Case, policy: Policy) -> bool:
    """Whether the ticket may go on: one that was erased never does, it would be erased no second time."""
    if ticket.erased_at is not None:
        return False
    closed = ticket.closed_at if ticket.state == "closed" else None
    return closed is None or case.effective_at - closed <= policy.reopen_window


def _by_thread(case: Case, state: State, policy: Policy, notes: _Notes) -> Link | None:
    how = "reply" if case.message.chat else "thread"
    for reply in case.reply_hashes:
        if reply not in state.threads:
            continue
        number, ours = state.threads[reply]
        ticket = state.tickets.get(number)
        if ticket is None:
            continue
        certainty = standing(case, number, state, signed=ours and not case.message.chat)
        if certainty is None:
            notes.flag("claimed_number")
            notes.relate(number)
            notes.why.append(f"answers a message of {number}, but nothing shows that it is the sender's request")
            continue
        if not _open_enough(ticket, case, policy):
            notes.relate(number)
            notes.why.append(f"answers a message of {number}, which was closed too long ago")
            continue
        whose = "our message" if ours else "a message"
        return Link(number, how, certainty, "follow_up", why=(f"a reply to {whose} of {number} ({certainty})",))
    return None


def _by_number(case: Case, state: State, policy: Policy, notes: _Notes) -> Link | None:
    if not case.references.found and not case.references.slips:
        return None
    guesser = case.guesser
    if guesser is not None and limited(state.people.get(guesser.hash), case.effective_at, policy):
        notes.flag("number_limit")
        notes.why.append("the sender has named too many foreign numbers lately: numbers are not looked up")
        return None
    decided: Link | None = None
    for reference in case.references.found:
        link = _one_number(reference, case, state, policy, notes)
        if link is not None and decided is None:
            decided = link
        elif link is not None and link.number != (decided.number if decided else None):
            notes.relate(str(link.number))
    for slip in case.references.slips if decided is None else ():
        decided = decided or _corrected(slip, case, state, policy, notes)
    return decided


def _one_number(reference: Reference, case: Case, state: State, policy: Policy, notes: _Notes) -> Link | None:
    number, place = reference.number, _PLACES[reference.place]
    ticket = state.tickets.get(number)
    if ticket is None:
        notes.flag("unknown_number")
        notes.guesses += 1
        notes.why.append(f"{number} stands {place}, but no request has it")
        return None
    certainty = standing(case, number, state)
    if certainty is None:
        notes.flag("claimed_number")
        notes.guesses += 1
        notes.relate(number)
        notes.why.append(f"{number} stands {place}, but nothing shows that it is the sender's request")
        return None
    if not _open_enough(ticket, case, policy):
        notes.relate(number)
        notes.why.append(f"{number} stands {place}, but it was closed too long ago")
        return None
    why = f"{number} stands {place}; {_CERTAIN[certainty]}"
    kind = _repeat_or_follow_up(ticket, case, policy)
    return Link(number, "quoted_number", certainty, kind, as_written=reference.as_written, why=(why,))


_CERTAIN = {
    "verified": "the sender is the citizen of that request (verified)",
    "corroborated": "the sender shows a contact of that request (corroborated)",
}


def _corrected(slip: Slip, case: Case, state: State, policy: Policy, notes: _Notes) -> Link | None:
    """A number with a wrong check digit, when exactly one ticket of this same citizen is one slip away."""
    near: set[str] = set()
    for identity in state.identities(case):
        if identity.kind != "channel" and not identity.vouched:
            continue
        for number, _ in state.recent.get(identity.hash, ()):
            if one_slip_apart(slip.digits, number.replace("-", "")) and standing(case, number, state) == "verified":
                near.add(number)
    ticket = state.tickets.get(next(iter(near))) if len(near) == 1 else None
    if ticket is None:
        notes.flag("unknown_number")
        notes.guesses += 1
        notes.why.append("a number with a wrong check digit, and no single request of the sender is near it")
        return None
    if not _open_enough(ticket, case, policy):
        notes.relate(ticket.number)
        return None
    kind = _repeat_or_follow_up(ticket, case, policy)
    why = f"a number with a wrong check digit; {ticket.number} is the only request of the sender one slip away"
    return Link(ticket.number, "quoted_number", "corrected", kind, as_written=slip.as_written, why=(why,))


def _repeat_or_follow_up(ticket: Ticket, case: Case, policy: Policy) -> str:
    waiting = ticket.waiting_since
    asked_again = waiting is not None and case.effective_at - waiting >= policy.repeat_after
    return "repeat" if asked_again else "follow_up"


def _by_conversation(case: Case, state: State, policy: Policy, notes: _Notes) -> Link | None:
    talk = state.talks.get(case.conversation)
    if not case.message.chat or talk is None or talk.ticket is None:
        return None
    ticket = state.tickets.get(talk.ticket)
    if ticket is None or ticket.state != "open":
        return None
    if abs(case.effective_at - talk.last_at) > policy.conversation_window:  # of old: what `ingest` takes in
        return None
    certainty = standing(case, ticket.number, state) or "corroborated"
    why = f"the conversation is about {ticket.number}"
    return Link(ticket.number, "conversation", certainty, "follow_up", why=(why,))


def _by_content(
    case: Case, state: State, policy: Policy, alike: Callable[[str, str], bool], notes: _Notes
) -> Link | None:
    if case.likeness is None or case.message.machine is not None:
        return None
    candidates = {
        number: at for identity in state.identities(case) for number, at in state.recent.get(identity.hash, ())
    }
    for number in sorted(candidates, key=lambda number: (-candidates[number], number)):
        ticket = state.tickets.get(number)
        if ticket is None:
            continue
        for said in state.likeness.get(number, ()):
            if abs(case.effective_at - said.at) > policy.repeat_window or not alike(case.likeness, said.text()):
                continue
            if not _open_enough(ticket, case, policy):
                notes.relate(number)
                break
            why = f"the same citizen said nearly the same in {number}"
            return Link(number, "content", "likely", "repeat", why=(why,))
    return None


def _revision(case: Case, state: State, policy: Policy, base: Base, notes: _Notes) -> Link:
    """An edit stays with its message's ticket, unless it adds or removes the number that decided."""
    kind = "deletion" if case.message.change == "deletion" else "edit"
    revision = base.revision + 1
    stay = Link(
        base.ticket, base.how, base.certainty, kind, why=(f"{kind} of a message of {base.ticket}",), revision=revision
    )
    if kind == "deletion":
        return _finish(stay, case, state, notes)
    named = _by_number(case, state, policy, notes)
    if named is not None and named.number != base.ticket:
        notes.flag("link_changed")
        notes.relate(base.ticket)
        moved = replace(named, kind=kind, revision=revision)
        return _finish(
            replace(moved, why=(*moved.why, f"the edit moved it here from {base.ticket}")), case, state, notes
        )
    if named is not None:
        return _finish(replace(named, kind=kind, revision=revision), case, state, notes)
    if base.how == "quoted_number":
        notes.flag("link_changed")
        notes.relate(base.ticket)
        why = f"the edit took away the number that had linked it to {base.ticket}"
        return _finish(Link(None, "none", None, kind, why=(why,), revision=revision), case, state, notes)
    return _finish(stay, case, state, notes)


def _finish(link: Link, case: Case, state: State, notes: _Notes) -> Link:
    flags = list(notes.flags)
    ticket = state.tickets.get(link.number) if link.number else None
    asks = case.message.machine is None and not case.reaction  # a robot and a «👍» reopen nothing
    if ticket is not None and ticket.state == "closed" and link.kind not in ("edit", "deletion") and asks:
        flags.append("reopened")
    kind = "review" if case.review and link.kind not in ("edit", "deletion") else link.kind
    claimed = link.number is None and "claimed_number" in flags
    return replace(
        link,
        kind=kind,
        certainty="claimed" if claimed else link.certainty,
        related=tuple(number for number in notes.related if number != link.number),
        flags=tuple(flags),
        why=(*link.why, *notes.why),
        guesses=notes.guesses,
        owner=link.number is None or standing(case, link.number, state) == "verified",
    )
