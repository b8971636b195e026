"""A backup is put back: nothing that was given out after it was made is given a second time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pipeline.restored import restored
from tests.linking.world import PROBLEM, World, said
from tests.services.postgres import PostgresServer


@contextmanager
def copy_of(url: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A backup of a ledger that nobody writes to just now, as a ledger of its own."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as source:
            source.execute("VACUUM INTO ?", (str(folder / "backup.db"),))
        yield f"sqlite:///{folder}/backup.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    backup = server.create_database()
    name, original = backup.rsplit("/", 1)[1].partition("?")[0], url.rsplit("/", 1)[1].partition("?")[0]
    with server.connect() as connection:
        connection.autocommit = True
        connection.execute(f'DROP DATABASE "{name}"')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{original}"')
    yield backup
    server.drop_database(backup)


@contextmanager
def opened(url: str, folder: Path) -> Iterator[World]:
    world = World(url, folder)
    yield world
    world.close()


def written(world: World, first: int, count: int) -> tuple[set[str], set[int]]:
    """Numbers and VK's `random_id`s that these citizens were given."""
    before = len(world.sent)
    units = [said(world, "vk", str(sender), PROBLEM) for sender in range(first, first + count)]
    numbers = {outcome.ticket for outcome in world.take("vk", *units)}
    assert len(numbers) == count
    return numbers, {owed.random_id for owed, _ in world.sent[before:]}


def test_after_a_backup_was_put_back_no_number_and_no_random_id_is_given_twice(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with opened(database_url, tmp_path) as world:
        numbers, ids = written(world, 2001, 2)
    with copy_of(database_url, tmp_path, request) as backup:
        with opened(database_url, tmp_path) as world:
            since = written(world, 2101, 40)
        numbers, ids = numbers | since[0], ids | since[1]
        with opened(backup, tmp_path) as world:
            following = restored(world.parts)
            again = written(world, 2201, 40)
            assert min(again[0]) == following
            later = restored(world.parts)
    assert len(numbers) == len(ids) == 42
    assert numbers.isdisjoint(again[0]) and ids.isdisjoint(again[1])
    assert later > max(again[0]), "said twice, it is no harm"
