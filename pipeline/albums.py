"""Parts of an album, which a platform brings one by one, become one message before it is asked what they mean. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ledger.journal import Claimed
from normalizer.message import Message, Reading
from normalizer.payload import join


@dataclass(slots=True)
class Taken:
    """A claimed row with what it says. `parts`: further rows of the same album."""

    row: Claimed
    reading: Reading
    parts: list[Claimed] = field(default_factory=list)


def one_for_each(rows: Sequence[Taken]) -> list[Taken]:
    """The parts of each album in the place of its first, whose id they take; the rest as it is."""
    first: dict[tuple[str, str], Taken] = {}
    found: list[Taken] = []
    for one in rows:
        key = (one.row.conversation, one.row.album) if one.row.album else None
        if key is None or not isinstance(one.reading, Message):
            found.append(one)
        elif key not in first:
            first[key] = one
            found.append(one)
        else:
            whole = first[key]
            assert isinstance(whole.reading, Message)
            whole.reading = _joined(whole.reading, one.reading)
            whole.parts.append(one.row)
    return found


def _joined(one: Message, other: Message) -> Message:
    return replace(
        one,
        text=join((one.text, other.text), "\n") or "",
        quoted=join(dict.fromkeys((one.quoted, other.quoted))),
        attachments=(*one.attachments, *other.attachments),
        reply_to=tuple(dict.fromkeys((*one.reply_to, *other.reply_to))),
        links=tuple(dict.fromkeys((*one.links, *other.links))),
        flags=tuple(dict.fromkeys((*one.flags, *other.flags))),
    )
