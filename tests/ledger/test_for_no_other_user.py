"""What lies on the disk is for the service's own user."""

import os
import stat
from pathlib import Path

from tests.linking.world import PROBLEM, World, said


def test_no_other_user_of_the_machine_can_read_what_citizens_wrote(tmp_path: Path) -> None:
    """With the umask that nearly every machine has, SQLite made its file readable by all."""
    former = os.umask(0o022)
    try:
        world = World(f"sqlite:///{tmp_path}/data/p.db", tmp_path / "data")
        world.take("telegram", said(world, "telegram", "1001", PROBLEM))
    finally:
        os.umask(former)
    data = tmp_path / "data"
    files = [path for path in data.rglob("*") if path.is_file() and path.name != "priemnaya.toml"]
    assert {path.name for path in files} >= {"p.db", "p.db-wal"}
    assert [path for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    world.close()


def test_a_folder_that_is_made_for_the_ledger_is_its_users_own(tmp_path: Path) -> None:
    former = os.umask(0o022)
    try:
        World(f"sqlite:///{tmp_path}/deep/data/p.db", tmp_path / "config").close()
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "deep" / "data").stat().st_mode) == 0o700
