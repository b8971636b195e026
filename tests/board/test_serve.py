"""Where the web listens."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from board import serve
from config.settings import load
from pipeline.parts import open_parts
from tests.services.process import HOST, wait_until


async def test_a_port_that_is_taken_is_told_once_and_had_as_soon_as_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "LISTEN_SECONDS", 0.05)
    taken = socket.create_server((HOST, 0))
    port = taken.getsockname()[1]
    config = tmp_path / "c.toml"
    config.write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/p.db"\n[storage]\nurl = "{tmp_path}/files"\n[http]\nport = {port}\n'
    )
    stop = asyncio.Event()
    with closing(open_parts(load(config, {}))) as parts, capture_logs() as said:
        serving = asyncio.create_task(serve.serve(parts, stop))
        await asyncio.sleep(0.3)
        taken.close()

        def well() -> bool:
            try:
                return httpx.get(f"http://{HOST}:{port}/healthz").status_code == 200
            except httpx.TransportError:
                return False

        await asyncio.to_thread(wait_until, well, 10, "the web answers")
        stop.set()
        await serving
    (line,) = [each for each in said if each["log_level"] == "error"]
    assert "http.port" in line["event"] and line["port"] == port
