"""The labelled cases go the whole way, from a platform's payload to the envelope, and come out in the right ticket."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.linking.cases import load
from tests.linking.table import Score, table
from tests.linking.world import Played, Player, World

pytestmark = pytest.mark.timeout(600)  # a minute on an idle machine

# A sample for the second database: every group, place and form comes in it.
SAMPLE = 7


def played(url: str, folder: Path, name: str, step: int = 1) -> list[Played]:
    world = World(url, folder)
    try:
        player = Player(world)
        return [player.play(case) for case in load(name)[::step]]
    finally:
        world.close()


def told(results: list[Played]) -> str:
    return "\n".join(f"{one.case.id}: {one.differences()} ({one.case.why})" for one in results if one.differences())


def test_every_labelled_case_comes_out_as_it_should(sqlite_url: str, tmp_path: Path) -> None:
    results = played(sqlite_url, tmp_path, "cases")
    print("\n" + table(results))
    score = Score.of(results)
    assert score.wrong == 0, told(results)
    assert score.recall >= 0.99, told(results)
    assert sum(not one.differences() for one in results) >= 0.99 * len(results), told(results)


def test_the_cases_that_the_rules_were_not_made_against_come_out_too(sqlite_url: str, tmp_path: Path) -> None:
    results = played(sqlite_url, tmp_path, "held_out")
    print("\n" + table(results))
    score = Score.of(results)
    assert score.wrong == 0, told(results)
    assert score.recall >= 0.99, told(results)


def test_the_other_database_decides_alike(postgres_url: str, tmp_path: Path) -> None:
    results = played(postgres_url, tmp_path, "cases", SAMPLE)
    assert [one.case.id for one in results if one.differences()] == [], told(results)


def test_the_table_counts_a_wrong_join_and_a_missed_one() -> None:
    cases = load("cases")
    joins = next(case for case in cases if case.expect["ticket"] == "A")
    own = next(case for case in cases if case.expect["ticket"] == "new")
    missed = Played(joins, {"A": "1"}, None, "nothing came")
    wrong = Played(own, {"A": "1"}, None, joined="A")
    score = Score.of([missed, wrong])
    assert (score.right, score.wrong, score.missed) == (0, 1, 1)
    assert score.recall == 0.0
    assert score.precision == 0.0
    assert joins.group in table([missed, wrong])
