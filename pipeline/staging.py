"""A batch of understood rows becomes envelopes, outbox rows and owed acknowledgements: one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from uuid_utils import uuid7

from ledger import albums, conversations, journal, linking, outgoing, settle, signed, snapshot
from ledger.batch import Batch
from ledger.database import Connection
from ledger.journal import Claimed, conversation_hash
from ledger.serials import Numbers
from ledger.state import Case, Identity, Link, State, Talk, Ticket
from ledger.storage import Stored
from normalizer import envelope as shape
from normalizer import likeness
from normalizer.message import DeliveryReport, Ignored, Renamed, Unreadable
from pipeline import acknowledge, commands, effects, events, portal_replies
from pipeline.compose import citizen, compose, known
from pipeline.parts import Parts
from pipeline.times import moment
from pipeline.understand import Understood, opens, says_nothing
from router.rules import Case as RouteCase
from router.rules import Decision


@dataclass(slots=True)
class Work:
    """A claimed row with what was read of it. `parts`: further rows of the same album; they end as merged."""

    row: Claimed
    reading: Understood | Ignored | DeliveryReport | Renamed | Unreadable
    parts: list[Claimed] = field(default_factory=list)
    files: dict[int, tuple[Stored, str]] = field(default_factory=dict)  # attachment's index -> stored, media type
    greetings: list[Claimed] = field(default_factory=list)  # waited for this message; they end as merged

    @property
    def understood(self) -> Understood | None:
        """The message, when it is one."""
        return self.reading if isinstance(self.reading, Understood) else None


def native_hash(parts: Parts, row: Claimed, native_id: str) -> bytes:
    """The name of a platform's message id in the ledger."""
    owner = "" if row.kind == "email" else row.platform_account
    return parts.keys.keyed_hash(b"native", row.kind.encode(), owner.encode(), native_id.encode("utf-8", "replace"))


def identities(parts: Parts, kind: str, understood: Understood) -> tuple[Identity, ...]:
    """How the sender may be recognised: the channel's id first. A sender whose authentication failed is nobody."""
    message, facts = understood.message, understood.facts
    if message.machine in ("bounce", "bulk"):
        return ()
    sender = message.sender
    found: dict[bytes, Identity] = {}
    trusted = message.authentication != "fail"

    def add(what: Any, value: str | None, vouched: bool) -> None:
        if value:
            key = parts.keys.identity(what, value)
            found[key] = Identity(key, what, vouched or (key in found and found[key].vouched))

    if trusted:
        for own in (sender.id, *sender.aliases):
            add("channel", f"{kind}:{own}" if own else None, "id" in sender.vouched)
        add("phone", sender.phone, "phone" in sender.vouched)
        add("email", sender.email, "email" in sender.vouched)
    for name, value in (("phone", facts.phone), ("email", facts.email), ("inn", facts.inn), ("snils", facts.snils)):
        add(name, message.stated.get(name) or value, name in message.stated.get("vouched", ()))
    return tuple(found.values())


def case_of(parts: Parts, row: Claimed, understood: Understood) -> Case:
    """What linking needs of a message."""
    message = understood.message
    content = message.content_key
    return Case(
        message=message,
        journal_id=row.id,
        channel=row.kind,
        platform_account=row.platform_account,
        conversation=row.conversation,
        effective_at=row.effective_at,
        identities=identities(parts, row.kind, understood),
        native_hash=native_hash(parts, row, message.native_id),
        base_hash=native_hash(parts, row, message.revises) if message.revises else None,
        reply_hashes=tuple(native_hash(parts, row, reply) for reply in message.reply_to),
        content_hash=parts.keys.keyed_hash(b"content", content.encode("utf-8", "replace")) if content else None,
        references=understood.references,
        likeness=understood.likeness,
        review=understood.review is not None or bool(message.stated.get("review")),
        reaction=says_nothing(message),
    )


