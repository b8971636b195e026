"""A ledger is opened with its own encryption key, and with no other."""

import base64
from pathlib import Path

import pytest

from config.settings import load
from ledger.errors import LedgerUnusable
from pipeline.parts import open_parts


def opened(database_url: str, folder: Path, key: bytes | None) -> None:
    folder.mkdir(exist_ok=True)
    config = folder / "c.toml"
    line = f'encryption_key = "{base64.b64encode(key).decode()}"\n' if key is not None else ""
    config.write_text(f'[database]\nurl = "{database_url}"\n[storage]\nurl = "{folder}/files"\n{line}')
    open_parts(load(config, {})).close()


def test_a_second_machine_with_a_key_of_its_own_is_refused(database_url: str, tmp_path: Path) -> None:
    """What one of them took in the other one quarantined as damaged, and neither knew the other's citizens."""
    opened(database_url, tmp_path / "one", b"1" * 32)
    opened(database_url, tmp_path / "two", b"1" * 32)
    for _ in range(2):
        with pytest.raises(LedgerUnusable, match=r"the same storage.encryption_key on every machine"):
            opened(database_url, tmp_path / "two", b"2" * 32)
    opened(database_url, tmp_path / "one", b"1" * 32)


def test_a_ledger_whose_key_file_is_gone_is_refused_too(tmp_path: Path) -> None:
    """A new key was made in its place, and everything before it was unreadable from then on."""
    url = f"sqlite:///{tmp_path}/data/p.db"
    opened(url, tmp_path / "data", None)
    key = tmp_path / "data" / "encryption.key"
    own = key.read_bytes()
    key.unlink()
    with pytest.raises(LedgerUnusable, match=r"put data/encryption\.key back"):
        opened(url, tmp_path / "data", None)
    assert not key.exists()
    key.write_bytes(own)
    opened(url, tmp_path / "data", None)
