"""What is said while the broker is away."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.settings import load
from ledger import health
from pipeline import relay
from pipeline.parts import open_parts
from tests.services.process import free_port


async def test_a_broker_that_stays_away_is_told_once_and_not_every_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = 0

    async def at_once(_seconds: float, _stop: asyncio.Event) -> None:
        nonlocal tried
        tried += 1
        if tried == 5:
            stop.set()

    monkeypatch.setattr(relay, "pause", at_once)
    config = tmp_path / "c.toml"
    config.write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/p.db"\n[storage]\nurl = "{tmp_path}/files"\n'
        f'[broker]\nurl = "amqp://guest:guest@127.0.0.1:{free_port()}/"\n'
    )
    stop = asyncio.Event()
    with closing(open_parts(load(config, {}))) as parts, capture_logs() as said:
        await relay.Relay(parts).run(stop)
        told = {part.component: part for part in parts.database.look_now(health.read)}["relay"]
    assert [line["event"] for line in said].count("envelopes wait in the outbox") == 1
    assert told.state == "trouble" and "does not answer" in str(told.detail)
