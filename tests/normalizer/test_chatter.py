"""Greetings, thanks and commands of a chat."""

import pytest

from normalizer.chatter import Command, command, is_greeting, is_thanks


@pytest.mark.parametrize(
    "text",
    [
        "Здравствуйте",
        "здравствуйте!!!",
        "добрый день!",
        "Доброго времени суток!",
        "Доброе утро, коллеги",
        "привет",
        "Привет 👋",
        "Hello",
        "Hi there!",
        "Good morning",
        "Здравствуйте, можно вопрос?",
        "Здравствуйте. У меня вопрос",
        "Здравствуйте! Есть кто?",
        "Добрый вечер, уважаемая поддержка",
        "Добрый день! Подскажите, пожалуйста",
        "здравствуйте, помогите пожалуйста",
        "Доброе утро всем",
        "Привет бот",
        "Здравствуйте, оператор",
        "Здравствуйте. Помогите, пожалуйста, разобраться",
        "hi, need help",
    ],
)
def test_a_bare_greeting(text: str) -> None:
    assert is_greeting(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Здравствуйте, не могу войти",
        "привет не приходит смс",
        "Добрый день, соедините с оператором",
        "Здравствуйте, вопрос по заявлению",
        "хайп",
        "Помогите",
        "вопрос",
        "Добрый",
        "Здравствуйте, Иванов Иван Иванович",
        "Здравствуйте 261122-000123-4",
        "😀",
    ],
)
def test_more_than_a_greeting(text: str) -> None:
    assert not is_greeting(text)


@pytest.mark.parametrize(
    "text",
    ["Спасибо!", "спасибо большое", "Ок, спасибо", "хорошо", "Большое спасибо за помощь!", "thanks a lot", "👍 ок"],
)
def test_thanks(text: str) -> None:
    assert is_thanks(text)


@pytest.mark.parametrize(
    "text",
    ["", "Спасибо, но не помогло", "хорошо бы починить", "окно не открывается", "спасибо за то что ничего не работает"],
)
def test_more_than_thanks(text: str) -> None:
    assert not is_thanks(text)


@pytest.mark.parametrize(
    ("text", "button", "expected"),
    [
        ("/start", None, Command("start")),
        ("/START", None, Command("start")),
        ("/start@our_bot abc", None, Command("start", "abc")),
        ("/new", None, Command("new")),
        ("/status 261122-000123-4", None, Command("status", "261122-000123-4")),
        ("x", "/new", Command("new")),
        ("x", "status", Command("status")),
        ("x", "/status 12", Command("status", "12")),
        ("Начать", '{"command":"start"}', Command("start")),
        ("x", '{"command":"/status 5"}', Command("status", "5")),
        ("x", '"/new"', Command("new")),
        ("Новое обращение", None, Command("new")),
        ("Статус обращения", None, Command("status")),
        ("Не могу", '{"a":1}', None),
        ("Не могу", "[" * 5000, None),
        ("Не могу", '{"command":' + "[" * 900, None),
        ("/startx", None, None),
        ("/help", None, None),
        ("", None, None),
        ("", "", None),
        ("новое обращение: не работает", None, None),
        ("status", None, None),
        ("статус заявления не меняется", None, None),
    ],
)
def test_a_command_is_typed_or_pressed(text: str, button: str | None, expected: Command | None) -> None:
    assert command(text, button) == expected
