"""The demonstration as somebody sees it who tries it: it ends with its terminal, and leaves nothing running."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.commandline import main
from pipeline.supervisor import ROOT
from tests.services.process import HOST, free_port, wait_until


def answers(port: int) -> bool:
    with closing(socket.socket()) as tried:
        return tried.connect_ex((HOST, port)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_no_worker_outlives_a_demonstration_that_was_ended(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    words = ("demo", "--folder", str(tmp_path), "--port", str(port), "--citizens", "1")
    with (tmp_path / "log").open("wb") as log:
        playing = subprocess.Popen([sys.executable, str(ROOT / "worker.py"), *words], stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(port), 30, "the pages are there")
        playing.send_signal(number)
        playing.wait(30)
        wait_until(lambda: not answers(port), 30, "the worker is gone")
    finally:
        playing.kill()


def test_a_demonstration_shares_its_port_with_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["demo", "--folder", str(tmp_path / "demo"), "--port", str(port)]) == 1
    assert f"port {port}" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
