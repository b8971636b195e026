"""Whether somebody wrote a letter before it was known what it would answer: a notice of absence, of receipt. Pure.

Such notices say few things (away, until when, whom to ask, your letter arrived), each in countless words, and nothing
of the matter that people write about. `notice_words.txt` holds words by what they say; `notice_weights.txt` how much
each of these, two in one sentence, and each word speaks for a notice: logistic regression (Bishop, Pattern Recognition
and Machine Learning, 4.3.2) over the letters of `tests/normalizer/machine_mail` and the messages of `tests/routing`.
`python -m normalizer.notice_learn` makes it anew.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from itertools import combinations
from pathlib import Path

WORDS = Path(__file__).with_name("notice_words.txt")
WEIGHTS = Path(__file__).with_name("notice_weights.txt")
LOOKED_AT = 1000  # characters; a notice has said by then what it is
MOST_SENTENCES = 30
STEM = 6  # letters of a word that count by themselves
# Limits of the logarithm of the odds. For letters left out of the learning (a fifth in turn): of 821 of people who
# write of an absence, to be taken for notices, nine were above ABSENT; of 521 others four above BARE_ANSWER and two
# above SURE; none of 4,200 citizens' messages above 2. Of 172 real letters of people about an absence, from lists,
# forums and letters, none of which was learned, three are above. Who gets no answer is worse off than a machine that
# gets one.
SURE = 2.75
BARE_ANSWER = 2.5  # quotes nothing: people's programs put the answered letter below, answering machines seldom do
ABSENT = 2.1  # such an answer, and it says that somebody is away, has left or has closed
SUBJECT_SAYS = 1.5  # the whole subject is such a state; people put their matter there: none of theirs was above
SUBJECT_AWAY = 1.0  # it says that somebody is away; of people's letters none was above 0.7
LIKELY = 0.5  # the header hints at a machine, or the subject is «Автоответ» and no more

_TOKEN = re.compile(r"[^\W\d_]{1,40}|\d+|[?@№]")
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w.-]+")
_CITED = re.compile('«[^»]{1,300}»|"[^"\n]{1,300}"|“[^”]{1,300}”')
_NAME = re.compile(r"(?<=[\w,(:;–-] )[A-ZА-ЯЁІЇЄ][a-zа-яёіїє]+")
# «В моё отсутствие обращайтесь к …»: nothing of the writer's own matter.
_MY_ABSENCE = re.compile(
    r"\b(?:мо[еёй]|моего|моей|мо[єї]й?|моєї|my|meiner?|mon|mi|minha|mia)\s(?=отсутств|відсутн|absen|abwesenh|ausenc|ausên|assenz)",
    re.I,
)
_SENTENCES = re.compile(r"(?<=[.!?;])\s+|\n+")
_FIELD = re.compile(r"^[^\W\d_][^:\n]{1,30}:[ \t]?\S", re.M)  # «Статус: решён»
_OUR_NUMBER = re.compile(r"(?:№ ?)?(?<!\d)\d{6}[- ]?\d{6,7}[- ]?\d(?!\d)")  # no day on which somebody is back
_ANSWERED_SUBJECT = re.compile(r"(?:re|aw|fwd?|odp|ответ)\s?:")
_SAY_NOTHING = frozenset(("of", "the", "a", "an", "на", "в", "и", "and"))
_CORE = ("away", "left", "closed", "robot", "box", "received", "delay", "hours")
_BESIDE = ("until", "subst", "urgent", "reply", "yours", "delay", "ticket", "service", "hours", "thanks")
_OF_NOTICES = frozenset((*_CORE, "until", "subst", "urgent", "reply", "yours", "thanks", "ticket", "service")) - {"box"}
_OF_PEOPLE = frozenset(("wantp", "bids", "own", "matter", "family", "so", "past", "ask", "q"))
_TOGETHER = tuple((a, b, f"#{a}&{b}") for a in (*_CORE, "reply", "thanks") for b in _BESIDE if a != b)
_STATED = frozenset((*(f"{where}#{name}" for name in _CORE for where in ("", "s:")), "#reply&yours"))
_ABSENT = frozenset(("#away", "#left", "#closed"))
_TURN_TO = {"#thanks&urgent", "#thanks&subst"}  # thanks, and whom to ask what is urgent
_LETTERS = {  # of what a letter says in all
    "away": "A",
    "left": "L",
    "closed": "C",
    "robot": "B",
    "box": "X",
    "until": "U",
    "subst": "S",
    "urgent": "S",
    "reply": "R",
    "yours": "K",
    "thanks": "K",
    "received": "K",
    "delay": "D",
    "hours": "H",
    "ticket": "T",
    "service": "V",
}
_OF_ELSE = "#else"  # what notices do not hold: a form filled in, or much that they do not speak of
_BIDS = ("ите", "йте", "ьте", "итесь", "йтесь")  # of verbs that notices do without
_LENGTHS = (5, 10, 20, 40, 80)
_MUCH = 20  # words that no class knows; the notices of the examples have ten at most

Entry = tuple[tuple[str, ...], str]  # the neighbours that must follow, and the class


def plain(text: str) -> str:
    """The text as words are compared: case folded, ё as е, no accents over vowels, no soft hyphens."""
    return text.casefold().replace("ё", "е").replace("\u0301", "").replace("\u00ad", "")


def is_notice(subject: str, own: str, answers: bool, hinted: bool, quotes: bool = False) -> bool:
    """Whether a program sent a letter that somebody had written in advance.

    `own`: its words without what it quotes; `answers`: its header or subject says that it answers another letter;
    `hinted`: its header says that a machine may have sent it; `quotes`: the answered letter stands below.
    """
    found = features(subject, own, answers)
    if (found.isdisjoint(_STATED) and not found.issuperset(_TURN_TO)) or (_OF_ELSE in found and not hinted):
        return False
    whole = "s:whole" in found
    if hinted or (whole and "s:#robot" in found):
        limit = LIKELY
    elif whole:
        limit = SUBJECT_AWAY if "s:#away" in found else SUBJECT_SAYS
    elif answers and not quotes:
        limit = BARE_ANSWER if found.isdisjoint(_ABSENT) else ABSENT
    else:
        limit = SURE
    return score(found) > limit


def score(found: set[str]) -> float:
    """How much the features of a letter speak for a notice: the logarithm of the odds, about."""
    weights = _weights()
    known = [weight for name in found if (weight := weights.get(name)) is not None]
    return weights[""] + sum(known) / math.sqrt(len(known) + 1)


def features(subject: str, own: str, answers: bool) -> set[str]:
    """What is looked at: words, what they say by sentence and in all, and how much says nothing of notices."""
    text, cited = _CITED.subn(" ", _ADDRESS.sub(" @ ", _MY_ABSENCE.sub("", _OUR_NUMBER.sub("", own[:LOOKED_AT]))))
    names = {plain(name) for name in _NAME.findall(text)}
    found = {"!answers" if answers else "!new"}
    if cited:
        found.add("#cited")
    said: Counter[str] = Counter()
    sentences = unsaid = unknown = length = 0
    for sentence in _SENTENCES.split(plain(text))[:MOST_SENTENCES]:
        tokens = _tokens(sentence)
        if not tokens:
            continue
        classes, covered = _classes(tokens)
        found.update(token[:STEM] for token in tokens)
        found.update(f"#{a}+{b}" for a, b in combinations(sorted(classes), 2))
        said.update(classes)
        sentences += 1
        length += len(tokens)
        unsaid += not classes
        unknown += sum(
            1
            for at, token in enumerate(tokens)
            if at not in covered and len(token) > 1 and token[0].isalpha() and token not in names
        )
    for name, count in said.items():
        found.update((f"#{name}", f"#{name}{min(count, 3)}"))
    found.update(_of_the_whole(said, sentences, unsaid, unknown))
    absent = "left" in said or {"away", "until"} <= said.keys()  # may list whom to ask instead
    if not absent and len(_FIELD.findall(text)) > 2:
        found.add(_OF_ELSE)
    found.add(f"!length{sum(length >= limit for limit in _LENGTHS)}")
    about = _of_the_subject(subject)
    if not about.isdisjoint(_STATED):
        found.add(f"s:core&people{min(2, len(_OF_PEOPLE & said.keys()))}&unknown{min(unknown, 4)}")
        found.add(f"s:core&core{any(name in said for name in _CORE):d}&people{len(_OF_PEOPLE & said.keys()) > 0:d}")
    if "s:whole" in about:
        found.update(f"s:whole&{name}" for name in said)
    return found | about


def _of_the_whole(said: Counter[str], sentences: int, unsaid: int, unknown: int) -> Iterable[str]:
    """What the sentences make together."""
    yield f"#unsaid{min(unsaid, 3)}"
    yield f"#sentences{min(sentences, 8)}"
    yield f"#unknown{min(unknown, 8)}"
    few = next((limit for limit in (1, 3, 6) if unknown < limit), 99)
    yield f"#unknown<{few}"
    if unknown > _MUCH and unsaid * 2 > sentences:
        yield _OF_ELSE
    core = min(2, sum(name in said for name in _CORE))
    yield f"#core{core}"
    people = sum(name in said for name in _OF_PEOPLE)
    yield f"#core{core}&people{min(people, 2)}&unknown<{few}"
    says = "".join(sorted({_LETTERS[name] for name in said if name in _LETTERS}))
    yield f"#says:{says}&people{min(people, 2)}&unknown<{few}"
    notices = sum(name in said for name in _OF_NOTICES)
    yield f"#people{min(people, 4)}"
    yield f"#notices{min(notices, 6)}"
    yield f"#balance{max(-3, min(4, notices - people))}"
    yield from (name for a, b, name in _TOGETHER if a in said and b in said)


def _of_the_subject(subject: str) -> set[str]:
    """A subject of the letter's own; that of the letter which is answered says nothing."""
    subject = plain(_OUR_NUMBER.sub("", subject[:200])).strip()
    if _ANSWERED_SUBJECT.match(subject):
        return {"s:forwarded"} if subject.startswith("f") else set()
    tokens = _tokens(subject)[:20]
    classes, covered = _classes(tokens)
    found = {f"s:{token[:STEM]}" for token in tokens} | {f"s:#{name}" for name in classes}
    found.add(f"s:says{min(2, len(classes))}&unknown{min(2, len(tokens) - len(covered))}")
    if classes & _OF_PEOPLE:
        found.add("s:people")
    elif len(covered) == len(tokens) and not classes.isdisjoint(("away", "left", "closed", "robot")):
        found.add("s:whole")
    return found


