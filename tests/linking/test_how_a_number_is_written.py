"""A citizen who quotes his number gets no second one, wherever in the letter it stands and whatever digit it lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.linking.world import PROBLEM, Outcome, World, said

OTHER = "Ответа всё нет, прошу сообщить, когда он будет"


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    made = World(sqlite_url, tmp_path)
    yield made
    made.close()


def letter(world: World, text: str, sender: str = "anna@mail.example") -> Outcome:
    world.now += 3600
    (outcome,) = world.take("email", said(world, "email", sender, text))
    return outcome


def link(outcome: Outcome) -> tuple[str, str | None]:
    assert outcome.envelope is not None
    return outcome.envelope["ticket"]["link"]["how"], outcome.envelope["ticket"]["link"]["certainty"]


@pytest.mark.parametrize(
    "below",
    [
        "С уважением,\nАнна Петрова\nобращение {}",
        "--\nАнна Петрова\n№ {}",
        "Отправлено с iPhone\n\nНомер обращения {}",
    ],
)
def test_a_number_under_the_writers_name_is_quoted_by_him(world: World, below: str) -> None:
    opening = letter(world, PROBLEM)
    again = letter(world, f"{OTHER}\n\n{below.format(opening.ticket)}")
    assert (again.ticket, link(again)) == (opening.ticket, ("quoted_number", "verified"))


@pytest.mark.parametrize(
    "slip",
    [
        lambda number: number[:7] + number[8:],
        lambda number: number[:7] + "0" + number[7:],
        lambda number: "обращение " + number[:-2],
        lambda number: "обращение № " + number[:-2].replace("-", ""),
    ],
    ids=["a zero too few", "a zero too many", "no check digit", "no check digit and no dash"],
)
def test_a_digit_left_out_or_typed_twice_is_corrected_for_its_citizen_alone(
    world: World, slip: Callable[[str], str]
) -> None:
    opening = letter(world, PROBLEM)
    again = letter(world, f"{OTHER}. {slip(opening.ticket)}")
    assert (again.ticket, link(again)) == (opening.ticket, ("quoted_number", "corrected"))
    strange = letter(world, f"{OTHER}. {slip(opening.ticket)}", "boris@mail.example")
    assert strange.ticket != opening.ticket
    assert strange.envelope is not None
    assert strange.envelope["ticket"]["related"] == []


def test_a_number_told_to_the_phone_is_found(world: World) -> None:
    opening = letter(world, PROBLEM)
    again = letter(world, f"{OTHER} номер " + opening.ticket.replace("-", " тире "))
    assert (again.ticket, link(again)) == (opening.ticket, ("quoted_number", "verified"))
