"""Bytes are read as the words that they are, whatever their label says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer import charsets

PHRASES = [
    "Здравствуйте! Не приходит код подтверждения, прошу помочь.",
    "ОТЗЫВ О ПОДДЕРЖКЕ",
    "Жалоба",
    "Привет",
    "Заявление.pdf",
    "Вопрос",
]
CHARSETS = ["utf-8", "windows-1251", "koi8-r", "cp866", "iso-8859-5"]


@pytest.mark.parametrize("phrase", PHRASES)
@pytest.mark.parametrize("real", CHARSETS)
@pytest.mark.parametrize("label", [None, "us-ascii", "iso-8859-1", "windows-1251", "koi8-r", "utf-8", "x-nonsense", ""])
def test_russian_is_recognised_under_a_wrong_label(phrase: str, real: str, label: str | None) -> None:
    assert charsets.decode(phrase.encode(real), label) == phrase


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Grüße aus München", "iso-8859-1"),
        ("naïve café", "windows-1252"),
        ("Příliš žluťoučký kůň", "iso-8859-2"),
        ("Zażółć gęślą jaźń", "windows-1250"),
        ("こんにちは、世界", "iso-2022-jp"),
        ("こんにちは", "shift_jis"),
        ("안녕하세요", "euc-kr"),
        ("你好", "big5"),
        ("朱镕基", "gb18030"),
        ("שלום", "windows-1255"),
        ("Καλημέρα", "iso-8859-7"),
        ("Доброго дня, Україно їжак", "koi8-u"),
        ("İstanbul’da ğ", "windows-1254"),
        ("Hi Mom", "utf-7"),
        ("Привет", "utf-16"),
    ],
)
def test_a_right_label_is_believed(text: str, charset: str) -> None:
    assert charsets.decode(text.encode(charset), charset) == text


def test_the_rows_of_nec_in_japanese_mail_are_read() -> None:
    assert charsets.decode(b"\x1b$B-!$3$s-5\x1b(B ok\x1b$B-j\x1b(B", "iso-2022-jp") == "①こんⅠ ok㈱"
    assert charsets.decode(b"\x1b$B$3$s~~\x1b(B", "iso-2022-jp").startswith("こん")


def test_gb2312_is_read_as_its_superset() -> None:
    assert charsets.decode("朱镕".encode("gb18030"), "gb2312") == "朱镕"


def test_a_bad_byte_does_not_spoil_the_rest() -> None:
    assert (
        charsets.decode("Хорошо".encode() + b"\xff" + " и дальше тоже хорошо".encode(), "utf-8")
        == "Хорошо\ufffd и дальше тоже хорошо"
    )


@given(
    st.binary(max_size=300),
    st.one_of(st.none(), st.text(max_size=30), st.sampled_from(["utf-7", "hz", "idna", "utf-16", "zlib", "gb2312"])),
)
def test_any_bytes_under_any_label_are_text(data: bytes, label: str | None) -> None:
    assert isinstance(charsets.decode(data, label).encode(), bytes)


RUSSIAN = "Здравствуйте, справка так и не пришла."


@pytest.mark.parametrize(
    "mangled",
    [
        RUSSIAN.encode().decode("latin-1"),
        RUSSIAN.encode().decode("cp1251"),
        RUSSIAN.encode("cp1251").decode("latin-1"),
        RUSSIAN.encode("cp1251").decode("cp1252"),
    ],
)
def test_a_text_that_was_read_wrong_and_written_again_is_read_aright(mangled: str) -> None:
    assert charsets.decode(mangled.encode(), "utf-8") == RUSSIAN


@pytest.mark.parametrize(
    "text",
    [
        f"Вместо букв вижу {RUSSIAN.encode().decode('latin-1')}",
        "été à Noël, ça va",
        "Größe, Äpfel, öfter",
        "РСФСР, СССР, РСПП",
        "Ñandú y Ñoño",
        "Ærø",
    ],
)
def test_a_text_that_is_right_stays_as_it_is(text: str) -> None:
    assert charsets.decode(text.encode(), "utf-8") == text


def test_lines_of_two_charsets_are_read_each_in_its_own() -> None:
    data = RUSSIAN.encode() + b"\r\n" + "Спасибо за помощь".encode("cp1251") + b"\r\n" + RUSSIAN.encode()
    assert charsets.decode(data, "utf-8") == f"{RUSSIAN}\r\nСпасибо за помощь\r\n{RUSSIAN}"


@pytest.mark.parametrize("label", ["utf-16", "utf-16le", None])
def test_two_bytes_a_letter_are_read_with_and_without_a_label(label: str | None) -> None:
    encoded = RUSSIAN.encode("utf-16le" if label == "utf-16le" else "utf-16")
    assert charsets.decode(encoded, label) == RUSSIAN
    assert charsets.decode(RUSSIAN.encode(), "utf-16") == RUSSIAN, "a wrong label"


def test_ukrainian_under_the_russian_label_keeps_its_letters() -> None:
    assert (
        charsets.decode("Довідка не надійшла, її немає".encode("koi8-u"), "koi8-r") == "Довідка не надійшла, її немає"
    )
