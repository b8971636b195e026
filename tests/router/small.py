"""Rules for the tests: the shipped ones, and a file small enough to see through."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from router.rules import Case, Decision, Rules, load

SHIPPED = Path(__file__).parents[2] / "config" / "routing.toml"
RULES = load(SHIPPED)
NOON = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday, 12:00 in Moscow


def route(text: str = "", rules: Rules = RULES, **case: Any) -> Decision:
    fields: dict[str, Any] = {"received_at": NOON, "channel": "telegram", "text": text} | case
    return rules.route(Case(**fields))


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
