"""The board's search: a number, a contact or an id of a citizen, else words."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field
from typing import Any

from board.front import Numbers, identity_hashes
from ledger import board, search
from ledger.crypto import SealBroken
from ledger.database import Connection
from normalizer.citizen import facts
from normalizer.ticket_number import parse_exact
from pipeline.kinds import kinds
from pipeline.parts import Parts

PAGE = 40
MOST_QUERY = 300  # characters
_PURPOSE = b"search"


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found. `by`: number, citizen or words. `after`: the key of the next page, or None."""

    by: str
    number: str | None = None
    tickets: list[Any] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)
    after: str | None = None


class Lookup:
    """Searches the ledger."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.numbers = Numbers(parts)
        self._kinds = kinds()

    def seal(self, query: str) -> str:
        """The query as an address may hold it: addresses stay in the browser's history and in a proxy's log."""
        sealed = self.parts.keys.seal(query.strip()[:MOST_QUERY].encode("utf-8", "replace"), _PURPOSE)
        return base64.urlsafe_b64encode(sealed).decode()

    def unseal(self, sealed: str) -> str:
        """The query; empty for what is none of ours."""
        try:
            return self.parts.keys.unseal(base64.urlsafe_b64decode(sealed.encode("ascii")), _PURPOSE).decode()
        except (ValueError, SealBroken):
            return ""

    async def find(self, query: str, before: str | None) -> Found:
        """What the query says decides how it is looked for."""
        number = await self.numbers.read(query)
        if number is not None:
            return Found("number", number)
        identities = self._identities(query)
        if identities:
            return await self._by_citizen(identities, before)
        return await self._by_words(search.words_of(query), before)

    def _identities(self, query: str) -> list[tuple[str, str]]:
        """Contacts and ids in the query, as the ledger names them."""
        kind, colon, rest = query.strip().partition(":")
        if colon and kind in self._kinds and rest:
            return [("channel", query.strip())]
        read, phone = facts(query), facts(f"телефон {query}")
        inn, snils = facts(f"ИНН {query}"), facts(f"СНИЛС {query}")
        pairs = [("email", email) for email in read.emails] + [("channel", f"email:{email}") for email in read.emails]
        for name, value in (("phone", phone.phone), ("inn", inn.inn), ("snils", snils.snils)):
            if value and not pairs:
                pairs.append((name, value))
        return pairs

    async def _by_citizen(self, identities: list[tuple[str, str]], before: str | None) -> Found:
        hashes = identity_hashes(self.parts, identities)
        last = page_key(before or "")

        def read(conn: Connection) -> Found:
            held = board.held_by(conn, hashes, last, PAGE + 1)
            after = f"{held[PAGE - 1].last_at}_{held[PAGE - 1].ticket}" if len(held) > PAGE else None
            return self._page(conn, "citizen", [row.ticket for row in held[:PAGE]], after)

        return await self.parts.database.look(read)

    async def _by_words(self, words: list[str], before: str | None) -> Found:
        last = _number(before)

        def read(conn: Connection) -> Found:
            rows = search.find(conn, self.parts.keys, words, int(last) if last else None, PAGE + 1)
            after = str(rows[PAGE - 1].id) if len(rows) > PAGE else None
            return self._page(conn, "words", list(dict.fromkeys(row.ticket for row in rows[:PAGE])), after)

        return await self.parts.database.look(read)

    def _page(self, conn: Connection, by: str, numbers: list[str], after: str | None) -> Found:
        tickets = board.tickets_of(conn, numbers)
        return Found(by, None, tickets, dict(board.first_words(conn, numbers)), after)


def _number(written: str | None) -> float | None:
    try:
        number = float(written or "")
    except ValueError:
        return None
    return number if 0 <= number < 2**62 else None


def page_key(written: str) -> tuple[float, str] | None:
    """The key of the last row of a page, a time and a ticket's number; None for what is none."""
    at, _, number = written.partition("_")
    try:
        moment = float(at)
    except ValueError:
        return None
    return (moment, number) if math.isfinite(moment) and parse_exact(number) else None
