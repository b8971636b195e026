"""The operators' board: who gets in, what is shown, what is recorded, and that an answer goes the desk's way."""

from __future__ import annotations

import contextlib
import html
import re
import time
import uuid
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from sqlalchemy import select, update

from board.sessions import ensure_administrator
from ledger import accounts, journal, reports
from ledger.schema import tickets
from pipeline.erase import erase
from pipeline.inspect import ticket_view
from tests.board.site import CABINET_KEY, LONG, Operator, Site

ATTACK = '<script>document.title="owned"</script><img src=x onerror=alert(1)>"\'&'


def eventually(condition: Any, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/live", "/tickets", "/tickets/261122-000001-7", "/search?q=a", "/quarantine", "/quarantine/1"),
        *("/channels", "/accounts", "/record", "/password"),
    ],
)
def test_who_is_not_signed_in_sees_nothing(portal: Site, path: str) -> None:
    answer = portal.client.get(f"/board{path}")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/board/sign-in?next=/board")


def test_a_file_is_for_who_is_signed_in_or_shows_a_key(portal: Site, operator: Operator) -> None:
    number = portal.take(files=[("<b>.html", b"<script>alert(1)</script>", "text/html")])
    found = ticket_view(portal.parts, number)
    assert found is not None
    path = "/attachments/" + found["attachments"][0]["id"]
    assert portal.client.get(path).status_code == 401
    assert portal.client.get(path, headers={"authorization": "Bearer nobody's"}).status_code == 401
    file = operator.get(path)
    assert file.content == b"<script>alert(1)</script>"
    assert file.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in file.headers["content-security-policy"]
    assert file.headers["x-content-type-options"] == "nosniff"
    page = operator.post("/board/accounts", name=f"desk-{number}", role="system").text
    key = re.search(r'id="told">([^<]+)<', page)
    assert key
    assert portal.client.get(path, headers={"authorization": f"Bearer {key[1]}"}).content == file.content
    assert portal.client.get("/attachments/none", headers={"authorization": f"Bearer {key[1]}"}).status_code == 404


