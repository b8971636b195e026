"""Every page in a real browser: on a phone, by the keyboard, in English, and with hostile words in every field."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from ledger import journal
from pipeline.intake import entry
from tests.board.site import ADMIN_PASSWORD, LONG, PORTAL, Site, site
from tests.board.test_browser import ATTACKS, MAIL
from tests.services.chromium import Chromium, Window

CITIZENS = ("/", "/status", "/nothing", "/api/docs", "/board/sign-in")
BOARD = (
    "",
    "/tickets",
    "/search",
    "/quarantine",
    "/channels",
    "/accounts",
    "/record",
    "/password",
)
POLICY = "default-src 'none'"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with one ticket of hostile words by the form, one by Telegram, and such a row in the quarantine."""
    folder = tmp_path_factory.mktemp("pages")
    with site(f"sqlite:///{folder / 'priemnaya.db'}", folder, PORTAL + MAIL) as made:
        yield made


@pytest.fixture(scope="module")
def board(chromium: Chromium, served: Site) -> Iterator[Window]:
    with contextlib.closing(chromium.open(size=(360, 800), language="en")) as opened:
        sign_in(opened, served)
        yield opened


def sign_in(window: Window, served: Site) -> None:
    window.go(f"{served.url}/board")
    window.write("#name", "admin")
    window.write("#password", ADMIN_PASSWORD)
    window.press("main button")
    window.one("#queue")


def search(window: Window, words: str) -> None:
    window.run("document.getElementById('q').value = arguments[0]; document.querySelector('.find').submit()", words)
    window.wait(lambda page: "/board/search" in page.driver.current_url)


