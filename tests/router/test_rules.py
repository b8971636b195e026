"""The rules: what counts, what is refused with its line, and by when an answer is owed."""

from __future__ import annotations

import json
import math
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.learn import Example, learn, read
from router.learned import LOWEST, Learned, kept
from router.route_command import SampleError, as_table, route_file, route_text
from router.rules import Case, Decision, Rules, RulesError, load

SHIPPED = Path(__file__).parents[2] / "config" / "routing.toml"
RULES = load(SHIPPED)
NOON = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday, 12:00 in Moscow


def route(text: str = "", rules: Rules = RULES, **case: Any) -> Decision:
    return rules.route(Case(**({"received_at": NOON, "channel": "telegram", "text": text} | case)))


SMALL = """
enough = 1
negation_passes = ["желать"]

[groups]
door = ["дверь", "калитка"]

[[categories]]
name = "doors"
title_ru = "Двери"
title_en = "Doors"

[[categories]]
name = "other"
title_ru = "Прочее"
title_en = "Other"

[[desks]]
name = "joiner"
title_ru = "Столяр"
title_en = "Joiner"
categories = ["doors", "other"]

[[rules]]
category = "doors"
phrases = [
  "не закрываться {door}",
  "скрип*",
]
"""


def small(change: str = "", by: str = "", more: str = "") -> Rules:
    assert change in SMALL
    return Rules.parse((SMALL.replace(change, by) if change else SMALL) + more, "small.toml")


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


def test_a_word_named_as_no_typo_is_none() -> None:
    rules = Rules.parse('never_typos = ["закрываеться"]\n' + SMALL, "small.toml")
    assert route("дверь не закрываеться", rules).category == "other"


def test_the_reason_names_the_rule_and_never_the_citizens_words() -> None:
    decision = route("Иванов Иван: калитка не закрывается и скрипит", small())
    line = SMALL.splitlines().index("[[rules]]") + 1
    assert decision.why == (f"doors +2: «не закрываться {{door}}», «скрип*» (line {line})",)
    assert "Иванов" not in repr(decision)


# ------------------------------------------------------------------------------------------------- the examples

SHIPPED_HEAD = """
[[categories]]
name = "security"
title_ru = "Безопасность"
title_en = "Security"

[[categories]]
name = "other"
title_ru = "Прочее"
title_en = "Other"

[[desks]]
name = "all"
title_ru = "Все"
title_en = "All"
categories = ["security", "other"]

"""


def test_examples_speak_where_the_rules_are_silent_and_only_where_they_are_asked_for() -> None:
    text = "Взяли на мой паспорт рассрочку, а я узнала от приставов"
    silent = SHIPPED_HEAD + "[examples]\nweight = 3\nsure = { security = 0.45 }\n"
    assert route(text, Rules.parse(silent)).category == "security"
    assert route(text, Rules.parse(silent)).why[0].endswith("likely after the examples")
    assert route(text, Rules.parse(SHIPPED_HEAD)).category == "other"


def test_the_more_the_rules_say_otherwise_the_surer_the_examples_must_be() -> None:
    text = "Взяли на мой паспорт рассрочку, а я узнала от приставов"
    rule = '[[rules]]\ncategory = "other"\nphrases = ["пристав"]\nweight = '
    examples = "[examples]\nsure = { security = 0.4 }\n"
    assert route(text, Rules.parse(SHIPPED_HEAD + examples + rule + "2\n")).category == "security"
    assert route(text, Rules.parse(SHIPPED_HEAD + examples + rule + "60\n")).category == "other"


def test_examples_of_categories_that_the_rules_do_not_have_are_not_named_as_a_reason() -> None:
    decision = route("скрипит калитка во дворе, помогите мне её починить", small(more="[examples]\nweight = 1\n"))
    assert decision.category == "doors"
    assert not any("examples" in reason for reason in decision.why)


def test_of_a_text_with_few_known_words_the_examples_say_nothing() -> None:
    assert kept().likelihoods("что это?") == {}
    assert kept().likelihoods("", "") == {}
    assert Learned([]).likelihoods("меня взломали, помогите мне пожалуйста") == {}


@given(st.text(max_size=400))
def test_likelihoods_are_logarithms_of_probabilities(text: str) -> None:
    likely = kept().likelihoods(text)
    assert not likely or set(likely) == set(RULES.categories)
    assert all(LOWEST <= logarithm <= 0 for logarithm in likely.values())
    assert sum(math.exp(logarithm) for logarithm in likely.values()) <= 1 + 8 * math.exp(LOWEST)


def test_what_is_learned_tells_the_categories_of_its_examples_apart() -> None:
    examples = [Example("скрипит старая дверь в сарае", "doors"), Example("мычит рыжая корова в поле", "cows")] * 4
    learned = Learned(learn(examples).splitlines())
    likely = learned.likelihoods("в сарае скрипит старая дверь")
    assert likely["doors"] > math.log(0.8) > math.log(0.2) > likely["cows"]


def test_examples_without_a_category_are_named_by_their_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x", "category": "y"}\n{"text": "x"}\n', encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        read([tmp_path / "a.jsonl"])