def test_the_first_administrator_is_made_once_and_told_once(
    sqlite_url: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from config.settings import load
    from pipeline.parts import open_parts

    file = tmp_path / "first.toml"
    file.write_text(f'[database]\nurl = "{sqlite_url}"\n[storage]\nurl = "{tmp_path / "files"}"\n', encoding="utf-8")
    with contextlib.closing(open_parts(load(file, {}))) as parts:
        assert ensure_administrator(parts)
        told = capsys.readouterr().err
        assert re.search(r"name admin and the password [a-z2-9]{4}(-[a-z2-9]{4}){3};", told)
        assert not ensure_administrator(parts)
        assert capsys.readouterr().err == ""
        [row] = parts.database.look_now(accounts.every)
        assert (row["name"], row["role"], row["one_time"]) == ("admin", "administrator", True)


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer_and_are_stopped(portal: Site) -> None:
    def tried(name: str) -> tuple[int, str]:
        answer = portal.client.post("/board/sign-in", data={"name": name, "password": "wrong"})
        return answer.status_code, re.sub(r'value="[^"]*"', "", answer.text)

    assert tried("ivanov") == tried("petrov")
    statuses = {tried("sidorov")[0] for _ in range(12)}
    assert statuses == {403, 429}


def test_a_one_time_password_opens_nothing_but_the_choice_of_another(portal: Site, operator: Operator) -> None:
    page = operator.post("/board/accounts", name="novikova", role="operator").text
    told = re.search(r'id="told">([^<]+)<', page)
    assert told
    with contextlib.closing(Operator(portal, "novikova", told[1])) as new:
        assert new.get("/board").headers["location"] == "/board/password"
        short = new.post("/board/password", old=told[1], new="short", again="short")
        assert short.status_code == 422
        chosen = "another long password"
        assert new.post("/board/password", old=told[1], new=chosen, again=chosen).headers["location"] == "/board"
        assert new.get("/board").status_code == 200
        assert new.get("/board/accounts").status_code == 403
        assert new.get("/board/record").status_code == 403


def test_a_closed_account_is_signed_out_and_the_last_administrator_stays(portal: Site, operator: Operator) -> None:
    page = operator.post("/board/accounts", name="gone", role="operator").text
    told = re.search(r'id="told">([^<]+)<', page)
    assert told
    rows = {row["name"]: row["id"] for row in portal.parts.database.look_now(accounts.every)}
    with contextlib.closing(Operator(portal, "gone", told[1])) as gone:
        assert gone.get("/board/password").status_code == 200
        operator.post(f"/board/accounts/{rows['gone']}", action="close")
        assert gone.get("/board/password").status_code == 303
    assert operator.post(f"/board/accounts/{rows['admin']}", action="close").status_code == 422
    assert operator.get("/board").status_code == 200


def test_a_form_of_another_site_is_refused(operator: Operator, portal: Site) -> None:
    number = portal.take()
    path = f"/board/tickets/{number}/answer"
    fields = {"reply_id": "0191e2a0-0000-7000-8000-000000000001", "close": "1"}
    assert operator.client.post(path, data=fields).status_code == 403
    assert operator.client.post(path, data={**fields, "csrf": "0" * 32}).status_code == 403
    page = operator.get("/board/password").text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    headers = {"sec-fetch-site": "cross-site"}
    assert operator.client.post(path, data={**fields, "csrf": csrf[1]}, headers=headers).status_code == 403
    found = ticket_view(portal.parts, number)
    assert found is not None and found["state"] == "open"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(portal: Site) -> None:
    from tests.board.site import ADMIN_PASSWORD

    given = {"name": "second", "password": ADMIN_PASSWORD}
    cookie = portal.client.post("/board/sign-in", data=given).headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower() and "Secure" not in cookie
    behind_tls = {"x-forwarded-proto": "https"}
    cookie = portal.client.post("/board/sign-in", data=given, headers=behind_tls).headers["set-cookie"]
    assert cookie.startswith("__Host-") and "Secure" in cookie


def test_after_signing_in_one_is_never_sent_to_another_site(portal: Site) -> None:
    from tests.board.site import ADMIN_PASSWORD

    given = {"name": "second", "password": ADMIN_PASSWORD}
    for target in ("https://evil.example", "//evil.example", "/board//evil.example", "/board\\evil", "/other"):
        answer = portal.client.post("/board/sign-in", params={"next": target}, data=given)
        assert answer.headers["location"] == "/board"
    wanted = portal.client.post("/board/sign-in", params={"next": "/board/channels"}, data=given)
    assert wanted.headers["location"] == "/board/channels"


def test_a_request_is_on_the_board_at_once_and_every_look_is_recorded(portal: Site, operator: Operator) -> None:
    number = portal.take()
    assert number in operator.get("/board").text or number in operator.get("/board/tickets").text
    page = operator.get(f"/board/tickets/{number}")
    assert page.status_code == 200 and LONG[:60] in page.text
    notes = portal.parts.database.look_now(lambda conn: accounts.notes(conn, ticket=number))
    assert [(note["account"], note["action"]) for note in notes] == [("admin", "look")]
    assert number in operator.get("/board/record").text


def test_what_citizens_wrote_is_escaped_everywhere(portal: Site, operator: Operator) -> None:
    number = portal.take(
        full_name=f"Иван {ATTACK}"[:150], description=f"{ATTACK} {LONG}", files=[(ATTACK, b"x", ATTACK)]
    )
    eventually(lambda: number in operator.search("owned").text)
    pages = [operator.get(path).text for path in ("/board", "/board/tickets", f"/board/tickets/{number}")]
    for page in [*pages, operator.search("owned").text, operator.search(ATTACK).text]:
        assert "<script>document" not in page and "<img" not in page


def test_an_answer_without_a_way_to_the_citizen_says_why_and_keeps_the_draft(portal: Site, operator: Operator) -> None:
    number = portal.take()
    answer = operator.answer(number, text="Мы исправили ошибку")
    assert answer.status_code == 409
    assert "Мы исправили ошибку" in answer.text and "почты гражданина в нём нет" in answer.text
    assert "Файлы нужно приложить снова" not in answer.text
    page = f"/board/tickets/{number}/answer"
    told = operator.post(page, [("files", ("a.txt", b"a", "text/plain"))], reply_id=str(uuid.uuid4()), text="Файл")
    assert told.status_code == 409 and "Файлы нужно приложить снова" in told.text
    assert operator.answer(number, text=" ").status_code == 422


def test_an_operator_closes_a_request(portal: Site, operator: Operator) -> None:
    number = portal.take()
    closed = operator.answer(number, close="1")
    assert closed.headers["location"] == f"/board/tickets/{number}?done=closed"
    found = ticket_view(portal.parts, number)
    assert found is not None and found["state"] == "closed"
    assert number in operator.get("/board/tickets", state="closed").text


def test_the_search_finds_a_number_a_citizen_and_words(portal: Site, operator: Operator) -> None:
    number = portal.take(phone="+7 905 111-22-33", description=LONG + " Особое слово: квазидиссертация.")
    assert operator.search(number.replace("-", " ")).headers["location"] == f"/board/tickets/{number}"
    for contact in (portal.email, "8 905 1112233"):
        assert number in operator.search(contact).text
    eventually(lambda: number in operator.search("квазидиссертации ошибки").text)
    assert number not in operator.search("квазидиссертация бегемот").text


def test_the_other_language_shows_what_was_searched_and_chosen(operator: Operator) -> None:
    def other(shown: httpx.Response) -> httpx.URL:
        (link,) = re.findall(r'href="([^"]+)" hreflang="en"', shown.text)
        return httpx.URL(html.unescape(link))

    chosen = {"desk": "other", "state": "closed"}
    address = other(operator.get("/board/tickets", **chosen))
    assert (address.path, dict(address.params)) == ("/board/tickets", {**chosen, "lang": "en"})
    english = operator.get(str(other(operator.search("код & слово")))).text
    assert "код &amp; слово" in english and "Search" in english
    operator.get("/board?lang=ru")


def test_what_is_searched_for_stands_in_no_address_and_turns_its_pages_all_the_same(
    portal: Site, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Addresses stay in the browser's history and in the log of a proxy, where no erasure comes."""
    monkeypatch.setattr("board.lookup.PAGE", 1)
    first = portal.take(phone="+7 905 777-66-55")
    second = portal.take(phone="+7 905 777-66-55", description="Письма о готовности загранпаспорта не приходят. " * 3)
    assert first != second
    asked = operator.post("/board/search", q="8 905 777-66-55")
    shown = operator.get(asked.headers["location"])
    assert second in shown.text and f">{first}<" not in shown.text and 'value="8 905 777-66-55"' in shown.text
    more = re.search(r'rel="next" href="([^"]+)"', shown.text)
    assert more
    following = operator.get(html.unescape(more[1]))
    assert first in following.text and f">{second}<" not in following.text
    for address in (shown.url, following.url):
        digits = re.sub(r"\D", "", unquote(address.raw_path.decode()))  # not the port, which may be 37775
        assert "9057776655" not in digits and "7776655" not in digits
    made_elsewhere = operator.get("/board/search", q="8 905 777-66-55").text
    assert first not in made_elsewhere and second not in made_elsewhere


def test_another_site_is_never_a_language_of_ours(portal: Site) -> None:
    for path in ("//example.org/", "/%5Cexample.org", "/board%5C..//example.org"):
        for link in re.findall(r'href="([^"]+)" hreflang', portal.client.get(f"{portal.url}{path}").text):
            assert link.startswith(("/?", "/board"))


def test_erased_words_are_not_found_any_more(portal: Site, operator: Operator) -> None:
    number = portal.take(description=LONG + " Редкое слово: синхрофазотрон.")
    eventually(lambda: number in operator.search("синхрофазотрон").text)
    erase(portal.parts, number, cause="forget")
    assert number not in operator.search("синхрофазотрон").text
    page = operator.get(f"/board/tickets/{number}").text
    assert "синхрофазотрон" not in page and "Стёрто" in page


def test_lists_are_paged_by_key_without_a_gap_or_a_double(portal: Site, operator: Operator) -> None:
    for index in range(3):
        portal.take(email=f"page{index}@example.org")
    seen: list[str] = []
    path = "/board/tickets?state=open"
    while path:
        page = operator.get(path).text
        seen += re.findall(r'class="ticket-number">([^<]+)<', page)
        more = re.search(r'rel="next" href="([^"]+)"', page)
        path = more[1].replace("&amp;", "&") if more else ""
    assert len(seen) == len(set(seen)) and seen == sorted(seen, reverse=True) and len(seen) >= 3


def test_the_quarantine_shows_the_bytes_escaped_and_gives_them_to_be_tried_again(
    portal: Site, operator: Operator
) -> None:
    from pipeline.intake import entry

    raw = b'{"no": "portal payload <script>alert(1)</script>\x1b[31m"}'
    made = entry(portal.parts, "portal", "portal", "portal", raw, acknowledge=False)
    [row_id] = portal.parts.database.run_now(lambda conn: journal.append(conn, [made])).values()

    def state() -> str:
        row = portal.parts.database.look_now(lambda conn: reports.journal_row(conn, row_id))
        assert row is not None
        return str(row["state"])

    eventually(lambda: state() == "quarantined")
    assert f"/board/quarantine/{row_id}" in operator.get("/board/quarantine").text
    page = operator.get(f"/board/quarantine/{row_id}").text
    assert "&lt;script&gt;" in page and "<script>alert" not in page and "\\x1b[31m" in page
    assert operator.post(f"/board/quarantine/{row_id}/retry").status_code == 303
    eventually(lambda: state() == "quarantined")
    assert operator.get("/board/quarantine/999999").status_code == 404
    assert operator.post("/board/quarantine/999999/retry").status_code == 404


def test_channels_are_shown_with_what_is_wrong_and_since_when(portal: Site, operator: Operator) -> None:
    from ledger import health

    portal.parts.database.run_now(lambda conn: health.say(conn, "channel:bot", "trouble", "the token is revoked", 1e9))
    page = operator.get("/board/channels").text
    assert "the token is revoked" in page and "channel:bot" in page and "9 сентября 2001" in page


def test_the_board_speaks_both_languages_and_remembers_which(operator: Operator) -> None:
    assert "Queue" in operator.get("/board?lang=en").text
    assert "Queue" in operator.get("/board").text
    assert "Очередь" in operator.get("/board?lang=ru").text


@pytest.mark.parametrize("path", ["/board/tickets/nonsense", "/board/tickets/261122-999999-0", "/board/nothing"])
def test_what_is_not_there_is_said(operator: Operator, path: str) -> None:
    assert operator.get(path).status_code == 404


def test_a_desk_that_left_the_rules_is_shown_as_long_as_it_has_requests(portal: Site, operator: Operator) -> None:
    number = portal.take(description=LONG + " Отдел, которого больше нет.")

    def move(desk: str, state: str) -> None:
        values = {"desk": desk, "state": state}
        portal.parts.database.run_now(
            lambda conn: conn.execute(update(tickets).where(tickets.c.number == number).values(**values))
        )

    before = portal.parts.database.look_now(lambda conn: portal_desk(conn, number))
    move("archive", "open")
    eventually(lambda: "desk=archive" in operator.get("/board").text)
    assert "нет в правилах" in operator.get("/board").text
    listed = operator.get("/board/tickets", desk="archive").text
    assert number in listed and '<option value="archive" selected>' in listed
    move("archive", "closed")
    eventually(lambda: "desk=archive" not in operator.get("/board").text)
    assert number in operator.get("/board/tickets", desk="archive", state="closed").text
    move(before, "open")


def portal_desk(conn: Any, number: str) -> str:
    return str(conn.execute(select(tickets.c.desk).where(tickets.c.number == number)).scalar_one())


def test_another_answer_from_the_page_that_closed_the_request_is_not_lost_in_silence(
    portal: Site, operator: Operator
) -> None:
    number, form = portal.take(), str(uuid.uuid4())
    path = f"/board/tickets/{number}/answer"
    assert operator.post(path, reply_id=form, close="1").status_code == 303
    assert operator.post(path, reply_id=form, close="1").status_code == 303
    other = operator.post(path, reply_id=form, text="Ответ после возврата на страницу")
    assert other.status_code == 409  # no mailbox is configured here: it says so, and does not say that it was sent
    assert "Ответ после возврата на страницу" in other.text


def test_who_answers_a_page_that_is_out_of_date_is_shown_what_has_come_since_and_keeps_his_words(
    portal: Site, operator: Operator
) -> None:
    """Two operators answered one citizen, or one who had written meanwhile that it was settled."""
    number, form = portal.take(email="twice@example.org"), str(uuid.uuid4())
    path = f"/board/tickets/{number}"

    def seen() -> str:
        found = re.search(r'name="seen" value="(\d+)"', operator.get(path).text)
        assert found is not None
        return found[1]

    before = seen()
    settled = f"По обращению {number}: спасибо, вопрос уже решён, отвечать не нужно. " + LONG
    portal.take(email="twice@example.org", description=settled)
    late = operator.post(f"{path}/answer", reply_id=form, seen=before, text="Попробуйте ещё раз")
    assert late.status_code == 409
    assert "Попробуйте ещё раз" in late.text and "вопрос уже решён" in late.text
    assert "Пока вы писали" in late.text or "While you were writing" in late.text
    assert operator.post(f"{path}/answer", reply_id=form, seen=before, close="1").status_code == 409
    assert operator.post(f"{path}/answer", reply_id=form, seen=seen(), close="1").status_code == 303
    assert operator.post(f"{path}/answer", reply_id=form, seen=before, close="1").status_code == 303, "sent twice"


def test_an_answer_with_too_many_or_too_large_files_says_so_and_keeps_the_words(
    portal: Site, operator: Operator
) -> None:
    number = portal.take()
    path = f"/board/tickets/{number}/answer"
    for sizes, says in (([1] * 30, "Не больше 10 файлов"), ([26 * 1024 * 1024], "слишком")):
        files = [("files", (f"{index}.bin", bytes(size), "application/zip")) for index, size in enumerate(sizes)]
        answer = operator.post(path, files, reply_id=str(uuid.uuid4()), text="Высылаем копии")
        assert answer.status_code == 422
        assert re.search(rf'id="answer-wrong">[^<]*{says}', answer.text)
        assert "Высылаем копии" in answer.text


def test_closing_without_an_answer_takes_two_steps(portal: Site, operator: Operator) -> None:
    page = operator.get(f"/board/tickets/{portal.take()}").text
    assert re.search(r'<details class="close"><summary>[^<]+</summary>\s*<form [^>]*/answer"', page)


def test_a_request_into_which_somebody_writes_without_end_is_shown_page_by_page(
    portal: Site, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four thousand messages were a page of 24 MB, and nobody else was answered while it was made."""
    monkeypatch.setattr("board.conversation.MOST_TURNS", 3)
    key = {"authorization": f"Bearer {CABINET_KEY}"}

    def say(index: int, path: str, **more: Any) -> str:
        said = {"text": f"Слово{index} в обращении", "sign_in": {"id": "endless"}, **more}
        answer = portal.client.post(path, json=said, headers={**key, "idempotency-key": f"endless-{index}"})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["number"])

    number = say(0, "/api/v1/appeals", citizen={"full_name": "Долгова Инна"})
    for index in range(1, 8):
        say(index, f"/api/v1/appeals/{number}/comments")
    seen: list[list[str]] = []
    path = f"/board/tickets/{number}"
    while path:
        page = operator.get(path).text
        seen.append(re.findall(r"Слово\d", page))
        assert "Долгова Инна" in page, "who he is was said in the first message"
        found = re.search(r'rel="prev" href="([^"]+)"', page)
        path = found[1] if found else ""
    assert seen == [["Слово5", "Слово6", "Слово7"], ["Слово2", "Слово3", "Слово4"], ["Слово0", "Слово1"]]
    for before in ("0", "1", "nonsense", "9" * 17):
        assert operator.get(f"/board/tickets/{number}", before=before).status_code == 200


def test_an_error_of_ours_is_told_in_a_page_of_ours_that_holds_nothing_of_it(
    portal: Site, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("Иванов Иван, 4510 123456")

    number = portal.take()
    monkeypatch.setattr("board.conversation.load", broken)
    page = operator.get(f"/board/tickets/{number}")
    assert page.status_code == 500
    assert "Ошибка на нашей стороне" in page.text and "Иванов" not in page.text
    monkeypatch.setattr("board.front.Front.submit", broken)
    answer = operator.client.post(
        "/api/v1/appeals",
        json={"text": LONG},
        headers={"authorization": f"Bearer {CABINET_KEY}", "idempotency-key": uuid.uuid4().hex},
    )
    assert answer.status_code == 500 and answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/api/docs#broken"
