"""The pages for what is not well: the quarantine, and how channels and processes are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from board import welcome
from board.bodies import Sent
from board.guard import Guard, whole
from board.sessions import Signed
from ledger import health, reports
from pipeline import quarantine
from pipeline.parts import Parts

PAGE = 50
SHOWN_BYTES = 20_000
DONE = {"retry": "board.retried", "dismiss": "board.dismissed"}


class CarePages:
    """The pages."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.parts = guard.parts

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            self.guard.get("/board/quarantine", self.rows),
            self.guard.get("/board/quarantine/{row}", self.row),
            self.guard.post("/board/quarantine/{row}/retry", self.retry),
            self.guard.post("/board/quarantine/{row}/dismiss", self.dismiss),
            self.guard.get("/board/channels", self.channels),
        ]

    async def rows(self, request: Request, signed: Signed) -> Response:
        """What could not be read, without its bytes."""
        start = whole(request.query_params.get("after", "")) or 0
        found = await self.parts.database.look(lambda conn: reports.quarantined(conn, after=start, most=PAGE + 1))
        last = found[PAGE - 1]["id"] if len(found) > PAGE else None
        done = DONE.get(request.query_params.get("done", ""))
        return self.guard.page(request, signed, "board_quarantine.html", rows=found[:PAGE], after=last, done=done)

    async def row(self, request: Request, signed: Signed) -> Response:
        """One row with its bytes: what is no printable text is escaped, and nothing of it is run."""
        row_id = whole(request.path_params["row"])
        view = await asyncio.to_thread(quarantine.view, self.parts, row_id) if row_id is not None else None
        if view is None:
            return self.guard.page(request, signed, "board_message.html", 404, message="no_row")
        await self.guard.note(signed, "quarantine", detail=str(row_id))
        first = (view["payload"] or "")[:SHOWN_BYTES] or None  # a letter of 40 MB is not looked through for a page
        shown = quarantine.describe({"payload": first}).strip()
        came = datetime.fromisoformat(view["received_at"]).timestamp()
        cut = len(view["payload"] or "") > SHOWN_BYTES or len(shown) > SHOWN_BYTES
        return self.guard.page(
            request, signed, "board_row.html", row=view, came=came, shown=shown[:SHOWN_BYTES], cut=cut
        )

    async def retry(self, request: Request, signed: Signed, _sent: Sent) -> Response:
        """Give a row to the processors again."""
        return await self._end(request, signed, "retry", quarantine.put_back)

    async def dismiss(self, request: Request, signed: Signed, _sent: Sent) -> Response:
        """Take a row out that is nobody's request."""
        return await self._end(request, signed, "dismiss", quarantine.dismiss)

    async def _end(
        self, request: Request, signed: Signed, action: str, work: Callable[[Parts, Sequence[int]], list[int]]
    ) -> Response:
        row_id = whole(request.path_params["row"])
        if row_id is None or not await asyncio.to_thread(work, self.parts, [row_id]):  # somebody else was quicker
            return self.guard.page(request, signed, "board_message.html", 404, message="no_row")
        await self.guard.note(signed, action, detail=str(row_id))
        return RedirectResponse(f"/board/quarantine?done={action}", 303)

    async def channels(self, request: Request, signed: Signed) -> Response:
        """Every part that has said how it is, what is wrong, and since when; and what is configured."""
        now = self.parts.clock()
        found = await self.parts.database.look(health.read)
        said = {part.component for part in found}
        parts = [
            {
                "name": part.component,
                "state": "silent" if part.state == "ok" and now - part.seen_at > health.SILENT_AFTER else part.state,
                "detail": part.detail,
                "since": part.since,
                "seen_at": part.seen_at,
            }
            for part in found
        ]
        parts += [
            {"name": f"channel:{name}", "state": "unheard", "detail": None, "since": None, "seen_at": None}
            for name, channel in self.parts.settings.channels.items()
            if f"channel:{name}" not in said and channel.kind != "portal"
        ]
        parts.sort(key=lambda part: (part["state"] == "ok", part["name"]))
        steps = welcome.steps(self.parts.settings)
        return self.guard.page(request, signed, "board_channels.html", parts=parts, steps=steps)
