"""Who may use the intake API: keys in words or hashed, one for each source."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from config.settings import ConfigError, load
from connectors.base import Hook
from connectors.portal import Settings, create

CABINET, OFFICE = "cabinet-key-of-this-test-1234", "office-key-of-this-test-56789"


def settings(tmp_path: Path, section: str) -> Settings:
    file = tmp_path / "priemnaya.toml"
    file.write_text(f'[channels.portal]\nkind = "portal"\n{section}', encoding="utf-8")
    channel = load(file, {}).channels["portal"]
    assert isinstance(channel, Settings)
    return channel


def test_a_key_names_its_source_whether_it_is_kept_in_words_or_hashed(tmp_path: Path) -> None:
    hashed = hashlib.sha256(OFFICE.encode()).hexdigest()
    channel = settings(tmp_path, f'sources = {{ cabinet = "{CABINET}", office = "sha256:{hashed}" }}')
    assert channel.source_of(CABINET) == "cabinet"
    assert channel.source_of(OFFICE) == "office"
    assert [channel.source_of(key) for key in ("", "x", hashed, f"sha256:{hashed}", CABINET + " ")] == [None] * 5


def test_a_key_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(CABINET + "\n", encoding="utf-8")
    channel = settings(tmp_path, f'sources = {{ mobile_file = "{tmp_path / "key"}" }}')
    assert channel.source_of(CABINET) == "mobile"


@pytest.mark.parametrize(
    "section",
    [
        'sources = { cabinet = "short" }',
        'sources = { cabinet = "sha256:12" }',
        f'sources = {{ fax = "{CABINET}" }}',
        f'sources = {{ cabinet = "{CABINET}", office = "{CABINET}" }}',
        'lines = { "8 800" = "everybody" }',
    ],
)
def test_a_wrong_key_is_said_without_showing_it(tmp_path: Path, section: str) -> None:
    with pytest.raises(ConfigError) as raised:
        settings(tmp_path, section)
    assert "channels.portal" in str(raised.value)
    assert CABINET not in str(raised.value)


def test_no_key_shows_in_what_is_printed(tmp_path: Path) -> None:
    assert CABINET not in repr(settings(tmp_path, f'sources = {{ cabinet = "{CABINET}" }}'))


async def test_the_portal_is_not_polled_and_has_no_webhook() -> None:
    connector: Any = create("portal", Settings())
    assert not connector.polled
    assert await connector.account() == "portal"
    assert connector.hook(Hook("POST", {}, {}, b"")).status == 404
