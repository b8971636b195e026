"""Every concern of a text takes anything, and its time grows no faster than the text."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normalizer import chatter, citizen, completeness, details, language, review, secrets

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
CONCERNS: dict[str, Callable[[str], object]] = {
    "citizen": lambda text: citizen.facts(text, subject=text[:100], signature=text[-500:]),
    "details": lambda text: details.find(text, sent_at=NOW, ticket_numbers=("261122-000123-4",)),
    "secrets": secrets.remove,
    "phishing": secrets.asks_for_secrets,
    "review": lambda text: review.read("Отзыв о поддержке", text),
    "rating": lambda text: review.read(text[:300], text),
    "greeting": chatter.is_greeting,
    "thanks": chatter.is_thanks,
    "command": lambda text: chatter.command(text, text),
    "language": language.detect,
    "completeness": completeness.describes,
}
# What the patterns start with, so that random texts reach their insides.
VOCABULARY = """
    пароль парол PIN пин-код код смс cvv карта 4276 3800 1234 5679 ФИО: Иванов иванова Иван Ивановна Мамед
    оглы меня зовут С уважением ИНН СНИЛС паспорт серия выдан лицевой счёт тел. +7 8 916 123-45-67 9161234567
    ivan@mail.ru @ a@ .ru перезвоните после 18:00 до ответ на почту заявление № услуга « » " : на шаге 3
    ошибка 500 пишет Mozilla/5.0 (Windows Chrome/120 iPhone 13 вчера 20.11.2026 31.02.2026 99.99.9999 в 15:30
    25:61 по Москве мск+99 utc-99 ноября 0 ноября 2026 оценка 5 из 5 ★★★ предложения: сообщите назовите
    пришлите нам ваш Здравствуйте спасибо /start . , - ( ) İ ß ё ５ ٣ ² [удалено]
"""
WORDS = st.sampled_from([*VOCABULARY.split(), "\n", "\u3000", "\u200b", "\ud83d", "\x00"])
TEXTS = st.one_of(
    st.text(max_size=300), st.lists(WORDS, max_size=30).map(" ".join), st.lists(WORDS, max_size=30).map("".join)
)


@pytest.mark.parametrize("name", CONCERNS)
@settings(max_examples=150)
@given(text=TEXTS)
def test_no_text_raises(name: str, text: str) -> None:
    CONCERNS[name](text)


@given(text=TEXTS)
@settings(max_examples=300)
def test_only_secrets_are_taken_out_and_every_other_character_stays(text: str) -> None:
    cleaned = secrets.remove(text)
    assert (cleaned.text == text) == (cleaned.removed == ())
    at = 0
    for piece in cleaned.text.split(secrets.MARK):
        at = text.find(piece, at)
        assert at >= 0, "what is not a secret is kept, in its order"
        at += len(piece)


WORST = [
    "a", "а", "8", "9", " ", "\n", ".", "@", "\"", "«", "-", "(", "+", "a@", "a.", "1.", "1 ", "8 9", "12 ", "+7(",
    "8-", "4276 ", "пароль ", "пароль: ", "пароль \n", "пароль от от ", "логин и пароль ", "код из смс ", "код ",
    "код из", "пин ", "cvv ", "сообщите ", "пришлите нам ", "не сообщайте код ", "your ", "send your ",
    "введите код http:// ", "Ивановна ", "ович", "Иван Иванович ", "ивановна\n", "фио ", "меня зовут ", "фамилия ",
    "имя: ", "С уважением ", "с уважением\n", "А.А. ", "инн ", "инн 1", "снилс ", "паспорт ", "паспорт 45",
    "серия ", "выдан ", "лицевой счет ", "л/с ", "ответ ", "ответ на ", "перезвоните ", "перезвоните с 1 ",
    "заявление ", "заявление 1", "заявление №", "услуга ", "услуга \"", "услуга (", "записаться к ",
    "заявление на а", "на шаге ", "на этапе а", "при входе ", "ошибка ", "ошибка 5", "ошибка:", "пишет \"",
    "пишет ", "err_", "a_error_", "вчера ", "вчера в ", "1.01 ", "20.11.2026 ", "12 ноября ", "в 12:00 ", "12:00 ",
    "Mozilla/5.0 (", "Mozilla/5.0 (a) ", "chrome ", "samsung ", "iphone 1 ", "android ", "windows ", "оценка ",
    "оценка: 5", "5 из ", "★", "предложения: ", "предложения ", "отзыв о поддержке ", "привет ", "спасибо ",
    "/start ", "{\"command\":", "http://", "İ", "😀",
]  # fmt: skip


@pytest.mark.parametrize("name", CONCERNS)
def test_64_kb_of_the_worst_text_takes_less_than_50_ms(name: str) -> None:
    concern = CONCERNS[name]
    concern("Иванов Иван Иванович 8 916 123-45-67")  # the dictionaries are loaded once
    slow = {}
    for unit in WORST:
        text = (unit * 65536).encode()[:65536].decode(errors="ignore")
        spent = min(_timed(concern, text) for _ in range(2))
        if spent > 0.05:
            slow[unit] = round(spent * 1000)
    assert not slow, "milliseconds by repeated unit"


def _timed(concern: Callable[[str], object], text: str) -> float:
    begin = time.thread_time()  # a neighbour's load is not ours
    concern(text)
    return time.thread_time() - begin
