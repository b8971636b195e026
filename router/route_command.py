"""What `route` shows: where a text would go and why, and how often rules and people agree. Nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from normalizer.envelope import rfc3339
from router.rules import Case, Rules


class SampleError(ValueError):
    """A line of a file of samples cannot be used; the text names the line."""


@dataclass(frozen=True, slots=True)
class Routed:
    """One line of a file of samples, and what became of it."""

    line: int
    expected: str | None
    result: dict[str, Any]

    @property
    def right(self) -> bool:
        return self.expected is None or self.expected == self.result["category"]


@dataclass(frozen=True, slots=True)
class RouteReport:
    """The samples of a file, routed."""

    categories: tuple[str, ...]
    routed: tuple[Routed, ...]

    @property
    def judged(self) -> tuple[Routed, ...]:
        """The lines that say what was expected."""
        return tuple(routed for routed in self.routed if routed.expected is not None)

    @property
    def accuracy(self) -> float | None:
        """The share that went where it was expected; None where no line says so."""
        return sum(routed.right for routed in self.judged) / len(self.judged) if self.judged else None

    def confusion(self) -> dict[str, dict[str, int]]:
        """How many of each expected category (outer key) went to each category (inner key)."""
        table = {category: dict.fromkeys(self.categories, 0) for category in self.categories}
        for routed in self.judged:
            if routed.expected is not None:
                table[routed.expected][routed.result["category"]] += 1
        return table

    def as_text(self) -> str:
        """The confusion table (rows expected, columns routed), each line that went elsewhere or expected nothing."""
        if self.accuracy is None:
            return "\n".join(f"{routed.line}: {routed.result['routing_key']}" for routed in self.routed)
        width = max(map(len, self.categories)) + 1
        lines = ["expected \\ routed".ljust(width + 6) + "".join(name[:8].rjust(9) for name in self.categories)]
        for expected, row in self.confusion().items():
            lines.append(expected.ljust(width + 6) + "".join(str(n or "·").rjust(9) for n in row.values()))
        right = sum(routed.right for routed in self.judged)
        lines += ["", f"{right} of {len(self.judged)} as expected: {self.accuracy:.1%}"]
        for routed in self.routed:
            if not routed.right:
                lines.append(f"line {routed.line}: {routed.expected} → {routed.result['category']}: {_short(routed)}")
            elif routed.expected is None:
                lines.append(f"line {routed.line}: → {routed.result['category']}: {_short(routed)}")
        return "\n".join(lines)

    def as_json_lines(self) -> Iterator[str]:
        """One JSON object a line of the file."""
        for routed in self.routed:
            yield json.dumps({"line": routed.line, "expected": routed.expected} | routed.result, ensure_ascii=False)


def _short(routed: Routed) -> str:
    text = " ".join(str(routed.result["text"]).split())
    return text if len(text) <= 80 else text[:79] + "…"


def route_text(rules: Rules, text: str, *, now: datetime | None = None, **case: Any) -> dict[str, Any]:
    """Where a text would go: the decision as JSON values. `case` may hold further fields of `Case`."""
    decision = rules.route(Case(received_at=now or datetime.now(UTC), text=text, **case))
    return {
        "text": text,
        "category": decision.category,
        "audience": decision.audience,
        "desk": decision.desk,
        "priority": decision.priority,
        "routing_key": decision.routing_key,
        "answer_by": rfc3339(decision.answer_by) if decision.answer_by else None,
        "why": list(decision.why),
    }


def as_table(result: dict[str, Any]) -> str:
    """A result of `route_text` for a person to read."""
    shown = [(key, value) for key, value in result.items() if key not in ("text", "why")]
    lines = [f"{key:<12} {'–' if value is None else value}" for key, value in shown]
    return "\n".join(lines + [f"{'why' if not n else '':<12} {why}" for n, why in enumerate(result["why"])])


def route_file(rules: Rules, lines: Iterable[str | bytes], *, now: datetime | None = None) -> RouteReport:
    """Route each line: a JSON object with `text`, perhaps the expected `category`, and any of the case's plain fields.

    Empty lines are passed over. Raises `SampleError` for a line that cannot be used.
    """
    moment = now or datetime.now(UTC)
    routed = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            expected, case = _sample(rules, line, number)
            routed.append(Routed(number, expected, route_text(rules, now=moment, **case)))
    return RouteReport(rules.categories, tuple(routed))


FIELDS = {"channel", "account", "via", "kind", "subject", "quoted", "error_code", "chosen_category", "chosen_audience"}


def _sample(rules: Rules, line: str | bytes, number: int) -> tuple[str | None, dict[str, Any]]:
    try:
        sample = json.loads(line)
    except (ValueError, RecursionError):
        raise SampleError(f"line {number}: no JSON") from None
    if not isinstance(sample, dict) or not isinstance(sample.get("text"), str):
        raise SampleError(f"line {number}: an object with a text is needed")
    expected = sample.get("category")
    if expected is not None and expected not in rules.categories:
        raise SampleError(f"line {number}: no category is called {expected!r}; there are {', '.join(rules.categories)}")
    case = {key: sample[key] for key in FIELDS & sample.keys() if isinstance(sample[key], str)}
    return expected, case | {"text": sample["text"]}