def _tokens(sentence: str) -> list[str]:
    found = ["0" if token[0].isdigit() else token for token in _TOKEN.findall(sentence)]
    return [token for token in found if token not in _SAY_NOTHING]


def _classes(tokens: list[str]) -> tuple[set[str], set[int]]:
    """What the words of a sentence say, and which of the words some class knows."""
    classes: set[str] = set()
    covered: set[int] = set()
    for at, token in enumerate(tokens):
        for follow, name in _entries(token):
            if follow:
                behind = tokens[at + 1 : at + 1 + len(follow)]
                if len(behind) < len(follow) or not all(map(str.startswith, behind, follow)):
                    continue
            classes.add(name)
            covered.update(range(at, at + 1 + len(follow)))
        if at not in covered and len(token) > 5 and token.endswith(_BIDS):
            classes.add("bids")
    classes.discard("fn")
    if "@" in tokens:
        classes.add("addr")
    if "?" in tokens:
        classes.add("q")
    return classes, covered


@lru_cache(8192)
def _entries(token: str) -> tuple[Entry, ...]:
    """The entries that `token` may begin."""
    found = []
    for first, follow, exact, name in _words().get(token[:2], ()):
        if token == first or (not exact and token.startswith(first)):
            found.append((follow, name))
    return tuple(found)


@lru_cache(1)
def _words() -> dict[str, list[tuple[str, tuple[str, ...], bool, str]]]:
    """The kept words by their first two letters."""
    words: dict[str, list[tuple[str, tuple[str, ...], bool, str]]] = {}
    for line in WORDS.read_text(encoding="utf-8").splitlines():
        name, _, entries = line.partition(":")
        if line.startswith("#"):
            continue
        for entry in entries.split():
            first, *follow = plain(entry).split("_")
            rest = tuple(word for word in follow if word)
            words.setdefault(first[:2], []).append((first, rest, bool(follow), name))
    return words


@lru_cache(1)
def _weights() -> dict[str, float]:
    """The kept weights; under the empty name what speaks for a notice before anything is looked at."""
    lines = WEIGHTS.read_text(encoding="utf-8").splitlines()
    return {name: int(weight) / 100 for name, _, weight in (line.rpartition(" ") for line in lines)}
