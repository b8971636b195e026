"""The portal has no way back of its own: what is owed to its citizens leaves by an e-mail channel (`reply_by`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from config.settings import Settings
from ledger import portal
from ledger.database import Connection
from ledger.replies import Target
from pipeline.parts import Parts

KIND = "portal"


@dataclass(frozen=True, slots=True)
class Way:
    """The channel that carries an answer, and its own account."""

    kind: str
    account: str
    platform_account: str


def way(settings: Settings, account: str) -> Way | None:
    """By which channel the citizens of this portal channel are answered; None where no e-mail can be sent.

    The one that `reply_by` names, else the first e-mail channel that has a server to send by.
    """
    wanted = getattr(settings.channels.get(account), "reply_by", None)
    for name, channel in settings.channels.items():
        if channel.kind == "email" and getattr(channel, "smtp_host", None) and wanted in (None, name):
            return Way("email", name, channel.address)  # type: ignore[attr-defined]
    return None


def content(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """The content of a message to the portal's citizen as a letter; None when no e-mail address was stated.

    Our ids of what he sent mean nothing to his mail program: the letter begins a thread.
    """
    email = values.get("address", {}).get("email")
    if not email:
        return None
    return {**values, "address": {"sender": email, "email": email}, "references": [], "reply_to": None, "buttons": []}


def by_mail(parts: Parts, conn: Connection, number: str, target: Target) -> Target | None:
    """The e-mail channel and the address that a desk's reply to the portal's citizen leaves by; None where none is.

    It goes on with the thread that the acknowledgement began: mail programs want its ids and its subject for that.
    """
    mail, email = way(parts.settings, target.account), target.address.get("email")
    if mail is None or not email:
        return None
    domain, subject = mail.platform_account.rpartition("@")[2], target.address.get("subject")
    references = [f"{signed}@{domain}" for signed in portal.letters(conn, number, mail.account)]
    if references:
        ticket = portal.ticket(conn, number)
        language = "en" if ticket is not None and ticket["language"] == "en" else "ru"
        subject = parts.texts.render("acknowledgement_subject", language, number=number)
    address = {"sender": email, "email": email, "subject": subject, "references": references}
    return replace(
        target, kind=mail.kind, account=mail.account, platform_account=mail.platform_account, address=address
    )
