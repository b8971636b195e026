"""Nearly the same text is known again; another problem in similar words, and what says little, is not."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer.likeness import content_words, same

CODE = "Не приходит СМС с кодом подтверждения при входе в личный кабинет"
PASSPORT = "Подал заявление на загранпаспорт 12 ноября, статус не меняется уже неделю, госпошлина 5000 рублей оплачена"
DOCTOR = "Не могу записаться к врачу через портал, выдаёт ошибку при выборе времени приёма"
ENGLISH = "I cannot sign in to my account after changing the phone, the confirmation code never arrives"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Здравствуйте",
        "спасибо",
        "ну что там?",
        "когда ответите",
        "Здравствуйте! Когда будет ответ?",
        "Добрый день, подскажите пожалуйста, есть новости по моему обращению?",
        "Второй раз пишу, никто не отвечает, сколько можно ждать ответа!!!",
        "не приходит смс",
        "не работает",
        "Спасибо большое, всё заработало!",
        "👍👍👍",
        "261122-000123-0",
        "Hello, any news on my request?",
        "Good afternoon! Still waiting for your reply, please help",
        "С уважением, Иванова Мария Петровна, главный бухгалтер общества с ограниченной ответственностью «Ромашка»",
    ],
)
def test_greetings_and_short_phrases_never_count(text: str) -> None:
    assert content_words(text) is None
    assert not same(text, text)


ALIKE = [
    (CODE, CODE),
    (CODE, CODE.upper() + "!!!"),
    (CODE, f"Здравствуйте! {CODE}. Помогите, пожалуйста"),
    (CODE, f"Добрый день, второй раз пишу. {CODE}, жду ответа уже неделю. С уважением, Иванов Пётр, 8 916 123-45-67"),
    (CODE, "не приходит смс с кодом потверждения при входе в личный кабинет"),
    (CODE, "При входе в личный кабинет не приходит СМС с кодом подтверждения"),
    (CODE, f"{CODE}. Телефон менял в прошлом году, оператор тот же."),
    (f"Здравствуйте. {CODE}.", f"Добрый вечер! До сих пор {CODE.lower()}... Заранее спасибо, Мария"),
    (
        PASSPORT,
        "Добрый день! Подала заявление на загранпаспорт 14.11.2026, статус не меняется уже вторую неделю, "
        "госпошлина 3500 р. оплачена. В МФЦ сказали писать вам.".replace("Подала", "Подал"),
    ),
    (DOCTOR, "Не могу записаться к врачу через портал, выдает ошибку при выборе времени приема (скриншот приложил)"),
    (DOCTOR, "Не могу записатся к врачу через портал выдает ошибку при выборе времени прийема"),
    (ENGLISH, f"Hi again, {ENGLISH}! Best regards, John"),
    (ENGLISH, "I can't sign in to my account after changing the phone: the confirmation code never arrives."),
    (ENGLISH, f"Good morning. {ENGLISH}. I have tried three browsers."),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_nearly_the_same_is_the_same_either_way_round(one: str, other: str) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (CODE, "Не приходит письмо с кодом подтверждения при входе в личный кабинет"),
        (CODE, "Приходит СМС с кодом подтверждения при входе в личный кабинет"),
        (CODE, "Не приходит СМС с кодом подтверждения при оплате штрафа"),
        (DOCTOR, "Не могу записаться к нотариусу через портал, выдаёт ошибку при выборе времени приёма"),
        (DOCTOR, "Не могу записать ребёнка в сад через портал, выдаёт ошибку при выборе времени приёма"),
        (
            "Не проходит оплата штрафа через портал, деньги списались, 5000 рублей",
            "Не проходит оплата госпошлины через портал, деньги списались, 5000 рублей",
        ),
        (
            "Не могу включить уведомления в мобильном приложении, кнопка не нажимается",
            "Не могу выключить уведомления в мобильном приложении, кнопка не нажимается",
        ),
        (
            "Прошу изменить номер телефона в профиле, старый номер утерян, доступа больше не имею",
            "Прошу изменить адрес почты в профиле, старый адрес утерян, доступа больше не имею",
        ),
        (PASSPORT, PASSPORT.replace("загранпаспорт", "водительское удостоверение")),
        (ENGLISH, "I cannot sign in to my account after changing the password, the confirmation code never arrives"),
        (
            "The text message with the code does not arrive when I sign in to the portal",
            "The letter with the code does not arrive when I sign in to the portal",
        ),
        (CODE, ENGLISH),
        (CODE, f"{CODE}. {PASSPORT}. {DOCTOR}, поэтому хочу подать жалобу на сотрудника отделения, который нагрубил"),
    ],
)
def test_another_problem_in_similar_words_is_another(one: str, other: str) -> None:
    assert not same(one, other)
    assert not same(other, one)


WORDS = st.lists(st.sampled_from((CODE + " " + PASSPORT + " " + DOCTOR).split()), min_size=12, max_size=40)


GREETINGS = st.sampled_from(["Здравствуйте! ", "Добрый день. Опять ", "ПОВТОРНО: "])
ENDINGS = st.sampled_from(["", " Спасибо!", " 22.11.2026"])


@given(WORDS, GREETINGS, ENDINGS)
def test_greetings_dates_and_thanks_change_nothing(words: list[str], before: str, after: str) -> None:
    text = " ".join(words)
    if content_words(text) is not None:
        assert content_words(before + text + after) == content_words(text)
        assert same(text, before + text + after)


@given(st.text(max_size=500), st.text(max_size=500))
def test_it_never_raises_and_is_symmetric(one: str, other: str) -> None:
    assert same(one, other) == same(other, one)
    assert (content_words(one) is not None) == same(one, one)


WORST = [
    "а" * 64_000,
    "слово " * 9_000,
    "a." * 32_000,
    "<" * 64_000,
    "http://" * 9_000,
    "n't" * 21_000,
    "\ud800" * 9_000,
]


@pytest.mark.parametrize("worst", WORST)
def test_64_kb_of_the_worst_take_less_than_50_ms(worst: str) -> None:
    spent = []
    for _ in range(3):
        start = time.process_time()
        content_words(worst)
        same(worst, worst + " ещё")
        spent.append(time.process_time() - start)
    assert min(spent) < 0.05
