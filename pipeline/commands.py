"""`/start`, `/new`, `/status` and a lone greeting: rows that end as ignored, and are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ledger import linking, settle
from ledger.state import Case, Ticket
from pipeline.acknowledge import buttons, content, language_of
from pipeline.understand import Understood

if TYPE_CHECKING:
    from pipeline.staging import Staging, Work


def answer(staging: Staging, work: Work, understood: Understood, case: Case) -> None:
    """Do what the command says, and owe its answer."""
    command = understood.command
    if command is None:
        return
    for greeting in staging.waiting.pop(case.conversation, []):
        greet(staging, greeting, quiet=True)
    texts, language = staging.parts.texts, language_of(staging.parts, work.row, understood, None)
    if command.name == "new":
        end_conversation(staging, case)
    if command.name == "status":
        text = _status(staging, understood, case, language)
    else:
        text = texts.render(command.name, language)
    staging.batch.end(work.row.id, "ignored", f"the command /{command.name}")
    for row in work.greetings:
        staging.batch.end(row.id, "ignored", "a bare greeting")
    for part in work.parts:
        staging.batch.end(part.id, "ignored", f"the command /{command.name}")
    _owe(staging, work, understood, text, language)


def end_conversation(staging: Staging, case: Case) -> None:
    """`/new`: what is said next is not about the ticket of before."""
    talk = staging.talk(case.conversation)
    talk.ticket, talk.last_at, talk.changed = None, max(talk.last_at, case.effective_at), True


def greet(staging: Staging, work: Work, *, quiet: bool = False) -> None:
    """A greeting that no request followed."""
    staging.batch.end(work.row.id, "ignored", "a bare greeting")
    if work.understood is not None and not quiet:
        language = language_of(staging.parts, work.row, work.understood, None)
        _owe(staging, work, work.understood, staging.parts.texts.render("start", language), language)


def _owe(staging: Staging, work: Work, understood: Understood, text: str, language: str) -> None:
    if not work.row.acknowledge or understood.message.sender.id is None:
        return
    values: dict[str, Any] = content(work.row, understood, text, buttons=buttons(staging.parts.texts, language))
    staging.owe(work.row, purpose="answer", content=values)


def _status(staging: Staging, understood: Understood, case: Case, language: str) -> str:
    """The state of a request of the sender's own; the same words for a foreign number as for an unknown one."""
    texts, state, policy = staging.parts.texts, staging.state, staging.parts.policy
    found = case.references.found
    argument = understood.command.argument if understood.command else None
    if not found and not argument:
        talk = state.talks.get(case.conversation)
        ticket = state.tickets.get(talk.ticket) if talk and talk.ticket else None
        if ticket is None or linking.standing(case, ticket.number, state) != "verified":
            return texts.render("status_how", language)
        return _state_of(staging, ticket, language)
    person = state.people.get(case.identities[0].hash) if case.identities else None
    if linking.limited(person, case.effective_at, policy):
        return texts.render("number_limit", language)
    ticket = state.tickets.get(found[0].number) if found else None
    if ticket is not None and linking.standing(case, ticket.number, state) == "verified":
        return _state_of(staging, ticket, language)
    if person is not None:
        settle.count_guess(person, case.effective_at, 1, policy)
    return texts.render("status_unknown", language)


def _state_of(staging: Staging, ticket: Ticket, language: str) -> str:
    if ticket.state == "closed":
        state = "closed"
    elif ticket.answered_at is not None and ticket.waiting_since is None:
        state = "answered"
    else:
        state = "open"
    return staging.parts.texts.render("status", language, number=ticket.number, state=state)
