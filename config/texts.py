"""What citizens are told, from files that an administrator edits: `<folder>/ru.toml`, `<folder>/en.toml`.

A value is a Jinja2 template (https://jinja.palletsprojects.com/templates/), run in its sandbox. Every text is tried at
start with made-up values: one that is missing, or asks for what it is not given, is found before a citizen waits.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from math import ceil
from pathlib import Path
from typing import Any, Self

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

LANGUAGES = ("ru", "en")  # the first stands in for a language that has no file
MISSING = ("full_name", "contact", "description")
UNITS = {"minute": ("минуты", "минут"), "hour": ("часа", "часов")}  # after «в течение»: the genitive
RU_MONTHS = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)
EN_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
STATES = ("open", "answered", "closed")

# What each text is given, with values to try it with.
VARIABLES: dict[str, dict[str, Any]] = {
    "acknowledgement": {"number": "261122-000001-5", "answer_when": "в течение 30 минут"},
    "acknowledgement_short": {"number": "261122-000001-5", "answer_when": "в течение 30 минут"},
    "acknowledgement_subject": {"number": "261122-000001-5"},
    "missing": {"missing": list(MISSING)},
    "repeat_noticed": {"number": "261122-000001-5"},
    "corroborated_ack": {"number": "261122-000001-5"},
    "added": {},
    "secret_warning": {},
    "closed": {"number": "261122-000001-5"},
    "rate_us": {"number": "261122-000001-5"},
    "start": {},
    "new": {},
    "status": {"number": "261122-000001-5", "state": "open"},
    "status_unknown": {},
    "status_how": {},
    "number_limit": {},
    "reply_subject": {"number": "261122-000001-5"},
    "button_new": {},
    "button_status": {},
    "button_rate": {"mark": 5},
}
# The texts that say different things for different values are tried with each of them.
TRIED_WITH: dict[str, list[dict[str, Any]]] = {
    "missing": [{"missing": [one]} for one in MISSING],
    "status": [{"state": state} for state in STATES],
    "acknowledgement": [{"answer_when": None}],
    "acknowledgement_short": [{"answer_when": None}],
}


class TextsError(ValueError):
    """The texts cannot be used; `problems` holds a line for each, with its file and key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Texts:
    """The texts of all languages, each tried."""

    templates: Mapping[tuple[str, str], Template]
    _constant: dict[tuple[str, str], str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read and try all texts. Raises `TextsError` that lists everything that is wrong."""
        problems: list[str] = []
        templates: dict[tuple[str, str], Template] = {}
        environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined,
            autoescape=False,  # plain text; what leaves as HTML is escaped where HTML is made
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for language in LANGUAGES:
            path = Path(folder) / f"{language}.toml"
            for key, source in _read(path, problems).items():
                template = _compile(environment, key, source, f"{path}: {key}", problems)
                if template is not None:
                    templates[key, language] = template
        if problems:
            raise TextsError(problems)
        return cls(templates)

    def render(self, key: str, language: str | None, **values: Any) -> str:
        """The text in the citizen's language, or in Russian where there is no such language.

        `language` is BCP 47 (`en`, `en-US`). Raises KeyError for a key that there is not, `TextsError` for values
        that are not those of `VARIABLES`: both are slips of the program, not of an administrator.
        """
        known = VARIABLES[key]
        if known.keys() != values.keys():
            raise TextsError([f"{key}: is given {sorted(values)}, needs {sorted(known)}"])
        spoken = (language or "").split("-")[0].lower()
        spoken = spoken if spoken in LANGUAGES else LANGUAGES[0]
        if known:
            return self.templates[key, spoken].render(values).strip()
        text = self._constant.get((key, spoken))  # buttons, mostly: three under each message of ours
        if text is None:
            text = self._constant[key, spoken] = self.templates[key, spoken].render().strip()
        return text


def answer_when(language: str | None, received_at: datetime, answer_by: datetime | None, zone: tzinfo) -> str | None:
    """«в течение 30 минут», or a day where it is more than two days off; None where no answer-by is set."""
    if answer_by is None:
        return None
    english = (language or "").split("-")[0].lower() == "en"
    minutes = max(1, round((answer_by - received_at).total_seconds() / 60))
    if minutes > 48 * 60:
        day = answer_by.astimezone(zone)
        return f"by {day.day} {EN_MONTHS[day.month - 1]}" if english else f"до {day.day} {RU_MONTHS[day.month - 1]}"
    # Hours are rounded up: two and a half are not promised as two.
    count, (one, many) = (minutes, UNITS["minute"]) if minutes < 60 else (ceil(minutes / 60), UNITS["hour"])
    if english:
        unit = "minute" if minutes < 60 else "hour"
        return f"within {count} {unit}{'' if count == 1 else 's'}"
    return f"в течение {count} {one if count % 10 == 1 and count % 100 != 11 else many}"


def document(path: Path, problems: list[str]) -> dict[str, Any]:
    """A TOML file of texts; empty, with a line in `problems`, when it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(f"{path}: {error.strerror or 'cannot be read'}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{path}: {error}")
    return {}


def _read(path: Path, problems: list[str]) -> dict[str, str]:
    texts = document(path, problems)
    if not texts and problems:
        return {}
    problems += [f"{path}: {key}: missing" for key in VARIABLES if key not in texts]
    problems += [f"{path}: {key}: no text has this name" for key in texts if key not in VARIABLES]
    problems += [f"{path}: {key}: should be a text" for key, text in texts.items() if not isinstance(text, str)]
    return {key: text for key, text in texts.items() if key in VARIABLES and isinstance(text, str)}


def _compile(
    environment: ImmutableSandboxedEnvironment, key: str, source: str, name: str, problems: list[str]
) -> Template | None:
    known = VARIABLES[key]
    try:
        asked = meta.find_undeclared_variables(environment.parse(source))
        template = environment.from_string(source)
        for variable in sorted(asked - known.keys()):
            problems.append(f"{name}: asks for {variable!r}; there is {', '.join(known) or 'nothing'}")
        if asked - known.keys():
            return None
        if "number" in known and "number" not in asked:
            problems.append(f"{name}: does not say the number")
        for values in (known, *(known | other for other in TRIED_WITH.get(key, []))):
            if not template.render(values).strip():
                problems.append(f"{name}: is empty")
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        problems.append(f"{name}: {error.__class__.__name__}: {error}")
        return None
    return template
