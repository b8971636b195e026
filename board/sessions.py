"""Who is signed in to the board: passwords by argon2id, sessions in the ledger, forms that only our pages can send."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import string
import sys
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from starlette.requests import Request
from starlette.responses import Response

from board.safety import SharedLimit, address_of, is_secure
from ledger import accounts
from ledger.accounts import Account
from ledger.crypto import SealBroken
from ledger.database import Connection
from pipeline.parts import Parts

FIRST_NAME = "admin"
LEAST_PASSWORD, MOST_PASSWORD = 12, 200
KNOWN_SECONDS = 180 * 24 * 3600
_KNOWN = b"known browser"
_ALPHABET = string.ascii_lowercase.replace("l", "") + "23456789"


@dataclass(frozen=True, slots=True)
class Signed:
    """A request of somebody who is signed in."""

    account: Account
    token_hash: bytes
    csrf: str


class Sessions:
    """Signs in and out, and says who asks."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex(16))  # an unknown name costs as much as a wrong password
        self._by_name = SharedLimit(parts, "sign-in of", 10, 900.0)
        self._by_browser = SharedLimit(parts, "sign-in with", 10, 900.0)
        self._by_address = SharedLimit(parts, "sign-in from", 30, 900.0)
        self._places = asyncio.Semaphore(2)  # a hash takes 64 MB

    async def sign_in(self, request: Request, name: str, password: str) -> str | None:
        """The token of a new session; None for a wrong name or password. Raises `TooManyTries`."""
        name = name.strip().lower()[:100]
        known = request.cookies.get(self._known(name), "")
        by_name, whose = (self._by_browser, known) if self._is_known(name, known) else (self._by_name, name)
        if not await self._by_address.allow(address_of(request)) or not await by_name.allow(whose):
            raise TooManyTries
        row = await self.parts.database.look(lambda conn: accounts.by_name(conn, name))
        usable = row is not None and row["role"] != "system"
        right = await self._verify(row["secret"] if row is not None and usable else self._nobody, password)
        token, now = secrets.token_urlsafe(32), self.parts.clock()

        def work(conn: Connection) -> None:
            if row is None or not right or not usable:
                accounts.note(conn, name if row is not None else "?", "sign_in_failed", now)
                return
            accounts.open_session(conn, self._hash(token), row["id"], now)
            accounts.note(conn, name, "sign_in", now)

        await self.parts.database.run(work)
        if not (right and usable):
            return None
        # Only tries that fail count: a whole shift signs in from one address, in the same minutes.
        await self._by_address.give_back(address_of(request))
        await by_name.give_back(whose)
        return token

    async def current(self, request: Request) -> Signed | None:
        """Who is signed in, by the cookie."""
        token = request.cookies.get(self._cookie(request), "")
        if not token:
            return None
        token_hash, now = self._hash(token), self.parts.clock()
        found = await self.parts.database.look(lambda conn: accounts.session(conn, token_hash, now))
        if found is None:
            return None
        account, seen_at = found
        if now - seen_at > accounts.TOUCH_SECONDS:
            await self.parts.database.run(lambda conn: accounts.touch(conn, token_hash, now))
        csrf = self.parts.keys.keyed_hash(b"csrf", token_hash)[:16].hex()
        return Signed(account, token_hash, csrf)

    async def system(self, request: Request) -> str | None:
        """The name of the desk's system that shows its key in the header Authorization."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return None
        digest = key_digest(key.strip())
        row = await self.parts.database.look(lambda conn: accounts.by_key(conn, digest))
        return row["name"] if row is not None else None

    async def sign_out(self, signed: Signed) -> None:
        """End the session."""
        await self.parts.database.run(lambda conn: accounts.close_session(conn, signed.token_hash))

    async def hashed(self, password: str) -> str:
        """What is kept of a password."""
        async with self._places:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def right(self, signed: Signed, password: str) -> bool:
        """Whether this is the password of who is signed in."""
        row = await self.parts.database.look(lambda conn: accounts.by_name(conn, signed.account.name))
        return row is not None and await self._verify(row["secret"], password)

    async def _verify(self, secret: str, password: str) -> bool:
        async with self._places:
            try:
                return await asyncio.to_thread(self._hasher.verify, secret, password[:MOST_PASSWORD])
            except (VerificationError, InvalidHashError):
                return False

    def set_cookie(self, request: Request, response: Response, token: str) -> None:
        """Keep the token in the browser: not for scripts, not for other sites' forms, behind TLS only there.

        It comes with a link from elsewhere: a ticket's address in the operators' own chat leads to the ticket.
        """
        response.set_cookie(
            self._cookie(request), token, path="/", httponly=True, samesite="lax", secure=self._secure(request)
        )

    def set_known(self, request: Request, response: Response, name: str) -> None:
        """Let the browser show next time that this name has signed in with it before: its tries are counted apart.

        Else whoever knows an operator's name keeps him out for ever, by ten wrong passwords in a quarter of an hour.
        """
        name = name.strip().lower()[:100]
        sealed = base64.urlsafe_b64encode(self.parts.keys.seal(name.encode("utf-8", "replace"), _KNOWN)).decode()
        path, secure = "/board/sign-in", self._secure(request)
        response.set_cookie(
            self._known(name), sealed, KNOWN_SECONDS, path=path, httponly=True, samesite="strict", secure=secure
        )

    def _known(self, name: str) -> str:
        """The cookie's name: operators share machines."""
        return f"known-{self.parts.keys.keyed_hash(_KNOWN, name.encode('utf-8', 'replace'))[:6].hex()}"

    def _is_known(self, name: str, sealed: str) -> bool:
        try:
            return self.parts.keys.unseal(base64.urlsafe_b64decode(sealed.encode("ascii")), _KNOWN).decode() == name
        except (ValueError, SealBroken):
            return False

    def drop_cookie(self, request: Request, response: Response) -> None:
        """Take the token out of the browser."""
        response.delete_cookie(
            self._cookie(request), path="/", httponly=True, samesite="lax", secure=self._secure(request)
        )

    def _secure(self, request: Request) -> bool:
        return is_secure(request, self.parts.settings.http.public_url)

    def _cookie(self, request: Request) -> str:
        return "__Host-priemnaya" if self._secure(request) else "priemnaya"

    def _hash(self, token: str) -> bytes:
        return self.parts.keys.keyed_hash(b"session", token.encode("utf-8", "replace"))


