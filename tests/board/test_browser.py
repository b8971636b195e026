"""The main stories in a real browser: a form with a file, its number, the board, an answer, and what must not run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from tests.board.site import ADMIN_PASSWORD, FILLED, LONG, PORTAL, Site, site
from tests.harness.worker import patience
from tests.services.chromium import Chromium, Window

PNG = b"\x89PNG\r\n\x1a\n" + bytes(2000)
MAIL = """
[channels.pochta]
kind = "email"
imap_host = "imap.example.org"
username = "help@example.org"
password = "not used here"
smtp_host = "smtp.example.org"
"""
ATTACKS = (
    '<script>document.title="owned"</script>',
    '"><img src=x onerror="document.title=\'owned\'">',
    "<svg onload=\"document.title='owned'\"></svg>",
    "javascript:document.title='owned'",
    "{{7*7}} {% raw %} ${7*7}",
    "</textarea><iframe src=javascript:document.title='owned'></iframe>",
    "\u202egnp.exe <b onmouseover=\"document.title='owned'\">",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("browser")
    with site(f"sqlite:///{folder / 'priemnaya.db'}", folder, PORTAL + MAIL) as made:
        yield made


@pytest.fixture
def window(chromium: Chromium) -> Iterator[Window]:
    with contextlib.closing(chromium.open()) as opened:
        yield opened


@pytest.fixture(scope="module")
def board(chromium: Chromium, served: Site) -> Iterator[Window]:
    """An operator's window; signed in once, since tries are counted."""
    with contextlib.closing(chromium.open()) as opened:
        opened.go(f"{served.url}/board")
        opened.write("#name", "admin")
        opened.write("#password", ADMIN_PASSWORD)
        opened.press("main button")
        opened.one("#queue")
        yield opened


def fill(window: Window, served: Site, email: str, **fields: str) -> None:
    window.go(served.url + "/")
    values = {**FILLED, "email": email, **fields}
    window.run("document.getElementById('category').value = arguments[0]", values.pop("category"))
    for name, words in values.items():
        window.write(f"#{name}", words)


def test_a_form_with_a_file_is_confirmed_with_a_number_and_seen_and_answered_on_the_board(
    chromium: Chromium, window: Window, board: Window, served: Site
) -> None:
    board.go(f"{served.url}/board")
    board.wait(lambda page: "on" in page.one("#live").get_attribute("class"))
    fill(window, served, "story@example.org")
    window.one("#files").send_keys(str(chromium.file("ошибка.png", PNG)))
    assert "ошибка.png" in window.text("#files-list")
    window.press("#send")
    number = window.text(".number")
    assert re.fullmatch(r"\d{6}-\d{6}-\d", number)
    assert window.complaints() == []

    board.wait(lambda page: number in page.text("#queue"), seconds=2.0 * patience())
    board.press(f'a[href="/board/tickets/{number}"]')
    assert "ошибка.png" in board.text(".attachments")
    assert LONG in board.text(".conversation")
    board.write("#text", "Ошибка исправлена, запишитесь ещё раз.")
    board.press('button[name="send"]')
    board.one(".notice")
    assert "Ошибка исправлена" in board.text(".turn.ours > .words")
    assert board.complaints() == []


def test_a_short_form_is_refused_in_the_page_and_nothing_is_sent(window: Window, served: Site) -> None:
    before = served.journalled()
    fill(window, served, "short@example.org", description="Ничего не работает")
    window.press("#send")
    assert "не хватает" in window.text("#description-wrong")
    assert window.run("return document.activeElement.id") == "summary"
    assert window.one("#description").get_attribute("aria-invalid") == "true"
    assert served.journalled() == before


def test_an_earlier_number_is_checked_for_slips_as_it_is_typed(window: Window, served: Site) -> None:
    number = served.visitor()
    with contextlib.closing(number):
        right = number.take()
    window.go(served.url + "/")
    window.write("#number", right[:-1] + str((int(right[-1]) + 1) % 10))
    assert "slip" in window.one("#number-note").get_attribute("class")
    window.write("#number", right.replace("-", " "))
    assert "right" in window.one("#number-note").get_attribute("class")


def test_who_goes_back_and_writes_something_else_sends_another_request(window: Window, served: Site) -> None:
    fill(window, served, "back@example.org")
    window.press("#send")
    first = window.text(".number")
    fill(window, served, "back@example.org", description="Совсем другая беда: " + "письма не приходят на почту. " * 5)
    window.press("#send")
    window.wait(lambda page: page.all(".number") and page.text(".number") != first)


def test_the_form_can_be_filled_in_and_sent_by_the_keyboard_alone(window: Window, served: Site) -> None:
    window.go(served.url + "/")
    window.run("document.getElementById('full_name').focus()")
    window.keys(
        "Орлов Пётр Ильич", Keys.TAB, "keyboard@example.org", Keys.TAB, Keys.TAB, Keys.ARROW_DOWN, Keys.TAB, LONG
    )
    window.keys(Keys.TAB, Keys.TAB, Keys.TAB, Keys.ENTER)  # past the files and the number, to the button
    assert re.fullmatch(r"\d{6}-\d{6}-\d", window.text(".number"))


