"""The encryption key is made once, and never replaced."""

from __future__ import annotations

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.key import KeyTrouble, ensure_encryption_key, key_note, key_path
from config.settings import Settings, load


def settings_in(tmp_path: Path, **more: str) -> Settings:
    return load(environ={"PRIEMNAYA_DATABASE__URL": f"sqlite:///{tmp_path}/new/ledger.db", **more}, kinds={})


def test_the_key_is_made_beside_the_ledger_for_its_owner_only_and_stays(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    key = ensure_encryption_key(settings)
    assert len(key) == 32
    assert ensure_encryption_key(settings) == key
    path = tmp_path / "new" / "encryption.key"
    assert key_path(settings) == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["encryption.key"]


def test_a_configured_key_is_used_and_no_file_is_made(tmp_path: Path) -> None:
    written = base64.b64encode(b"k" * 32).decode()
    settings = settings_in(tmp_path, PRIEMNAYA_STORAGE__ENCRYPTION_KEY=written)
    assert ensure_encryption_key(settings) == b"k" * 32
    assert key_path(settings) is None
    assert not (tmp_path / "new").exists()


def test_many_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: ensure_encryption_key(settings), range(64)))
    assert len(keys) == 1


@pytest.mark.parametrize("content", [b"", b"c2hvcnQ=", b"not base64!", b"\xff" * 44])
def test_a_key_file_that_holds_no_key_is_never_replaced(content: bytes, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    path = tmp_path / "new" / "encryption.key"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(KeyTrouble, match=r"encryption\.key"):
        ensure_encryption_key(settings)
    assert path.read_bytes() == content


def test_the_note_for_an_administrator_warns_where_several_machines_may_run(tmp_path: Path) -> None:
    assert "several machines" not in key_note(settings_in(tmp_path))
    many = settings_in(tmp_path, PRIEMNAYA_DATABASE__URL="postgresql://u:canary@h/d")
    assert "several machines" in key_note(many)
    assert "canary" not in key_note(many)
    given = settings_in(tmp_path, PRIEMNAYA_STORAGE__ENCRYPTION_KEY=base64.b64encode(b"k" * 32).decode())
    assert key_note(given) == "encryption key: storage.encryption_key"
