"""What a citizen is told of a staged message: one acknowledgement a request, nothing about others' tickets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from config.texts import Texts, answer_when
from ledger import signed
from ledger.journal import Claimed
from ledger.state import Link, Ticket
from pipeline.effects import address
from pipeline.parts import Parts
from pipeline.times import moment
from pipeline.understand import Understood

if TYPE_CHECKING:
    from pipeline.staging import Staging, Work

BUTTONS = (("new", "/new"), ("status", "/status"))


def language_of(parts: Parts, row: Claimed, understood: Understood, ticket: Ticket | None) -> str:
    """`ru` or `en`: the citizen's own, else the ticket's, else the channel's."""
    channel = parts.settings.channels.get(row.account)
    stated = (understood.message.sender.language or "")[:2].lower()
    wanted = (understood.language, ticket.language if ticket else None, stated, channel.language if channel else None)
    return next((language for language in wanted if language in ("ru", "en")), "ru")


def content(
    row: Claimed,
    understood: Understood,
    text: str,
    *,
    subject: str | None = None,
    buttons: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """What the sender needs of a message to this citizen."""
    message = understood.message
    return {
        "address": address(message),
        "text": text,
        "buttons": [list(button) for button in buttons],
        "reply_to": message.native_id,
        "subject": subject,
        "references": [*reversed(message.reply_to), message.native_id] if not message.chat else [],
        "automatic": True,
        "last_message_at": row.effective_at,
    }


def owe(
    staging: Staging, work: Work, understood: Understood, link: Link, ticket: Ticket, answer_by: datetime | None
) -> None:
    """Owe the acknowledgement, the notice of a repeat or the warning that is due, as one message."""
    row, message = work.row, understood.message
    answerable = message.sender.id is not None or message.sender.email is not None  # the form's sender has no id
    if not row.acknowledge or message.machine is not None or not answerable:
        return
    texts, language = staging.parts.texts, language_of(staging.parts, row, understood, ticket)
    when = answer_when(language, moment(row.received_at), answer_by, staging.parts.settings.tickets.timezone)
    words, purpose = _words(texts, link, ticket, language, chat=message.chat, when=when)
    if understood.secret_removed:
        words.append(texts.render("secret_warning", language))
    if not words:
        return
    staging.owe(
        row,
        purpose=purpose,
        ticket=ticket.number,
        signed_id=signed.make(staging.parts.keys, ticket.number, f"j{row.id}"),
        content=content(
            row,
            understood,
            "\n\n".join(words),
            subject=None if message.chat else _subject(texts, link, ticket, message.subject, language),
            buttons=buttons(texts, language) if message.chat else (),
        ),
    )


def buttons(texts: Texts, language: str) -> list[tuple[str, str]]:
    """The buttons under our messages: label and payload."""
    return [(texts.render(f"button_{name}", language), payload) for name, payload in BUTTONS]


def told(link: Link, ticket: Ticket) -> str | None:
    """The number, where this sender may be told it: it is his, or he wrote it himself."""
    return ticket.number if link.owner or link.how == "quoted_number" else None


def _subject(texts: Texts, link: Link, ticket: Ticket, subject: str | None, language: str) -> str:
    number = told(link, ticket)
    if number is None:
        return f"Re: {subject}" if subject else "Re:"
    return texts.render("acknowledgement_subject" if link.number is None else "reply_subject", language, number=number)


def _words(
    texts: Texts, link: Link, ticket: Ticket, language: str, *, chat: bool, when: str | None
) -> tuple[list[str], str]:
    """What is said, and what for; nothing for a follow-up, an edit or a deletion that opens no ticket."""
    if link.kind in ("edit", "deletion") and link.number is not None:
        return [], "warning"
    if link.number is None:
        key = "acknowledgement_short" if chat else "acknowledgement"
        words = [texts.render(key, language, number=ticket.number, answer_when=when)]
        missing = [name for name in ("full_name", "contact", "description") if name not in ticket.known]
        if missing and not ticket.asked and link.kind != "review":
            words.append(texts.render("missing", language, missing=missing))
            ticket.asked = True
        return words, "acknowledgement"
    number = told(link, ticket)
    if number is not None and not link.owner:
        return [texts.render("corroborated_ack", language, number=number)], "acknowledgement"
    if link.kind != "repeat":
        return [], "warning"
    if number is None:
        return [texts.render("added", language)], "notice"
    return [texts.render("repeat_noticed", language, number=number)], "notice"
