"""A long text is cut where a reader pauses, and nothing of it is lost."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.long_text import pieces, utf16_units


def test_a_short_text_is_one_piece_and_an_empty_one_none() -> None:
    assert pieces("  Да.  ", 10) == ["Да."]
    assert pieces(" \n ", 10) == []


def test_it_is_cut_after_a_paragraph_a_sentence_a_line_a_word() -> None:
    assert pieces("один два\n\nтри. четыре", 14) == ["один два", "три. четыре"]
    assert pieces("Раз два три. Четыре пять", 16) == ["Раз два три.", "Четыре пять"]
    assert pieces("один два три\nчетыре пять", 16) == ["один два три", "четыре пять"]
    assert pieces("один два три четыре", 15) == ["один два три", "четыре"]
    assert pieces("х" * 25, 10) == ["х" * 10, "х" * 10, "х" * 5]


def test_telegram_counts_an_emoji_as_two() -> None:
    assert [utf16_units(one) for one in pieces("🙂" * 5, 4, utf16_units)] == [4, 4, 2]


@given(st.text(max_size=300), st.integers(2, 40), st.booleans())
def test_every_piece_fits_and_every_word_arrives(text: str, limit: int, telegram: bool) -> None:
    length = utf16_units if telegram else len
    found = pieces(text, limit, length)
    assert all(0 < length(piece) <= limit for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert pieces(text, limit, length) == found


@pytest.mark.parametrize("text", ["a" * 65536, ". " * 32768, "🙂" * 16384, "\n\n" * 32768 + "a", " x" * 32768])
def test_the_worst_text_is_cut_in_no_time(text: str) -> None:
    began = time.thread_time()
    pieces(text, 4096, utf16_units)
    assert time.thread_time() - began < 0.2
