"""Where the web listens."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from board import serve
from config.settings import load
from pipeline.parts import Parts, open_parts
from tests.services.process import HOST, free_port, wait_until


def _parts(folder: Path, port: int, more: str = "") -> Parts:
    folder.mkdir(exist_ok=True)
    config = folder / "c.toml"
    config.write_text(
        f'[database]\nurl = "sqlite:///{folder}/p.db"\n[storage]\nurl = "{folder}/files"\n'
        f"[http]\nport = {port}\n{more}\n"
    )
    return open_parts(load(config, {}))


def _refused(said: list[EventDict]) -> int:
    return sum(each["log_level"] == "error" for each in said)


def _well(port: int) -> bool:
    try:
        return httpx.get(f"http://{HOST}:{port}/healthz").status_code == 200
    except httpx.TransportError:
        return False


async def test_a_port_that_is_taken_is_told_once_and_had_as_soon_as_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "LISTEN_SECONDS", 0.05)
    taken = socket.create_server((HOST, 0))
    port = taken.getsockname()[1]
    stop = asyncio.Event()
    with closing(_parts(tmp_path, port)) as parts, capture_logs() as said:
        serving = asyncio.create_task(serve.serve(parts, stop))
        await asyncio.to_thread(wait_until, lambda: _refused(said) > 0, 10, "it is told")
        await asyncio.sleep(0.3)  # for further tries
        taken.close()
        await asyncio.to_thread(wait_until, lambda: _well(port), 10, "the web answers")
        stop.set()
        await serving
    (line,) = [each for each in said if each["log_level"] == "error"]
    assert "http.port" in line["event"] and line["port"] == port


async def test_a_port_is_shared_by_the_web_processes_of_one_ledger_and_by_no_other_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second `make run` in another folder took every other request of the first, and lost its own."""
    monkeypatch.setattr(serve, "LISTEN_SECONDS", 0.05)
    port, stop, stop_all = free_port(), asyncio.Event(), asyncio.Event()

    with (
        closing(_parts(tmp_path / "one", port)) as first,
        closing(_parts(tmp_path / "one", port)) as fellow,
        closing(_parts(tmp_path / "two", port)) as stranger,
        capture_logs() as said,
    ):
        serving = [asyncio.create_task(serve.serve(first, stop))]
        await asyncio.to_thread(wait_until, lambda: _well(port), 10, "the web answers")
        serving.append(asyncio.create_task(serve.serve(fellow, stop)))
        await asyncio.sleep(0.3)
        assert _refused(said) == 0
        serving.append(asyncio.create_task(serve.serve(stranger, stop_all)))
        await asyncio.to_thread(wait_until, lambda: _refused(said) > 0, 10, "the stranger is told")
        await asyncio.sleep(0.3)  # for further tries
        assert _refused(said) == 1
        stop.set()
        await asyncio.gather(*serving[:2])
        await asyncio.to_thread(wait_until, lambda: _well(port), 10, "the other service has the port")
        stop_all.set()
        await serving[2]


@pytest.mark.parametrize(
    ("trusted", "limited"), [("", True), ('trusted_proxies = ["127.9.9.0/24"]', False)], ids=["not named", "named"]
)
async def test_visitors_behind_a_proxy_are_told_apart_where_it_is_named_and_else_that_is_said(
    tmp_path: Path, trusted: str, limited: bool
) -> None:
    """Behind an ingress of its own address, thirty forms an hour were the limit of all citizens together."""
    port, stop = free_port(), asyncio.Event()
    with closing(_parts(tmp_path, port, trusted)) as parts, capture_logs() as said:
        serving = asyncio.create_task(serve.serve(parts, stop))
        await asyncio.to_thread(wait_until, lambda: _well(port), 10, "the web answers")
        transport = httpx.AsyncHTTPTransport(local_address="127.9.9.9")
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}", transport=transport) as ingress:
            answers = [
                await ingress.get(
                    "/api/v1/appeals/261122-000001-7",
                    headers={"X-Forwarded-For": f"203.0.113.{visitor}", "Authorization": "Bearer wrong"},
                )
                for visitor in range(40)
            ]
        stop.set()
        await serving
    assert (answers[-1].status_code == 429) is limited
    assert sum("trusted_proxies" in each["event"] for each in said) == int(limited)