def test_a_browser_of_2019_sends_the_form_with_a_file(chromium: Chromium, window: Window, served: Site) -> None:
    """Telephones that get no newer one: of iOS 12, of an Android that is updated no more."""
    window.before_every_page("delete Element.prototype.replaceChildren; delete Document.prototype.replaceChildren")
    fill(window, served, "old-phone@example.org", description="мало")
    window.one("#files").send_keys(str(chromium.file("старый.png", PNG)))
    window.press("#send")
    assert "не хватает" in window.text("#summary")
    window.write("#description", LONG)
    window.press("#send")
    assert re.fullmatch(r"\d{6}-\d{6}-\d", window.text(".number"))


@pytest.mark.parametrize("lacks", ["the script", "the thread", "the challenge"])
def test_whose_browser_cannot_do_the_proof_of_work_answers_the_question(
    window: Window, served: Site, lacks: str
) -> None:
    """JavaScript is on, so that no `noscript` is shown; a filter, an old browser or a weak network stops it."""
    window.command("Network.enable")
    if lacks == "the thread":
        window.before_every_page("window.Worker = undefined")
    else:
        window.command("Network.setBlockedURLs", urls=["*/form.js" if lacks == "the script" else "*/captcha"])
    fill(window, served, f"without-{lacks.split()[1]}@example.org")
    if lacks != "the script":
        assert not window.one("#answer").is_displayed()
        window.press("#send")
        window.wait(lambda page: page.one("#answer").is_displayed())
    one, other = re.findall(r"\d+", window.text('label[for="answer"]'))
    window.write("#answer", str(int(one) + int(other)))
    window.press("#send")
    assert re.fullmatch(r"\d{6}-\d{6}-\d", window.text(".number"))


def test_a_link_in_the_operators_chat_leads_to_the_ticket(board: Window, served: Site) -> None:
    """He was shown the page to sign in, since the browser kept the cookie from where a link of another site led."""
    number = served.take(description="Не открывается выписка из ЕГРН: после кнопки «Скачать» пустой файл. " * 2)
    board.go(f"data:text/html,<a id=link href='{served.url}/board/tickets/{number}'>see</a>")
    board.press("#link")
    assert number in board.wait(lambda page: page.one("h1").text)


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_a_citizen_wrote_runs_on_the_board(board: Window, served: Site, attack: str) -> None:
    with contextlib.closing(served.visitor()) as citizen:
        files = [(f"{attack}.txt", b"x", "text/plain")]
        number = citizen.take(full_name=f"Иван {attack}", description=f"{attack} {LONG}", files=files)
    for path in ("/board", f"/board/tickets/{number}", f"/board/tickets?desk={number[:5]}"):
        board.go(served.url + path)
        time.sleep(0.2)
        assert board.driver.title != "owned"
        assert board.run("return document.querySelectorAll('main script, main img, main iframe, main svg').length") == 0
    board.go(f"{served.url}/board/tickets/{number}")
    assert attack.split()[0].strip("\u202e") in board.text(".words")


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, from npm's cache or registry; a laptop without npm skips."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    command = [npm or "npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "axe-core@4"]
    done = subprocess.run(command, capture_output=True, timeout=100, check=False) if npm else None
    source = folder / "node_modules" / "axe-core" / "axe.min.js"
    if done is None or done.returncode or not source.exists():
        message = "axe-core could not be installed by npm: accessibility was not checked"
        if os.environ.get("CI") and npm:
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    return source.read_text(encoding="utf-8")


def violations(window: Window, axe: str) -> list[Any]:
    """What axe finds against WCAG 2.2 A and AA. It is run by the driver, past the page's policy."""
    window.run(axe)
    script = """
        const done = arguments[arguments.length - 1];
        axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
          .then((found) => found.violations.map((one) => [one.id, one.nodes.map((node) => node.html).slice(0, 3)]))
          .then((found) => done(JSON.stringify(found)));
    """
    window.driver.set_script_timeout(60)
    found: list[Any] = json.loads(window.driver.execute_async_script(script))
    return found


def test_axe_sees_what_is_wrong(window: Window, served: Site, axe: str) -> None:
    window.go(served.url + "/status")
    window.run("document.querySelector('label').remove()")
    assert "label" in [name for name, _ in violations(window, axe)]


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_on_the_citizens_pages(
    chromium: Chromium, served: Site, axe: str, dark: bool, tmp_path: Path
) -> None:
    with contextlib.closing(chromium.open(size=(390, 844), dark=dark)) as phone:
        for path in ("/", "/?lang=en", "/status", "/nothing", "/api/docs"):
            phone.go(served.url + path)
            assert violations(phone, axe) == [], path
        fill(phone, served, "axe@example.org", description="мало")
        phone.press("#send")
        assert violations(phone, axe) == []
        fill(phone, served, f"axe{dark}@example.org")
        phone.press("#send")
        phone.one(".number")
        assert violations(phone, axe) == []


def test_axe_finds_nothing_on_the_board(board: Window, served: Site, axe: str) -> None:
    with contextlib.closing(served.visitor()) as citizen:
        number = citizen.take()
    pages = ("", "/tickets", f"/tickets/{number}", "/search", "/quarantine", "/channels", "/accounts", "/record")
    for path in (*pages, "/password"):
        board.go(f"{served.url}/board{path}")
        assert violations(board, axe) == [], path
