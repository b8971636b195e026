"""Signing in and out, one's own password, and the administrator's pages: accounts, keys of systems, the record."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from board.bodies import Sent
from board.guard import Guard, whole
from board.safety import BodyTooLarge
from board.sessions import (
    LEAST_PASSWORD,
    MOST_PASSWORD,
    Signed,
    TooManyTries,
    key_digest,
    new_key,
    new_password,
    own_page,
)
from ledger import accounts
from ledger.errors import LedgerAway

ROLES = ("operator", "administrator", "system")
PAGE = 100


class AccountPages:
    """The pages."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.parts = guard.parts
        self.sessions = guard.sessions

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/board/sign-in", self.show, methods=["GET"]),
            Route("/board/sign-in", self.sign_in, methods=["POST"]),
            self.guard.post("/board/sign-out", self.sign_out, fresh=True),
            self.guard.get("/board/password", self.password, fresh=True),
            self.guard.post("/board/password", self.change_password, fresh=True),
            self.guard.get("/board/accounts", self.accounts, administrator=True),
            self.guard.post("/board/accounts", self.add, administrator=True),
            self.guard.post("/board/accounts/{id}", self.change, administrator=True),
            self.guard.get("/board/record", self.record, administrator=True),
        ]

    async def show(self, request: Request) -> Response:
        """The form."""
        return self._form(request)

    async def sign_in(self, request: Request) -> Response:
        """Check name and password. Another site cannot send this form for somebody."""
        if not own_page(request):
            return self._form(request, 403, error="stale")
        try:
            sent = await self.guard.bodies.form(request, 16 * 1024, 0)
            name, password = sent.fields.get("name", ""), sent.fields.get("password", "")
            token = await self.sessions.sign_in(request, name, password)
        except TooManyTries:
            return self._form(request, 429, error="too_many_tries")
        except BodyTooLarge:
            return self._form(request, 413, error="wrong_password")
        except LedgerAway:
            return self.guard.pages.page(request, "board_away.html", 503)
        if token is None:
            return self._form(request, 403, error="wrong_password", name=name)
        response = RedirectResponse(_inside(request.query_params.get("next", "")), 303)
        self.sessions.set_cookie(request, response, token)
        self.sessions.set_known(request, response, name)
        return response

    async def sign_out(self, request: Request, signed: Signed, _sent: Sent) -> Response:
        """End the session."""
        await self.sessions.sign_out(signed)
        response = RedirectResponse("/board/sign-in", 303)
        self.sessions.drop_cookie(request, response)
        return response

    def _form(self, request: Request, status: int = 200, *, error: str | None = None, name: str = "") -> Response:
        target = _inside(request.query_params.get("next", ""))
        return self.guard.pages.page(request, "board_sign_in.html", status, error=error, name=name, target=target)

    async def password(self, request: Request, signed: Signed) -> Response:
        """The form for another password."""
        return self.guard.page(request, signed, "board_password.html", error=None, least=LEAST_PASSWORD)

    async def change_password(self, request: Request, signed: Signed, sent: Sent) -> Response:
        """Set it; every other session of the account ends."""
        old, new = sent.fields.get("old", ""), sent.fields.get("new", "")
        error = None
        if not LEAST_PASSWORD <= len(new) <= MOST_PASSWORD:
            error = "password_short"
        elif new != sent.fields.get("again", ""):
            error = "passwords_differ"
        elif not await self.sessions.right(signed, old):
            error = "wrong_password"
        elif new == old:
            error = "password_same"
        if error is not None:
            return self.guard.page(request, signed, "board_password.html", 422, error=error, least=LEAST_PASSWORD)
        secret, account_id, keep = await self.sessions.hashed(new), signed.account.id, signed.token_hash
        await self.parts.database.run(
            lambda conn: accounts.set_secret(conn, account_id, secret, one_time=False, keep=keep)
        )
        await self.guard.note(signed, "password")
        return RedirectResponse("/board", 303)

    async def accounts(self, request: Request, signed: Signed) -> Response:
        """Who may use the board."""
        return await self._accounts(request, signed)

    async def _accounts(self, request: Request, signed: Signed, status: int = 200, **values: Any) -> Response:
        rows = await self.parts.database.look(accounts.every)
        told = {"error": None, "told": None, "told_name": "", **values}
        return self.guard.page(request, signed, "board_accounts.html", status, rows=rows, roles=ROLES, **told)

    async def add(self, request: Request, signed: Signed, sent: Sent) -> Response:
        """A new account; its one-time password, or the key of a system, is shown once."""
        name, role = sent.fields.get("name", "").strip().lower(), sent.fields.get("role", "")
        if role not in ROLES or not 2 <= len(name) <= 60 or not name.isprintable() or any(map(str.isspace, name)):
            return await self._accounts(request, signed, 422, error="name_wrong")
        told, secret = await self._secret(role)
        now = self.parts.clock()
        one_time = role != "system"
        added = await self.parts.database.run(
            lambda conn: accounts.add(conn, name, role, secret, now, one_time=one_time)
        )
        if not added:
            return await self._accounts(request, signed, 422, error="name_taken")
        await self.guard.note(signed, "account_added", detail=f"{name} ({role})")
        return await self._accounts(request, signed, told=told, told_name=name)

    async def change(self, request: Request, signed: Signed, sent: Sent) -> Response:
        """Close or open an account, or give it another secret."""
        rows = await self.parts.database.look(accounts.every)
        row = next((row for row in rows if row["id"] == whole(request.path_params["id"])), None)
        action = sent.fields.get("action", "")
        if row is None or action not in ("close", "open", "reset"):
            return self.guard.page(request, signed, "board_message.html", 404, message="no_account")
        if action == "reset":
            told, secret = await self._secret(row["role"])
            one_time = row["role"] != "system"
            await self.parts.database.run(lambda conn: accounts.set_secret(conn, row["id"], secret, one_time=one_time))
            await self.guard.note(signed, "account_reset", detail=row["name"])
            return await self._accounts(request, signed, told=told, told_name=row["name"])
        active = action == "open"
        done = await self.parts.database.run(lambda conn: accounts.set_active(conn, row["id"], active))
        if not done:
            return await self._accounts(request, signed, 422, error="last_administrator")
        await self.guard.note(signed, "account_opened" if active else "account_closed", detail=row["name"])
        return RedirectResponse("/board/accounts", 303)

    async def _secret(self, role: str) -> tuple[str, str]:
        """What is told once, and what is kept of it."""
        if role == "system":
            key = new_key()
            return key, key_digest(key)
        password = new_password()
        return password, await self.sessions.hashed(password)

    async def record(self, request: Request, signed: Signed) -> Response:
        """Who looked at what."""
        last = whole(request.query_params.get("after", ""))
        rows = await self.parts.database.look(lambda conn: accounts.notes(conn, before=last, most=PAGE + 1))
        after = rows[PAGE - 1]["id"] if len(rows) > PAGE else None
        return self.guard.page(request, signed, "board_record.html", rows=rows[:PAGE], after=after)


def _inside(target: str) -> str:
    """Where to go after signing in: only to the board itself, never to another site."""
    inside = target.startswith("/board") and "//" not in target and "\\" not in target and target.isprintable()
    return target if inside else "/board"
