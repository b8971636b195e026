"""Reviews of the support: by the subject of a letter, or by what a short chat message plainly is."""

from datetime import date

import pytest

from normalizer.envelope import Review
from normalizer.review import read


@pytest.mark.parametrize(
    ("subject", "text", "review"),
    [
        (
            "Отзыв о поддержке",
            "Обращение 261122-000123-4, 20.11.2026, оценка: 5\nПредложения: отвечать быстрее",
            Review(mark=5, about=date(2026, 11, 20), suggestions="отвечать быстрее"),
        ),
        ("Re: «Отзыв о поддержке»", "Ставлю 4 из 5", Review(mark=4)),
        ("FW: ОТЗЫВ О ТЕХНИЧЕСКОЙ ПОДДЕРЖКЕ", "пятёрка", Review(mark=5)),
        ("Отзыв о поддержке", "★★★★☆ спасибо", Review(mark=4)),
        ("Отзыв о поддержке", "⭐⭐⭐", Review(mark=3)),
        ("Отзыв о поддержке", "Всё плохо, ждал неделю", Review()),
        ("Отзыв о поддержке", "3 балла", Review(mark=3)),
        (
            "Отзыв о поддержке",
            "оценка – пять. Было бы лучше отвечать за час. 20 ноября 2026 г.",
            Review(mark=5, about=date(2026, 11, 20), suggestions="Было бы лучше отвечать за час"),
        ),
        (
            "Отзыв о поддержке",
            "Дата: 2026-11-20\nОценка: 2\nПредложения: нет",
            Review(mark=2, about=date(2026, 11, 20)),
        ),
        ("Отзыв о поддержке", "Оценка 10", Review()),
        (None, "Оценка поддержки 5", Review(mark=5)),
        (None, "Оператор помог, ставлю пятерку", Review(mark=5)),
        (None, "оцениваю работу поддержки на 2", Review(mark=2)),
        (None, "5/5 поддержка супер", Review(mark=5)),
        ("Re[2]: Отзыв о поддержке", "4+", Review(mark=4)),
        ("Отзыв о поддержке", "Ставлю твердую четверку", Review(mark=4)),
        ("Отзыв о поддержке", "Оценка: отлично", Review(mark=5)),
        ("Отзыв о поддержке", "оценка работы: неудовлетворительно", Review(mark=2)),
        (
            "Отзыв о работе поддержки",
            "Дата обращения: 15.11.2026. Моя оценка: 3. Пожелания: ускорить ответы\n\nС уважением, Иванов",
            Review(mark=3, about=date(2026, 11, 15), suggestions="ускорить ответы"),
        ),
        (None, "★★★★★", Review(mark=5)),
        ("Вопрос", "5 баллов поддержке", Review(mark=5)),
        (None, "Поставил бы 3 балла оператору", Review(mark=3)),
        (None, "Ставлю 2 балла. Ответили через три дня, и то отпиской.", Review(mark=2)),
        (None, "Спасибо! Ставлю пятерку.", Review(mark=5)),
    ],
)
def test_a_review_is_read(subject: str | None, text: str, review: Review) -> None:
    assert read(subject, text) == review


def test_a_date_without_its_year_is_known_by_when_the_review_was_written() -> None:
    text = "Оценка 5, оператор Елена помогла 20 ноября"
    assert read("Отзыв о поддержке", text, date(2026, 11, 23)) == Review(mark=5, about=date(2026, 11, 20))
    assert read("Отзыв о поддержке", text, date(2026, 1, 9)) == Review(mark=5, about=date(2025, 11, 20))
    assert read("Отзыв о поддержке", text) == Review(mark=5)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (None, ""),
        (None, "5"),
        (None, "Не приходит код"),
        (None, "мне 5 из 5 раз не ответила поддержка"),
        (None, "Оценка 4"),
        (None, "ошибка 5 из 5 попыток, поддержка не отвечает"),
        (None, "оценка 5 в школе у сына не видна"),
        ("Отзыв доверенности", "прошу отозвать"),
        ("Отзыв согласия на обработку", "оценка 5"),
        ("Поддержка", "не могу войти"),
        (None, "поддержка ответила, что принято 3 из 5 документов"),
        (None, "для пособия ставлю 2, а портал исправляет на 1"),
    ],
)
def test_a_request_is_no_review(subject: str | None, text: str) -> None:
    assert read(subject, text) is None
