"""A ledger that has outgrown its file: copied into PostgreSQL, it goes on as if nothing had been."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ledger.copying import LEFT_OUT
from ledger.database import Database
from ledger.schema import metadata
from tests.linking.world import PROBLEM, World, said

ROOT = Path(__file__).parents[2]


def copied(folder: Path, file: Path, url: str) -> subprocess.CompletedProcess[str]:
    config = folder / "p.toml"
    config.write_text(f'[database]\nurl = "{url}"\n[storage]\nurl = "{folder}/files"\n')
    command = [sys.executable, str(ROOT / "worker.py"), "copy-ledger", "--json", str(file), "--config", str(config)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def counts(url: str) -> dict[str, int]:
    database = Database(url)
    tables = [table for table in metadata.sorted_tables if table not in LEFT_OUT]
    try:
        return database.look_now(
            lambda conn: {
                table.name: conn.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
            }
        )
    finally:
        database.close()


def refused(done: subprocess.CompletedProcess[str], code: int, why: str) -> None:
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert why in done.stderr and len(done.stderr.splitlines()) == 1


def stopped(file: Path) -> None:
    """As it is once its processes have been gone for a while."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("UPDATE leases SET expires_at = 0")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # so the key is the same for both
    return tmp_path / "data" / "priemnaya.db"


def test_what_was_in_the_file_goes_on_in_postgresql(file: Path, tmp_path: Path, postgres_url: str) -> None:
    world = World(f"sqlite:///{file}", tmp_path)
    units = [said(world, "vk", str(sender), PROBLEM) for sender in range(2001, 2041)]
    before = {outcome.ticket for outcome in world.take("vk", *units)}
    ids = {owed.random_id for owed, _ in world.sent}
    world.journal("vk", said(world, "vk", "2101", PROBLEM))  # one that nobody has looked at yet
    world.close()
    stopped(file)
    kept = counts(f"sqlite:///{file}")

    done = copied(tmp_path, file, postgres_url)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"rows": sum(kept.values())}
    assert counts(postgres_url) == kept
    refused(copied(tmp_path, file, postgres_url), 2, "give it an empty one")

    with closing(World(postgres_url, tmp_path)) as there:
        there.serial = world.serial
        there.work()
        assert len(there.sent) == 1, "who was not answered yet is answered"
        assert not there.take("vk", *units), "what the platform brings again is known"
        number = min(before)
        quoted = there.take("vk", said(there, "vk", "2001", f"{number}: а теперь и пароль забыл"))
        assert quoted[0].ticket == number
        new = there.take("vk", *(said(there, "vk", str(sender), PROBLEM) for sender in range(2201, 2221)))
        assert before.isdisjoint(outcome.ticket for outcome in new)
        assert ids.isdisjoint(owed.random_id for owed, _ in there.sent)


def test_nothing_is_copied_from_a_file_in_use_with_another_key_or_to_anything_but_an_empty_postgresql(
    file: Path, tmp_path: Path, postgres_url: str
) -> None:
    World(f"sqlite:///{file}", tmp_path).close()
    refused(copied(tmp_path, file, postgres_url), 2, "stop it, and wait ten seconds")
    stopped(file)
    refused(copied(tmp_path, file, f"sqlite:///{file}"), 2, "database.url names no PostgreSQL")
    other = tmp_path / "letter.txt"
    other.write_text("Здравствуйте! " * 1000)
    refused(copied(tmp_path, other, postgres_url), 1, "nothing was copied: ")
    refused(copied(tmp_path, file, "postgresql://nobody@127.0.0.1:1/none"), 1, "nothing was copied: ")
    key = file.parent / "encryption.key"
    own = key.read_bytes()
    key.unlink()
    refused(copied(tmp_path, file, postgres_url), 1, "put data/encryption.key back")
    assert not key.exists()
    key.write_bytes(own)
    assert copied(tmp_path, file, postgres_url).returncode == 0
