"""What citizens are told: complete, in both languages, and tried before anybody waits for it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config.texts import LANGUAGES, VARIABLES, Texts, TextsError, answer_when

SHIPPED = Path(__file__).parents[2] / "config" / "texts"
NOON = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "texts"))


def change(folder: Path, language: str, old: str, new: str) -> None:
    path = folder / f"{language}.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def problems(folder: Path) -> list[str]:
    with pytest.raises(TextsError) as refused:
        Texts.load(folder)
    return refused.value.problems


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_shipped_text_says_what_it_is_given(language: str) -> None:
    texts = Texts.load(SHIPPED)
    for key, values in VARIABLES.items():
        said = texts.render(key, language, **values)
        assert said and "{" not in said
        assert values.get("number", "") in said


def test_what_is_missing_is_asked_for_and_nothing_else() -> None:
    said = Texts.load(SHIPPED).render("missing", "ru", missing=["contact"])
    assert "телефона" in said and "отчества" not in said and "описания" not in said


def test_an_unknown_number_and_a_foreign_one_get_one_answer_without_the_number() -> None:
    assert VARIABLES["status_unknown"] == {}


@pytest.mark.parametrize("key", ["start", "acknowledgement", "secret_warning"])
def test_it_is_said_that_no_password_or_code_is_ever_asked_for(key: str) -> None:
    texts = Texts.load(SHIPPED)
    assert "парол" in texts.render(key, "ru", **VARIABLES[key]).lower()
    assert "password" in texts.render(key, "en", **VARIABLES[key])


@pytest.mark.parametrize(("language", "word"), [("en-US", "Hello"), ("de", "Здравствуйте"), (None, "Здравствуйте")])
def test_another_language_is_answered_in_russian(language: str | None, word: str) -> None:
    assert word in Texts.load(SHIPPED).render("start", language)


def test_a_citizens_text_is_no_template() -> None:
    said = Texts.load(SHIPPED).render("corroborated_ack", "ru", number="{{ 7 * 7 }}")
    assert "{{ 7 * 7 }}" in said


def test_every_problem_is_listed_with_its_file_and_key(folder: Path) -> None:
    change(folder, "ru", "обращению {{ number }}.", "обращению {{ numer }}.")
    change(folder, "en", 'button_new = "New request"', 'buton_new = "New request"')
    change(folder, "en", "{% for what in missing %}", "{% for what in missing")
    found = "\n".join(problems(folder))
    assert "ru.toml: corroborated_ack: asks for 'numer'" in found
    assert "en.toml: button_new: missing" in found
    assert "en.toml: buton_new: no text has this name" in found
    assert "en.toml: missing: TemplateSyntaxError" in found


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ('button_new = ""', "is empty"),
        ("button_new = 5", "should be a text"),
        ('button_new = "{{ ().__class__.__mro__ }}"', "SecurityError"),
        ("button_new = \"{% include '/etc/passwd' %}\"", "TypeError"),
        ('button_new = "{{ 1/0 }}"', "ZeroDivisionError"),
        ("button_new = ", "Invalid value"),
    ],
)
def test_a_text_that_cannot_be_used_is_found_at_start(folder: Path, new: str, says: str) -> None:
    change(folder, "en", 'button_new = "New request"', new)
    assert any(says in problem for problem in problems(folder)), problems(folder)


def test_an_acknowledgement_without_the_number_is_refused(folder: Path) -> None:
    change(folder, "ru", "Обращение {{ number }} принято", "Обращение принято")
    assert any("acknowledgement_subject: does not say the number" in problem for problem in problems(folder))


def test_a_folder_that_is_not_there_is_a_problem_of_each_file(tmp_path: Path) -> None:
    assert len(problems(tmp_path / "nowhere")) == len(LANGUAGES)


def test_a_value_too_few_is_told_to_the_programmer() -> None:
    with pytest.raises(TextsError, match="needs"):
        Texts.load(SHIPPED).render("closed", "ru")


@pytest.mark.parametrize(
    ("after", "russian", "english"),
    [
        (timedelta(minutes=30), "в течение 30 минут", "within 30 minutes"),
        (timedelta(minutes=21), "в течение 21 минуты", "within 21 minutes"),
        (timedelta(hours=1), "в течение 1 часа", "within 1 hour"),
        (timedelta(minutes=150), "в течение 3 часов", "within 3 hours"),
        (timedelta(hours=4), "в течение 4 часов", "within 4 hours"),
        (timedelta(hours=24), "в течение 24 часов", "within 24 hours"),
        (timedelta(days=7, hours=14), "до 1 декабря", "by 1 December"),  # 02:00 in Moscow
        (timedelta(seconds=-5), "в течение 1 минуты", "within 1 minute"),
    ],
)
def test_the_term_is_said_in_words(after: timedelta, russian: str, english: str) -> None:
    assert answer_when("ru", NOON, NOON + after, MOSCOW) == russian
    assert answer_when("en", NOON, NOON + after, MOSCOW) == english
    assert answer_when("ru", NOON, None, MOSCOW) is None
