"""Numbers as citizens write them are found; phones, registers, barcodes and pieces of longer runs are not."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from normalizer.number_labels import label
from normalizer.references import Places, References, find, one_slip_apart
from normalizer.ticket_number import make

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
        "261122 тире 000123 тире 0",
        "номер 261122 дефис 000123 (дефис) 0.",
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
        "номер заявления на портале 2611220001230",
        "заявление на загранпаспорт № 2611220001230",
        "заявление под номером 2611220001230",
        "штрих-код №: 2611220001230",
        "моя посылка №: 2611220001230",
        "посылка с номером 2611220001230",
        "трек-код: 261122-000123-0",
        "номер отслеживания 2611220001230",
        "почтовый идентификатор: 2611220001230",
        "parcel no. 2611220001230",
        "2611220001230 (трек-номер)",
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
        "звоните +7 (495) 261-12-20 00123-0",
        "телефоны: 8 (812) 26 11 22 00 01 23 0",
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
        ("261122-00123-0", "261122001230"),
        ("261122-0000123-0", "26112200001230"),
        ("обращение 261122-000123", "261122000123"),
        ("№ 261122000123, ответа нет", "261122000123"),
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
     "101000 261122 5", "26 11 22 00 01 32 0", "261122-000123-0", "261122-000123", "261122000123", "ИНН 261122000123",
     "1-261122-00123-0", "261122-00123-0-7", "номер телефона 261122000123"],
)  # fmt: skip
def test_what_is_no_attempt_at_a_number_is_no_slip(text: str) -> None:
    assert read(text).slips == ()


def test_one_slip_is_one_digit_or_one_swap_of_neighbours() -> None:
    assert one_slip_apart("2611220001230", "2611220001234")
    assert one_slip_apart("2611220001230", "2611220001320")
    assert not one_slip_apart("2611220001230", "2611220001230")
    assert not one_slip_apart("2611220001230", "2611220001341")
    assert not one_slip_apart("2611220001230", "2611222001030")
    assert one_slip_apart("261122000123", "2611220001230")
    assert one_slip_apart("26112200001230", "2611220001230")
    assert not one_slip_apart("26112200123", "2611220001230")


def test_the_nearest_word_says_whose_number_it_is() -> None:
    assert label("Номер телефона ", "", bare=True) == "other"
    assert label("телефон сломан, номер обращения: ", "", bare=True) == "ticket"
    assert label("вчера звонил вам ", "", bare=True) is None
    assert label("номер заявления ", "", bare=True) == "other"
    assert label("номер заявления ", "", bare=False) is None
