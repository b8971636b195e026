"""Numbers as citizens write them are found; phones, registers, barcodes and pieces of longer runs are not."""

from __future__ import annotations

import time
from datetime import date, timedelta

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from stdnum import ean, luhn
from stdnum.ru import inn, ogrn

from normalizer.number_labels import label
from normalizer.references import Places, References, find, one_slip_apart
from normalizer.ticket_number import is_right, make

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
NUMBER = "261122-000123-0"


def read(own: str = "", **places: object) -> References:
    return find(Places(own=own, **places), first_day=FIRST, last_day=LAST)  # type: ignore[arg-type]


def numbers(own: str) -> list[str]:
    return [reference.number for reference in read(own).found]


@pytest.mark.parametrize(
    "written",
    [
        "261122-000123-0",
        "2611220001230",
        "261122 000123 0",
        "26 11 22 00 01 23 0",
        "26-11-22-00-01-23-0",
        "2611 2200 0123 0",
        "261 122 000 123 0",
        "26 11 22 - 00 01 23 - 0",
        "261122–000123–0",
        "261122—000123—0",
        "261122−000123−0",
        "261122‑000123‑0",
        "261122 / 000123 / 0",
        "261122/000123/0",
        "261122_000123_0",
        "261122.000123.0",
        "261122,000123,0",
        "261122:000123:0",
        "261122--000123--0",
        "261122 - 000123 - 0",
        "261122 -000123-0",
        "261122\u00a0000123\u202f0",
        "261122\t000123\t0",
        "261122-OOO123-O",
        "261122-ООО123-О",
        "26ll22-000l23-0",
        "26||22-000|23-0",
        "2бI122-ooo12З-о",
        "26112200012З0",
        "２６１１２２－０００１２３－０",
        "٢٦١١٢٢-٠٠٠١٢٣-٠",
        "२६११२२ ०००१२३ ०",
        "𝟐𝟔𝟏𝟏𝟐𝟐-𝟎𝟎𝟎𝟏𝟐𝟑-𝟎",
        "2️⃣6️⃣1️⃣1️⃣2️⃣2️⃣0️⃣0️⃣0️⃣1️⃣2️⃣3️⃣0️⃣",
        "261\u200b122-\u2060000123\ufeff-0",
        "2611\u00ad22-0001\u00ad23-0",
        "261122-\n000123-0",
        "261122-000123\n-0",
        "261122-\r\n> 000123-0",
        "> 261122-\n> > 000123-\n> > 0",
        "2611\n22-000123-0",
        "<b>261122</b>-000123-0",
        "<span style='color:red'>261122</span>-<i>000123</i>-<u>0</u>",
        "261122<wbr>-000123<wbr>-0",
        "261122&ndash;000123&#45;0",
        "261122&nbsp;000123&nbsp;0",
        "261122&#8209;000123&#x2011;0",
        "261122&shy;-000123&zwnj;-0",
        "&#50;61122-000123-0",
    ],
)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "{}.",
        "№{}",
        "№ {}",
        "#{}",
        "N {}",
        "No. {}",
        "({})",
        "«{}»",
        "обращение {}",
        "Обращение №{}.",
        "по обращению {}, ответа нет",
        "номер: {}",
        "моя заявка {} висит",
        "Повторяю заявку\n{}\nИванов",
        "1) {}",
        "На телефон код не приходит. {}",
        "ticket {} please",
        "my request number is {}, thanks",
    ],
)
def test_every_form_is_found_in_every_place_of_a_sentence(written: str, around: str) -> None:
    text = around.format(written)
    (reference,) = read(text).found
    assert reference.number == NUMBER
    assert text[reference.start] == reference.as_written[0]
    assert text[reference.start :].startswith(reference.as_written)


