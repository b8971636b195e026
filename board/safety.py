"""What keeps a browser and this process safe: headers of every answer, limits of size and of rate."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger import rates
from ledger.errors import LedgerAway
from pipeline.parts import Parts

log = structlog.get_logger()

# No inline script or style, nothing from elsewhere, no frame around us, forms only to ourselves.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# What a citizen uploaded is never shown by us; were a browser to show it all the same, it may do nothing.
DOWNLOAD_POLICY = "default-src 'none'; sandbox"
YEAR_SECONDS = 31_536_000
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class BodyTooLarge(Exception):
    """The body of a request is larger than its limit."""


class SafeHeaders:
    """Adds the headers to every answer that does not set its own."""

    def __init__(self, app: ASGIApp, secure: bool) -> None:
        self.app = app
        self.secure = secure  # http.public_url says that the outside reaches us by TLS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                wanted = {**_HEADERS, "content-security-policy": CONTENT_POLICY}
                if not str(scope["path"]).startswith("/static/"):
                    wanted["cache-control"] = "no-store"
                if self.secure or scope.get("scheme") == "https":
                    wanted["strict-transport-security"] = f"max-age={YEAR_SECONDS}; includeSubDomains"
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.encode(), value.encode())
                        for name, value in wanted.items()
                        if name.encode() not in present
                    ),
                ]
            await send(message)

        await self.app(scope, receive, with_headers)


class StrangeProxy:
    """Says once that a proxy of one's own network is not trusted: all who come through it count as one visitor."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._said = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if not self._said and scope["type"] == "http" and _by_strange_proxy(scope):
            self._said = True
            log.warning(
                "requests come through a proxy that http.trusted_proxies does not name: the limits of the form and of"
                " signing in take all its visitors for one; add its address"
            )
        await self.app(scope, receive, send)


def _by_strange_proxy(scope: Scope) -> bool:
    """Whether the address that asks is a private one, and not among those that it says it asks for."""
    told = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    host = scope["client"][0] if scope.get("client") else ""
    try:
        return bool(told) and host not in ", ".join(told) and ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def is_secure(connection: HTTPConnection, public_url: str | None) -> bool:
    """Whether the browser reaches us by TLS."""
    return connection.url.scheme == "https" or bool(public_url and public_url.startswith("https://"))


def address_of(connection: HTTPConnection) -> str:
    """Who asks. Behind a proxy, uvicorn has taken it from X-Forwarded-For where the proxy is trusted.

    IPv6 addresses count by their /64: that is what one household has.
    """
    host = connection.client.host if connection.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.IPv6Network((int(address), 64), strict=False))


@dataclass
class RateLimit:
    """At most `most` events a key in `seconds`, as a leaky bucket. Bounded memory.

    For one process: of several, each counts for itself. Enough for what costs a process work and gives away nothing.
    """

    most: int
    seconds: float
    clock: Callable[[], float] = time.monotonic
    keys: int = 20_000
    _empty_at: OrderedDict[str, float] = field(default_factory=OrderedDict, init=False)

    def allow(self, key: str) -> bool:
        """Count an event, unless there were too many."""
        now, cost = self.clock(), self.seconds / self.most
        level = max(self._empty_at.get(key, 0.0), now)
        if level + cost > now + self.seconds + 1e-9:
            return False
        self._empty_at[key] = level + cost
        self._empty_at.move_to_end(key)
        while len(self._empty_at) > self.keys:
            self._empty_at.popitem(last=False)
        return True

    def give_back(self, key: str) -> None:
        """Take back one event that was counted."""
        if key in self._empty_at:
            self._empty_at[key] -= self.seconds / self.most


class SharedLimit:
    """The same over all web processes, counted in the ledger: for what is guessed at, and for what a robot would send.

    A process asks its own memory first, so that a flood from one address costs the ledger `most` writes and no more.
    """

    def __init__(self, parts: Parts, name: str, most: int, seconds: float) -> None:
        self.parts, self.name = parts, name
        self._own = RateLimit(most, seconds)

    async def allow(self, key: str) -> bool:
        """Count an event, unless there were too many. While the ledger is away, this process counts by itself."""
        if not self._own.allow(key):
            return False
        name = self._name(key)
        try:
            return await self.parts.database.run(lambda conn: rates.take(conn, name, self._own.most, self._own.seconds))
        except LedgerAway:
            return True

    async def give_back(self, key: str) -> None:
        """Take back one event that was counted. Raises `LedgerAway`."""
        self._own.give_back(key)
        name = self._name(key)
        await self.parts.database.run(lambda conn: rates.give_back(conn, name, self._own.most, self._own.seconds))

    def _name(self, key: str) -> bytes:
        return self.parts.keys.keyed_hash(b"rate", self.name.encode(), key.encode("utf-8", "replace"))
