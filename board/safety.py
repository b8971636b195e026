"""What keeps a browser and this process safe: headers of every answer, limits of size and of rate."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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


def limited(receive: Receive, most: int) -> Receive:
    """`receive` that raises `BodyTooLarge` once more than `most` bytes have come."""
    got = 0

    async def counted() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > most:
            raise BodyTooLarge
        return message

    return counted


def is_secure(connection: HTTPConnection, public_url: str | None) -> bool:
    """Whether the browser reaches us by TLS."""
    return connection.url.scheme == "https" or bool(public_url and public_url.startswith("https://"))


def address_of(connection: HTTPConnection) -> str:
    """Who asks. Behind a proxy, uvicorn has taken it from X-Forwarded-For where the proxy is trusted.

    IPv6 addresses count by their /64: that is what one household has.
    """
    host = connection.client.host if connection.client else ""
    return ":".join(host.split(":")[:4]) if ":" in host else host


@dataclass
class RateLimit:
    """At most `most` events a key in `seconds`, as a leaky bucket. Bounded memory; for one process.

    Several web processes of one installation each count for themselves: the limit is then so many times higher.
    """

    most: int
    seconds: float
    clock: Callable[[], float] = time.monotonic
    keys: int = 20_000
    _full_at: OrderedDict[str, float] = field(default_factory=OrderedDict, init=False)

    def allow(self, key: str) -> bool:
        """Count an event, unless there were too many."""
        now, cost = self.clock(), self.seconds / self.most
        level = max(self._full_at.get(key, 0.0), now)
        if level + cost > now + self.seconds + 1e-9:
            return False
        self._full_at[key] = level + cost
        self._full_at.move_to_end(key)
        while len(self._full_at) > self.keys:
            self._full_at.popitem(last=False)
        return True

    def wait(self, key: str) -> int:
        """Seconds until the next event of the key is allowed, rounded up."""
        now, cost = self.clock(), self.seconds / self.most
        return max(0, int(max(self._full_at.get(key, 0.0), now) + cost - now - self.seconds) + 1)
