"""What ended a round of receiving is in the log: once, and with the place where it is a fault of ours."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.log import describe
from config.settings import load
from connectors import backoff
from pipeline.intake import AccountIntake
from pipeline.parts import open_parts


async def test_a_fault_of_ours_in_receiving_is_logged_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said «the round failed: AttributeError», and nobody could tell where."""
    monkeypatch.setattr(backoff, "FIRST_WAIT", 0.001)
    config = tmp_path / "c.toml"
    config.write_text(f'[database]\nurl = "sqlite:///{tmp_path}/p.db"\n[storage]\nurl = "{tmp_path}/files"\n')
    rounds = iter(range(2))
    again = asyncio.Event()

    async def faulty(_backoff: backoff.Backoff) -> None:
        if next(rounds, None) is None:
            again.set()
            await asyncio.Future()
        raise LookupError("+7 916 123-45-67")

    with closing(open_parts(load(config, {}))) as parts, capture_logs() as said:
        intake = AccountIntake(parts, "vk", "vk", "1", None)
        receiving = asyncio.create_task(backoff.for_ever(intake, faulty))
        async with asyncio.timeout(10):
            await again.wait()
        receiving.cancel()
    (line,) = (line for line in said if line["event"] == "channel has trouble")
    assert line["error"] == "the round failed: LookupError"
    told = describe(line["cause"])
    assert "test_trouble_in_the_log.py" in told and "916" not in told
