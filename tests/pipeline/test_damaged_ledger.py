"""A ledger's file that is damaged stops what reads it, with what to do; no message is blamed for it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.linking.world import PROBLEM, World, said

ROOT = Path(__file__).parents[2]
WHY = "the ledger's file is damaged, or is no ledger: see database.url, or put a backup back (docs/operations.md)"


def ran(folder: Path, file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    config = folder / "c.toml"
    config.write_text(f'[database]\nurl = "sqlite:///{file}"\n[storage]\nurl = "{folder}/files"\n')
    return subprocess.run(
        [sys.executable, str(ROOT / "worker.py"), *arguments, "--config", str(config)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={name: value for name, value in os.environ.items() if not name.startswith("PRIEMNAYA_")},
    )


@pytest.mark.parametrize(
    "arguments", [("show", "260101-0000015"), ("run",), ("run", "processor"), ("check",)], ids=" ".join
)
def test_a_file_that_is_no_ledger_is_told_in_a_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Здравствуйте! " * 1000)
    done = ran(tmp_path, file, *arguments)
    assert done.returncode == 1
    assert WHY in done.stdout + done.stderr
    assert "raised" not in done.stderr and "Traceback" not in done.stderr


def test_where_the_file_is_damaged_no_message_is_blamed(tmp_path: Path) -> None:
    """Each of them went into the quarantine, one by one."""
    file = tmp_path / "p.db"
    world = World(f"sqlite:///{file}", tmp_path)
    world.journal("vk", *(said(world, "vk", str(sender), PROBLEM) for sender in range(2001, 2011)))
    world.close()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("UPDATE leases SET expires_at = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'messages'").fetchone()
        with file.open("r+b") as raw:
            raw.seek((page - 1) * size)
            raw.write(b"\xff" * size)
    done = ran(tmp_path, file, "run", "processor")
    assert done.returncode == 1
    last = json.loads(done.stderr.splitlines()[-1])
    assert (last["event"], last["error"]) == ("cannot go on", WHY)
    with closing(sqlite3.connect(file)) as connection:
        assert {row[0] for row in connection.execute("SELECT DISTINCT state FROM journal")}.isdisjoint({"quarantined"})
