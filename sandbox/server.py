"""What every stand-in has in common: a real HTTP server in a thread, scripted faults, and the record for an oracle.

The stand-ins are written from the platforms' documentation, never from our connectors, and keep the unpleasant
sides: a test that passes against a friendly stand-in proves nothing.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar, cast
from weakref import WeakValueDictionary

import uvicorn
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.faults import Fault, Faults

T = TypeVar("T")

BAD_GATEWAY = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body></html>"

_transports: WeakValueDictionary[tuple[str, int], asyncio.Transport] = WeakValueDictionary()


class _Protocol(HttpToolsProtocol):
    """uvicorn's own protocol; the transport is kept so that a connection can be cut in the middle of an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _transports[transport.get_extra_info("peername")[:2]] = transport


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as a multipart request carried it."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(slots=True)
class Call:
    """One request that the bot made. `status` is None while it is under way, or when the connection was cut."""

    method: str
    params: dict[str, Any]
    at: float
    files: dict[str, Upload] = field(default_factory=dict)
    status: int | None = None
    answered_at: float | None = None
    client: tuple[str, int] = ("", 0)

    @property
    def gone(self) -> bool:
        """The bot has closed the connection (was killed, perhaps): nothing that is answered reaches it."""
        transport = _transports.get(self.client)
        return transport is None or transport.is_closing()


