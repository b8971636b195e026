"""Makes `router/learned.txt` from labelled messages: `python -m router.learn [FILE.jsonl …]`.

A line of a file is `{"text": "…", "category": "…"}`, as for `route --file`. The files given are learned beside the
project's own (`tests/routing`). Lines whose `set` begins with `held_out` are left for the measurement.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from router.learned import KEPT, features, scale_of

EXAMPLES = Path(__file__).resolve().parent.parent / "tests" / "routing"
HELD_OUT = "held_out"
ROUNDS = 30
FIRST_STEP, STEPS_SHRINK = 3.0, 0.9
SMALLEST_STEP = 1e-3  # a step below it changes nothing that is kept
KEPT_FROM = 20  # hundredths: smaller weights only make the file longer
SEED = 1  # the same examples make the same file


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled message."""

    text: str
    category: str


def shipped() -> list[Path]:
    """The project's own files of labelled messages."""
    return sorted(EXAMPLES.glob("*.jsonl"))


def read(paths: Iterable[Path]) -> list[Example]:
    """The examples of some files. Raises ValueError for a line that is none, with its number."""
    found = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                sample = json.loads(line)
                if not str(sample.get("set", "")).startswith(HELD_OUT):
                    found.append(Example(str(sample["text"]), str(sample["category"])))
            except (ValueError, KeyError, AttributeError):
                raise ValueError(f"{path}, line {number}: needs a text and a category") from None
    return found


def learn(examples: Sequence[Example]) -> str:
    """What `learned.txt` should hold: stochastic gradient descent over the examples, in an order that never changes."""
    categories = sorted({example.category for example in examples})
    found = [(categories.index(example.category), features(example.text)) for example in examples]
    seen = Counter(feature for _, each in found for feature in each)
    rows = [(category, [f for f in each if "_" not in f or seen[f] > 1], scale_of(each)) for category, each in found]
    weights: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(categories))
    share = Counter(category for category, _, _ in rows)
    rarity = [len(rows) / len(categories) / share[number] for number in range(len(categories))]  # lest the many rule
    order, step = random.Random(SEED), FIRST_STEP  # noqa: S311 (nothing secret hangs on it)
    for row in rows:
        row[1].sort()
    for _ in range(ROUNDS):
        order.shuffle(rows)
        for category, each, scale in rows:
            _one_step([weights[feature] for feature in each], category, scale, step * rarity[category])
        step *= STEPS_SHRINK
    lines = [" ".join(categories)]
    for feature, row_of in sorted(weights.items()):
        kept = [f"{number}:{round(100 * w)}" for number, w in enumerate(row_of) if abs(100 * w) >= KEPT_FROM]
        if kept:
            lines.append(" ".join([feature, *kept]))
    return "\n".join(lines) + "\n"


def _one_step(rows: Sequence[list[float]], category: int, scale: float, step: float) -> None:
    """Move the weights of one message's features towards its category."""
    scores = [sum(column) * scale for column in zip(*rows, strict=True)]
    if not scores:
        return
    highest = max(scores)
    parts = [math.exp(score - highest) for score in scores]
    total = sum(parts)
    for number, part in enumerate(parts):
        change = ((number == category) - part / total) * step * scale
        if abs(change) > SMALLEST_STEP:
            for row in rows:
                row[number] += change


if __name__ == "__main__":
    if not shipped():
        sys.exit(f"{EXAMPLES} holds no labelled messages: run it in a checkout of the project")
    KEPT.write_text(learn(read([*shipped(), *map(Path, sys.argv[1:])])), encoding="utf-8")