@pytest.mark.parametrize(
    "text",
    [
        "N2611220001230",
        "No2611220001230",
        "номер2611220001230",
        "обращение261122-000123-0",
        "обращение№2611220001230",
        "обращение от 22.11.2026 № 261122-000123-0",
        "обращение от 22.11.2026 261122 000123 0",
        "№ 261122-000123-0 от 22.11.2026 10:15",
        "261122 000123 0 5 дней жду",
        "обращение 26 11 22 00 01 23 0 5 дней жду",
        "261122-000123-0 8 916 123 45 67",
        "261122 000123 0 89161234567 Иванов",
        "8 (916) 123-45-67, 261122-000123-0",
        "2.261122-000123-0",
        "1. 261122 000123 0",
        "|261122-000123-0|",
        "| 261122-000123-0 | Иванов |",
        "В 261122 000123 0 о чём речь",
        "заявление 261122-000123-0",
        "карта не проходит, обращение 2611220001230",
        "ИНН 500100732259, обращение 2611220001230",
        "СНИЛС 112-233-445 95\n2611220001230",
        "номер обращения по карте: 261122-000123-0, а номер карты 2200 1234 5678 9010",
        "Отправлено с телефона\n261122-000123-0",
        "26 11 22 00 01 23 0\n8 916 123 45 67",
        "Мой телефон +79859990011. 2611\n22-000123-0",
        "тел 89859990011 - 26 11 22 00 01 23 0",
        "Мой номер 26 11 22 00 01 23 0 (260507951177)",
        "261122.000123.0 (754-012-711 60)",
        "2611220001230 (8-916-123-45-67)",
        "2611220001230 5 дней жду",
        "2611220001230 8 916 123-45-67",
        "2611220001230 8 (916) 123-45-67",
        "26-11-22-00-01-23-0 4005149014181",
        "89859990011, 26 11 22 00 01 23 0, Иванов",
    ],
)
def test_it_is_found_beside_what_else_people_write(text: str) -> None:
    assert numbers(text) == [NUMBER]


@pytest.mark.parametrize(
    "text",
    [
        "ОГРН 2611220001230",
        "ОГРН нашей организации: 2611220001230",
        "ИНН 2611220001230",
        "штрихкод 2611220001230",
        "штрих-код: 2611220001230",
        "EAN-13 2611220001230",
        "карта 2611220001230",
        "номер карты: 2611220001230",
        "карта № 2611220001230",
        "карта Сбербанка 2611220001230",
        "тел. 2611220001230",
        "номер телефона 2611220001230",
        "Телефон: 2611220001230",
        "+2611220001230",
        "+26 (11) 220001230",
        "УИН 261122-000123-0",
        "трек-номер 2611220001230",
        "посылка 2611220001230",
        "номер заявления 2611220001230",
        "заявление на услугу № 2611220001230",
        "application number 2611220001230",
        "полис ОМС 2611220001230",
        "2 611220 001230",
        "2611220001230 руб.",
        "2611220001230,50",
        "2611220001230.50",
        "12611220001230",
        "26112200012309",
        "1-261122-000123-0",
        "261122-000123-0-7",
        "1.261122.000123.0",
        "a2611220001230",
        "2611220001230b",
        "0x2611220001230",
        "deadbeef-2611220001230",
        "2611220001230-4c2e",
        "26112200-0123-0261-1220-001230261122",
        "3f2504e0-4f89-41d3-9a0c-2611220001230",
        "26.11.22 00:01:23.0",
        "26.11.22.000.12.3.0",
        "версия 261122.000123.0",
        "паспорт 2611 220001 230",
        "261122 000123 о чём",
        "261122000005\n8 (916) 123-45-67",
        "261122 000005 8 (916) 123-45-67",
    ],
)
def test_the_same_digits_as_something_else_are_not_taken(text: str) -> None:
    assert numbers(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "2601011234567890",
        "18810261122000123012",
        "40817810261122000123",
        "4511 261122 770-001 22.11.2026",
        "77:01:0004042:261122",
        "26:11:220001:230",
        "RA644000001RU",
        "80083740712345",
        "2026-11-22 10:15:30.123456",
        "20261122T000123.0",
        "20261122-000123",
        "Mozilla/5.0 Chrome/131.0.6778.69 Safari/537.36",
        "26.11.22 10.15.30",
        "550e8400-e29b-41d4-a716-446655440000",
        "112-233-445 95, 8-916-123-45-67, 4276 1600 1234 5678",
        "заявление 5012345678, 1 250 000,00 руб.",
    ],
)
def test_other_numbers_of_daily_life_are_neither_numbers_nor_slips(text: str) -> None:
    assert read(text) == References()