class TooManyTries(Exception):
    """Too many sign-ins for this name, or from this address."""


def own_page(request: Request) -> bool:
    """Whether the browser names no other site as the one that sends this."""
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def own_form(request: Request, csrf: str, given: str) -> bool:
    """Whether a form was sent by one of our own pages: its token is right, and the browser names no other site."""
    return own_page(request) and hmac.compare_digest(csrf.encode(), given.encode("utf-8", "replace"))


def new_password() -> str:
    """A password that can be read out: four groups, some 79 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


def new_key() -> str:
    """A key for a desk's system."""
    return secrets.token_urlsafe(32)


def key_digest(key: str) -> str:
    """What is kept of a key: it is random, so a fast hash is enough."""
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def ensure_administrator(parts: Parts) -> bool:
    """Make the first administrator, and tell the password once, on stderr and in no log. Raises `LedgerAway`."""
    if parts.database.look_now(accounts.anybody):
        return False
    password = new_password()
    secret, now = PasswordHasher().hash(password), parts.clock()
    if not parts.database.run_now(lambda conn: accounts.add_first(conn, FIRST_NAME, secret, now)):
        return False
    print(
        f"\n  The operators' board: {parts.settings.http.base_url}/board\n"
        f"  Sign in once with the name {FIRST_NAME} and the password {password}; then choose one of your own.\n",
        file=sys.stderr,
        flush=True,
    )
    return True


def reset(parts: Parts, name: str) -> str | None:
    """Give an account a new one-time password (a desk's system a new key) and end its sessions; None: there is none.

    For whoever may start Priemnaya's commands: an administrator who has lost his own password asks nobody else.
    """
    name = name.strip().lower()
    row = parts.database.look_now(lambda conn: accounts.by_name(conn, name))
    if row is None:
        return None
    system = row["role"] == "system"
    told = new_key() if system else new_password()
    secret = key_digest(told) if system else PasswordHasher().hash(told)

    def work(conn: Connection) -> None:
        accounts.set_secret(conn, row["id"], secret, one_time=not system)
        accounts.note(conn, "command line", "account_reset", parts.clock(), detail=name)

    parts.database.run_now(work)
    return told
