"""The shape of the routing file, and where in it something is wrong. `config/routing.toml` says what the keys mean."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from normalizer.envelope import FLAGS, Kind

NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
DURATION = re.compile(r"(\d{1,5}) ?(m|min|h|d)")
SECONDS = {"m": 60, "min": 60, "h": 3600, "d": 86400}
CHANNELS = ("email", "telegram", "vk", "whatsapp", "messenger", "max", "portal", "other")
ALL_BUT_A_SLIP = 0.85  # of a name's letters: «telegramm» is a slip, "telegram_business" a kind that was added


class RulesError(ValueError):
    """The routing rules cannot be used; the text names the file, the line and what is wrong with it.

    The line is 0, and not named, where the file could not be read at all.
    """

    def __init__(self, source_name: str, line: int, problem: str) -> None:
        super().__init__(f"{source_name}{f', line {line}' if line else ''}: {problem}")
        self.line = line


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(f"{value!r} is no name: a small Latin letter, then letters, digits, - or _ (no dot)")
    return value


def _duration(value: object) -> object:
    if isinstance(value, str) and (match := DURATION.fullmatch(value)):
        return timedelta(seconds=int(match[1]) * SECONDS[match[2]])
    raise ValueError(f"{value!r} is no duration such as 30m, 4h or 2d")


def nearest(name: str, known: Iterable[str], alike: float = 0.6) -> str:
    """A hint for whoever mistyped a name; empty where nothing is near."""
    near = get_close_matches(name, list(known), n=1, cutoff=alike)
    return f"; is {near[0]!r} meant?" if near else ""


def _channel(value: str) -> str:
    """A kind of channel may be one that was added later; one that is nearly a known one is a slip."""
    if value not in CHANNELS and (hint := nearest(value, CHANNELS, ALL_BUT_A_SLIP)):
        raise ValueError(f"no kind of channel is called {value!r}{hint}")
    return value


def _one_of(what: str, known: Iterable[str]) -> AfterValidator:
    names = tuple(known)

    def check(value: str) -> str:
        if value not in names:
            raise ValueError(
                f"no {what} is called {value!r}{nearest(value, names) or '; there are ' + ', '.join(names)}"
            )
        return value

    return AfterValidator(check)


def _country(value: str) -> str:
    if not re.fullmatch("[A-Z]{2}", value):
        raise ValueError(f"{value!r} is no country code of two capital letters such as RU")
    return value


Name = Annotated[str, AfterValidator(_name)]
Flag = Annotated[str, _one_of("flag", FLAGS)]
KindName = Annotated[str, _one_of("kind of message", get_args(Kind))]
Via = Annotated[str, _one_of("way in of the portal", ("form", "cabinet", "mobile", "phone", "office"))]
Audience = Annotated[str, _one_of("audience", ("pensioners", "accessibility", "business", "offline", "general"))]
Channel = Annotated[str, AfterValidator(_channel)]
Country = Annotated[str, AfterValidator(_country)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]


class Table(BaseModel):
    """Base of every table: closed, so that a misspelt key is refused and not overlooked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Desk(Table):
    """Who answers, and which categories go there."""

    name: Name
    title_ru: str
    title_en: str
    categories: tuple[Name, ...] = Field(min_length=1)
    calendar: Country | None = Field(None, description="ISO 3166 country of its working days")
    bindings: tuple[str, ...] = ()


class Category(Table):
    """What a message is about. Their order decides between equal weights."""

    name: Name
    title_ru: str
    title_en: str


class Condition(Table):
    """What a rule can ask of a message beside its words; every key that is there must hold."""

    channels: tuple[Channel, ...] = ()
    via: tuple[Via, ...] = ()
    accounts: tuple[str, ...] = ()
    kinds: tuple[KindName, ...] = ()
    flags: tuple[Flag, ...] = ()
    machine: tuple[Literal["bounce", "auto_reply", "bulk"], ...] = ()
    chosen: tuple[str, ...] = ()
    error_codes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


class Rule(Condition):
    """Adds its weight to its category, once for each phrase found, or once where it has none."""

    category: Name
    weight: float = Field(1.0, ge=-100, le=100)
    decides: bool = False
    at_most: int = Field(2, ge=1, description="so many of its phrases count, however many are found")
    phrases: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    quoted: bool = False


class AudienceRule(Table):
    """Words by which citizens of an audience call themselves; the first audience found is taken."""

    name: Audience
    phrases: tuple[str, ...] = ()
    via: tuple[Via, ...] = ()


class AnswerBy(Condition):
    """By when: clock time, or working days of the desk's calendar. The first that fits is taken."""

    within: Duration | None = None
    working_days: int | None = Field(None, ge=1, le=250)


class Priority(Table):
    """The sum of what applies, held between 0 and 9."""

    base: int = 4
    each_repeat: int = 1
    most_repeats: int = 3
    kind: dict[KindName, int] = {}
    audience: dict[Audience, int] = {}
    category: dict[str, int] = {}
    flag: dict[Flag, int] = {}


