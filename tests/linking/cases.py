"""Labelled cases for linking: who wrote what before, what is written now, and where that must go.

`cases.jsonl` is what the rules were made against, `held_out.jsonl` (other words, other forms) what they are held
against. Everybody in them is made up. One case a line:

`id`, `group`, `language`, `channel`; `place`, `form`, `owner`, `time`: for the table of results; `why`: the rule.
`now`: when the last message is sent and received (RFC 3339); every `ago` counts back from it (`40s`, `3h`, `5d`).
`history`: in order of time, each one of
    a message (below); one with `ticket` opens the ticket of that name, one with `ignored` becomes no envelope;
    {"answer": TICKET, "ago"}: a desk answers the citizen; {"close": TICKET, "ago"}: the ticket is closed.
`message`: the message to be linked. A message has
    `channel`, `sender` (the platform's own id; mail: the address; null: a portal form without sign-in), `ago`, `text`;
    `subject`, `quoted`, `file_names`, `links`, `via` (portal), `flags`, `authentication` (mail): as in the normalizer's
    Message;
    `conversation`: a group chat or a thread of mail; absent: the sender's own chat, or a thread of its own;
    `reply_to`: `opening:T` (the message that opened ticket T), `ack:T` (our acknowledgement), `answer:T` (the answer of
    a desk);
    `id` and, in an edit, `change` and `revises`: the `id` of the message that was edited;
    `stated`, `vouched`: phone, email, inn, snils that the sender states (in a field of the portal's form; on the other
    channels they stand in the text) or that the platform vouches for.
`expect`: `ticket` (its name, or `new`), `how`, `certainty`, `kind`, `related` (names of tickets), `flags` (of
    `LINKING_FLAGS`; other flags are not looked at). What is absent is not checked. A claimed number that nothing else
    outweighs is `how` none, `certainty` claimed.

In every text `{A:form}` stands for the number of ticket A as somebody might write it (`FORMS`), `{nobody:form}` for a
right number that no ticket has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LINKING_FLAGS = frozenset({"claimed_number", "unknown_number", "number_limit", "reopened", "link_changed"})


@dataclass(frozen=True, slots=True)
class Case:
    """One line of a file; `history`, `message` and `expect` as described above."""

    id: str
    group: str
    labels: Mapping[str, str]  # language, channel, place, form, owner, time: what the table is grouped by
    why: str
    now: datetime
    history: tuple[Mapping[str, Any], ...]
    message: Mapping[str, Any]
    expect: Mapping[str, Any]

    def at(self, event: Mapping[str, Any]) -> datetime:
        """When an event of the history, or the message itself, happens."""
        return self.now - parse_ago(str(event["ago"]))


def load(name: str = "cases") -> list[Case]:
    """The cases of `cases` or `held_out`."""
    with (HERE / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [_case(json.loads(line)) for line in lines]


def _case(raw: dict[str, Any]) -> Case:
    given = {key: raw.pop(key) for key in ("id", "group", "why", "now", "history", "message", "expect")}
    return Case(
        id=given["id"],
        group=given["group"],
        labels=raw,
        why=given["why"],
        now=datetime.fromisoformat(given["now"]),
        history=tuple(given["history"]),
        message=given["message"],
        expect=given["expect"],
    )


def parse_ago(ago: str) -> timedelta:
    """`40s`, `10m`, `3h`, `5d`."""
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[ago[-1]]
    return timedelta(**{unit: int(ago[:-1])})


_PLACEHOLDER = re.compile(r"\{([A-Za-z]+):([a-z_]+)\}")


def render(template: str, numbers: Mapping[str, str]) -> str:
    """The text with every placeholder replaced; `numbers`: ticket name -> number, with `nobody` for one not given."""
    return _PLACEHOLDER.sub(lambda found: FORMS[found[2]](numbers[found[1]]), template)


def placeholders(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(ticket, form) of every number that a message holds."""
    for text in (message["text"], message.get("subject"), message.get("quoted")):
        yield from _PLACEHOLDER.findall(text or "")
    for text in (*message.get("file_names", ()), *message.get("links", ())):
        yield from _PLACEHOLDER.findall(text)


def _joined(first: str, second: str | None = None) -> Callable[[str], str]:
    return lambda number: "{}{}{}{}{}".format(*_between(number, first, first if second is None else second))


def _between(number: str, first: str, second: str) -> tuple[str, ...]:
    day, serial, check = number.split("-")
    return day, first, serial, second, check