class Staging:
    """Stages one batch inside one transaction. Made anew for each."""

    def __init__(self, parts: Parts, conn: Connection, numbers: Numbers, now: float) -> None:
        self.parts = parts
        self.conn = conn
        self.numbers = numbers
        self.now = now
        self.batch = Batch(now)
        self.state = State()
        self.waiting: dict[str, list[Work]] = {}  # greetings of this batch, by conversation
        self.orphans: list[Stored] = []  # files of what turned out to be redelivered
        self.staged: list[tuple[Claimed, shape.Envelope]] = []

    def stage(self, works: Sequence[Work]) -> None:
        """Stage the rows in order and write everything. The rows are claimed, and locked by the caller."""
        self._point_at_albums(works)
        cases: dict[int, Case] = {}
        for work in works:
            if work.understood is not None:
                cases[work.row.id] = case_of(self.parts, work.row, work.understood)
        self._load(list(cases.values()))
        for work in works:
            case = cases.get(work.row.id)
            if case is not None and work.understood is not None:
                self._message(work, work.understood, case)
            else:
                self._other(work)
        self._hold_greetings()
        self.batch.flush(self.conn, self.state)

    def _point_at_albums(self, works: Sequence[Work]) -> None:
        """An edit of an album's later part revises the message that the album is."""
        edits = [(work, u.message) for work in works if (u := work.understood) and u.message.change == "edit"]
        if not edits:
            return
        here = {
            part.part: u.message.native_id
            for work in works
            if (u := work.understood) and u.message.change == "message"
            for part in u.message.attachments
            if part.part
        }
        named = {native_hash(self.parts, work.row, m.revises): m.revises for work, m in edits if m.revises}
        known = albums.messages_of(self.conn, named) | here
        for work, message in edits:
            whole = known.get(message.revises or "")
            if whole is not None and whole != message.revises and work.understood is not None:
                work.reading = replace(work.understood, message=replace(message, revises=whole))

    def _load(self, cases: Sequence[Case]) -> None:
        keys = self.parts.keys
        named: dict[bytes, str] = {}
        for case in cases:
            for reply, key in zip(case.message.reply_to, case.reply_hashes, strict=True):
                ticket = None if case.message.chat else signed.ticket_of(keys, reply)
                if ticket is not None:
                    named[key] = ticket
        former = self._former(cases)
        self.state = snapshot.load(self.conn, keys, cases, self.parts.policy, self.now, signed=named, former=former)

    def _former(self, cases: Sequence[Case]) -> dict[str, str]:
        """Earlier names of conversations: of members in groups that have a new id, how they were called under the old
        one; of a person who has a further id (a WhatsApp user id beside the phone), that of the other id."""
        others = {
            case.conversation: self._conversation(case, person.aliases[0])
            for case in cases
            if (person := case.message.sender).aliases and case.message.conversation_id == person.id
        }
        members: dict[str, tuple[str, str, Case]] = {}
        for case in cases:
            chat, _, member = case.message.conversation_id.rpartition(":")
            if chat and case.message.chat:
                members[case.conversation] = (self._conversation(case, chat), member, case)
        moved = conversations.former(self.conn, (chat for chat, _, _ in members.values())) if members else {}
        return others | {
            name: self._conversation(case, f"{self.parts.keys.unseal(moved[chat], b'chat').decode()}:{member}")
            for name, (chat, member, case) in members.items()
            if chat in moved
        }

    def _conversation(self, case: Case, conversation_id: str) -> str:
        return conversation_hash(self.parts.keys, case.channel, case.platform_account, conversation_id)

    def _other(self, work: Work) -> None:
        row, reading = work.row, work.reading
        if isinstance(reading, Unreadable):
            self.batch.end(row.id, "quarantined", reading.reason)
            events.quarantined(self.batch, row, reading.reason)
            return
        if isinstance(reading, Ignored):
            self.batch.end(row.id, "ignored", reading.reason)
        elif isinstance(reading, DeliveryReport):
            key = native_hash(self.parts, row, reading.native_id)
            effects.status(self.conn, self.batch, row, key, reading)
        elif isinstance(reading, Renamed):
            effects.renamed(self.conn, self.parts, self.batch, row, reading)

    def _delivery(self, row: Claimed, report: DeliveryReport) -> None:
        effects.delivery(self.conn, self.batch, row, native_hash(self.parts, row, report.native_id), report)

    def _message(self, work: Work, understood: Understood, case: Case) -> None:
        row, message = work.row, understood.message
        if (earlier := self.state.contents.get(case.content_hash or b"")) is not None:
            self.batch.end(row.id, "redelivered", "the same letter came another way before", earlier)
            if earlier in self.state.erased:  # it stays gone
                self.batch.erased.append(row.id)
            self.orphans += [stored for stored, _ in work.files.values()]
            return
        if understood.command is not None:
            commands.answer(self, work, understood, case)
            return
        if understood.anew:
            commands.end_conversation(self, case)
        if message.change == "deletion" and (case.base_hash is None or case.base_hash not in self.state.bases):
            self.batch.end(row.id, "ignored", "the deletion of a message that was not accepted")
            return
        if understood.greeting and not case.reply_hashes and case.base_hash not in self.state.bases:
            if message.change == "edit":  # the greeting that it mends is answered, or waits for its message
                self.batch.end(row.id, "ignored", "a bare greeting")
                return
            self.waiting.setdefault(row.conversation, []).append(work)
            return
        if opens(message):
            work, understood = self._with_greetings(work, understood, case)
        elif not case.reaction:
            self._mended_greeting(work, case)
        self._link(work, understood, case)

    def _with_greetings(self, work: Work, understood: Understood, case: Case) -> tuple[Work, Understood]:
        """A greeting that came just before is part of the message that it opens (contract, section 5)."""
        earlier = self.waiting.pop(case.conversation, []) if case.message.chat else []
        held = [*work.greetings]
        words = [text for text in (effects.text_of(self.parts, row) for row in held) if text]
        for greeting in earlier:
            near = case.effective_at - greeting.row.effective_at <= self.parts.policy.burst_window
            if near and greeting.understood is not None:
                held.append(greeting.row)
                words.append(greeting.understood.message.text)
            else:
                commands.greet(self, greeting)
        for row in held:
            self.batch.end(row.id, "merged", "a greeting", merged_into=work.row.id)
        if not words:
            return work, understood
        message = replace(understood.message, text="\n".join([*words, understood.message.text]).strip())
        return work, replace(understood, message=message)

    def _mended_greeting(self, work: Work, case: Case) -> None:
        """An edit that makes a request of a greeting that waits says it all; of anything else, the greeting is none."""
        waiting = self.waiting.pop(case.conversation, [])
        ended = list(work.greetings)
        for greeting in waiting:
            if greeting.understood and greeting.understood.message.native_id == case.message.revises:
                ended.append(greeting.row)
            else:
                self.waiting.setdefault(case.conversation, []).append(greeting)
        for row in ended:
            self.batch.end(row.id, "merged", "a greeting", merged_into=work.row.id)

    def _hold_greetings(self) -> None:
        window = self.parts.policy.burst_window
        for greetings in self.waiting.values():
            for work in greetings:
                journal.hold(self.conn, work.row.id, max(self.now, work.row.effective_at + window))

    def _link(self, work: Work, understood: Understood, case: Case) -> None:
        row = work.row
        settle.meet(case, self.state)
        link = linking.decide(case, self.state, self.parts.policy, likeness.same_words)
        if link.number is None and case.reaction:
            self.batch.end(row.id, "ignored", "a reaction")
            return
        before = self.state.tickets.get(link.number) if link.number else None
        was_closed = before is not None and before.state == "closed"
        ticket = settle.place(
            case, link, self.state, self.parts.policy, lambda: self.numbers.give(row.received_at), row.received_at
        )
        flags = tuple(
            dict.fromkeys((*understood.flags, *link.flags, *effects.cut_flags(understood.message, work.files)))
        )
        route = self._route(row, understood, link, ticket, flags)
        who = citizen(row.kind, understood)
        ticket.known |= known(who, understood, answerable=understood.message.sender.id is not None)
        ticket.language = ticket.language or who.language
        settle.remember(case, link, ticket, self.state, self.parts.policy)
        envelope_id = str(uuid7())
        attachments = self._attachments(work, understood, ticket, envelope_id)
        envelope = compose(row, understood, link, ticket, route, who, attachments, envelope_id=envelope_id, flags=flags)
        self._keep(work, understood, case, link, ticket, route, envelope)
        events.staged(self.batch, row, link, ticket, envelope, reopened=was_closed and ticket.state == "open")
        if understood.message.report is not None:
            self._delivery(row, understood.message.report)
        acknowledge.owe(self, work, understood, link, ticket, route.answer_by)
        self.staged.append((row, envelope))

    def _route(
        self, row: Claimed, understood: Understood, link: Link, ticket: Ticket, flags: Sequence[str]
    ) -> Decision:
        """A ticket's desk stays with it; machine mail goes to `other`, a review to its own desk."""
        rules, message = self.parts.rules, understood.message
        channel = self.parts.settings.channels.get(row.account)
        stated = message.stated
        case = RouteCase(
            received_at=moment(row.received_at),
            channel=row.kind,
            account=row.account,
            via=message.via,
            kind=link.kind,
            subject=message.subject,
            text=message.text,
            quoted=message.quoted,
            flags=frozenset(flags),
            machine=message.machine,
            error_code=understood.details.error_code,
            chosen_category=stated.get("category"),
            chosen_audience=stated.get("audience") or (channel.audience if channel else None),
            repeats=ticket.repeats,
        )
        if ticket.is_new and ticket.sequence == 1:
            decision = rules.route(case)
            ticket.category, ticket.audience, ticket.desk = decision.category, decision.audience, decision.desk
            ticket.priority, ticket.why = decision.priority, "\n".join(decision.why)
            ticket.answer_by = (
                decision.answer_by.timestamp() if decision.answer_by and message.machine is None else None
            )
            return decision
        if message.machine is not None or link.kind == "review":
            return rules.route(case)
        ticket.priority = max(
            ticket.priority,
            rules.priority(link.kind, ticket.repeats, ticket.audience, ticket.category, frozenset(flags)),
        )
        if ticket.answer_by is None and ticket.waiting_since is not None:
            owed = rules.answer_by(case, ticket.category)
            ticket.answer_by = owed.timestamp() if owed else None
        return Decision(
            category=ticket.category,
            audience=ticket.audience,
            desk=ticket.desk,
            priority=ticket.priority,
            routing_key=f"{ticket.desk}.{ticket.category}.{ticket.audience}.{row.kind}",
            answer_by=moment(ticket.answer_by) if ticket.answer_by is not None else None,
            why=("the ticket's desk stays with it",),
        )

    def _attachments(
        self, work: Work, understood: Understood, ticket: Ticket, envelope_id: str
    ) -> list[shape.Attachment]:
        found = []
        for index, part in enumerate(understood.message.attachments):
            stored, media_type = work.files.get(index, (None, part.media_type))
            attachment_id = str(uuid7())
            state, reason = effects.state_of(part, stored)
            base = self.parts.settings.http.base_url
            size = stored.size if stored else part.size
            found.append(
                shape.Attachment(
                    id=attachment_id,
                    part=part.part,
                    kind=part.kind,
                    name=part.name,
                    media_type=media_type,
                    size=size,
                    sha256=stored.sha256 if stored else None,
                    state=state,
                    reason=reason,
                    url=f"{base}/attachments/{attachment_id}" if stored or state == "pending" else None,
                    data=dict(part.data) if part.data is not None else None,
                )
            )
            if stored or part.fetch is not None:
                self.batch.attachments.append(
                    effects.attachment_row(
                        self.parts, work.row, part, stored, media_type, state, reason,
                        attachment_id=attachment_id, envelope_id=envelope_id, ticket=ticket.number, now=self.now,
                    )
                )  # fmt: skip
        return found

    def _keep(
        self,
        work: Work,
        understood: Understood,
        case: Case,
        link: Link,
        ticket: Ticket,
        route: Decision,
        envelope: shape.Envelope,
    ) -> None:
        """The rows of an accepted message: itself, its ids, who may speak for the ticket, and the outbox."""
        row = work.row
        self.batch.messages.append(
            effects.message_row(self.parts, row, understood, case, link, ticket, envelope, self.now)
        )
        for native_id in {understood.message.native_id, *(p.part for p in understood.message.attachments if p.part)}:
            key = native_hash(self.parts, row, native_id)
            self.batch.threads.append({"native_hash": key, "ticket": ticket.number, "ours": False, "outgoing_id": None})
        if understood.message.machine is None and link.owner:
            for identity in self.state.identities(case):
                vouched = self.state.holds.get((identity.hash, ticket.number), identity.vouched)
                self.batch.hold(identity, ticket.number, vouched, case.effective_at)
        self.batch.outbox.append(
            {
                "message_id": envelope.id,
                "exchange": "appeals",
                "routing_key": route.routing_key,
                "type": "priemnaya.envelope.v1",
                "conversation": row.conversation,
                "desk": route.desk,
                "ticket": ticket.number,
                "channel": row.kind,
                "kind": envelope.kind,
                "body": None,
                "created_at": self.now,
            }
        )
        self.batch.end(row.id, "enveloped")
        for part in work.parts:
            self.batch.end(part.id, "merged", "a part of an album", merged_into=row.id)

    def owe(self, row: Claimed, **values: Any) -> None:
        """Owe the citizen of this row a message, where there is a way to him."""
        way = portal_replies.Way(row.kind, row.account, row.platform_account)
        if row.kind == portal_replies.KIND:
            by_mail = portal_replies.way(self.parts.settings, row.account)
            letter = portal_replies.content(values["content"])
            if by_mail is None or letter is None:
                return
            way, values = by_mail, {**values, "content": letter}
        self.batch.outgoing.append(
            outgoing.row(
                self.parts.keys,
                kind=way.kind,
                account=way.account,
                platform_account=way.platform_account,
                conversation=row.conversation,
                journal_id=row.id,
                now=self.now,
                **values,
            )
        )

    def talk(self, conversation: str) -> Talk:
        """The conversation's row."""
        return self.state.talks.setdefault(conversation, Talk())
