"""Applies a link to the state, so that the next message of the batch sees it. Pure but for the state."""

from __future__ import annotations

from collections.abc import Callable

from ledger.state import Base, Case, Link, Person, Policy, Said, State, Talk, Ticket

# Of these a platform says whose they are; a sign-in's INN and SNILS come with every message of it.
_SHOWN = ("channel", "phone", "email")


def place(
    case: Case, link: Link, state: State, policy: Policy, new_number: Callable[[], str], opened_at: float
) -> Ticket:
    """The ticket of the message, opened, reopened or brought up to date; `ticket.sequence` is the message's."""
    at = case.effective_at
    if link.number is None:
        ticket = Ticket(number=new_number(), opened_at=opened_at, last_message_at=at, is_new=True)
        ticket.person_id = _person(case, state)
        state.tickets[ticket.number] = ticket
    else:
        ticket = state.tickets[link.number]
    ticket.changed = True
    ticket.sequence += 1
    if "reopened" in link.flags:
        ticket.state, ticket.closed_at = "open", None
    if link.kind == "repeat":
        ticket.repeats += 1
    # An edit of what was never accepted (a greeting, a lone «👍») opens a ticket as a message does.
    says = case.message.change == "message" or link.number is None
    if case.message.machine is None and says and not case.reaction:
        ticket.last_message_at = max(ticket.last_message_at, at)
        if ticket.waiting_since is None and (link.kind != "review" or ticket.is_new):
            ticket.waiting_since = at
    return ticket


def remember(case: Case, link: Link, ticket: Ticket, state: State, policy: Policy) -> None:
    """Let the rest of the batch know what this message adds: its ids, its conversation, its sender."""
    at = case.effective_at
    state.threads[case.native_hash] = (ticket.number, False)
    if case.content_hash is not None:
        state.contents[case.content_hash] = case.journal_id
    if case.message.change == "message":
        state.bases[case.native_hash] = Base(ticket.number, 0, link.how, link.certainty)
    elif case.base_hash is not None:
        state.bases[case.base_hash] = Base(ticket.number, link.revision, link.how, link.certainty)
    if "link_changed" in link.flags and case.base_hash is not None:
        state.moved[case.base_hash] = ticket.number
        state.threads[case.base_hash] = (ticket.number, False)
    if case.message.chat:
        talk = state.talks.setdefault(case.conversation, Talk())
        if _turns(case, link, talk, policy):
            talk.ticket = ticket.number
        talk.last_at, talk.changed = max(at, talk.last_at), True
    if case.likeness is not None and ticket.sequence <= 3:
        state.likeness.setdefault(ticket.number, []).append(Said(at, case.likeness))
    if link.owner:
        for identity in state.identities(case):
            key = (identity.hash, ticket.number)
            state.holds[key] = state.holds.get(key, False) or identity.vouched
            recent = [row for row in state.recent.get(identity.hash, []) if row[0] != ticket.number]
            state.recent[identity.hash] = [(ticket.number, at), *recent]
    if link.guesses:
        _count_guesses(case, link, state, policy)


def _turns(case: Case, link: Link, talk: Talk, policy: Policy) -> bool:
    """Whether the conversation is about the message's ticket from now on.

    Who mends, takes back or likes what was said earlier has not returned to it: he may have ended it by `/new` since.
    What was said long before the rest and is taken in now (`ingest`) is not what he speaks of.
    """
    if talk.last_at - case.effective_at > policy.conversation_window:
        return False
    if link.number is None or (case.message.change == "message" and not case.reaction):
        return True
    return "link_changed" in link.flags and talk.ticket in link.related


def meet(case: Case, state: State) -> None:
    """Keep what the platform shows of the sender in this message: other ids of his, a contact that he shared."""
    shown = [identity for identity in case.identities if identity.kind in _SHOWN and identity.vouched]
    for own in shown:
        known = state.kin.setdefault(own.hash, {}) if own.kind == "channel" else None
        for other in shown:
            if known is not None and other.hash != own.hash and other.hash not in known:
                known[other.hash] = other
                state.vouched.append((own.hash, other))


def _person(case: Case, state: State) -> int | None:
    for identity in case.identities:
        person = state.people.get(identity.hash)
        if person is not None and person.person_id is not None and (identity.kind == "channel" or identity.vouched):
            return person.person_id
    return None


def _count_guesses(case: Case, link: Link, state: State, policy: Policy) -> None:
    """Numbers tried one after another by one sender are counted at his channel's identity."""
    if case.guesser is not None:
        person = state.people.setdefault(case.guesser.hash, Person())
        count_guess(person, case.effective_at, link.guesses, policy)


def count_guess(person: Person, at: float, guesses: int, policy: Policy) -> None:
    """Add to the count of foreign numbers; an old count starts anew."""
    since = person.guesses_since
    if since is None or at - since >= policy.number_attempts_window:
        person.guesses, person.guesses_since = 0, at
    person.guesses += guesses
    person.changed = True
