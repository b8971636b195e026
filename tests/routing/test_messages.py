"""The labelled messages: how often the shipped rules agree with the person who labelled them (`pytest -s` shows it).

`messages.jsonl` was written beside the rules and tuned to; `holdout.jsonl` is of the same hand. `strangers.jsonl` was
written without having seen the rules, as twelve very different people would write, half of each category held out by
lot (`set`); the rules were then tuned to its open half. `fresh.jsonl` are later batches (`set`), each measured once
and only then tuned to and learned from (`taught` was measured never: it was written to be learned from). What is called
`held_out…` never was, neither by rules nor by examples.

What an unseen message can expect is the first sight of each batch: right | security found | others sent to security

    strangers, before the tuning      199 of 235  84.7 %   33 of 42    7 of 193
      its held-out half before          101 of 116  87.1 %   17 of 21    4 of 95
      its held-out half after           106 of 116  91.4 %   20 of 21    5 of 95
    a  hard, clerks and nurses         99 of 124  79.8 %   16 of 27    3 of 97
    b  hard, a priest to a sailor      96 of 116  82.8 %   23 of 27    4 of 89
    c  hard, lawyers, farm hands       89 of 111  80.2 %   17 of 25    0 of 86
    d  hard, dyslexic, drunk           79 of 101  78.2 %   15 of 21    1 of 80
    e  ordinary                        96 of 100  96.0 %   19 of 20    1 of 80
    f  half ordinary, half hard        84 of 102  82.4 %   15 of 22    2 of 80
    g  ordinary, and a fifth hard      85 of  97  87.6 %   16 of 18    2 of 79
    h  half ordinary, half hard        81 of  93  87.1 %   12 of 18    0 of 75
    i  half ordinary, half hard        56 of  68  82.4 %   13 of 16    1 of 52
    j  ordinary, held out              52 of  53  98.1 %   10 of 11    0 of 42
    k  security in all wordings, and   178 of 200 89.0 %   87 of 100   6 of 100
       what only looks like it
    l  ordinary                        141 of 149 94.6 %   15 of 16    1 of 133
    m  indirect security, look-alikes  102 of 120 85.0 %   48 of 60    1 of 60
       with the examples beside the rules, from here on: 109 of 120, 54 of 60, 1 of 60
    n  indirect security, look-alikes  110 of 121 90.9 %   43 of 50    3 of 71
    o  extremely indirect              153 of 191 80.1 %   73 of 99    5 of 92
    p  ordinary, held out              104 of 105 99.0 %   25 of 25    1 of 80
    q  ordinary                         82 of  87 94.3 %   18 of 20    1 of 67
    r  ordinary, a fifth indirect       77 of  80 96.2 %   24 of 25    1 of 55
    s  short and ambiguous, no security 73 of  83 88.0 %        –      4 of 83
    t  ordinary                         61 of  63 96.8 %   14 of 15    0 of 48
    u  ordinary security, and what      61 of  70 87.1 %   48 of 50    4 of 20
       is made to look like it
    v  ordinary, half of it security   124 of 139 89.2 %   69 of 70    8 of 69
    w  indirect security, look-alikes   93 of 140 66.4 %   52 of 70   21 of 70
       after the tuning to v and w, and longer learning, from here on
    x  extremely indirect, look-alikes 188 of 263 71.5 %   96 of 133  20 of 130  (before: 174, 85, 20)
    y  ordinary, half of it security   128 of 134 95.5 %   68 of 70    1 of 64   (before: 127, 68, 1)
    z  extremely indirect, look-alikes  59 of 103 57.3 %   31 of 50   14 of 53   (before:  50, 21, 10)
       after the tuning to x, y and z
    q  ordinary, held out               99 of 102 97.1 %   48 of 50    0 of 52   (before:  96, 48, 1)
    r  indirect, held out               57 of  80 71.2 %   30 of 40    6 of 40   (before:  42, 18, 4)

So: of ordinary messages 94 to 99 in a hundred are right at first sight (l to t: 465 of 484, 96.1 %; v, y and q, half of
them security: 351 of 375, 93.6 %), and of ordinary messages about security 97 (329 of 341); of deliberately odd ones,
60 to 90. Fraud in an indirect wording that nobody thought of is still missed at first sight one time in four.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from router.compiled import words_of
from router.forms import KEPT, kept_text
from router.learn import learn, read, shipped
from router.learned import KEPT as LEARNED
from router.route_command import RouteReport, route_file
from router.rules import Rules, load

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "config" / "routing.toml"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TUNED_TO = ["messages.jsonl", "strangers.jsonl:open", "fresh.jsonl"]
NEVER_TUNED_TO = [
    "holdout.jsonl:held_out",
    "holdout.jsonl:held_out_q",
    "strangers.jsonl:held_out",
    "fresh.jsonl:held_out_j",
    "fresh.jsonl:held_out_p",
]
INDIRECT = "holdout.jsonl:held_out_r"


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load(RULES)


FIRST_BATCHES = [f"fresh.jsonl:fresh_{letter}" for letter in "abcdefghi"]  # those after them were made to be missed


def report(rules: Rules, name: str) -> RouteReport:
    """The messages of a file, or of one `set` of it (`file:set`), routed."""
    name, _, only = name.partition(":")
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return route_file(rules, [line for line in lines if not only or json.loads(line)["set"] == only], now=NOW)


def wrongly_in_security(samples: RouteReport) -> float:
    others = [routed for routed in samples.judged if routed.expected != "security"]
    return sum(bool(routed.result["category"] == "security") for routed in others) / len(others)


def found_for_security(samples: RouteReport) -> float:
    security = [routed for routed in samples.judged if routed.expected == "security"]
    return sum(routed.right for routed in security) / len(security)


def test_there_are_enough_messages_of_every_category(rules: Rules) -> None:
    for name, least in (("messages.jsonl", 20), ("strangers.jsonl", 14), ("fresh.jsonl", 40)):
        samples = report(rules, name)
        assert len({routed.result["text"] for routed in samples.routed}) == len(samples.routed)
        for category, row in samples.confusion().items():
            assert sum(row.values()) >= least, (name, category)


@pytest.mark.parametrize("name", TUNED_TO)
def test_at_least_95_percent_of_the_labelled_messages_go_where_a_person_would_send_them(
    rules: Rules, name: str
) -> None:
    samples = report(rules, name)
    print(f"\n{name}\n{samples.as_text()}")
    assert samples.accuracy is not None and samples.accuracy >= 0.95, samples.as_text()
    assert wrongly_in_security(samples) < 0.03, samples.as_text()


@pytest.mark.parametrize(
    "stated",
    [
        ". Мой телефон 8 916 123-45-67",
        ". Моя почта ivan@example.ru",
        ". Меня зовут Иванов Иван Иванович, мой номер +79161234567",
    ],
)
def test_a_name_and_a_contact_stated_as_we_ask_send_nobody_to_security_nor_away(rules: Rules, stated: str) -> None:
    lines = (HERE / "messages.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"].rstrip(".") for line in lines]
    plain, with_contact = (
        route_file(rules, [json.dumps({"text": text + end}) for text in texts], now=NOW).routed for end in ("", stated)
    )
    astray = [
        with_it.result["text"]
        for without, with_it in zip(plain, with_contact, strict=True)
        if (with_it.result["category"] == "security") != (without.result["category"] == "security")
    ]
    assert not astray


@pytest.mark.parametrize(
    "letter",
    [
        "Добрый день. {}",
        "Уважаемая служба поддержки! {}",
        "Уважаемые сотрудники портала Госуслуг, {}",
        "{}. Заранее спасибо.",
        "{}. Спасибо за помощь!",
        "{}. Буду благодарна за ответ.",
        "{}. Жду ответа.",
        "{}. Прошу ответить срочно, очень нужно.",
        "{}. Позвоните мне, пожалуйста.",
        "{}. С уважением, Иван Петров",
        "Я пенсионерка, мне 72 года. {}",
        "Пишу с телефона. {}",
        "Добрый день, подскажите, пожалуйста, {}",
        "Здравствуйте! У меня такая проблема: {}",
        "{}, заранее спасибо",
        "{}, буду благодарна за помощь",
        "{}. Мой СНИЛС 112-233-445 95",
        "{}. Номер моего заявления 1234567890",
    ],
)
def test_a_courtesy_around_a_request_sends_it_to_no_other_desk(rules: Rules, letter: str) -> None:
    lines = (HERE / "messages.jsonl").read_text(encoding="utf-8").splitlines()
    samples = [json.loads(line) for line in lines]
    asks = [each["text"].rstrip(".") for each in samples if each["category"] != "other"]  # «Здравствуйте» is other
    plain, polite = (
        route_file(rules, [json.dumps({"text": form.format(ask)}) for ask in asks], now=NOW).routed
        for form in ("{}", letter)
    )
    pairs = list(zip(plain, polite, strict=True))
    astray = [two.result["text"] for one, two in pairs if one.result["category"] != two.result["category"]]
    assert len(astray) <= 3, astray


@pytest.mark.parametrize("name", NEVER_TUNED_TO)
def test_what_was_never_tuned_to_is_routed_nearly_as_well(rules: Rules, name: str) -> None:
    samples = report(rules, name)
    print(f"\n{name}\n{samples.as_text()}")
    assert samples.accuracy is not None and samples.accuracy >= 0.90, samples.as_text()
    assert found_for_security(samples) >= 0.90, samples.as_text()
    assert wrongly_in_security(samples) < 0.06, samples.as_text()


def test_of_what_only_hints_at_fraud_seven_in_ten_are_found(rules: Rules) -> None:
    """Never tuned to, and as indirect as its writer could: «в моём кабинете поселился кто-то из Уфы»."""
    samples = report(rules, INDIRECT)
    print(f"\n{INDIRECT}\n{samples.as_text()}")
    assert found_for_security(samples) >= 0.70, samples.as_text()
    assert wrongly_in_security(samples) < 0.20, samples.as_text()


@pytest.mark.parametrize("name", ["messages.jsonl", "holdout.jsonl:held_out", "strangers.jsonl:open", *FIRST_BATCHES])
def test_no_security_message_that_is_known_is_missed(rules: Rules, name: str) -> None:
    missed = [routed for routed in report(rules, name).judged if routed.expected == "security" and not routed.right]
    assert not missed, [routed.result["text"] for routed in missed]


def test_of_the_security_messages_of_all_later_batches_hardly_one_in_a_hundred_is_missed(rules: Rules) -> None:
    samples = report(rules, "fresh.jsonl")
    assert found_for_security(samples) >= 0.985, samples.as_text()


def test_what_was_learned_is_what_the_examples_teach() -> None:
    """After a change of the examples: `python -m router.learn`."""
    assert LEARNED.read_text(encoding="utf-8") == learn(read(shipped()))


def test_the_kept_forms_are_those_of_the_words_of_the_rules() -> None:
    """After a change of the rules: `python -m router.forms`. A stale file costs time at start, never a wrong route."""
    assert KEPT.read_text(encoding="utf-8") == kept_text(words_of(RULES))
