"""The feedback form: what it takes, what it refuses, and what the citizen is told."""

from __future__ import annotations

import base64
import contextlib
import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.inspect import ticket_view
from tests.board.site import FILLED, LONG, Site, process_once, site

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def view(site: Site, number: str) -> dict[str, Any]:
    found = ticket_view(site.parts, number)
    assert found is not None
    return found


def errors(answer: Any) -> list[str]:
    return re.findall(r'<p class="wrong" id="([a-z_]+)-wrong">', answer.text)


def test_a_form_becomes_an_envelope_with_its_file_and_the_page_shows_the_number(bare: Site) -> None:
    number = bare.take(phone="8 912 345-67-89", files=[("ошибка.png", PNG, "image/png")])
    [message] = view(bare, number)["messages"]
    envelope = message["envelope"]
    assert envelope["source"]["channel"] == "portal" and envelope["source"]["via"] == "form"
    assert envelope["citizen"]["full_name"] == FILLED["full_name"]
    assert envelope["citizen"]["phone"] == "+79123456789" and envelope["citizen"]["vouched"] == []
    assert envelope["text"] == LONG
    assert envelope["route"]["category"] == "services"
    [file] = envelope["attachments"]
    assert (file["name"], file["media_type"], file["size"], file["state"]) == ("ошибка.png", "image/png", 48, "stored")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("full_name", ""),
        ("full_name", "Марина"),
        ("email", "no address"),
        ("email", "two@example.org, three@example.org"),
        ("phone", "позвоните мне"),
        ("category", "no such"),
        ("description", "Ничего не работает"),
        ("description", "а" + " " * 200 + "б"),
        ("description", "\u200b" * 200),
        ("full_name", "\u200b \u2060"),
        ("number", "261122-000001-0"),
    ],
)
def test_a_field_that_is_wrong_is_named_and_what_was_written_stays(bare: Site, field: str, value: str) -> None:
    before = bare.journalled()
    answer = bare.send(**{field: value})
    assert answer.status_code == 422
    assert errors(answer) == [field]
    assert bare.filled["email" if field != "email" else "full_name"] in answer.text
    assert bare.journalled() == before


def test_too_many_files_and_empty_files_are_refused(bare: Site) -> None:
    many = [(f"{index}.png", PNG, "image/png") for index in range(11)]
    assert errors(bare.send(files=many)) == ["files"]
    assert errors(bare.send(files=[("empty.txt", b"", "text/plain")])) == ["files"]


def test_a_body_over_the_limit_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    with site(sqlite_url, tmp_path, '[limits]\nmail = "1MB"\n') as small:
        assert small.send(files=[("big.bin", bytes(1_100_000), "application/octet-stream")]).status_code == 413


def test_a_form_that_breaks_off_is_refused_and_not_taken_without_its_file(bare: Site) -> None:
    before = bare.journalled()
    data = {**bare.filled, "captcha": bare.captcha()}
    whole = bare.client.build_request("POST", "/", data=data, files=[("files", ("ошибка.png", PNG, "image/png"))])
    body, kind = whole.read(), whole.headers["content-type"]
    broken = bare.client.post("/", content=body[: body.rindex(b"\r\n--")], headers={"content-type": kind})
    assert broken.status_code == 400 and bare.journalled() == before
    assert bare.client.post("/", content=body, headers={"content-type": kind}).status_code == 303


def test_without_the_captcha_nothing_is_taken(bare: Site) -> None:
    before = bare.journalled()
    deep = base64.b64encode(b"[" * 3000).decode()
    for captcha in ("", "e30=", "not base64", "bnVsbA==", deep):
        answer = bare.send(captcha=captcha)
        assert answer.status_code == 422
    assert bare.journalled() == before


def test_who_has_no_javascript_answers_a_question(bare: Site) -> None:
    page = bare.client.get("/").text
    token = re.search(r'name="question" value="([^"]+)"', page)
    numbers = re.search(r"Сколько будет (\d) плюс (\d)", page)
    assert token and numbers
    right = str(int(numbers[1]) + int(numbers[2]))
    assert bare.send(captcha="", question=token[1], answer="0").status_code == 422
    answer = bare.send(captcha="", question=token[1], answer=right)
    assert answer.status_code == 303
    assert re.fullmatch(r"\d{6}-\d{6}-\d", bare.number_of(answer))


def test_who_has_no_javascript_is_told_to_attach_his_files_again(bare: Site) -> None:
    """The page came back filled in but for the files, and was sent without them."""
    told = bare.send(email="not an address", files=[("чек.pdf", b"%PDF-1.4", "application/pdf")])
    assert told.status_code == 422
    assert "Файлы нужно приложить снова" in told.text
    assert "Файлы нужно приложить снова" not in bare.send(email="not an address").text
    many = [(f"{index}.txt", b"a", "text/plain") for index in range(11)]
    assert "Не больше 10 файлов" in bare.send(files=many).text


def test_the_same_form_sent_twice_is_one_request(bare: Site) -> None:
    captcha, before = bare.captcha(), bare.journalled()
    first = bare.client.post("/", data={**bare.filled, "captcha": captcha})
    second = bare.client.post("/", data={**bare.filled, "captcha": captcha})
    assert bare.number_of(first) == bare.number_of(second)
    assert bare.journalled() == before + 1


def test_another_text_under_a_used_captcha_is_refused_and_not_lost_in_silence(bare: Site) -> None:
    captcha = bare.captcha()
    bare.client.post("/", data={**bare.filled, "captcha": captcha})
    other = bare.client.post("/", data={**bare.filled, "description": LONG + " И ещё одно.", "captcha": captcha})
    assert other.status_code == 409
    assert "И ещё одно." in other.text


