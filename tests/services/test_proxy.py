"""The proxy spoils a connection where it is told to."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.services.process import HOST
from tests.services.proxy import TcpProxy

MakeProxy = Callable[[int], TcpProxy]


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it gets."""
    listener = socket.create_server((HOST, 0))
    sockets: list[socket.socket] = [listener]

    def answer(client: socket.socket) -> None:
        with client:
            try:
                while data := client.recv(4_096):
                    client.sendall(data)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            sockets.append(client)
            threading.Thread(target=answer, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    for opened in sockets:
        opened.close()


def connect(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection((HOST, proxy.port), timeout=5)


def read(client: socket.socket, count: int) -> bytes:
    """Up to `count` bytes; fewer when the connection was closed in order."""
    data = b""
    while len(data) < count and (part := client.recv(count - len(data))):
        data += part
    return data


def test_bytes_pass_both_ways_and_are_counted(echo: int, proxy_to: MakeProxy) -> None:
    proxy = proxy_to(echo)
    with connect(proxy) as client:
        client.sendall(b"x" * 100_000)
        assert read(client, 100_000) == b"x" * 100_000
    assert proxy.passed == {"to_server": 100_000, "to_client": 100_000}
    assert proxy.accepted == 1


def test_a_connection_is_cut_after_so_many_bytes_and_the_next_is_whole(echo: int, proxy_to: MakeProxy) -> None:
    proxy = proxy_to(echo)
    proxy.cut_after(10, "to_client")
    with connect(proxy) as client:
        client.sendall(b"x" * 50)
        assert read(client, 50) == b"x" * 10
    with connect(proxy) as client:
        client.sendall(b"x" * 50)
        assert read(client, 50) == b"x" * 50


def test_a_reset_after_so_many_bytes_is_a_reset(echo: int, proxy_to: MakeProxy) -> None:
    proxy = proxy_to(echo)
    proxy.reset_after(7, "to_server")
    with connect(proxy) as client:
        client.sendall(b"x" * 50)
        with pytest.raises(ConnectionResetError):
            read(client, 50)
    assert proxy.passed["to_server"] == 7


def test_an_open_connection_can_be_reset_now(echo: int, proxy_to: MakeProxy) -> None:
    proxy = proxy_to(echo)
    with connect(proxy) as client:
        client.sendall(b"hello")
        assert read(client, 5) == b"hello"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            read(client, 1)


def test_a_stalled_proxy_passes_nothing_until_it_is_restored(echo: int, proxy_to: MakeProxy) -> None:
    proxy = proxy_to(echo)
    with connect(proxy) as client:
        client.sendall(b"one")
        assert read(client, 3) == b"one"
        proxy.stall()
        client.sendall(b"two")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(3)
        proxy.restore()
        client.settimeout(5)
        assert read(client, 3) == b"two"


def test_a_refusing_proxy_refuses_until_it_is_restored(echo: int, proxy_to: MakeProxy) -> None:
    proxy = proxy_to(echo)
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.restore()
    with connect(proxy) as client:
        client.sendall(b"back")
        assert read(client, 4) == b"back"


def test_a_url_is_led_through_the_proxy() -> None:
    proxy = TcpProxy(5_432)
    assert proxy.url_of("postgresql://me@127.0.0.1:5432/db") == f"postgresql://me@127.0.0.1:{proxy.port}/db"
    assert proxy.url_of("amqp://guest:guest@localhost:5432/") == f"amqp://guest:guest@127.0.0.1:{proxy.port}/"
    with pytest.raises(ValueError):
        proxy.url_of("amqp://localhost:1/")
