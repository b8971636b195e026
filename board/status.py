"""`/status`: the state of a request, for who knows its number and the e-mail or phone that it holds."""

from __future__ import annotations

import asyncio
import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from board.bodies import Bodies
from board.front import Numbers, identity_hashes, ticket_state
from board.pages import Pages
from board.safety import BodyTooLarge, SharedLimit, address_of
from ledger import portal
from ledger.errors import LedgerAway
from normalizer.portal import email_of, phone_of
from pipeline.parts import Parts

# Every answer takes this long, right or wrong: its time must not tell whether a number exists.
ANSWER_SECONDS = 0.25
MOST_BODY = 16 * 1024


class Status:
    """The page."""

    def __init__(self, parts: Parts, pages: Pages, bodies: Bodies) -> None:
        self.parts = parts
        self.pages = pages
        self.bodies = bodies
        self.numbers = Numbers(parts)
        self._asked = SharedLimit(parts, "status", 12, 600.0)

    def routes(self) -> list[Route]:
        """Both methods."""
        return [
            Route("/status", self.show, methods=["GET"]),
            Route("/status", self.answer, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """The empty form."""
        return self._page(request)

    async def answer(self, request: Request) -> Response:
        """The state, or the same words for a wrong pair as for an unknown number."""
        if not await self._asked.allow(address_of(request)):
            return self._page(request, 429, result="limited")
        started = time.monotonic()
        try:
            sent = await self.bodies.form(request, MOST_BODY, 0)
        except BodyTooLarge:
            return self._page(request, 413, result="unknown")
        number, contact = (sent.fields.get(name, "")[:300].strip() for name in ("number", "contact"))
        status, found = 200, None
        try:
            found = await self._find(number, contact)
        except LedgerAway:
            status = 503
        await asyncio.sleep(max(0.0, ANSWER_SECONDS - (time.monotonic() - started)))
        result = "away" if status == 503 else "found" if found else "unknown"
        return self._page(request, status, number=number, contact=contact, result=result, found=found)

    async def _find(self, written: str, contact: str) -> dict[str, object] | None:
        number = await self.numbers.read(written) or ""
        email, phone = email_of({"email": contact}), phone_of({"phone": contact})
        pairs = [(kind, value) for kind, value in (("email", email), ("phone", phone)) if value]
        # Mail holds its ticket by the channel's identity, the address.
        pairs += [("channel", f"email:{email}")] if email else []
        hashes = identity_hashes(self.parts, pairs or [("email", "")])
        row = await self.parts.database.look(lambda conn: portal.state(conn, number, hashes))
        if row is None or row["erased_at"] is not None:
            return None
        return {
            "number": number,
            "state": ticket_state(dict(row)),
            "opened_at": row["opened_at"],
            "answered_at": row["answered_at"],
            "answer_by": row["answer_by"],
        }

    def _page(
        self,
        request: Request,
        status: int = 200,
        *,
        number: str = "",
        contact: str = "",
        result: str | None = None,
        found: dict[str, object] | None = None,
    ) -> Response:
        return self.pages.page(
            request, "status.html", status, number=number, contact=contact, result=result, found=found
        )