def test_held_out_examples_are_not_learned(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x", "category": "y", "set": "held_out_1"}\n', encoding="utf-8")
    assert read([tmp_path / "a.jsonl"]) == []


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


# ------------------------------------------------------------------------------------------------- a broken rule


@pytest.mark.parametrize(
    ("change", "by", "line_holds", "says"),
    [
        ("enough = 1", "enough = -1", "enough", "greater than 0"),
        ("enough = 1", "enouhg = 1", "enouhg", "is 'enough' meant"),
        ("enough = 1", "enough = = 1", "enough", "Invalid value"),
        ('  "скрип*",', '  "{window} скрип*",', "{window}", "no group is called 'window'"),
        ('  "скрип*",', '  "скр.п",', "скр.п", "not one word"),
        ('  "скрип*",', '  "",', '""', "empty phrase"),
        ('category = "doors"\nphrases', 'category = "gates"\nphrases', "gates", "no category is called 'gates'"),
        ('category = "doors"\nphrases', 'category = "doors"\nweigth = 3\nphrases', "weigth", "is 'weight' meant"),
        ('door = ["дверь", "калитка"]', 'door = ["дверь", "{gate}"]', "door =", "no group is called 'gate'"),
        ('door = ["дверь", "калитка"]', 'door = ["дверь", "{door}"]', "door =", "names itself"),
        ('door = ["дверь", "калитка"]', 'door = "дверь"', "door =", "a list"),
        ('category = "doors"\nphrases', 'category = "doors"\nweight = "3 kg"\nphrases', "3 kg", "weight"),
        ('categories = ["doors", "other"]', 'categories = ["doors"]', 'name = "other"', "no desk takes"),
        ('name = "joiner"', 'name = "join.er"', "join.er", "no name"),
        ('name = "joiner"', 'name = "joiner"\ncalendar = "XX"', "XX", "no calendar"),
        ('name = "joiner"', 'name = "joiner"\ncalendar = "Russia"', "Russia", "no country code"),
        ('  "скрип*",', '  "скрип*" "писк",', "скрип", "a comma between two values"),
        ('  "скрип*",', "  «скрип»,", "скрип", "straight quotes"),
        ('  "скрип*",', '  "{door скрип",', "door", "a group is written {name}"),
        ('  "скрип*",', '  "еле-еле скрип*",', "еле-еле", "write еле еле"),
        ('  "скрип*",', '  "скрип / писк",', "писк", "takes no blanks"),
        ('  "скрип*",', '  "~скрипеть",', "~скрипеть", "write скрипеть"),
        ('category = "doors"\nphrases', 'category = "door"\nphrases', '"door"', "is 'doors' meant"),
        ('category = "doors"\nphrases', 'category = "doors"\nchosen = ["dors"]\nphrases', "dors", "is 'doors' meant"),
        ('category = "doors"\nphrases', 'category = "doors"\nvia = ["fax"]\nphrases', "fax", "there are form, cabinet"),
        (
            'category = "doors"\nphrases',
            'category = "doors"\nflags = ["bounced"]\nphrases',
            "bounced",
            "is 'bounce' meant",
        ),
        (
            'category = "doors"\nphrases',
            'category = "doors"\nchannels = ["watsapp"]\nphrases',
            "watsapp",
            "is 'whatsapp'",
        ),
    ],
)
def test_a_broken_rule_is_refused_with_its_line(change: str, by: str, line_holds: str, says: str) -> None:
    with pytest.raises(RulesError) as refused:
        small(change, by)
    message = str(refused.value)
    assert says in message
    number = int(re.search(r"small\.toml, line (\d+): ", message)[1])  # type: ignore[index]
    lines = SMALL.replace(change, by).splitlines()
    assert line_holds in lines[number - 1], (message, lines[number - 1])


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('[[rules]]\ncategory = "doors"\n', "asks for nothing"),
        ("[examples]\nsure = { windows = 0.5 }\n", "no category is called 'windows'"),
        ("[examples]\nsure = { doors = 1.5 }\n", "less than or equal to 1"),
        ("[[answer_by]]\n", "either within or working_days"),
        ('[[answer_by]]\ncategories = ["dors"]\nwithin = "4h"\n', "is 'doors' meant"),
        ("[priority]\ncategory = { dors = 1 }\n", "is 'doors' meant"),
        ("[priority]\naudience = { students = 1 }\n", "no audience is called 'students'"),
        ("[[answer_by]]\nworking_days = 5\n", "has no calendar"),
        ('[[answer_by]]\nwithin = "soon"\n', "no duration"),
        ('[[desks]]\nname = "x"\ntitle_ru = "x"\ntitle_en = "x"\ncategories = ["doors"]\n', "is at 'joiner' too"),
    ],
)
def test_what_only_the_whole_can_show_is_refused_too(more: str, says: str) -> None:
    with pytest.raises(RulesError, match=says) as refused:
        small(more=more)
    assert refused.value.line > SMALL.count("\n") - 1


def test_a_kind_of_channel_that_was_added_later_can_be_asked_for() -> None:
    assert small('category = "doors"\nphrases', 'category = "doors"\nchannels = ["telegram_business"]\nphrases')


def test_a_file_that_cannot_be_read_is_refused_by_its_name_and_a_mark_of_windows_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "routing.toml"
    with pytest.raises(RulesError, match=r"routing\.toml: cannot be read: No such file"):
        load(file)
    file.write_bytes(SMALL.encode("cp1251"))
    with pytest.raises(RulesError, match=r"routing\.toml, line \d+: not UTF-8"):
        load(file)
    file.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert load(file).categories == small().categories


def test_a_desk_and_a_category_can_be_added() -> None:
    rules = small(
        more="""
[[categories]]
name = "gates"
title_ru = "Ворота"
title_en = "Gates"
[[desks]]
name = "smith"
title_ru = "Кузнец"
title_en = "Smith"
categories = ["gates"]
[[rules]]
category = "gates"
weight = 2
phrases = ["ворота"]
"""
    )
    assert route("скрипят ворота", rules).routing_key == "smith.gates.general.telegram"


# ------------------------------------------------------------------------------------------------- bad input


@settings(max_examples=60, deadline=None)
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
