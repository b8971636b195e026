"""The rules: what counts, and by when an answer is owed."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.route_command import SampleError, as_table, route_file, route_text
from router.rules import Rules
from tests.router.small import NOON, RULES, SMALL, route, small

# ------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("phrase", "found", "not_found"),
    [
        ("закрывать~ дверь", "дверь я закрывал", "дверь надо закрывать"),
        (
            "хлопать … дверь",
            "хлопает с утра и до самой ночи на первом этаже дверь",
            "хлопает" + " окно" * 20 + " дверь",
        ),
        ("не закрываться", "дверь незакрывается", "дверь закрывается"),
        ("закрываться", "дверь зокрывается", "дверь открыта"),
        ("дверь", "двеpь с латинской буквой", "зверь"),
        ("данные", "мои данные", "мне дали ключ"),
        ("не дверь", "это не дверь", "не скрипит дверь"),
        ("не дверь", "не\nдверь", "вовсе не. Дверь цела"),
        ("калитка", "opyat kalitka slomalas", "the kaleidoscope"),
        ("не закрываться", "dver ne zakryvaetsya", "dver zakryvaetsya"),
        ("калитка", "cyjdf rfkbnrf crhbgbn", "the calendar of the day"),
        ("калитка", "сломаласькалитка закрываласькалитка", "калиткообразное"),
        ("дорога", "д0р0га", "д0р0же"),
    ],
)
def test_what_a_phrase_can_ask_for(phrase: str, found: str, not_found: str) -> None:
    rules = small('"скрип*"', f'"{phrase}"')
    assert phrase in rules.vocabulary.find(found)
    assert phrase not in rules.vocabulary.find(not_found)


@pytest.mark.parametrize(
    "text",
    [
        "Калитка не закрывается",
        "не закрывалась вчера у нас дверь",
        "ДВЕРЬЮ хлопают: не желает закрываться",
        "скрипит",
        "не закрыва\u0301ется дверь",
    ],
)
def test_a_phrase_is_found_in_any_case_form_and_order(text: str) -> None:
    assert route(text, small()).category == "doors"


@pytest.mark.parametrize("text", ["дверь закрывается", "не закрывается окно", "скрепка", "", "не дверь"])
def test_a_phrase_needs_all_its_words(text: str) -> None:
    assert route(text, small()).category == "other"


def test_words_far_apart_are_no_phrase() -> None:
    assert route("не закрывается " + "окно " * 4 + "дверь", small()).category == "other"


@pytest.mark.parametrize("typo", ["закрываеться", "закрывеется", "закрыветься", "закываться", "зкарываться"])
def test_one_slip_in_a_long_word_is_forgiven(typo: str) -> None:
    assert route(f"дверь не {typo}", small()).category == "doors"


@pytest.mark.parametrize("text", ["гос услуги", "Гос-услугами", "гос  услуг"])
def test_what_people_write_apart_is_read_as_one_word(text: str) -> None:
    rules = small(
        "enough = 1",
        'enough = 1\none_word = ["гос услуг"]',
        more='[[rules]]\ncategory = "doors"\nphrases = ["госуслуги"]\n',
    )
    assert route(text, rules).category == "doors"
    assert route(text.replace("г", "к", 1).replace("Г", "к", 1), rules).category == "other"


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Прилагаю копию, прошу разобраться", "other"),  # not «прилага», the app
        ("Прилагаемый файл смотрите", "other"),
        ("сайт слегка тормозит", "cabinet"),  # not «слежка»
        ("Следом пришло ещё одно, следовательно это ошибка", "other"),
        ("жду до четверга", "other"),  # not «четвёрка»
        ("прилага вылетает", "mobile"),
        ("за мной слижка", "security"),
    ],
)
def test_everyday_words_of_a_letter_are_no_slips_for_words_of_the_rules(text: str, category: str) -> None:
    assert route(text).category == category


def test_a_word_named_as_no_typo_is_none() -> None:
    rules = Rules.parse('never_typos = ["закрываеться"]\n' + SMALL, "small.toml")
    assert route("дверь не закрываеться", rules).category == "other"


def test_the_reason_names_the_rule_and_never_the_citizens_words() -> None:
    decision = route("Иванов Иван: калитка не закрывается и скрипит", small())
    line = SMALL.splitlines().index("[[rules]]") + 1
    assert decision.why == (f"doors +2: «не закрываться {{door}}», «скрип*» (line {line})",)
    assert "Иванов" not in repr(decision)


# ------------------------------------------------------------------------------------------------- what else counts


@pytest.mark.parametrize("machine", ["bounce", "auto_reply", "bulk"])
def test_machine_mail_goes_to_other_whatever_it_says(machine: str) -> None:
    decision = route("мошенники взломали кабинет", machine=machine, flags=frozenset({machine}), channel="email")
    assert (decision.category, decision.priority) == ("other", 0)


def test_suspected_phishing_goes_to_security_whatever_it_says() -> None:
    decision = route("Запись к врачу", flags=frozenset({"suspected_phishing"}))
    assert (decision.desk, decision.priority) == ("security", 9)


def test_security_words_in_a_forwarded_part_count_and_others_do_not() -> None:
    assert route("что это?", quoted="Вас взломали, перейдите по ссылке").category == "security"
    assert route("что это?", quoted="приложение вылетает").category == "other"


def test_reviews_are_told_by_kind_and_by_subject() -> None:
    assert route("5", kind="review").category == "review"
    assert route("всё так себе", subject="Отзыв о поддержке", channel="email").category == "review"


def test_the_category_chosen_in_the_form_counts_but_security_words_count_more() -> None:
    assert route("ничего не работает", chosen_category="mobile", via="form").category == "mobile"
    assert route("меня взломали мошенники", chosen_category="mobile", via="form").category == "security"


def test_an_error_code_decides_where_words_do_not() -> None:
    assert route("пишет ошибку", error_code="ESIA-007007").category == "registration"
    assert route("пишет ошибку", error_code="app-12").category == "mobile"


@pytest.mark.parametrize(
    ("text", "chosen", "audience"),
    [
        ("Я инвалид второй группы, пенсионер", None, "accessibility"),
        ("мне, пенсионерке, не приходит смс", None, "pensioners"),
        ("ООО «Ромашка», не подписывается отчёт", None, "business"),
        ("у меня нет интернета", None, "offline"),
        ("не приходит смс", None, "general"),
        ("мне, пенсионерке, не приходит смс", "business", "business"),
        ("не приходит смс", "nobody knows", "general"),
    ],
)
def test_the_audience_is_what_the_line_says_else_what_the_citizen_says(
    text: str, chosen: str | None, audience: str
) -> None:
    assert route(text, chosen_audience=chosen).audience == audience


def test_the_routing_key_is_desk_category_audience_channel() -> None:
    assert route("дверь скрипит", small()).routing_key == "joiner.doors.general.telegram"
    assert route("x", channel="a.b#*").routing_key == "other.other.general.a-b-"


def test_repeats_audience_and_security_raise_the_priority() -> None:
    plain = RULES.priority("new", 0, "general", "services")
    assert RULES.priority("repeat", 1, "general", "services") == plain + 2
    assert RULES.priority("repeat", 2, "pensioners", "services") == plain + 4
    assert RULES.priority("repeat", 99, "accessibility", "security", ["suspected_phishing"]) == 9
    assert RULES.priority("new", 0, "general", "other", ["bulk"]) == 0


# ------------------------------------------------------------------------------------------------- by when


@pytest.mark.parametrize(
    ("case", "hours"),
    [
        ({"channel": "telegram"}, 0.5),
        ({"channel": "portal", "via": "phone"}, 0.5),
        ({"channel": "email"}, 4),
        ({"channel": "portal", "via": "form"}, 24),
    ],
)
def test_an_answer_is_owed_by_clock_time(case: dict[str, Any], hours: float) -> None:
    assert route("не приходит смс", **case).answer_by == NOON + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("received", "owed"),
    [
        ("2026-11-23T09:00:00Z", "2026-11-30T09:00:00Z"),  # over a weekend
        ("2026-12-30T09:00:00Z", "2027-01-15T09:00:00Z"),  # over the New Year holidays; 31.12. is a transferred day off
        ("2026-11-21T09:00:00Z", "2026-11-27T09:00:00Z"),  # received on a Saturday
        ("2027-02-18T09:00:00Z", "2027-02-26T09:00:00Z"),  # 20.2. is a working Saturday, 22. and 23. are off
        ("2026-11-22T21:30:00Z", "2026-11-29T21:30:00Z"),  # Monday already in Moscow; Monday 00:30 again
    ],
)
def test_a_review_is_owed_an_answer_after_five_working_days(received: str, owed: str) -> None:
    decision = route("", kind="review", received_at=datetime.fromisoformat(received), channel="email")
    assert decision.answer_by == datetime.fromisoformat(owed)


# ------------------------------------------------------------------------------------------------- bad input


@settings(max_examples=60)
@given(st.text(max_size=400), st.text(max_size=80), st.text(max_size=80))
def test_any_text_gets_a_route(text: str, subject: str, quoted: str) -> None:
    decision = route(text, subject=subject, quoted=quoted, channel=subject, error_code=quoted, account=text)
    assert decision.category in RULES.categories
    assert decision.routing_key.count(".") == 3


@pytest.mark.parametrize(
    "text",
    [
        "не войти " * 4000,
        "а" * 64_000,
        "код сказать мошенник " * 1600,
        "\u0301" * 32_000,
        "_-" * 32_000,
        "не " * 21_000,
    ],
)
def test_64_kilobytes_of_worst_text_cost_no_more_than_their_length(text: str) -> None:
    route("слово")  # the words are made ready at the start of a processor, not by its first message
    start = time.thread_time()
    route(text)
    assert time.thread_time() - start < 0.5


@pytest.mark.parametrize(
    "word", ["приложе{:x}ние", "prilozhe{:x}nie", "взломаликабинетвзломаликабинет{:x}", "кодне{:x}код"]
)
def test_64_kilobytes_of_mistyped_words_stay_bounded(word: str) -> None:
    text = " ".join(word.format(number) for number in range(4000))[:64_000]
    start = time.thread_time()
    route(text)
    assert time.thread_time() - start < 1


# ------------------------------------------------------------------------------------------------- the command


def test_a_text_is_explained_as_json_and_as_a_table() -> None:
    result = route_text(RULES, "Не приходит смс", now=NOON, channel="email")
    assert json.loads(json.dumps(result))["answer_by"] == "2026-11-23T13:00:00Z"
    table = as_table(result)
    assert "notifications" in table and "why" in table and "answer_by" in table


def test_a_file_is_answered_with_a_confusion_table() -> None:
    lines = [
        '{"text": "не приходит смс", "category": "notifications"}',
        "",
        '{"text": "привет", "category": "security"}',
        '{"text": "дверь"}',
    ]
    report = route_file(RULES, lines, now=NOON)
    assert report.accuracy == 0.5
    assert report.confusion()["security"]["other"] == 1
    assert "1 of 2 as expected: 50.0%" in report.as_text()
    assert "line 3: security → other: привет" in report.as_text()
    assert [json.loads(line)["line"] for line in report.as_json_lines()] == [1, 3, 4]


def test_a_file_of_samples_may_come_as_bytes_with_a_mark_at_its_head() -> None:
    lines: list[str | bytes] = ['\ufeff{"text": "не приходит смс\u2028совсем"}'.encode(), b""]
    assert [line.result["category"] for line in route_file(RULES, lines, now=NOON).routed] == ["notifications"]
    with pytest.raises(SampleError, match="line 1: no JSON"):
        route_file(RULES, [b'\xff{"text": 1}'])


@pytest.mark.parametrize("line", ["{", "[]", '{"text": 1}', '{"text": "x", "category": "nonsense"}', "[" * 100_000])
def test_a_sample_that_cannot_be_used_is_named_by_its_line(line: str) -> None:
    with pytest.raises(SampleError, match="line 2: "):
        route_file(RULES, ['{"text": "x"}', line])


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Не приходит код. Мой номер другой", "notifications"),
        ("Не приходит код на мой номер", "notifications"),
        ("Код подтверждения на телефон не поступает, мой номер прежний", "notifications"),
        ("Код восстановления приходит на не мой номер", "security"),
        ("Код для входа отправили на чужой номер", "security"),
        ("Пришло уведомление о заявлении, заявление не моё", "security"),
    ],
)
def test_a_code_that_does_not_come_to_my_number_is_no_fraud_and_one_sent_to_a_number_not_mine_is(
    text: str, category: str
) -> None:
    assert route(text).category == category


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Не прикрепляется скан паспорта к заявлению, пишет превышен размер файла", "services"),
        ("Не прикрепляется скан СНИЛС, пишет файл слишком большой", "services"),
        ("Потерял телефон, как теперь войти?", "registration"),
        ("Телефон потерял, код на него приходит, войти не могу", "registration"),
        ("Потеряла телефон, боюсь, что кто-то зайдёт", "security"),
        ("потеряла телефон, там открыты госуслуги, что делать", "security"),
        ("Пришло уведомление, что заявление отклонено", "services"),
        ("Пришло уведомление о начислении налога, сумма неверная", "services"),
        ("Пришло уведомление о штрафе, но оно не открывается", "notifications"),
    ],
)
def test_what_a_request_is_about_decides_and_not_the_thing_by_which_it_came_up(text: str, category: str) -> None:
    assert route(text).category == category


def test_a_thank_you_alone_is_a_review_and_behind_a_question_a_courtesy() -> None:
    assert route("Всё решилось. Спасибо за помощь!").category == "review"
    assert route("Выписка из ЕГРН не готова уже десять дней. Спасибо за помощь!").category == "services"