@dataclass(slots=True)
class Written:
    """One thing that a citizen did, as the platform keeps it: the left side of every set comparison.

    `native_id` is the `source.message_id` that the contract gives to its envelope. `deliveries` are the times at
    which it was handed to the bot; `confirmed_at` is when the bot confirmed it (offset, ts, HTTP 200). `withheld`
    says why the platform itself never delivers it as an event (kind not allowed, older than 24 h, an outage).
    """

    key: str
    native_id: str
    conversation: str
    kind: str
    payload: dict[str, Any]
    at: float
    deliveries: list[float] = field(default_factory=list)
    confirmed_at: float | None = None
    withheld: str | None = None

    @property
    def message(self) -> dict[str, Any]:
        """The message inside the payload, where there is one."""
        for at in (self.payload, self.payload.get("object")):
            if isinstance(at, dict):
                for name in (self.kind, "message"):
                    if isinstance(at.get(name), dict):
                        return cast(dict[str, Any], at[name])
        return self.payload


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that the bot sent and the platform took: what the citizen sees on the screen."""

    conversation: str
    text: str
    native_id: str
    at: float
    params: dict[str, Any]
    files: tuple[Upload, ...] = ()


class CutOff(Response):
    """An answer that breaks off after `cut` bytes of its body; with None, before its first byte."""

    def __init__(self, answer: Response | None = None, cut: int | None = None) -> None:
        super().__init__()
        self._answer, self._cut = answer, cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._answer is not None and self._cut is not None:
            start = {"type": "http.response.start", "status": self._answer.status_code}
            await send({**start, "headers": self._answer.raw_headers})
            part = bytes(self._answer.body)[: self._cut]
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.sleep(0)
        transport = _transports.get(tuple(scope["client"]))
        if transport is not None:
            transport.abort() if self._cut is None else transport.close()


class StandIn:
    """A platform on 127.0.0.1. `with` or `start()`/`stop()`; its state outlives a stop, as the real one's would.

    Everything public may be called from any thread. `advance` moves the platform's clock; `time_factor` scales
    its back-off (0.01: a second of back-off takes 10 ms). `first_id` is where the platform's numbers go on from: a
    stand-in of a later day does not repeat the ids of an earlier one.
    """

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, seed: int = 0, time_factor: float = 1.0, first_id: int = 0
    ) -> None:
        self.host, self.port = host, port
        self.time_factor, self.first_id = time_factor, first_id
        self.random = random.Random(seed)
        self.faults = Faults(seed)
        self.calls: list[Call] = []
        self.written: list[Written] = []
        self.sent: list[Sent] = []
        self.lock = threading.RLock()
        self.closing = False
        self._skew = 0.0
        self._waiters: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._end: asyncio.Event | None = None

    # ---- what a platform provides -------------------------------------------------------------------------

    def app(self) -> ASGIApp:
        """The platform's API."""
        raise NotImplementedError

    def fault_response(self, fault: Fault) -> Response:
        """An error in the platform's own form."""
        raise NotImplementedError

    def background(self) -> list[Coroutine[Any, Any, None]]:
        """What runs beside the API: the senders of webhooks."""
        return []

    # ---- life ---------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> Self:
        """Listen; a second start takes the same port."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        self.port = listener.getsockname()[1]
        self.closing = False
        config = uvicorn.Config(
            self.app(), http=_Protocol, ws="none", lifespan="off", loop="asyncio", log_config=None, access_log=False,
            server_header=False,
        )  # fmt: skip
        config.load()
        self._server = uvicorn.Server(config)
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(listener, ready), daemon=True, name=type(self).__name__)
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError(f"{type(self).__name__} did not start")
        return self

    def _run(self, listener: socket.socket, ready: threading.Event) -> None:
        async def serve() -> None:
            assert self._server is not None
            self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
            # uvicorn's own loop looks for the end every 100 ms only, and waits for connections that are kept alive
            self._server.lifespan = self._server.config.lifespan_class(self._server.config)
            await self._server.startup(sockets=[listener])
            work = {asyncio.create_task(each) for each in self.background()}
            ready.set()
            await self._end.wait()
            for server in self._server.servers:
                server.close()
            await asyncio.sleep(0)  # what waited has been woken: let it be said
            for connection in tuple(self._server.server_state.connections):
                cast(Any, connection).transport.abort()
            work |= self._server.server_state.tasks
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

        asyncio.run(serve())

    def stop(self) -> None:
        """Close the port and every connection. What is kept stays kept."""
        if self._server is None or self._thread is None:
            return
        self.closing = True
        self.wake()
        if self._loop is not None and self._end is not None:
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        self._server = self._thread = self._loop = self._end = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ---- time and waiting ---------------------------------------------------------------------------------

    def now(self) -> float:
        """The platform's clock, seconds since 1970."""
        return time.time() + self._skew

    def advance(self, seconds: float) -> None:
        """Let the platform's clock jump forward: things expire."""
        self._skew += seconds
        self.wake()

    def wake(self) -> None:
        """Something has changed: let everybody who waits look again."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        for event in tuple(self._waiters):
            event.set()

    async def until(self, ready: Callable[[], bool], timeout: float) -> bool:
        """Wait, inside the server, until `ready()` or the timeout (real seconds); True when ready."""
        deadline = time.monotonic() + timeout
        event = asyncio.Event()
        self._waiters.add(event)
        try:
            while not ready():
                left = deadline - time.monotonic()
                if left <= 0 or self.closing:
                    return False
                event.clear()
                try:
                    await asyncio.wait_for(event.wait(), left)
                except TimeoutError:
                    return ready()
            return True
        finally:
            self._waiters.discard(event)

    def wait_for(self, ready: Callable[[], bool], timeout: float = 10.0) -> bool:
        """Wait, in a test, until `ready()`; looked at every 5 ms."""
        deadline = time.monotonic() + timeout
        while not ready():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def on_loop(self, work: Coroutine[Any, Any, T], timeout: float = 30.0) -> T:
        """Run a coroutine in the server's loop, from another thread, and wait for it."""
        if self._loop is None:
            work.close()
            raise RuntimeError(f"{type(self).__name__} is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    # ---- one request --------------------------------------------------------------------------------------

    async def serve(self, request: Request, method: str, act: Callable[[Call], Awaitable[Response]]) -> Response:
        """Record the request, let the script spoil it, else let the platform act."""
        params, files = await parameters(request)
        client = request.client
        call = Call(method, params, self.now(), files, client=(client.host, client.port) if client else ("", 0))
        with self.lock:
            self.calls.append(call)
        fault = self.faults.take(method)
        if fault is None:
            answer = await act(call)
        else:
            if fault.delay:
                await asyncio.sleep(fault.delay)
            real = await act(call) if fault.after or fault.cut is not None or not fault.spoils else None
            answer = await self._spoil(fault, real) if fault.spoils else cast(Response, real)
        call.status = None if isinstance(answer, CutOff) else answer.status_code
        call.answered_at = self.now()
        return answer

    async def _spoil(self, fault: Fault, real: Response | None) -> Response:
        if fault.hang:
            await self.until(lambda: False, fault.hang)
            return CutOff()
        if fault.cut is not None:
            return CutOff(real, fault.cut)
        if fault.drop:
            return CutOff()
        if fault.html:
            return Response(BAD_GATEWAY, fault.status or 502, dict(fault.headers), "text/html")
        if fault.body is not None:
            return Response(fault.body, fault.status or 200, dict(fault.headers))
        return self.fault_response(fault)


async def parameters(request: Request) -> tuple[dict[str, Any], dict[str, Upload]]:
    """Query, form, multipart or JSON: all of them, as the platforms take them. Bad JSON counts as no parameters."""
    params: dict[str, Any] = dict(request.query_params)
    files: dict[str, Upload] = {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            body = json.loads(await request.body() or b"{}")
        except ValueError:
            body = {}
        if isinstance(body, dict):
            params.update(body)
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        async with request.form(max_part_size=64 * 1024 * 1024) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    media_type = value.content_type or "application/octet-stream"
                    files[name] = Upload(value.filename or name, media_type, await value.read())
                else:
                    params[name] = value
    return params, files
