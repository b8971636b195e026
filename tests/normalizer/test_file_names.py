"""A file name is inert data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer.file_names import MAX_LENGTH, clean

NAMES = {
    "../../etc/cron.d/x": "x",
    "C:\\Users\\me\\Паспорт.pdf": "Паспорт.pdf",
    "CON": "_CON",
    "nul.txt": "_nul.txt",
    "COM1.log": "_COM1.log",
    "console.txt": "console.txt",
    "a\u202egpj.exe": "agpj.exe",
    "a\r\nb\0.txt": "ab.txt",
    "zero\u200bwidth.txt": "zerowidth.txt",
    "a<b>c:d|e?f*.txt": "a_b_c_d_e_f_.txt",
    "  .hidden. ": "hidden",
    "...": None,
    "/": None,
    "": None,
    "и\u0306.txt": "й.txt",
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_a_name_is_cleaned(name: str, expected: str | None) -> None:
    assert clean(name) == expected


def test_a_long_name_is_cut_and_keeps_its_extension() -> None:
    found = clean("ы" * 300 + ".docx")
    assert found is not None and len(found) == MAX_LENGTH and found.endswith("ы.docx")


@given(st.text(max_size=400))
def test_no_name_holds_a_path_or_a_control_character(name: str) -> None:
    found = clean(name)
    assert found is None or (
        0 < len(found) <= MAX_LENGTH + 1 and not set(found) & set('/\\\0\n\r:*?"<>|') and found.strip(". ")
    )
