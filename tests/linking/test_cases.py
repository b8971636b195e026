"""The labelled cases themselves: enough of them, well formed, and true as far as a text alone can show."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from normalizer.likeness import same
from normalizer.references import Places, References, find, one_slip_apart
from normalizer.ticket_number import make
from tests.linking.cases import FORMS, LINKING_FLAGS, Case, load, placeholders, render

CASES, HELD_OUT = load("cases"), load("held_out")
ALL = CASES + HELD_OUT
NOBODY = 999_983  # a serial that no test gives out
MESSAGE = {
    "channel", "sender", "ago", "text", "subject", "quoted", "file_names", "links", "via", "flags", "authentication",
    "conversation", "reply_to", "id", "change", "revises", "stated", "vouched", "ticket", "ignored",
}  # fmt: skip


def opened(case: Case) -> dict[str, str]:
    """Numbers for the tickets of a case, as the ledger might have given them."""
    numbers = {"nobody": make(case.now.date() - timedelta(days=3), NOBODY)}
    for serial, event in enumerate(case.history, 1):
        if "ticket" in event:
            numbers[event["ticket"]] = make(case.at(event).date(), serial * 37)
    return numbers


def read(case: Case) -> References:
    numbers, message = opened(case), case.message
    places = Places(
        own=render(message["text"], numbers),
        subject=render(message["subject"], numbers) if "subject" in message else None,
        quoted=render(message["quoted"], numbers) if "quoted" in message else None,
        file_names=[render(name, numbers) for name in message.get("file_names", ())],
        links=[render(link, numbers) for link in message.get("links", ())],
    )
    return find(places, first_day=date(2026, 1, 1), last_day=case.now.date() + timedelta(days=1))


def test_there_are_enough_of_every_kind() -> None:
    assert len(CASES) >= 300
    assert len(HELD_OUT) >= 80
    assert {case.labels["language"] for case in CASES} == {"ru", "en"}
    assert min(Counter(case.labels["channel"] for case in CASES).values()) >= 40
    assert {form for case in ALL for _, form in placeholders(case.message)} == set(FORMS)


def test_every_case_has_a_name_of_its_own_and_no_two_are_alike() -> None:
    assert len({case.id for case in ALL}) == len(ALL)
    assert len({(case.now, repr(case.history), repr(case.message)) for case in ALL}) == len(ALL)


def test_the_held_out_cases_say_it_in_other_words() -> None:
    known = {case.message["text"] for case in CASES} | {event.get("text") for case in CASES for event in case.history}
    greetings = {"Здравствуйте", "Добрый день!", "Hello", "/new"}
    told = {case.message["text"] for case in HELD_OUT} | {e["text"] for c in HELD_OUT for e in c.history if "text" in e}
    assert len(told & known - greetings) <= 3


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
def test_a_case_is_well_formed(case: Case) -> None:
    messages = [event for event in case.history if "channel" in event]
    names = {event["ticket"] for event in messages if "ticket" in event}
    assert all(set(message) <= MESSAGE for message in (*messages, case.message))
    assert all(event.get("answer", event.get("close")) in names for event in case.history if "channel" not in event)
    assert [case.at(event) for event in case.history] == sorted(case.at(event) for event in case.history)
    assert case.message["ago"] == "0s"
    assert case.expect["ticket"] in names | {"new"}
    assert set(case.expect.get("related", ())) <= names
    assert set(case.expect.get("flags", ())) <= LINKING_FLAGS
    assert {ticket for ticket, _ in placeholders(case.message)} <= names | {"nobody"}
    if "reply_to" in case.message:
        assert case.message["reply_to"].split(":")[1] in names
    if "revises" in case.message:
        assert case.message["revises"] in {message.get("id") for message in messages}


def digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


@pytest.mark.parametrize("case", [c for c in ALL if c.labels["channel"] != "portal"], ids=lambda case: case.id)
def test_what_is_stated_outside_the_portal_stands_in_the_text(case: Case) -> None:
    for message in (case.message, *(event for event in case.history if event.get("channel", "portal") != "portal")):
        for field, value in message.get("stated", {}).items():
            text = str(message["text"])
            assert value in text or (field != "email" and digits(value) in digits(text))


def numbered(case: Case) -> bool:
    return any(not form.startswith("slip") for _, form in placeholders(case.message))


@pytest.mark.parametrize("case", [case for case in ALL if numbered(case)], ids=lambda case: case.id)
def test_every_number_in_a_case_is_found_where_it_stands(case: Case) -> None:
    numbers, result = opened(case), read(case)
    expected = {numbers[ticket] for ticket, _ in placeholders(case.message)}
    assert {reference.number for reference in result.found} == expected
    assert result.slips == ()
    if case.labels.get("place", "thread") != "thread" and case.group != "several numbers":
        assert result.found[0].place == case.labels["place"]


@pytest.mark.parametrize(
    "case", [c for c in ALL if any(form.startswith("slip") for _, form in placeholders(c.message))], ids=lambda c: c.id
)
def test_every_slip_in_a_case_is_one_slip_from_its_ticket(case: Case) -> None:
    result = read(case)
    assert result.found == ()
    (slip,) = result.slips
    ((ticket, _),) = placeholders(case.message)
    assert one_slip_apart(slip.digits, opened(case)[ticket].replace("-", ""))


@pytest.mark.parametrize("case", [c for c in ALL if not list(placeholders(c.message))], ids=lambda case: case.id)
def test_where_no_number_was_written_none_is_found(case: Case) -> None:
    assert read(case) == References()


@pytest.mark.parametrize("case", [case for case in ALL if case.group == "content"], ids=lambda case: case.id)
def test_what_is_a_repeat_by_content_is_alike_and_what_is_another_problem_is_not(case: Case) -> None:
    before = next(event["text"] for event in case.history if "ticket" in event)
    if case.expect["how"] == "content":
        assert same(before, case.message["text"])
    elif "another citizen" not in case.why and "window" not in case.why:
        assert not same(before, case.message["text"])
