"""What an operator wrote at length is given back where it could not be taken, and can be sent from there."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select

from ledger.errors import LedgerAway
from ledger.schema import outgoing, sessions
from tests.board.site import ADMIN_PASSWORD, PORTAL, Operator, Site, site
from tests.board.test_browser import MAIL
from tests.services.chromium import Chromium, Window

WORDS = "Проверили вашу заявку: <ошибка> исправлена.\nПодайте её ещё раз."


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("words")
    with site(f"sqlite:///{folder / 'priemnaya.db'}", folder, PORTAL + MAIL) as made:
        yield made


def answers(served: Site, number: str) -> int:
    query = select(outgoing.c.seq).where(outgoing.c.ticket == number, outgoing.c.purpose == "reply")
    return len(served.parts.database.look_now(lambda conn: conn.execute(query).all()))


def end_sessions(served: Site) -> None:
    served.parts.database.run_now(lambda conn: conn.execute(delete(sessions)))


def sign_in(window: Window) -> None:
    window.write("#name", "second")
    window.write("#password", ADMIN_PASSWORD)
    window.press("main button")
    window.one("#queue")


def test_an_answer_written_until_the_session_had_ended_is_sent_after_signing_in_beside(
    chromium: Chromium, served: Site
) -> None:
    with contextlib.closing(served.visitor()) as citizen:
        number = citizen.take()
    with contextlib.closing(chromium.open(size=(390, 844))) as window:
        window.go(f"{served.url}/board")
        sign_in(window)
        window.go(f"{served.url}/board/tickets/{number}")
        window.write("#text", WORDS)
        end_sessions(served)
        window.press('button[name="send"]')
        window.wait(lambda page: "закончился" in page.text("#why"))
        assert window.run("return document.getElementById('text').value") == WORDS
        assert window.run("return document.documentElement.scrollWidth <= window.innerWidth")
        writing = window.driver.current_window_handle
        window.press('main a[target="_blank"]')
        window.wait(lambda page: len(page.driver.window_handles) == 2)
        window.driver.switch_to.window(next(one for one in window.driver.window_handles if one != writing))
        sign_in(window)
        window.driver.switch_to.window(writing)
        window.press("main button")
        window.wait(lambda page: "нынешнего входа" in page.text("#why"))
        assert answers(served, number) == 0  # what bears no token of this session is nobody's word yet
        window.press("main button")
        assert window.text(".turn.ours > .words") == WORDS
        assert answers(served, number) == 1
        assert all("status of 403" in one for one in window.complaints())


def test_an_answer_that_meets_no_ledger_is_given_back(served: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(served.visitor()) as citizen:
        number = citizen.take()
    with contextlib.closing(Operator(served)) as operator:
        page = operator.get(f"/board/tickets/{number}").text
        fields = dict(re.findall(r'name="(csrf|reply_id|seen)" value="([^"]+)"', page))

        async def away(_work: object) -> Any:
            raise LedgerAway("away")

        with monkeypatch.context() as patch:
            patch.setattr(served.parts.database, "look", away)
            told = operator.client.post(
                f"/board/tickets/{number}/answer",
                data={**fields, "text": WORDS, "close": "1"},
                files=[("files", ("a.txt", b"a", "text/plain"))],
            )
        assert told.status_code == 503
        assert "&lt;ошибка&gt; исправлена." in told.text and "Файлы нужно приложить снова" in told.text
        again = dict(re.findall(r'name="(\w+)" value="([^"]+)"', told.text))
        assert {name: again[name] for name in fields} == fields and again["close"] == "1"
        sent = operator.client.post(f"/board/tickets/{number}/answer", data={**again, "text": WORDS})
        assert sent.headers["location"] == f"/board/tickets/{number}?done=closed"


def test_what_another_site_sends_is_not_shown_as_something_to_be_sent_again(served: Site) -> None:
    with contextlib.closing(served.visitor()) as stranger:
        path, fields = "/board/tickets/261122-000001-7/answer", {"text": WORDS, "reply_id": str(uuid.uuid4())}
        answer = stranger.client.post(path, data=fields, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 303 and "исправлена" not in answer.text
