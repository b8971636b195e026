"""WhatsApp: what a webhook body means. Source: WhatsApp Cloud API, webhook reference, fields of `messages`.

One body holds many messages, statuses and errors, for several entries and changes. `split` makes units of it: each is
a webhook body of its own with one message or status, its metadata and its own contact, so that a bad one stands alone.
Native ids: the wamid. Conversations: the person, by business-scoped user id where there is one; in a group
`group:person`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from normalizer.message import (
    Account,
    DeliveryReport,
    Identity,
    Ignored,
    Message,
    Part,
    Reading,
    Renamed,
    Sender,
    Unreadable,
)
from normalizer.payload import (
    Draft,
    bounded,
    digest,
    dump,
    identifier,
    join,
    line,
    mapping,
    moment,
    parse,
    phone,
    raw_identity,
    sequence,
    text,
)
from normalizer.whatsapp_parts import read_content

_BUSINESS_SCOPED = re.compile(r"[A-Z]{2}\.[A-Za-z0-9.]{1,160}")
_LONG_NUMBER = re.compile(r"\d{5,}")  # in the platform's words about a failure: may be a phone
_STATES: dict[str, Literal["sent", "delivered", "read", "failed"]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",  # a voice message was listened to
    "failed": "failed",
}
_WITH_CONTACTS = ("messages", "statuses")


@dataclass(frozen=True, slots=True)
class _Unit:
    """One thing in a body: `kind` is the list that it stands in, or what is wrong with it."""

    kind: str
    item: Any
    change: dict[str, Any]
    entry: dict[str, Any]
    contact: dict[str, Any] | None = None

    @property
    def value(self) -> dict[str, Any]:
        return mapping(self.change, "value")

    def body(self, document: dict[str, Any]) -> dict[str, Any]:
        """The unit as a webhook body."""
        around = {name: value for name, value in document.items() if name not in ("entry", "errors")}
        if self.kind == "bad":
            return {**around, **self.item}
        entry = {name: value for name, value in self.entry.items() if name not in ("changes", "errors")}
        if self.kind == "entry errors":
            return {**around, "entry": [{**entry, "errors": self.item}]}
        if self.kind == "event":
            return {**around, "entry": [{**entry, "changes": [self.change]}]}
        kept = ("messaging_product", "metadata")
        value: dict[str, Any] = {name: self.value[name] for name in kept if name in self.value}
        if self.contact is not None:
            value["contacts"] = [self.contact]
        value[self.kind] = self.item if self.kind == "errors" else [self.item]
        return {**around, "entry": [{**entry, "changes": [{**self.change, "value": value}]}]}


def _units(document: dict[str, Any]) -> Iterator[_Unit]:
    """Everything that stands in a body, in order."""
    if "errors" in document:
        yield _Unit("bad", {"errors": document["errors"]}, {}, {})
    entries = document.get("entry")
    if not isinstance(entries, list):
        if "entry" in document:
            yield _Unit("bad", {"entry": entries}, {}, {})
        return
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("changes", []), list):
            yield _Unit("bad", {"entry": [entry]}, {}, {})
            continue
        if "errors" in entry:
            yield _Unit("entry errors", entry["errors"], {}, entry)
        for change in sequence(entry, "changes"):
            yield from _units_of(change, entry)


def _units_of(change: Any, entry: dict[str, Any]) -> Iterator[_Unit]:
    if not isinstance(change, dict) or not isinstance(change.get("value"), dict):
        yield _Unit("bad", {"entry": [{**entry, "changes": [change]}]}, {}, {})
        return
    value = change["value"]
    if text(change, "field") not in (None, "messages") or not {"messages", "statuses", "errors"} & value.keys():
        yield _Unit("event", None, change, entry)
        return
    alone = sum(len(sequence(value, kind)) for kind in _WITH_CONTACTS) == 1
    contacts = _by_id(sequence(value, "contacts"), alone)
    for kind in _WITH_CONTACTS:
        items = value.get(kind)
        if kind in value and not isinstance(items, list):
            yield _Unit("bad", {"entry": [{**entry, "changes": [{**change, "value": {kind: items}}]}]}, {}, {})
            continue
        for item in items or []:
            yield _Unit(kind, item, change, entry, _contact_of(item, contacts))
    if "errors" in value:
        yield _Unit("errors", value["errors"], change, entry)


def _by_id(contacts: list[Any], alone: bool) -> dict[str, dict[str, Any]]:
    """Contacts by their ids. The only contact beside the only message belongs to it, whatever its id says: a Brazilian
    or Mexican `from` differs from the `wa_id`. Among several messages such a guess could give one to a stranger."""
    found: dict[str, dict[str, Any]] = {}
    for contact in contacts:
        if isinstance(contact, dict):
            for name in ("user_id", "wa_id"):
                if number := identifier(contact, name):
                    found.setdefault(number, contact)
    if alone and len(contacts) == 1 and isinstance(contacts[0], dict):
        found[""] = contacts[0]
    return found


def _contact_of(item: Any, contacts: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    names = ("from_user_id", "from", "recipient_user_id", "recipient_id")
    ids = [number for name in names if (number := identifier(item, name))]
    return next((contacts[number] for number in ids if number in contacts), contacts.get(""))


def split(body: bytes) -> list[bytes]:
    """One unit for each message, status and error. A body that is no JSON, or holds one thing, stays as it is."""
    document = parse(body, mark_long_integers=True)
    if not isinstance(document, dict):
        return [body]
    units = list(_units(document))
    return [body] if len(units) < 2 else [dump(unit.body(document)) for unit in units]


def _only_unit(document: Any) -> _Unit | Unreadable | Ignored:
    if isinstance(document, Unreadable):
        return document
    if not isinstance(document, dict):
        return Unreadable("not a webhook body")
    units = _units(document)
    first = next(units, None)
    if first is None:
        return Ignored("an empty webhook body") if "entry" in document else Unreadable("not a webhook body")
    if next(units, None) is not None:
        return Unreadable("several messages in one unit")
    return first


def identify(payload: bytes) -> Identity:
    """The identity of a unit: the wamid, with the state for a status."""
    unit = _only_unit(parse(payload))
    if isinstance(unit, Unreadable | Ignored):
        return raw_identity(payload)
    number = identifier(unit.item, "id")
    sent_at = moment(unit.item, "timestamp")
    if unit.kind == "messages" and number:
        return Identity(key=number, conversation=_conversation(unit) or number, sent_at=sent_at)
    if unit.kind == "statuses" and number:
        key = f"status:{number}:{(text(unit.item, 'status') or '?')[:32]}"
        return Identity(key=key, conversation=f"status:{number}", sent_at=sent_at)
    if unit.kind in ("errors", "entry errors"):
        key = f"errors:{digest([unit.entry, unit.item])}"
        return Identity(key=key, conversation=key)
    return raw_identity(payload)


def _person(unit: _Unit) -> tuple[str | None, tuple[str, ...], str | None]:
    """The person's id (business-scoped where there is one), other ids of the person, and the phone in E.164.

    `from` and `wa_id` are phones by custom only: for a citizen who hides the phone they are missing, or the id itself.
    """
    item, contact = unit.item, unit.contact or {}
    scoped = identifier(item, "from_user_id") or identifier(contact, "user_id")
    named = [number for number in (identifier(item, "from"), identifier(contact, "wa_id")) if number]
    scoped = scoped or next((number for number in named if _BUSINESS_SCOPED.fullmatch(number)), None)
    number = next((found for one in named if one.removeprefix("+").isdecimal() and (found := phone(one))), None)
    parents = (identifier(item, "from_parent_user_id"), identifier(contact, "parent_user_id"))
    every = dict.fromkeys(one for one in (scoped, *named, *parents) if one)
    main = next(iter(every), None)
    return main, tuple(one for one in every if one != main), number


def _conversation(unit: _Unit) -> str | None:
    person = _person(unit)[0]
    group = identifier(unit.item, "group_id")
    return f"{group}:{person}" if group and person else group or person


def read(payload: bytes, account: Account) -> Reading:
    """The meaning of one unit."""
    unit = _only_unit(parse(payload))
    if isinstance(unit, Unreadable | Ignored):
        return unit
    if unit.kind == "event":
        return Ignored(f"not a message: {(text(unit.change, 'field') or 'an empty change')[:64]}")
    if unit.kind in ("errors", "entry errors"):
        return Ignored(f"an error that the platform reports: {_code(unit.item) or 'without code'}")
    if unit.kind == "bad" and "errors" in unit.item:
        return Ignored(f"an error that the platform reports: {_code(unit.item['errors']) or 'without code'}")
    if unit.kind == "bad" or not isinstance(unit.item, dict):
        return Unreadable("not an entry of a webhook body")
    if unit.kind == "statuses":
        return _read_status(unit.item)
    return _read_message(unit, account)


def _code(errors: Any) -> str | None:
    first = next(iter(errors), None) if isinstance(errors, list) else errors
    code = identifier(first, "code")
    return code[:32] if code else None


def _read_status(status: dict[str, Any]) -> Reading:
    number, state = identifier(status, "id"), text(status, "status")
    if number is None or state is None:
        return Unreadable("a status without id or state")
    known = _STATES.get(state)
    if known is None:
        return Ignored(f"a status: {state[:32]}")
    errors = sequence(status, "errors")
    return DeliveryReport(
        native_id=number,
        state=known,
        code=_code(errors),
        detail=_detail(next(iter(errors), None)),
        at=moment(status, "timestamp"),
    )


def _detail(error: Any) -> str | None:
    words = [text(error, "title"), text(error, "error_data", "details") or text(error, "message")]
    detail = join(dict.fromkeys(words), ": ")
    return _LONG_NUMBER.sub("…", detail[:300]) if detail else None


def _read_message(unit: _Unit, account: Account) -> Reading:
    message = unit.item
    native_id, conversation = identifier(message, "id"), _conversation(unit)
    if native_id is None or conversation is None:
        return Unreadable("a message without id or sender")
    if _is_ours(unit):
        return Ignored("our own message")
    kind = text(message, "type")
    if kind == "system":
        return _read_system(unit)
    if kind == "request_welcome":
        return Ignored("the chat was opened for the first time")
    if kind == "revoke":
        return _read_revoke(unit, native_id, conversation)
    content, revises = message, None
    if kind == "edit":
        content, revises = mapping(message, "edit", "message"), identifier(message, "edit", "original_message_id")
        if not content:
            return Unreadable("an edit without the message")
    draft = Draft()
    button = read_content(content, draft, native_id, account.limits)
    context = mapping(message, "context") or mapping(content, "context")
    _read_context(context, draft, native_id)
    answered = identifier(message, "reaction", "message_id") if kind == "reaction" else identifier(context, "id")
    return Message(
        native_id=native_id,
        conversation_id=conversation,
        change="edit" if revises else "message",
        revises=revises,
        sent_at=moment(message, "timestamp"),
        sender=_read_sender(unit),
        reply_to=(answered,) if answered and answered != revises else (),
        button=button,
        **draft.within(account.limits),
    )


def _is_ours(unit: _Unit) -> bool:
    """A number that writes to itself, or an echo of what we sent."""
    ours = phone(unit.value, "metadata", "display_phone_number")
    return ours is not None and phone(unit.item, "from") == ours


def _read_context(context: dict[str, Any], draft: Draft, native_id: str) -> None:
    if context.get("forwarded") is True or context.get("frequently_forwarded") is True:
        draft.forwarded()
    if product := mapping(context, "referred_product"):
        draft.parts.append(Part(part=native_id, kind="other", data={"referred_product": bounded(product)}))


def _read_sender(unit: _Unit) -> Sender:
    main, aliases, number = _person(unit)
    profile = mapping(unit.contact, "profile")
    username = line(text(profile, "username"))
    return Sender(
        id=main,
        aliases=aliases,
        display_name=line(text(profile, "name")),
        username=username.removeprefix("@") if username else None,
        phone=number,
        vouched=("id", "phone") if number else ("id",),
    )


def _read_revoke(unit: _Unit, native_id: str, conversation: str) -> Reading:
    original = identifier(unit.item, "revoke", "original_message_id")
    if original is None:
        return Unreadable("a deletion without a message")
    return Message(
        native_id=native_id,
        conversation_id=conversation,
        change="deletion",
        revises=original,
        sent_at=moment(unit.item, "timestamp"),
        sender=_read_sender(unit),
    )


def _read_system(unit: _Unit) -> Reading:
    """A changed number brings a new business-scoped id; the one that both sides of the change know is taken."""
    system = mapping(unit.item, "system")
    kind = text(system, "type") or "unknown"
    if kind not in ("user_changed_number", "customer_changed_number", "user_changed_user_id"):
        return Ignored(f"a system message: {kind[:64]}")
    old, new = identifier(system, "previous_user_id"), identifier(system, "user_id")
    if old is None or new is None:
        old = identifier(unit.item, "from") or identifier(system, "customer")
        new = identifier(system, "wa_id") or identifier(system, "new_wa_id") or new
    if old is None or new is None:
        return Unreadable("a changed number without the old or the new one")
    return Renamed("person", old=old, new=new)
