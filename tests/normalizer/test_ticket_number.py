"""The number YYMMDD-NNNNNN-C: made, read back, and no slip of a digit taken for another."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer.ticket_number import TicketNumber, is_right, make, parse_exact

days = st.dates(date(2000, 1, 1), date(2099, 12, 31))
serials = st.integers(1, 9_999_999)


def test_the_number_holds_the_day_the_serial_and_a_check_digit() -> None:
    assert make(date(2026, 11, 22), 123) == "261122-000123-0"


def test_after_999999_the_serial_of_a_day_has_seven_digits() -> None:
    assert make(date(2026, 11, 22), 999_999).count("9") >= 6
    number = make(date(2026, 11, 22), 1_000_000)
    assert number.startswith("261122-1000000-")
    assert parse_exact(number) == TicketNumber(date(2026, 11, 22), 1_000_000)


@given(days, serials)
def test_a_number_is_read_back_as_it_was_made(day: date, serial: int) -> None:
    number = make(day, serial)
    read = parse_exact(number)
    assert read == TicketNumber(day, serial)
    assert str(read) == number


@given(days, serials, st.data())
def test_one_wrong_digit_is_always_noticed(day: date, serial: int, data: st.DataObject) -> None:
    number = make(day, serial)
    place = data.draw(st.sampled_from([i for i, c in enumerate(number) if c != "-"]))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != number[place]]))
    assert parse_exact(number[:place] + digit + number[place + 1 :]) is None


@given(days, serials, st.data())
def test_two_neighbours_swapped_are_always_noticed(day: date, serial: int, data: st.DataObject) -> None:
    digits = make(day, serial).replace("-", "")
    places = [i for i in range(len(digits) - 1) if digits[i] != digits[i + 1]]
    place = data.draw(st.sampled_from(places))
    swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
    assert is_right(digits)
    assert not is_right(swapped)


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    read = parse_exact(text)
    assert read is None or str(read) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2611220001230",
        " 261122-000123-0",
        "261122-000123-0\n",
        "261122-000123-1",
        f"261322-000123-{next(d for d in '0123456789' if is_right('261322000123' + d))}",
        "261122-0000123-0",
        "261122-000000-0",
        "٢٦١١٢٢-٠٠٠١٢٣-٠",
    ],
)
def test_only_the_exact_form_counts(text: str) -> None:
    assert parse_exact(text) is None


def test_a_serial_of_nought_is_no_number_even_with_a_right_check_digit() -> None:
    digit = next(d for d in "0123456789" if is_right("261122000000" + d))
    assert parse_exact(f"261122-000000-{digit}") is None


@pytest.mark.parametrize(
    ("day", "serial"), [(date(2026, 1, 1), 0), (date(2026, 1, 1), 10_000_000), (date(1999, 1, 1), 1)]
)
def test_what_cannot_be_written_as_a_number_is_refused(day: date, serial: int) -> None:
    with pytest.raises(ValueError):
        make(day, serial)
