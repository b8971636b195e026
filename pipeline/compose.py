"""The envelope of one linked and routed message. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ledger.journal import Claimed
from ledger.state import Link, Ticket
from normalizer import completeness
from normalizer import envelope as shape
from normalizer.message import Sender
from pipeline.times import moment
from pipeline.understand import Understood
from router.rules import Decision

_STATED = ("full_name", "phone", "email", "inn", "snils", "account_number", "preferred_channel", "call_back_at")


def citizen(channel: str, understood: Understood) -> shape.Citizen:
    """Who wrote: what the platform says first, then what the form or the text states."""
    sender, facts, stated = understood.message.sender, understood.facts, understood.message.stated
    values: dict[str, Any] = {}
    for name in _STATED:
        values[name] = getattr(sender, name, None) or stated.get(name) or getattr(facts, name)
    passport = stated.get("passport")
    return shape.Citizen(
        id=f"{channel}:{sender.id}" if sender.id else None,
        display_name=sender.display_name,
        username=sender.username,
        passport=shape.Passport.model_validate(passport) if passport else facts.passport,
        language=understood.language or _short(sender.language),
        vouched=_vouched(sender, stated),
        **values,
    )


def _vouched(sender: Sender, stated: Mapping[str, Any]) -> list[str]:
    """What the platform vouches for, and what the portal's sign-in does (INN and SNILS among them)."""
    own = {name for name in sender.vouched if getattr(sender, name)}
    signed_in = {name for name in stated.get("vouched", ()) if stated.get(name)}
    return [name for name in ("id", "full_name", "phone", "email", "inn", "snils") if name in own | signed_in]


def _short(language: str | None) -> str | None:
    return language.split("-")[0].lower() if language else None


def known(who: shape.Citizen, understood: Understood, *, answerable: bool) -> frozenset[str]:
    """Which of who, where and what this message tells: parts of `full_name`, `contact`, `description`."""
    lacks = completeness.missing(
        full_name=who.full_name,
        phone=who.phone,
        email=who.email,
        answerable=answerable,
        described=understood.described,
    )
    return frozenset({"full_name", "contact", "description"} - set(lacks))


def compose(
    row: Claimed,
    understood: Understood,
    link: Link,
    ticket: Ticket,
    route: Decision,
    who: shape.Citizen,
    attachments: Sequence[shape.Attachment],
    *,
    envelope_id: str,
    flags: Sequence[str],
) -> shape.Envelope:
    """The envelope. `ticket.sequence` is this message's."""
    message = understood.message
    missing = [name for name in ("full_name", "contact", "description") if name not in ticket.known]
    return shape.Envelope(
        id=envelope_id,
        kind=cast(shape.Kind, link.kind),
        ticket=shape.Ticket(
            number=ticket.number,
            sequence=ticket.sequence,
            opened_at=moment(ticket.opened_at),
            repeats=ticket.repeats,
            related=list(link.related),
            link=shape.Link(
                how=cast(shape.How, link.how),
                certainty=cast("shape.Certainty | None", link.certainty),
                as_written=link.as_written,
            ),
        ),
        source=shape.Source(
            channel=row.kind,
            account=row.account,
            message_id=message.native_id,
            conversation_id=message.conversation_id,
            revision=link.revision,
            revises=message.revises,
            sent_at=message.sent_at,
            received_at=moment(row.received_at),
            journal_id=row.id,
            via=cast(Any, message.via),
        ),
        citizen=who,
        subject=message.subject,
        text=message.text,
        quoted=message.quoted,
        attachments=list(attachments),
        details=_details(understood),
        review=_review(understood),
        missing=cast(Any, missing),
        flags=list(flags),
        route=shape.Route(
            category=route.category,
            audience=route.audience,
            desk=route.desk,
            priority=route.priority,
            routing_key=route.routing_key,
            answer_by=route.answer_by,
        ),
    )


def _details(understood: Understood) -> shape.Details:
    found, stated = understood.details, understood.message.stated
    return shape.Details(**{name: stated.get(name) or getattr(found, name) for name in shape.Details.model_fields})


def _review(understood: Understood) -> shape.Review | None:
    stated: Mapping[str, Any] | None = understood.message.stated.get("review")
    if stated:
        return shape.Review.model_validate(stated)
    return understood.review
