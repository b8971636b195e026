"""A file of rules that is wrong is refused, with its line and what may be meant; what may be added is taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from router.rules import RulesError, load
from tests.router.small import SMALL, route, small


@pytest.mark.parametrize(
    ("change", "by", "line_holds", "says"),
    [
        ("enough = 1", "enough = -1", "enough", "greater than 0"),
        ("enough = 1", 'enough = 1\none_word = ["госуслуги"]', "one_word", "is not two words"),
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
