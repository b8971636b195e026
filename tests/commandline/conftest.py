"""Fixtures of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commandline.shell import Shell


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/p.db"\n[storage]\nurl = "{tmp_path}/files"\n'
    )
    return Shell(tmp_path, capsys)
