"""Precision and recall of joining, by group, place, form, owner, time and channel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.linking.world import Played

LABELS = ("group", "place", "form", "owner", "time", "channel", "language")


@dataclass(slots=True)
class Score:
    """Of joins: made and right, made and wrong (another's ticket, or one where there should be none), not made."""

    cases: int = 0
    exact: int = 0  # nothing at all differs: how, certainty, kind, related, flags
    right: int = 0
    wrong: int = 0
    missed: int = 0

    @classmethod
    def of(cls, results: Iterable[Played]) -> Score:
        """The score of these."""
        score = cls()
        for one in results:
            wanted, found = str(one.case.expect["ticket"]), one.joined or "new"
            score.cases += 1
            score.exact += not one.differences()
            score.right += found == wanted != "new"
            score.wrong += found not in ("new", wanted)
            score.missed += wanted not in ("new", found)
        return score

    @property
    def precision(self) -> float:
        """Of the joins made, the right ones."""
        made = self.right + self.wrong
        return self.right / made if made else 1.0

    @property
    def recall(self) -> float:
        """Of the joins wanted, those made."""
        wanted = self.right + self.missed
        return self.right / wanted if wanted else 1.0

    def line(self, label: str, value: str) -> str:
        """A row of the table."""
        shares = f"{self.precision:9.1%} {self.recall:8.1%}" if self.right + self.wrong + self.missed else " " * 18
        return f"{label:<9} {value:<18} {self.cases:5} {self.right + self.missed:6} {shares} {self.exact:6}"


def table(results: Sequence[Played]) -> str:
    """The whole table as text."""
    lines = [f"{'':<9} {'':<18} {'cases':>5} {'joins':>6} {'precision':>9} {'recall':>8} {'exact':>6}"]
    for label in LABELS:
        groups: dict[str, list[Played]] = defaultdict(list)
        for one in results:
            value = one.case.group if label == "group" else one.case.labels.get(label)
            if value:
                groups[value].append(one)
        lines += [Score.of(some).line(label, value) for value, some in sorted(groups.items())]
    lines.append(Score.of(results).line("all", ""))
    return "\n".join(lines)
