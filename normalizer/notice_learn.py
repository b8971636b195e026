"""Makes `normalizer/notice_weights.txt` from labelled letters: `python -m normalizer.notice_learn [FILE.jsonl …]`.

A line of a file is `{"subject": "…", "text": "…", "answers": true, "machine": "auto_reply"}`, `machine` null for a
person. The files given are learned beside the project's own; with them go the citizens' messages of `tests/routing`,
none of which is a notice.
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

from normalizer.notices import WEIGHTS, features

TESTS = Path(__file__).resolve().parent.parent / "tests"
EXAMPLES = TESTS / "normalizer" / "machine_mail" / "examples.jsonl"
CITIZENS = TESTS / "routing"
FEWEST = 2  # examples that hold a feature
ROUNDS = 25
FIRST_STEP, STEPS_SHRINK = 0.3, 0.92
DECAY = 0.01  # of a weight, in a round with a step of one: the few examples of a rare word prove little
OF_A_CITIZEN = 0.3  # what one of the many easy letters counts beside the few hard ones
KEPT_FROM = 2  # hundredths
SEED = 1  # the same examples make the same file
SUBJECTS = ("Re: Ваше обращение 261101-000123-4", "Обращение", "Re: Ответ на обращение", "Вопрос", "RE: Ваш номер", "")


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled letter."""

    subject: str
    text: str
    answers: bool
    notice: bool
    counts: float = 1.0


def read(paths: Iterable[Path]) -> list[Example]:
    """The examples of some files. Raises ValueError for a line that is none, with its number."""
    found = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                letter = json.loads(line)
                notice = letter["machine"] == "auto_reply"
                found.append(Example(str(letter["subject"]), str(letter["text"]), bool(letter["answers"]), notice))
            except (ValueError, KeyError, TypeError):
                raise ValueError(f"{path}, line {number}: needs a subject, a text, answers and a machine") from None
    return found


def citizens() -> list[Example]:
    """The messages of `tests/routing` as letters: under a subject of their own, and as answers."""
    found = []
    for path in sorted(CITIZENS.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            subject = SUBJECTS[number % len(SUBJECTS)]
            answers = subject.lower().startswith("re:")
            found.append(Example(subject, str(json.loads(line)["text"]), answers, False, OF_A_CITIZEN))
    return found


def learn(examples: Sequence[Example]) -> str:
    """What the file should hold: stochastic gradient descent over the examples, in an order that never changes."""
    found = [features(example.subject, example.text, example.answers) for example in examples]
    seen = Counter(name for each in found for name in each)
    rows = []
    for example, each in zip(examples, found, strict=True):
        known = sorted(name for name in each if seen[name] >= FEWEST)
        rows.append((example, known, 1 / math.sqrt(len(known) + 1)))
    weights: dict[str, float] = defaultdict(float)
    base, order, step = 0.0, random.Random(SEED), FIRST_STEP  # noqa: S311 (nothing secret hangs on it)
    for _ in range(ROUNDS):
        order.shuffle(rows)
        for example, known, scale in rows:
            odds = base + scale * sum([weights[name] for name in known])
            change = (example.notice - 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))) * step * example.counts
            base += change * 0.05  # slowly: what is looked at should explain it
            for name in known:
                weights[name] += change * scale
        for name in weights:
            weights[name] *= 1 - DECAY * step
        step *= STEPS_SHRINK
    kept = {name: round(100 * weight) for name, weight in sorted(weights.items())}
    lines = [f" {round(100 * base)}", *(f"{name} {w}" for name, w in kept.items() if abs(w) >= KEPT_FROM)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if not EXAMPLES.exists():
        sys.exit(f"{EXAMPLES} is missing: run it in a checkout of the project")
    WEIGHTS.write_text(learn([*read([EXAMPLES, *map(Path, sys.argv[1:])]), *citizens()]), encoding="utf-8")
