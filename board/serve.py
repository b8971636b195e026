"""The web process: one server for webhooks, health, the form, the portal's intake and the board."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from board.app import create_app
from board.sessions import ensure_administrator
from ledger import health
from ledger.errors import LedgerAway
from pipeline.parts import Parts
from pipeline.roles import pause, say

log = structlog.get_logger()

# Requests in hand get so long to be answered after SIGTERM.
DRAIN_SECONDS = 10
HEALTH_SECONDS = 20.0
# An address that somebody else has is asked for again.
LISTEN_SECONDS = 2.0
# What a request's head may take before its end has come. Proxies send far less, and at once.
HEAD_SECONDS = 10.0
HEAD_BYTES = 64 * 1024
# After an answer: until the next head begins.
KEEP_SECONDS = 20


async def serve(parts: Parts, stop: asyncio.Event) -> None:
    """Serve until `stop`. Where the address cannot be had, that is logged, and tried again."""
    http = parts.settings.http
    listener = await _listening(parts, stop)
    if listener is None:
        return
    with contextlib.suppress(LedgerAway):  # then it is made at the next start
        await asyncio.to_thread(ensure_administrator, parts)
    await say(parts, "web", "ok")  # before it answers: another web process asks for that, to share the port
    config = uvicorn.Config(
        create_app(parts, stop),
        host=http.host,
        port=http.port,
        log_config=None,
        access_log=False,  # an address can hold a token or a number
        server_header=False,
        timeout_keep_alive=KEEP_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        forwarded_allow_ips=http.trusted_proxies,
        http=_Heads,
        ws="none",
        limit_concurrency=1000,
        lifespan="off",
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    beat = asyncio.create_task(_beat(parts))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    beat.cancel()
    stopping.cancel()
    await serving


async def _listening(parts: Parts, stop: asyncio.Event) -> socket.socket | None:
    said = False
    host, port = parts.settings.http.host, parts.settings.http.port
    while not stop.is_set():
        try:
            return _listen(host, port, shared=await asyncio.to_thread(_has_fellow, parts))
        except OSError as error:
            if not said:
                log.error("cannot listen; see http.host and http.port", host=host, port=port, error=error.strerror)
            said = True
            await pause(LISTEN_SECONDS, stop)
    return None


def _has_fellow(parts: Parts) -> bool:
    """Whether another web process of this ledger has been heard of just now."""
    with contextlib.suppress(LedgerAway):
        parties = parts.database.look_now(health.read)
        since = parts.clock() - health.SILENT_AFTER
        return any(party.component == "web" and party.seen_at > since for party in parties)
    return False


def _listen(host: str, port: int, *, shared: bool) -> socket.socket:
    """Web processes of one ledger share the port. The kernel would let any service of this user share it, and give each
    a part of the requests of both.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if not shared:
            with socket.socket(family, socket.SOCK_STREAM) as alone:
                alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                alone.bind((host, port))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


async def _beat(parts: Parts) -> None:
    while True:
        await say(parts, "web", "ok")
        await asyncio.sleep(HEALTH_SECONDS)


class _Heads(HttpToolsProtocol):
    """uvicorn waits for ever for the end of a request's head, and keeps all of it in memory: here both have an end.

    And who was answered may go on with a body that nobody reads, or with empty lines, only until the next head is due.
    """

    _deadline: asyncio.TimerHandle | None = None
    _next: asyncio.TimerHandle | None = None
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A head is waited for."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._head_is_here()
        self._next_is_here()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """An answer was given. uvicorn's own timer ends with the next byte, whatever that is; this one does not."""
        super().on_response_complete()
        if self.timeout_keep_alive_task is not None and self._deadline is None:
            self._next = self.loop.call_later(KEEP_SECONDS, self._end)

    def on_message_begin(self) -> None:
        """The first byte of a head."""
        super().on_message_begin()
        self._next_is_here()
        self._await_head()

    def on_headers_complete(self) -> None:
        """The last one."""
        self._head_is_here()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """A piece of a head, a body, or both; the piece in which a head begins is not counted."""
        waited_for = self._deadline
        super().data_received(data)
        if waited_for is not None and self._deadline is waited_for:
            self._head += len(data)
            if self._head > HEAD_BYTES:
                self._end()

    def _await_head(self) -> None:
        self._head_is_here()
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._end)

    def _head_is_here(self) -> None:
        self._head = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _next_is_here(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _end(self) -> None:
        self._head_is_here()
        self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn takes SIGTERM for itself; here whoever runs the role listens for it."""

    def install_signal_handlers(self) -> None:
        """Nothing: see above."""

    def capture_signals(self):  # type: ignore[no-untyped-def]
        """Nothing: see above."""
        return contextlib.nullcontext()
