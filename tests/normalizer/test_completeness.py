"""What a ticket still lacks, and in which language to ask for it."""

import pytest

from normalizer.completeness import describes, missing
from normalizer.language import detect


@pytest.mark.parametrize(
    "text",
    [
        "Не приходит код",
        "ошибка входа",
        "Здравствуйте, не могу войти в кабинет",
        "The site does not open",
        "Пропало заявление",
    ],
)
def test_two_words_of_substance_describe_a_problem(text: str) -> None:
    assert describes(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Здравствуйте!",
        "спасибо",
        "помогите",
        "261122-000123-4",
        "89161234567",
        "обращение 261122-000123-4",
        "ivan@mail.ru",
        "https://portal.example/some/path/of/words",
        "добрый день, вопрос",
        "Как? Что это?",
    ],
)
def test_greetings_numbers_and_addresses_describe_nothing(text: str) -> None:
    assert not describes(text)


def test_a_name_and_a_number_describe_nothing() -> None:
    assert not describes("Иванов Иван Иванович, ИНН 500100732259", "Иванов Иван Иванович")
    assert not describes("от Иванова Ивана Ивановича", "Иванов Иван Иванович")
    assert describes("Иванов Иван Иванович, не приходит код", "Иванов Иван Иванович")
    assert describes("Личный кабинет", "Ли Анна")


def test_all_three_are_asked_for_until_they_are_known() -> None:
    assert missing(full_name=None) == ["full_name", "contact", "description"]
    assert missing(full_name="Иван", answerable=True, described=True) == ["full_name"]
    assert missing(full_name="Иванов Иван", answerable=True) == ["description"]
    assert missing(full_name="Иванов Иван", phone="+79161234567", described=True) == []
    assert missing(full_name="Иванов Иван", email="ivan@ya.ru", described=True) == []
    assert missing(full_name="Иванов Иван", described=True) == ["contact"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Не приходит код", "ru"),
        ("The code does not come", "en"),
        ("Ошибка Internal Server Error при входе", "ru"),
        ("Код не приходит, ivan.petrovich.sidorov@mail.ru https://portal.example/long/path", "ru"),
        ("Не можу увійти", "ru"),
        ("/start", None),
        ("/new The code does not come", "en"),
        ("261122-000123-4", None),
        ("", None),
        ("👍", None),
        ("你好", None),
    ],
)
def test_the_language_is_told_by_the_letters(text: str, language: str | None) -> None:
    assert detect(text) == language
