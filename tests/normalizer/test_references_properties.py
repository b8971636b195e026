"""Ticket numbers for any input: every form of every number is found, nothing else is, and in linear time."""

from __future__ import annotations

import time
from datetime import date

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from stdnum import ean, luhn
from stdnum.ru import inn, ogrn

from normalizer.references import Places, find, one_slip_apart
from normalizer.ticket_number import is_right, make
from tests.normalizer.test_references import FIRST, LAST, numbers, read

days = st.dates(FIRST, LAST)
serials = st.integers(1, 9_999_999)
borders = st.sampled_from(
    ["", " ", "-", "–", "—", "−", "‑", " - ", " – ", "/", "_", ".", "\u00a0", "-\n", "\n", "-\r\n> ", "  "]
)
inner = st.sampled_from(["", "", "", " ", "\u00a0", "\u200b", "\u00ad", "<b></b>"])
before = st.sampled_from(
    ["", "№", "№ ", "#", "N ", "обращение ", "Мой номер: ", "по заявке ", "Здравствуйте! ", "(", "текст\n"]
)
after = st.sampled_from(["", ".", ",", " ", ")", " жду", "\nИванов", "!", "?", "; спасибо"])
lookalikes = {"0": "0ОOoо", "1": "1lI|", "3": "3Зз", "6": "6б", "8": "8В"}


@given(days, serials, st.data())
def test_any_form_of_any_number_is_found(day: date, serial: int, data: st.DataObject) -> None:
    number = make(day, serial)
    groups = []
    for group in number.split("-"):
        gaps = [data.draw(inner) for _ in group[1:]] + [""]
        groups.append("".join(digit + gap for digit, gap in zip(group, gaps, strict=True)))
    text = data.draw(before) + groups[0] + data.draw(borders) + groups[1] + data.draw(borders) + groups[2]
    assert numbers(text + data.draw(after)) == [number]


@given(days, serials, st.data())
def test_up_to_five_letters_for_digits_are_read_as_digits(day: date, serial: int, data: st.DataObject) -> None:
    number = make(day, serial)
    places = data.draw(st.sets(st.sampled_from([i for i, c in enumerate(number) if c != "-"]), max_size=5))
    written = "".join(
        data.draw(st.sampled_from(lookalikes.get(char, char))) if place in places else char
        for place, char in enumerate(number)
    )
    assert numbers(f"обращение {written}, ответа нет") == [number]


@given(days, serials, st.data())
def test_a_wrong_digit_is_never_a_number_and_always_a_slip(day: date, serial: int, data: st.DataObject) -> None:
    digits = make(day, serial).replace("-", "")
    place = data.draw(st.integers(0, len(digits) - 1))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != digits[place]]))
    wrong = digits[:place] + digit + digits[place + 1 :]
    result = read(f"обращение {wrong[:6]}-{wrong[6:-1]}-{wrong[-1]}")
    assert result.found == ()
    assert [slip.digits for slip in result.slips] == [wrong]
    assert one_slip_apart(digits, wrong)


def digits_of(least: int, most: int | None = None) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=least, max_size=most or least)


phones = st.builds("{}{} ({}) {}-{}-{}".format, st.sampled_from(["+", ""]), st.sampled_from(["7", "8"]),
                   digits_of(3), digits_of(3), digits_of(2), digits_of(2))  # fmt: skip
world_phones = digits_of(10, 14).map(lambda digits: "+" + digits)
inns = digits_of(9).map(lambda digits: digits + inn.calc_company_check_digit(digits)) | digits_of(10).map(
    lambda digits: digits + inn.calc_personal_check_digits(digits)
)
ogrns = digits_of(11).map(lambda digits: "1" + digits).map(lambda digits: digits + ogrn.calc_check_digit(digits))
ogrnips = digits_of(13).map(lambda digits: "3" + digits).map(lambda digits: digits + ogrn.calc_check_digit(digits))
snilses = st.builds("{}-{}-{} {}".format, digits_of(3), digits_of(3), digits_of(3), digits_of(2)) | digits_of(11)
passports = st.builds("{} {} {}".format, digits_of(2), digits_of(2), digits_of(6)) | digits_of(10)
cards = (
    digits_of(15)
    .map(lambda digits: digits + luhn.calc_check_digit(digits))
    .flatmap(lambda card: st.sampled_from([card, " ".join(card[i : i + 4] for i in range(0, 16, 4))]))
)
barcodes = digits_of(10).map(lambda digits: "46" + digits).map(lambda digits: digits + ean.calc_check_digit(digits))
uins = digits_of(20) | digits_of(25)
cadastral = st.builds("{}:{}:{}:{}".format, digits_of(2), digits_of(2), digits_of(6, 7), digits_of(1, 5))
parcels = st.integers(101000, 694999).flatmap(lambda index: digits_of(8).map(lambda rest: f"{index}{rest}"))
applications = digits_of(10, 12)
moments = st.datetimes().map(str) | st.datetimes().map(lambda moment: moment.strftime("%d.%m.%Y %H:%M:%S"))
sums = st.integers(0, 10**11).map(lambda kopeks: f"{kopeks / 100:,.2f} руб.".replace(",", " ").replace(".", ",", 1))
versions = st.lists(st.integers(0, 99999), min_size=3, max_size=6).map(lambda parts: ".".join(map(str, parts)))
uuids = st.uuids().map(str) | st.uuids().map(lambda uuid: uuid.hex)
others = st.one_of(phones, world_phones, inns, ogrns, ogrnips, snilses, passports, cards, barcodes, uins, cadastral,
                   parcels, applications, moments, sums, versions, uuids)  # fmt: skip
