"""What every page of the board shares: who asks, who may, and that a form comes from us."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from board.bodies import Bodies, NotAForm, Sent
from board.pages import Pages
from board.safety import BodyTooLarge
from board.sessions import Sessions, Signed, own_form, own_page
from ledger import accounts
from ledger.errors import LedgerAway
from ledger.storage import StorageError
from pipeline.parts import Parts

MOST_FORM = 64 * 1024
Work = Callable[[Request, Signed], Awaitable[Response]]
Send = Callable[[Request, Signed, Sent], Awaitable[Response]]


@dataclass
class Guard:
    """Wraps the board's pages."""

    parts: Parts
    pages: Pages
    sessions: Sessions
    bodies: Bodies

    def get(self, path: str, work: Work, *, administrator: bool = False, fresh: bool = False) -> Route:
        """A page. `fresh`: also for who has still to choose a password."""

        async def endpoint(request: Request) -> Response:
            try:
                signed = await self.sessions.current(request)
                if signed is None:
                    return RedirectResponse(f"/board/sign-in?next={quote(request.url.path, safe='/')}", 303)
                if signed.account.one_time and not fresh:
                    return RedirectResponse("/board/password", 303)
                if administrator and not signed.account.administrator:
                    return self.page(request, signed, "board_message.html", 403, message="forbidden")
                return await work(request, signed)
            except LedgerAway:
                return self.pages.page(request, "board_away.html", 503)

        return Route(path, endpoint, methods=["GET"])

    def post(
        self,
        path: str,
        work: Send,
        *,
        administrator: bool = False,
        fresh: bool = False,
        most: int = MOST_FORM,
        most_files: int = 0,
    ) -> Route:
        """A form of the board."""

        async def endpoint(request: Request) -> Response:
            signed, sent = None, None
            try:
                sent = await self.bodies.form(request, most, most_files)  # first: what was written can be given back
                signed = await self.sessions.current(request)
                if signed is None:
                    return self._not_taken(request, None, sent, "signed_out", 403) or RedirectResponse(
                        "/board/sign-in", 303
                    )
                if not own_form(request, signed.csrf, sent.fields.get("csrf", "")):
                    page = self._not_taken(request, signed, sent, "stale", 403)
                    return page or self.page(request, signed, "board_message.html", 403, message="stale")
                if (signed.account.one_time and not fresh) or (administrator and not signed.account.administrator):
                    return self.page(request, signed, "board_message.html", 403, message="forbidden")
                return await work(request, signed, sent)
            except BodyTooLarge:
                return self.pages.page(request, "board_message.html", 413, message="too_large")
            except (NotAForm, ClientDisconnect):
                return PlainTextResponse("not a form", 400)
            except (LedgerAway, StorageError, TimeoutError):
                page = self._not_taken(request, signed, sent, "away", 503)
                return page or self.pages.page(request, "board_away.html", 503)

        return Route(path, endpoint, methods=["POST"])

    def _not_taken(
        self, request: Request, signed: Signed | None, sent: Sent | None, why: str, status: int
    ) -> Response | None:
        """What somebody wrote, in a form to send again; None where he wrote nothing. Browsers keep nothing of a page
        that came by TLS and is not to be stored: what is not given back is lost.
        """
        if sent is None or not sent.fields.get("text", "").strip() or not own_page(request):
            return None
        fields = {**sent.fields, "csrf": signed.csrf} if signed is not None else sent.fields
        who = {"me": signed.account, "csrf": signed.csrf} if signed is not None else {}
        return self.pages.page(request, "board_not_taken.html", status, why=why, fields=fields, files=sent.files, **who)

    def page(self, request: Request, signed: Signed, template: str, status: int = 200, **values: Any) -> Response:
        """A page for who is signed in."""
        return self.pages.page(request, template, status, me=signed.account, csrf=signed.csrf, **values)

    async def note(self, signed: Signed, action: str, *, ticket: str | None = None, detail: str | None = None) -> None:
        """Record what was looked at or done."""
        now, name = self.parts.clock(), signed.account.name
        await self.parts.database.run(lambda conn: accounts.note(conn, name, action, now, ticket=ticket, detail=detail))


def whole(written: str) -> int | None:
    """A row's number as an address says it; None for what is none, or is larger than a ledger's."""
    return int(written) if written.isascii() and written.isdigit() and len(written) < 18 else None