def _every(size: int, mark: str = " ") -> Callable[[str], str]:
    def form(number: str) -> str:
        digits = number.replace("-", "")
        return mark.join(digits[start : start + size] for start in range(0, len(digits), size))

    return form


def _pairs(mark: str, between: str) -> Callable[[str], str]:
    return lambda number: between.join(_every(2, mark)(group) for group in number.split("-"))


def _digits_of(zero: str) -> Callable[[str], str]:
    return lambda number: "".join(chr(ord(zero) + int(char)) if char.isdigit() else char for char in number)


def _letters(table: Mapping[str, str]) -> Callable[[str], str]:
    """In the serial, where people take noughts for letters."""

    def form(number: str) -> str:
        day, serial, check = number.split("-")
        return f"{day}-{serial.translate({ord(digit): letter for digit, letter in table.items()})}-{check}"

    return form


def _wrong(place: int, separator: str | None = "-") -> Callable[[str], str]:
    """One digit of it is one more than it should be."""

    def form(number: str) -> str:
        at = place % len(number)
        wrong = number[:at] + str((int(number[at]) + 1) % 10) + number[at + 1 :]
        return wrong.replace("-", separator or "")

    return form


def _swapped(number: str) -> str:
    """Two neighbours of the serial that differ, from its end."""
    day, serial, check = number.split("-")
    at = next(at for at in range(len(serial) - 2, -1, -1) if serial[at] != serial[at + 1])
    return f"{day}-{serial[:at]}{serial[at + 1]}{serial[at]}{serial[at + 2 :]}-{check}"


def _around(before: str, after: str = "", *, bare: bool = False) -> Callable[[str], str]:
    return lambda number: before + (number.replace("-", "") if bare else number) + after


def _split(inside: str) -> Callable[[str], str]:
    return lambda number: number[:4] + inside + number[4:9] + inside + number[9:]


FORMS: dict[str, Callable[[str], str]] = {
    "exact": _around(""),
    "bare": _around("", bare=True),
    "spaces": _joined(" "),
    "pairs": _pairs(" ", " "),
    "fours": _every(4),
    "threes": _every(3),
    "fives": _every(5),
    "endash": _joined("–"),
    "emdash": _joined("—"),
    "minus": _joined("−"),
    "figure": _joined("‒"),
    "double_dash": _joined("--"),
    "spaced_dashes": _joined(" - "),
    "hyphen_space": _joined(" -"),
    "pair_dashes": _pairs("-", "-"),
    "slashes": _joined("/"),
    "spaced_slashes": _joined(" / "),
    "underscores": _joined("_"),
    "dots": _joined("."),
    "commas": _joined(","),
    "colons": _joined(":"),
    "bullets": _joined("•"),
    "nbsp": _joined("\u00a0"),
    "nnbsp": _pairs("\u202f", "\u202f"),
    "ideographic": _joined("\u3000"),
    "letters_latin": _letters({"0": "O"}),
    "letters_cyrillic": _letters({"0": "О", "3": "З", "6": "б", "8": "В"}),
    "letters_mixed": _letters({"0": "o", "1": "l"}),
    "small_o": _letters({"0": "о"}),
    "bar": _letters({"1": "|"}),
    "fullwidth": _digits_of("０"),
    "arabic": _digits_of("٠"),
    "devanagari": _digits_of("०"),
    "keycaps": lambda number: "".join(digit + "\ufe0f\u20e3" for digit in number.replace("-", "")),
    "zero_width": _split("\u200b"),
    "soft_hyphen": _split("\u00ad"),
    "wrapped": _joined("-\n", "-"),
    "wrapped_quoted": _joined("-\n> ", "-"),
    "quote_wrap": _joined("\n>> ", "-"),
    "wrapped_inside": lambda number: number[:4] + "\n" + number[4:],
    "tags": lambda number: "<b>{}</b>-{}-<i>{}</i>".format(*number.split("-")),
    "wbr": _joined("<wbr>-"),
    "html_table": lambda number: "<td>{}</td><td>{}</td><td>{}</td>".format(*number.split("-")),
    "entities": _joined("&ndash;"),
    "numero": _around("№ "),
    "numero_bare": _around("№", bare=True),
    "number_colon": _around("номер:"),
    "hash": _around("#"),
    "latin_n": _around("N ", bare=True),
    "glued": _around("номер", bare=True),
    "parentheses": _around("(", ")"),
    "slip_check": _wrong(-1),
    "slip_swap": _swapped,
    "slip_serial": _wrong(-3),
    "slip_bare": _wrong(-1, None),
    "slip_spaces": _wrong(-1, " "),
    "slip_day": _wrong(5),
}
