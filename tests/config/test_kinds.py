"""The kinds of channel are the modules of `connectors/` that offer `Settings`, imported only when configured."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import connectors
from config.kinds import installed_kinds
from config.settings import ConfigError, load

GOOD = """
from config.channels import ChannelSettings
class Settings(ChannelSettings):
    depth: int
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(connectors, "__path__", [str(tmp_path)])
    installed_kinds.cache_clear()
    before = set(sys.modules)
    yield tmp_path
    installed_kinds.cache_clear()
    for name in set(sys.modules) - before:
        if name.startswith("connectors."):
            del sys.modules[name]


def test_a_kind_is_a_module_that_offers_settings(folder: Path) -> None:
    (folder / "good_kind.py").write_text(GOOD)
    (folder / "base.py").write_text(GOOD)
    (folder / "_private.py").write_text(GOOD)
    (folder / "helper.py").write_text("def settings(): ...\n")
    assert set(installed_kinds()) == {"good_kind"}
    settings = load(environ={"PRIEMNAYA_CHANNELS__A__KIND": "good_kind", "PRIEMNAYA_CHANNELS__A__DEPTH": "5"})
    assert settings.channels["a"].model_dump()["depth"] == 5


def test_a_kind_that_is_not_configured_is_not_imported(folder: Path) -> None:
    (folder / "heavy_kind.py").write_text("raise RuntimeError('imported')\n" + GOOD)
    (folder / "good_kind.py").write_text(GOOD)
    environ = {"PRIEMNAYA_CHANNELS__A__KIND": "good_kind", "PRIEMNAYA_CHANNELS__A__DEPTH": "5"}
    assert set(load(environ=environ).channels) == {"a"}
    with pytest.raises(
        ConfigError, match=r"unknown kind; did you mean good_kind\?; known kinds: good_kind, heavy_kind"
    ):
        load(environ={**environ, "PRIEMNAYA_CHANNELS__A__KIND": "god_kind"})


def test_a_module_whose_settings_are_no_channels_is_refused(folder: Path) -> None:
    (folder / "wrong_kind.py").write_text("class Settings:\n    pass\n")
    with pytest.raises(TypeError, match="not a ChannelSettings"):
        load(environ={"PRIEMNAYA_CHANNELS__A__KIND": "wrong_kind"})
