"""A TCP proxy that spoils connections on command: cut after so many bytes, reset, stalled, refused."""

import asyncio
import contextlib
import dataclasses
import re
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any, Literal, Self

from tests.services.process import HOST, free_port

Direction = Literal["to_server", "to_client"]
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close() sends RST and drops what was not sent


@dataclasses.dataclass
class Fault:
    """What is to happen to the next `left` connections, once `after` bytes have gone in `direction`."""

    after: int
    direction: Direction
    reset: bool
    left: int


@dataclasses.dataclass(eq=False)
class Link:
    """One connection through the proxy: the client's socket and the server's."""

    client: socket.socket
    server: socket.socket
    fault: Fault | None

    def close(self, *, reset: bool) -> None:
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                end.close()


class TcpProxy:
    """Passes 127.0.0.1:`port` on to 127.0.0.1:`target`, or to a `(host, port)`; a context manager too.

    Bytes are counted a direction in `passed`, connections in `accepted`. `restore()` takes back every fault.
    """

    def __init__(self, target: int | tuple[str, int]) -> None:
        self.target = (HOST, target) if isinstance(target, int) else target
        self.port = free_port()
        self.accepted = 0
        self.passed: dict[Direction, int] = {"to_server": 0, "to_client": 0}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._links: dict[Link, asyncio.Task[None]] = {}
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._fault: Fault | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)
            self._thread.start()
            self._do(self._listen())
        return self

    def stop(self) -> None:
        if self._loop is None or self._thread is None:
            return
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._loop = self._thread = None

    def url_of(self, url: str) -> str:
        """The same URL, leading through the proxy."""
        through, count = re.subn(rf"(?<=[@/])[\w.]+:{self.target[1]}\b", f"{HOST}:{self.port}", url, count=1)
        if not count:
            raise ValueError(f"port {self.target[1]} does not stand in the URL")
        return through

    def cut_after(self, count: int, direction: Direction = "to_server", *, connections: int = 1) -> None:
        """Closes each of the next `connections` connections in order once `count` bytes have gone in `direction`."""
        self._fault = Fault(count, direction, reset=False, left=connections)

    def reset_after(self, count: int, direction: Direction = "to_server", *, connections: int = 1) -> None:
        """The same with RST, as from a host that lost the connection."""
        self._fault = Fault(count, direction, reset=True, left=connections)

    def cut(self) -> None:
        """FIN to every open connection, now; new ones are accepted."""
        self._do(self._close_all(reset=False))

    def reset(self) -> None:
        """RST to every open connection, now; new ones are accepted."""
        self._do(self._close_all(reset=True))

    def stall(self) -> None:
        """Stops reading and passing on, both ways, on open connections and on new ones; nothing is closed."""
        self._do(self._set_flowing(False))

    def refuse(self) -> None:
        """Resets everything; new connections are refused."""
        self._do(self._refuse())

    def restore(self) -> None:
        """Back to passing everything."""
        self._fault = None
        self._do(self._set_flowing(True))
        self._do(self._listen())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None, "the proxy has not been started"
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _set_flowing(self, flowing: bool) -> None:
        if flowing:
            self._flowing.set()
        else:
            self._flowing.clear()

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server((HOST, self.port), backlog=64)
            self._listener.setblocking(False)
            self._accepting = asyncio.create_task(self._accept(self._listener))

    async def _refuse(self) -> None:
        if self._listener is not None and self._accepting is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
            self._listener.close()
            self._listener = None
        await self._close_all(reset=True)

    async def _close_all(self, *, reset: bool) -> None:
        links, self._links = self._links, {}
        for link, task in links.items():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            link.close(reset=reset)

    def _take_fault(self) -> Fault | None:
        if self._fault is None or self._fault.left == 0:
            return None
        self._fault.left -= 1
        return self._fault

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(listener)
            client.setblocking(False)
            server = socket.socket()
            server.setblocking(False)
            try:
                await loop.sock_connect(server, self.target)
            except OSError:
                Link(client, server, None).close(reset=True)
                continue
            self.accepted += 1
            link = Link(client, server, self._take_fault())
            self._links[link] = asyncio.create_task(self._carry(link))

    async def _carry(self, link: Link) -> None:
        """Both directions until one of them ends; then both ends are closed."""
        pumps = [asyncio.create_task(self._pump(link, direction)) for direction in self.passed]
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            reset = any(pump.result() for pump in done)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        self._links.pop(link, None)
        link.close(reset=reset)

    async def _pump(self, link: Link, direction: Direction) -> bool:
        """Carries bytes one way until an end closes or the fault strikes; returns whether it ends with RST."""
        loop = asyncio.get_running_loop()
        source, sink = (link.client, link.server) if direction == "to_server" else (link.server, link.client)
        fault = link.fault if link.fault is not None and link.fault.direction == direction else None
        passed = 0
        try:
            while fault is None or passed < fault.after:
                await self._flowing.wait()
                data = await loop.sock_recv(source, 65_536 if fault is None else min(fault.after - passed, 65_536))
                if not data:
                    return False
                await self._flowing.wait()  # what came in just as the stall began waits too
                passed += len(data)
                self.passed[direction] += len(data)
                await loop.sock_sendall(sink, data)
        except OSError:
            return True
        return fault.reset
