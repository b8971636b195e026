"""The supervisor outlives what becomes of its processes."""

import sys
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.settings import load
from pipeline.supervisor import Child, Supervisor


def test_a_process_that_cannot_be_started_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error ended the supervisor, and with that every process."""
    config = tmp_path / "c.toml"
    config.write_text(f'[database]\nurl = "sqlite:///{tmp_path}/p.db"\n[storage]\nurl = "{tmp_path}/files"\n')
    supervisor, child = Supervisor(load(config, {}), ["housekeeping"], config), Child("housekeeping")
    python = sys.executable
    with monkeypatch.context() as patch, capture_logs() as said:
        patch.setattr(sys, "executable", str(tmp_path / "python"))  # an update is just replacing it
        for _ in range(3):
            before, wait = time.monotonic(), child.wait
            supervisor._keep(child)
            assert child.process is None
            assert child.due >= before + wait
            child.due = 0.0
    assert [line["role"] for line in said] == ["housekeeping"] * 3
    assert sys.executable == python
    supervisor._keep(child)
    assert child.process is not None
    assert child.process.poll() is None
    child.process.kill()
    child.process.wait()