def test_the_number_and_the_stated_contact_join_the_earlier_request(bare: Site) -> None:
    number = bare.take()
    again = bare.take(number=number.replace("-", " "), description=LONG + " Прошёл день, ответа нет.")
    assert again == number
    second = view(bare, number)["messages"][1]
    assert second["link"] == {**second["link"], "how": "quoted_number", "certainty": "corroborated"}


def test_a_foreign_number_gets_a_request_of_its_own_and_tells_nothing(bare: Site) -> None:
    number = bare.take()
    other = bare.send(number=number, email="somebody@example.net", description=LONG[::-1])
    page = bare.client.get(other.headers["location"]).text
    assert number not in page
    envelope = view(bare, bare.number_of(other))["messages"][0]["envelope"]
    assert envelope["ticket"]["related"] == [number] and "claimed_number" in envelope["flags"]


def test_the_same_words_again_show_the_number_they_joined_but_only_to_the_browser_that_was_shown_it(bare: Site) -> None:
    number = bare.take()
    again = bare.send(description=LONG + " Прошу помочь.")
    page = bare.client.get(again.headers["location"]).text
    assert bare.number_of(again) == number and "Сообщение добавлено" in page
    assert [message["link"]["how"] for message in view(bare, number)["messages"]] == ["none", "content"]

    with contextlib.closing(bare.visitor()) as stranger:  # who knows the address and the words
        other = stranger.send(email=bare.email, description=LONG + " Прошу помочь!")
        stranger.client.cookies.set("shown", "AAAA", path="/sent")
        page = stranger.client.get(other.headers["location"]).text
    assert number not in page and 'data-state="added"' in page


def test_the_page_waits_kindly_while_the_number_is_not_there(sqlite_url: str, tmp_path: Path) -> None:
    with site(sqlite_url, tmp_path, processing=False) as slow:
        answer = slow.send()
        assert answer.status_code == 303
        where = answer.headers["location"]
        assert 'data-state="waiting"' in slow.client.get(where).text
        assert slow.client.get(where, headers={"accept": "application/json"}).json() == {"state": "waiting"}
        process_once(slow.parts)
        assert 'data-state="numbered"' in slow.client.get(where).text


def test_a_receipt_that_is_none_leads_to_no_number(bare: Site) -> None:
    where = bare.send().headers["location"]
    for receipt in ("/sent/x", where[:-3] + "AAA", "/sent/" + "A" * 600):
        assert bare.client.get(receipt).status_code == 404


def test_the_page_speaks_the_language_of_the_browser_and_remembers_what_was_chosen(bare: Site) -> None:
    assert '<html lang="en">' in bare.client.get("/", headers={"accept-language": "de, en;q=0.8"}).text
    assert '<html lang="ru">' in bare.client.get("/", headers={"accept-language": "de"}).text
    assert '<html lang="en">' in bare.client.get("/?lang=en").text
    assert '<html lang="en">' in bare.client.get("/status", headers={"accept-language": "ru"}).text


def test_with_nothing_configured_the_first_page_says_what_to_do_next(bare: Site, portal: Site) -> None:
    assert "welcome-title" in bare.client.get("/").text
    assert "welcome-title" not in portal.client.get("/").text


def test_headers_keep_the_browser_safe(bare: Site) -> None:
    answer = bare.client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "unsafe-inline" not in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" not in answer.headers
    assert not re.search(r"<script(?![^>]*src=)|\son[a-z]+=|style=", answer.text)


def test_behind_tls_the_browser_is_told_to_stay_there(sqlite_url: str, tmp_path: Path) -> None:
    with site(sqlite_url, tmp_path, '[http]\npublic_url = "https://help.example.org"\n') as secure:
        assert "max-age=31536000" in secure.client.get("/").headers["strict-transport-security"]


def test_what_a_citizen_wrote_is_escaped_on_the_page_that_refuses_it(bare: Site) -> None:
    attack = '"><script>alert(1)</script>'
    answer = bare.send(full_name=attack, description="</textarea><img src=x onerror=alert(1)>")
    assert "<script>alert" not in answer.text and "<img" not in answer.text


def test_somebody_who_sends_without_end_is_stopped(bare: Site) -> None:
    statuses = set()
    for _ in range(7):
        page = bare.client.get("/").text
        token = re.search(r'name="question" value="([^"]+)"', page)
        numbers = re.search(r"Сколько будет (\d) плюс (\d)", page)
        assert token and numbers
        answer = bare.send(captcha="", question=token[1], answer=str(int(numbers[1]) + int(numbers[2])))
        statuses.add(answer.status_code)
    assert statuses == {303, 429}


def test_however_many_files_too_many_there_are_what_was_written_is_kept(bare: Site) -> None:
    answer = bare.send(files=[(f"{index}.png", PNG, "image/png") for index in range(30)])
    assert answer.status_code == 422
    assert errors(answer) == ["files"]
    assert LONG in answer.text


def test_an_answer_by_mail_is_promised_only_where_a_mailbox_can_send_it(bare: Site, tmp_path: Path) -> None:
    assert "Сюда придёт ответ" not in bare.client.get("/").text
    assert "придёт на почту" not in bare.client.get(bare.send().headers["location"]).text
    mail = """
    [channels.post]
    kind = "email"
    imap_host = "127.0.0.1"
    smtp_host = "127.0.0.1"
    username = "help@example.org"
    password = "not used here"
    """
    with site(f"sqlite:///{tmp_path / 'priemnaya.db'}", tmp_path, mail) as made:
        assert "Сюда придёт ответ" in made.client.get("/").text
        answer = made.send()
        made.number_of(answer)
        assert "придёт на почту" in made.client.get(answer.headers["location"]).text
