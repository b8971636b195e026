"""An address that came with a citizen's message never leads inside, in whatever form it is written."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from connectors import fetching
from connectors.base import AccountTrouble, Final, Transient
from connectors.fetching import fetch, is_public, place
from tests.connectors.intake import content

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfile"


class Server:
    """Answers every request with the same bytes and keeps the requests."""

    def __init__(self, answer: Callable[[str], bytes]) -> None:
        self.answer = answer
        self.requests: list[str] = []
        self.port = 0

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(head)
        writer.write(self.answer(head.split(" ")[1]))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving(answer: Callable[[str], bytes] = lambda _: OK) -> AsyncIterator[Server]:
    server = Server(answer)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1",
        "2001:db8::1", "2001::1", "fec0::1", "", "nonsense", "1.2.3",
    ],
)  # fmt: skip
def test_an_inner_address_is_told(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "87.240.132.72", "2a00:1450:4010:c0e::65", "::ffff:8.8.8.8"])
def test_a_public_address_is_told(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "localhost.", "LOCALHOST", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1",
        "127.1",
        "0", "[::1]", "[::ffff:127.0.0.1]", "[::]", "169.254.169.254", "10.0.0.1", "①②⑦.0.0.1",
    ],
)  # fmt: skip
async def test_no_form_of_an_inner_host_is_asked(host: str) -> None:
    async with serving() as server:
        with pytest.raises((Final, Transient)) as failure:
            await content(fetch(f"http://{host}:{server.port}/x", 10))
        assert server.requests == [] and host not in str(failure.value).split()
        if host not in ("①②⑦.0.0.1", "localhost."):
            assert isinstance(failure.value, Final)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://vk.com/x", "gopher://vk.com", "//vk.com/x", "/x", "", "http://", "https:///x",
        "http://user:password@vk.com/", "http://\x00/", "http://[::1", "http://vk.com:99999/", "javascript:alert(1)",
        "data:text/plain,x", "http://" + "a" * 70_000,
    ],
)  # fmt: skip
async def test_what_is_no_public_web_address_is_refused(url: str) -> None:
    with pytest.raises((Final, Transient)):
        await content(fetch(url, 10))


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Names resolve to these addresses, one answer after another."""
    asked: list[str] = []
    left = list(answers)

    async def getaddrinfo(self: Any, host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return asked


async def test_a_name_with_one_inner_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(Final, match="inside"):
        await content(fetch("https://files.example.org/x", 10))


async def test_a_name_is_resolved_once_and_asked_at_that_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as server:
        monkeypatch.setattr(fetching, "is_public", lambda address: address == "127.0.0.1")
        asked = resolving(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
        assert await content(fetch(f"http://files.example.org:{server.port}/x?a=1", 10)) == b"file"
    assert asked[0] == "files.example.org" and "files.example.org" not in asked[1:]
    assert f"host: files.example.org:{server.port}\r\n" in server.requests[0].lower()


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/latest", "http://[::1]/", "file:///etc/passwd", "//10.0.0.1/"]
)
async def test_a_redirect_inside_is_refused(location: str) -> None:
    answer = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    async with serving(lambda _: answer) as server:
        with pytest.raises(Final, match="refused"):
            await content(fetch(f"http://{server.place}/x", 10, configured={server.place}))
        assert len(server.requests) == 1


async def test_redirects_end() -> None:
    async with serving(lambda _: b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n") as server:
        with pytest.raises(Final, match="too many"):
            await content(fetch(f"http://{server.place}/x", 10, configured={server.place}))
        assert len(server.requests) == 1 + fetching.MOST_REDIRECTS


async def test_a_configured_host_may_be_inside_and_redirect_to_itself() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /moved\r\nContent-Length: 0\r\n\r\n"
    async with serving(lambda path: moved if path == "/x" else OK) as server:
        assert await content(fetch(f"http://{server.place}/x", 4, configured={server.place})) == b"file"
        with pytest.raises(Final, match="inside"):  # another port of it is another place
            await content(fetch(f"http://127.0.0.1:{server.port + 1}/", 4, configured={server.place}))


async def test_the_token_goes_over_https_and_to_configured_hosts_only() -> None:
    async with serving() as server:
        url = f"http://{server.place}/x"
        with pytest.raises(AccountTrouble, match="no token goes there"):
            await content(fetch(url, 10, bearer="t0ken", insecure=True))
        with pytest.raises(AccountTrouble, match="without https"):
            await content(fetch(url, 10, configured={server.place}, bearer="t0ken"))
        assert server.requests == []
        await content(fetch(url, 10, configured={server.place}, bearer="t0ken", insecure=True))
        assert "authorization: bearer t0ken" in server.requests[0].lower()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", Final),  # larger, by its own word
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"6\r\nabcdef\r\n" * 5, Final),  # larger, in fact
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nfile", Final),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nfile", Transient),  # cut
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Final),
        (b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n", Transient),
        (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", AccountTrouble),
        (b"nonsense\r\n\r\n", Transient),
        (b"", Transient),
    ],
)
async def test_an_answer_that_is_no_file_says_whether_to_try_again(answer: bytes, kind: type[Exception]) -> None:
    async with serving(lambda _: answer) as server:
        with pytest.raises(kind) as failure:
            await content(fetch(f"http://{server.place}/secret", 10, configured={server.place}))
        assert "secret" not in str(failure.value)


async def test_a_file_that_dribbles_is_given_up_in_time() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx"

    given_up = asyncio.Event()

    async def dribble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await given_up.wait()
        writer.close()

    listener = await asyncio.start_server(dribble, "127.0.0.1", 0)
    at = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener:
        with pytest.raises(Transient, match="in time"):
            await content(fetch(f"http://{at}/", 10, configured={at}, seconds=0.2))
        given_up.set()
        await asyncio.sleep(0.05)


def test_a_place_is_host_and_port() -> None:
    assert place("https://API.vk.ru./method") == "api.vk.ru:443"
    assert place("http://[::1]:8080/") == "::1:8080"
    assert place("nonsense") == place("http://[::1") == ""
