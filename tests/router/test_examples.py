"""The examples beside the rules: when they speak, how sure they must be, and what is learned from them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.learn import Example, learn, read
from router.learned import LOWEST, Learned, kept
from router.rules import Rules
from tests.router.small import RULES, route, small

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


def test_a_category_that_no_example_is_of_is_taken_by_its_rules_and_never_for_want_of_others() -> None:
    head = SHIPPED_HEAD.replace('["security", "other"]', '["security", "other", "billing"]').replace(
        "[[desks]]", '[[categories]]\nname = "billing"\ntitle_ru = "Оплата"\ntitle_en = "Billing"\n\n[[desks]]'
    )
    rule = '[[rules]]\ncategory = "billing"\nweight = 3\nphrases = ["оплатить счёт"]\n[examples]\nweight = 1\n'
    rules = Rules.parse(head + rule)
    assert route("Не могу войти в личный кабинет, пароль не подходит", rules).category == "other"
    assert route("Не могу войти в личный кабинет и оплатить счёт за услугу", rules).category == "billing"
    assert route("Кто-то взял на меня кредит через госуслуги, я ничего не подписывал", rules).category == "security"


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