sentences = st.sampled_from(
    ["{}", "мои данные: {}", "Иванов И. И., {}, спасибо", "номер {}", "{} {}", "({})", "a {}\n{}"]
)


@given(sentences, others, others)
def test_no_other_number_is_taken_for_a_ticket(sentence: str, one: str, other: str) -> None:
    assert numbers(sentence.format(one, other)) == []


@given(days, st.integers(1, 999_999), digits_of(1, 8), st.booleans())
def test_a_piece_of_a_longer_run_of_digits_is_never_taken(day: date, serial: int, more: str, first: bool) -> None:
    digits = make(day, serial).replace("-", "")
    run = more + digits if first else digits + more
    assume(not (len(run) == 14 and run[:6] in {digits[:6], "26" + digits[:4]} and is_right(run)))
    assert numbers(f"обращение {run}") == []


names_of_others = st.sampled_from(["ОГРН", "штрихкод", "карта", "тел.", "Телефон:", "ИНН", "трек", "УИН №", "счёт"])


@given(days, serials, names_of_others)
def test_a_word_that_calls_it_something_else_is_believed(day: date, serial: int, word: str) -> None:
    digits = make(day, serial).replace("-", "")
    assert numbers(f"{word} {digits}") == []
    assert numbers(f"{word} 123, обращение {digits}") == [f"{digits[:6]}-{digits[6:-1]}-{digits[-1]}"]


@given(st.text(max_size=300) | st.text("0123456789 -<>&;|\n№оЗl:.", max_size=300))
@example("<" * 20 + "1" * 13 + "&#" + "9" * 20)
@example("\ud800 2611220001230")
def test_nothing_makes_it_raise_and_what_it_finds_is_right(text: str) -> None:
    result = find(Places(text, text, text, [text], [text]), first_day=date(2000, 1, 1), last_day=date(2099, 12, 31))
    for reference in result.found:
        assert is_right(reference.number.replace("-", ""))
        assert reference.place != "own" or text[reference.start :].startswith(reference.as_written)
    assert all(len(slip.digits) in (13, 14) for slip in result.slips)


WORST = {
    "digits": "1" * 64_000,
    "digits and spaces": "1 " * 32_000,
    "digits and dashes": "1-" * 32_000,
    "digits and bars": "1|" * 32_000,
    "digits and lines": "1\n" * 32_000,
    "digits and empty lines": "1\n\n\n" * 16_000,
    "digits and wide gaps": "1        " * 7_000,
    "digits and quote marks": ("261122" + " " * 8 + "\n" + ">" * 20) * 1_800,
    "digits and hidden characters": "\u200b1" * 32_000,
    "dashes": "-" * 64_000,
    "brackets": "(" * 64_000,
    "brackets and digits": "(1)" * 21_000,
    "angle brackets": "<" * 64_000,
    "open tags": "<a" * 32_000,
    "tags": "<b>1</b> " * 7_000,
    "ampersands": "&#" * 32_000,
    "letters for digits": "О" * 64_000 + "12345678",
    "letters for digits, spaced": "12345678" + "З " * 32_000,
    "bars": "12345678" + "|" * 64_000 + "x",
    "letters and digits": "a1-" * 21_000,
    "words glued": "номер1" * 10_000,
    "words for a ticket": "обращение " * 6_400 + "2611220001230",
    "numbers": "261122-000123-0 " * 4_000,
    "bare numbers": "2611220001230;" * 4_500,
    "numbers in pairs": "26 11 22 00 01 23 0\n" * 3_200,
    "slips": "261122-000123-1," * 4_000,
    "slips of the day": "обращение 361322-000123-1 " * 2_400,
    "half numbers": "261122-000123-" * 4_500,
    "days": "261122 " * 9_000,
}


@pytest.mark.parametrize("worst", WORST.values(), ids=WORST)
def test_64_kb_of_the_worst_take_less_than_50_ms(worst: str) -> None:
    read("обращение 261122-000123-0")
    spent = []
    for _ in range(5):
        start = time.process_time()
        read(worst)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.05