def fits(window: Window) -> bool:
    """Whether nothing of the page lies beside the screen."""
    return bool(window.run("return document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_page_fits_on_a_phone(board: Window, served: Site, language: str) -> None:
    name = "спишите_с_моего_счёта_и_верните_на_карту_" * 4
    with contextlib.closing(served.visitor()) as citizen:
        number = citizen.take(
            description=LONG + name, files=[(name + ".png", b"\x89PNG\r\n\x1a\n" + bytes(9), "image/png")]
        )
    pages = [*CITIZENS, *(f"/board{path}" for path in BOARD), f"/board/tickets/{number}"]
    for path in pages:
        board.go(f"{served.url}{path}{'&' if '?' in path else '?'}lang={language}")
        assert fits(board), path


def test_no_page_in_english_speaks_russian(board: Window, served: Site) -> None:
    for path in [*CITIZENS, *(f"/board{path}" for path in BOARD[2:])]:
        board.go(f"{served.url}{path}{'&' if '?' in path else '?'}lang=en")
        shown = board.run("return document.documentElement.innerText").replace("Русский", "")
        shown = re.sub(r"curl .*?\}\}'", "", shown, flags=re.DOTALL)  # an example of what a citizen says
        shown = shown.replace("Соколов Игорь Андреевич", "")
        assert not re.search("[а-яё]", shown, re.IGNORECASE), path


def test_the_board_is_used_by_the_keyboard_alone(chromium: Chromium, served: Site) -> None:
    with contextlib.closing(served.visitor()) as citizen:
        number = citizen.take()
    with contextlib.closing(chromium.open()) as window:
        window.go(f"{served.url}/board")
        window.run("document.getElementById('name').focus()")
        window.keys("second", Keys.TAB, ADMIN_PASSWORD, Keys.ENTER)
        window.one("#queue")
        assert tab_to(window, f"/board/tickets/{number}")
        window.keys(Keys.ENTER)
        window.one("#text")
        assert tab_to(window, "text")
        window.keys("Готово, проверьте.", Keys.TAB, Keys.TAB, Keys.TAB, Keys.ENTER)
        assert "Готово" in window.text(".turn.ours > .words")


def tab_to(window: Window, wanted: str) -> bool:
    """Press the tabulator until the focus is on a link to `wanted`, or on what has it for its id; it must be seen."""
    for _ in range(60):
        window.keys(Keys.TAB)
        href, name, outline = window.run(
            "const on = document.activeElement;"
            "return [on.getAttribute('href'), on.id, getComputedStyle(on).outlineStyle]"
        )
        assert outline != "none", (href, name)
        if wanted in (href, name):
            return True
    return False


def test_a_form_pressed_twice_is_sent_once(board: Window, served: Site) -> None:
    """The password of a new account, which is shown once, gave way to «this name is taken»."""
    board.go(f"{served.url}/board/accounts")
    board.write("#new-name", "twice")
    press = "const add = document.querySelector('#new-name').form.querySelector('button'); add.click();"
    board.run(f"{press} setTimeout(() => add.click(), 3)")
    assert re.fullmatch("[a-z0-9]{4}(-[a-z0-9]{4}){3}", board.text("#told"))


def test_arabic_runs_from_the_right_and_its_full_stop_stands_at_the_left(board: Window, served: Site) -> None:
    with contextlib.closing(served.visitor()) as citizen:
        number = citizen.take(description="لا أستطيع تسجيل الدخول إلى البوابة وأحتاج إلى المساعدة." * 3)
    board.go(f"{served.url}/board/tickets/{number}")
    word, stop = board.run(
        "const text = document.querySelector('.said .words').firstChild, range = document.createRange();"
        "const left = (at) => { range.setStart(text, text.length - at); range.setEnd(text, text.length - at + 1);"
        "  return range.getBoundingClientRect().left; };"
        "return [left(2), left(1)]"
    )
    assert stop < word


def harmless(window: Window) -> bool:
    scripts = (
        "return document.querySelectorAll('main script, main img, main iframe, main b, [onerror], [onload]').length"
    )
    return window.driver.title != "owned" and window.run(scripts) == 0


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_runs_that_a_page_says_back(board: Window, served: Site, attack: str) -> None:
    board.go(f"{served.url}/?lang=ru")
    for name in ("full_name", "email", "phone", "description", "number"):
        board.run("document.getElementById(arguments[0]).value = arguments[1]", name, attack)
    board.run("HTMLFormElement.prototype.submit.call(document.getElementById('form'))")  # past the page's own checks
    board.wait(lambda page: page.all(".has-error"))
    assert harmless(board) and board.run("return document.getElementById('full_name').value") == attack

    board.go(f"{served.url}/board")
    search(board, attack)
    assert harmless(board) and board.run("return document.getElementById('q').value") == attack
    raw = json.dumps({"no": attack}).encode() + b"<script>document.title='owned'</script>"
    made = entry(served.parts, "portal", "portal", "portal", raw, acknowledge=False)
    [row] = served.parts.database.run_now(lambda conn: journal.append(conn, [made])).values()
    board.wait(lambda page: page.go(f"{served.url}/board/quarantine/{row}") or page.all("pre"))
    assert harmless(board)


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_runs_that_came_by_a_messenger(board: Window, served: Site, attack: str) -> None:
    number = 9_000_000 + ATTACKS.index(attack)
    person = {"id": number, "is_bot": False, "first_name": attack, "username": "u" + attack, "language_code": attack}
    file = {"file_id": "x", "file_unique_id": "x", "file_name": attack, "mime_type": attack, "file_size": 5}
    message = {
        "message_id": 1,
        "from": person,
        "chat": {"id": number, "type": "private", "title": attack},
        "date": 1_795_000_000,
        "caption": f"Не приходит код {attack}",
        "document": file,
        "forward_origin": {"type": "hidden_user", "sender_user_name": attack, "date": 1_794_000_000},
    }
    unit = json.dumps({"update_id": number, "message": message}).encode()
    made = entry(served.parts, "telegram", "bot", "7000000001", unit, acknowledge=True)
    served.parts.database.run_now(lambda conn: journal.append(conn, [made]))
    board.go(f"{served.url}/board")
    link = board.wait(lambda page: search(page, f"telegram:{number}") or (page.all(".ticket-link") or [None])[0])
    assert harmless(board)
    board.go(link.get_attribute("href"))
    assert board.one(".turn.said") and harmless(board)


def test_every_answer_forbids_inline_scripts_and_styles_and_has_none(served: Site, board: Window) -> None:
    cookie = board.driver.get_cookie("priemnaya")["value"]
    paths = [*CITIZENS, "/healthz", "/captcha", *(f"/board{path}" for path in BOARD)]
    for path in paths:
        answer = served.client.get(path, headers={"cookie": f"priemnaya={cookie}"})
        policy = answer.headers["content-security-policy"]
        assert policy.startswith(POLICY) and "unsafe" not in policy and "script-src 'self'" in policy, path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        if "html" in answer.headers["content-type"]:
            assert not re.search(r"<script(?![^>]*\ssrc=)|<style|<[a-z][^<>]*\s(style|on[a-z]+)=", answer.text), path


def test_the_limits_are_shown_as_they_are_configured(chromium: Chromium, served: Site) -> None:
    with contextlib.closing(chromium.open()) as window:
        window.go(f"{served.url}/?lang=ru")
        assert "каждый до 25 МБ, вместе до 40 МБ" in window.text("#files-hint")
        window.one("#files").send_keys(str(chromium.file("exact.bin", bytes(25 * 1024 * 1024))))
        assert "25 МБ" in window.text("#files-list") and not window.one("#files-wrong").is_displayed()
        window.one("#files").send_keys(str(chromium.file("more.bin", bytes(25 * 1024 * 1024 + 1))))
        assert window.one("#files-wrong").is_displayed()


def test_the_queue_comes_to_life_again_after_an_answer_that_is_no_stream_or_asks_to_sign_in(
    chromium: Chromium, served: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy's 502 while the front starts anew, or a refusal: a browser does not ask again by itself after these."""
    with contextlib.closing(chromium.open()) as window:
        sign_in(window, served)
        with monkeypatch.context() as patch:
            patch.setattr("board.queue_pages.LOOKERS", 0)
            window.go(f"{served.url}/board")
            window.wait(lambda page: page.text("#live"))
            assert "on" not in window.one("#live").get_attribute("class").split()
        window.wait(lambda page: "on" in page.one("#live").get_attribute("class").split())
        with monkeypatch.context() as patch:
            patch.setattr("board.queue_pages.LOOKERS", 0)
            window.go(f"{served.url}/board")
            window.wait(lambda page: page.text("#live"))
            window.driver.delete_all_cookies()
            window.one("#password")