class Examples(Table):
    """What the labelled messages (`router.learned`) count for beside the rules; nothing where the table is left out."""

    weight: float = Field(default=0.0, ge=0, le=100, description="of the logarithm of a category's probability")
    sure: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(
        default={}, description="this probable, a category is taken; surer, the more the rules weigh for another"
    )


class RulesFile(Table):
    """The whole file."""

    timezone: str = "Europe/Moscow"
    enough: float = Field(2.0, gt=0)
    otherwise: Name = "other"
    groups: dict[str, tuple[str, ...]] = {}
    one_word: tuple[str, ...] = ()
    never_typos: tuple[str, ...] = ()
    negation_passes: tuple[str, ...] = ()
    categories: tuple[Category, ...] = Field(min_length=1)
    desks: tuple[Desk, ...] = Field(min_length=1)
    rules: tuple[Rule, ...] = ()
    audiences: tuple[AudienceRule, ...] = ()
    answer_by: tuple[AnswerBy, ...] = ()
    priority: Priority = Priority()
    examples: Examples = Examples()


TABLES: list[type[Table]] = [RulesFile, Rule, AnswerBy, *Table.__subclasses__()]
KEYS = sorted({key for table in TABLES for key in table.model_fields})  # of any table, to name the nearest


SYNTAX = {  # what tomllib says: what it mostly means
    "Unclosed array": "a comma between two values is missing, or the ] at the end",
    "Invalid value": 'a value is text in straight quotes ("…"), a number, true or false, or a list in [ ]',
    "Expected newline": "something is left over behind the value: a comma for a decimal point, or a missing quote",
    "twice": "what can be there several times has double brackets: [[rules]]",
    "overwrite a value": "what can be there several times has double brackets: [[rules]]",
}


def source(path: Path) -> str:
    """The text of a file of rules. Raises `RulesError` where it cannot be read, or is not UTF-8."""
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")  # Windows' editor begins a file with a mark
    except OSError as error:
        raise RulesError(str(path), 0, f"cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RulesError(str(path), line, "not UTF-8: save the file in that encoding") from None


def read(text: str, source_name: str) -> RulesFile:
    """The file's tables, each checked by itself. Raises `RulesError` for the first problem."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"at line (\d+)", str(error))
        last = text.count("\n") + 1
        problem = re.sub(r" \(at .*\)$", "", str(error))
        hint = next((f"; {meaning}" for said, meaning in SYNTAX.items() if said in problem), "")
        raise RulesError(source_name, int(match[1]) if match else last, problem + hint) from None
    try:
        return RulesFile.model_validate(tables)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise RulesError(source_name, line_of(text, first["loc"], first.get("input")), _problem(first)) from None


def _problem(error: Any) -> str:
    """What pydantic found, in words for whoever edits the file."""
    path = ".".join(str(step) for step in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{path}: no such key{nearest(str(error['loc'][-1]), KEYS)}"
    if error["type"] == "literal_error":
        return f"{path}: {error['input']!r} is none of {error['ctx']['expected'].replace(' or ', ', ')}"
    if error["type"] == "tuple_type":
        return f"{path}: a list in [ ] is needed"
    if error["type"] == "missing":
        return f"{path} is missing"
    return f"{path}: {error['msg'].removeprefix('Value error, ')}"


def line_of(text: str, path: Sequence[str | int], value: Any = None) -> int:
    """The line that a path such as ("rules", 3, "weight") stands on, as near as a search of the text can tell.

    tomllib gives no lines for values. The third `[[rules]]` is found by counting headers, the key in its block by
    its name, and a value of a list by its quoted text.
    """
    lines = text.splitlines() or [""]
    start, end = _block(lines, path)
    keys = [step for step in path if isinstance(step, str)]
    if isinstance(value, str):
        for number in range(start, end):
            if f'"{value}"' in lines[number] or f"'{value}'" in lines[number]:
                return number + 1
    for key in reversed(keys):
        for number in range(start, end):
            if re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", lines[number]):
                return number + 1
    return start + 1


def _block(lines: Sequence[str], path: Sequence[str | int]) -> tuple[int, int]:
    """First and last line (zero-based, the end excluded) of the table that a path lies in."""
    if not path:
        return 0, len(lines)
    wanted = path[1] if len(path) > 1 and isinstance(path[1], int) else 0
    header = re.compile(rf"\s*\[\[?\s*{re.escape(str(path[0]))}\b")
    headers = [number for number, line in enumerate(lines) if header.match(line)]
    if wanted >= len(headers):
        return 0, len(lines)
    start = headers[wanted]
    following = (number for number in range(start + 1, len(lines)) if re.match(r"\s*\[\[?[a-z]", lines[number]))
    return start, next(following, len(lines))
