"""The pictures of the documentation, taken anew: `python -m tests.board.pictures`. They show made-up citizens only."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ledger import journal
from pipeline.intake import entry
from tests.board.site import ADMIN_PASSWORD, PORTAL, Operator, Site, site
from tests.services.chromium import Chromium, Window

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
MAIL = """
[channels.pochta]
kind = "email"
imap_host = "imap.example.org"
username = "help@example.org"
password = "not used here"
smtp_host = "smtp.example.org"
"""
WRITTEN = (
    ("Алексей", "Морозов", "Не приходит смс с кодом для входа на госуслуги, пробую со вчерашнего вечера, номер тот же"),
    ("Наталья", "Белова", "Мне позвонили и попросили код из смс якобы для отмены заявки, что делать, я его назвала"),
    ("Тимур", "Ахметов", "Приложение вылетает сразу после входа, Android 14, Samsung A54"),
    ("Ольга", "Петренко", "Не могу подтвердить учётную запись через банк, пишет «данные не совпадают»"),
    ("Виктор", "Лебедев", "В личном кабинете не открываются штрафы, белая страница"),
    ("Гульнара", "Сафина", "Подала заявление на пособие 12 дней назад, статус не меняется, куда обратиться?"),
)
LETTER = (
    "Пытаюсь записать дочь в первый класс. На шаге «Выбор школы» после кнопки «Далее» появляется ошибка 500. "
    "Пробовала в Chrome и Firefox, со вчерашнего дня одно и то же. Снимок экрана прикладываю."
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(183_000)


def telegram(number: int, first: str, last: str, words: str) -> bytes:
    person = {"id": 5_000_000 + number, "is_bot": False, "first_name": first, "last_name": last, "language_code": "ru"}
    message: dict[str, Any] = {
        "message_id": number,
        "from": person,
        "chat": {"id": person["id"], "type": "private", "first_name": first},
        "date": int(time.time()) - 60 * (10 - number),
        "text": words,
    }
    return json.dumps({"update_id": number, "message": message}, ensure_ascii=False).encode()


def write(made: Site) -> str:
    """Fill the ledger; returns the number of the ticket that is shown."""
    units = [telegram(index + 1, *written) for index, written in enumerate(WRITTEN)]
    entries = [entry(made.parts, "telegram", "bot", "7000000001", unit, acknowledge=True) for unit in units]
    made.parts.database.run_now(lambda conn: journal.append(conn, entries))
    who = {"full_name": "Кузнецова Марина Олеговна", "email": "m.kuznetsova@example.org"}
    number = made.take(**who, phone="+7 912 345-67-89", description=LETTER, files=[("ошибка.png", PNG, "image/png")])
    with contextlib.closing(Operator(made)) as operator:
        operator.answer(
            number, text="Марина Олеговна, мы видим ошибку и исправляем её. Напишем, как только запись откроется."
        )
    made.take(**who, number=number, description="Попробовала сегодня утром ещё раз: " + LETTER)
    return number


def save(window: Window, name: str) -> None:
    window.driver.save_screenshot(str(FOLDER / name))
    print(f"{name}: {(FOLDER / name).stat().st_size // 1000} kB")


def take() -> None:
    """Take them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    chromium = Chromium().start()
    with TemporaryDirectory() as folder:
        path = Path(folder)
        with site(f"sqlite:///{path / 'priemnaya.db'}", path, PORTAL + MAIL) as made:
            number = write(made)
            for dark in (False, True):
                _take(chromium, made, number, dark)
    chromium.close()


def _take(chromium: Chromium, made: Site, number: str, dark: bool) -> None:
    end = "-dark.png" if dark else ".png"
    with contextlib.closing(chromium.open(size=(1100, 860), dark=dark)) as window:
        window.go(made.url + "/")
        window.write("#full_name", "Кузнецова Марина Олеговна")
        window.write("#email", "m.kuznetsova@example.org")
        window.run("document.getElementById('category').value = 'services'")
        window.write("#description", LETTER)
        window.run("document.activeElement.blur(); scrollTo(0, 0)")
        save(window, "form" + end)
        window.go(f"{made.url}/board")
        window.write("#name", "admin")
        window.write("#password", ADMIN_PASSWORD)
        window.press("main button")
        window.wait(lambda page: "on" in page.one("#live").get_attribute("class"))
        save(window, "board" + end)
        window.go(f"{made.url}/board/tickets/{number}")
        save(window, "ticket" + end)


if __name__ == "__main__":
    take()
