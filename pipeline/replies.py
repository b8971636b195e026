"""A desk's reply on its way to the citizen: checked against the ledger, owed in one transaction, once for its id."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import structlog

from ledger import outbox, outgoing, replies, signed
from ledger.database import Connection
from ledger.errors import LedgerAway
from ledger.storage import StorageError
from pipeline import events, portal_replies
from pipeline.broker import declare_topology
from pipeline.parts import Parts
from router.publish import BrokerAway
from router.replies import Accepted, DeskReply, NotNow, Rejected, consume
from router.tasks import cancelled

log = structlog.get_logger()

# Why a reply will never be sent: for desks' systems, and the names of the board's words for its operators.
UNKNOWN_TICKET = "no ticket has this number"
ERASED = "the ticket was erased"
USED_ID = "a reply to another ticket has this id"
NO_ADDRESS = "no verified message of the ticket says where to answer"
NO_MAIL = "the citizen wrote by the portal: there is no e-mail address, or no e-mail channel that can send"
REFUSALS = {ERASED: "erased", NO_ADDRESS: "no_address", NO_MAIL: "no_mail"}

MOST_FILE_BYTES = 25 * 1024 * 1024
AWAY_SECONDS = 1.0


async def run(parts: Parts, stop: asyncio.Event) -> None:
    """Take the desks' replies from the broker until `stop`."""
    broker = parts.settings.broker

    async def handle(reply: DeskReply) -> Accepted | Rejected:
        try:
            reason = await asyncio.to_thread(accept_reply, parts, reply)
        except (LedgerAway, StorageError) as error:
            raise NotNow(str(error)) from None
        return Rejected(reason) if reason else Accepted()

    async def take() -> None:
        while True:
            try:
                await declare_topology(parts)
                await consume(broker.url.get_secret_value(), broker.prefix, handle)
            except BrokerAway:
                await asyncio.sleep(AWAY_SECONDS)
            except asyncio.CancelledError:
                # The library raises it, where nobody cancelled, for a broker that hangs up while one connects. A task
                # that ends so looks like one that was stopped: nobody would miss it, and no reply be taken any more.
                if cancelled():
                    raise
                await asyncio.sleep(AWAY_SECONDS)

    consuming = asyncio.create_task(take())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({consuming, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if consuming.done():
            consuming.result()
    finally:
        stopping.cancel()
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)


def accept_reply(parts: Parts, reply: DeskReply) -> str | None:
    """Write a reply durably. None when it is (or was before); else the reason why it never will be sent: an event too.

    Raises `LedgerAway` or `StorageError`.
    """
    if parts.database.look_now(lambda conn: replies.known(conn, reply.ticket, reply.id)):
        return None
    files = [_store(parts, file) for file in reply.attachments]
    now = parts.clock()

    def work(conn: Connection) -> str | None:
        reason = owe(conn)
        if reason is not None:
            where: dict[str, Any] = {"conversation": f"ticket:{reply.ticket}", "ticket": reply.ticket}
            outbox.add(conn, [events.row(now, "failed", **where, reply_id=reply.id, reason=reason)])
        return reason

    def owe(conn: Connection) -> str | None:
        state = replies.ticket_state(conn, reply.ticket)
        if replies.known(conn, reply.ticket, reply.id):
            return None
        if state is None:
            return UNKNOWN_TICKET
        if state == "erased":
            return ERASED
        if replies.used_elsewhere(conn, reply.ticket, reply.id):
            return USED_ID
        says = bool(reply.text.strip() or files)
        target = replies.target(conn, parts.keys, reply.ticket, reply.in_reply_to) if says else None
        if says and target is None:
            return NO_ADDRESS
        if target is not None and target.kind == portal_replies.KIND:
            target = portal_replies.by_mail(parts, conn, reply.ticket, target)
            if target is None:
                return NO_MAIL
        if target is not None:
            outgoing.owe(conn, _row(parts, reply, target, files, now))
            replies.answered(conn, reply.ticket, reply.id, now)
        if reply.close and replies.close(conn, reply.ticket, reply.id, now):
            closed = events.row(now, "closed", conversation=f"ticket:{reply.ticket}", ticket=reply.ticket, by="desk")
            outbox.add(conn, [closed])
        return None

    reason = parts.database.run_now(work)
    if reason is not None:
        for file in files:
            parts.storage.delete(file["key"])
    return reason


def _store(parts: Parts, file: Any) -> dict[str, str]:
    stored = parts.storage.put(file.data, limit=MOST_FILE_BYTES)
    return {
        "name": file.name,
        "media_type": file.media_type,
        "key": stored.key,
        "wrapped_key": stored.wrapped_key.hex(),
    }


def _subject(parts: Parts, number: str, subject: str | None, language: str | None) -> str:
    """The citizen's own subject, so that his mail program shows the letters together."""
    if not subject:
        return parts.texts.render("reply_subject", language, number=number)
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


def _row(
    parts: Parts, reply: DeskReply, target: replies.Target, files: list[dict[str, str]], now: float
) -> dict[str, Any]:
    chat = target.kind not in ("email", "portal")
    address = dict(target.address)
    references, subject = address.pop("references", []), address.pop("subject", None)
    text = reply.text.strip()
    content = {
        "address": address,
        "text": text,
        "reply_to": address.get("message_id"),
        "subject": None if chat else _subject(parts, reply.ticket, subject, target.language),
        "references": [] if chat else [one for one in (*references, address.get("message_id")) if one],
        "automatic": False,
        "last_message_at": target.last_message_at,
        "files": files,
    }
    name = hashlib.sha256(reply.id.encode("utf-8", "replace")).hexdigest()[:24]
    return outgoing.row(
        parts.keys,
        purpose="reply",
        kind=target.kind,
        account=target.account,
        platform_account=target.platform_account,
        conversation=target.conversation,
        content=content,
        now=now,
        ticket=reply.ticket,
        reply_id=reply.id,
        signed_id=signed.make(parts.keys, reply.ticket, f"r{name}"),
    )
