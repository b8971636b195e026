"""The web process: one server for webhooks, health, the form, the portal's intake and the board."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import structlog
import uvicorn

from board.app import create_app
from board.sessions import ensure_administrator
from ledger.errors import LedgerAway
from pipeline.parts import Parts
from pipeline.roles import say

log = structlog.get_logger()

# Requests in hand get so long to be answered after SIGTERM.
DRAIN_SECONDS = 10
HEALTH_SECONDS = 20.0


async def serve(parts: Parts, stop: asyncio.Event) -> None:
    """Serve until `stop`. Raises OSError when the port is taken."""
    http = parts.settings.http
    with contextlib.suppress(LedgerAway):  # then it is made at the next start
        await asyncio.to_thread(ensure_administrator, parts)
    config = uvicorn.Config(
        create_app(parts, stop),
        host=http.host,
        port=http.port,
        log_config=None,
        access_log=False,  # an address can hold a token or a number
        server_header=False,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        h11_max_incomplete_event_size=64 * 1024,
        limit_concurrency=1000,
        lifespan="off",
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[_listen(http.host, http.port)]))
    beat = asyncio.create_task(_beat(parts))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    beat.cancel()
    stopping.cancel()
    await serving


def _listen(host: str, port: int) -> socket.socket:
    """Several web processes of one machine share the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    listener.listen(2048)
    listener.setblocking(False)
    return listener


async def _beat(parts: Parts) -> None:
    while True:
        await say(parts, "web", "ok")
        await asyncio.sleep(HEALTH_SECONDS)


class _Server(uvicorn.Server):
    """uvicorn takes SIGTERM for itself; here whoever runs the role listens for it."""

    def install_signal_handlers(self) -> None:
        """Nothing: see above."""

    def capture_signals(self):  # type: ignore[no-untyped-def]
        """Nothing: see above."""
        return contextlib.nullcontext()