def test_own_words_come_first_then_the_subject_then_the_rest_each_number_once() -> None:
    first, second, third, fourth, fifth = (make(date(2026, 3, 4), serial) for serial in (11, 12, 13, 14, 15))
    result = read(
        f"пишу про {second} и {first}, ещё раз {second}",
        subject=f"{third} {first}",
        quoted=f"{fourth} {second}",
        file_names=[f"Ответ_{fifth}.pdf", f"{first}.png"],
        links=[f"https://example.org/t?number={third}", "https://example.org/t/%E2%84%96" + make(date(2026, 3, 4), 16)],
    )
    assert [(r.number, r.place) for r in result.found] == [
        (second, "own"),
        (first, "own"),
        (third, "subject"),
        (fourth, "quoted"),
        (fifth, "file_name"),
        (make(date(2026, 3, 4), 16), "link"),
    ]


def test_two_numbers_side_by_side_are_two() -> None:
    one, other = make(date(2026, 3, 4), 11), make(date(2026, 3, 4), 12)
    for between in (" ", ", ", ",", "\n", "; ", " и ", "\n- "):
        assert numbers(one + between + other) == [one, other], between
    bare = [number.replace("-", "") for number in (one, other)]
    for between in (" ", ", ", ",", "\n", "; "):
        assert numbers(between.join(bare)) == [one, other], between
    spaced = [number.replace("-", " ") for number in (one, other)]
    for between in (", ", "\n", "; ", " и "):
        assert numbers(between.join(spaced)) == [one, other], between


@pytest.mark.parametrize("day", [FIRST - timedelta(days=1), LAST + timedelta(days=1)])
def test_a_day_on_which_no_ticket_was_opened_is_none(day: date) -> None:
    number = make(day, 123)
    assert numbers(f"обращение {number}") == []
    assert [r.number for r in find(Places(number), first_day=day, last_day=day).found] == [number]


def test_days_the_wrong_way_round_find_nothing_and_raise_nothing() -> None:
    assert find(Places(NUMBER), first_day=LAST, last_day=FIRST).found == ()


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("обращение 261122-000132-0", "2611220001320"),
        ("261122-000123-4", "2611220001234"),
        ("361122-000123-0", "3611220001230"),
        ("№ 621122-000123-0", "6211220001230"),
        ("2611220001234", "2611220001234"),
        ("обращение 26 11 22 00 01 32 0", "2611220001320"),
        ("обращение 2611320001230", "2611320001230"),
        ("261122 000132 0", "2611220001320"),
    ],
)
def test_one_slip_is_kept_for_comparison_with_the_citizens_own_tickets(text: str, digits: str) -> None:
    result = read(text)
    assert result.found == ()
    assert [slip.digits for slip in result.slips] == [digits]
    assert result.slips[0].as_written in text


@pytest.mark.parametrize(
    "text",
    ["ОГРН 2611220001234", "штрихкод 2611220001234", "тел. 261122-000132-0", "4601234567893", "26112200012345",
     "101000 261122 5", "26 11 22 00 01 32 0", "261122-000123-0"],
)  # fmt: skip
def test_what_is_no_attempt_at_a_number_is_no_slip(text: str) -> None:
    assert read(text).slips == ()


def test_one_slip_is_one_digit_or_one_swap_of_neighbours() -> None:
    assert one_slip_apart("2611220001230", "2611220001234")
    assert one_slip_apart("2611220001230", "2611220001320")
    assert not one_slip_apart("2611220001230", "2611220001230")
    assert not one_slip_apart("2611220001230", "2611220001341")
    assert not one_slip_apart("2611220001230", "2611222001030")
    assert not one_slip_apart("2611220001230", "26112200012300")


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
cards = digits_of(15).map(lambda digits: digits + luhn.calc_check_digit(digits)).flatmap(
    lambda card: st.sampled_from([card, " ".join(card[i : i + 4] for i in range(0, 16, 4))])
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


@settings(deadline=None)  # the first example writes down all days of a century
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


def test_the_nearest_word_says_whose_number_it_is() -> None:
    assert label("Номер телефона ", "", bare=True) == "other"
    assert label("телефон сломан, номер обращения: ", "", bare=True) == "ticket"
    assert label("вчера звонил вам ", "", bare=True) is None
    assert label("номер заявления ", "", bare=True) == "other"
    assert label("номер заявления ", "", bare=False) is None
