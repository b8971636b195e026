"""Letters as broken programs write them: names, addresses, encodings and structures are read all the same."""

from __future__ import annotations

import base64
import time

import pytest

from normalizer.email import read
from normalizer.message import Account, Message

WORDS = "Справка не пришла"


def message(payload: bytes) -> Message:
    found = read(payload, Account())
    assert isinstance(found, Message)
    return found


def with_file(disposition: bytes) -> Message:
    return message(
        b"From: a@b.ru\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\nhi"
        b"\r\n--B\r\nContent-Type: application/pdf\r\nContent-Disposition: "
        + disposition
        + b"\r\n\r\ndata\r\n--B--\r\n"
    )


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b"attachment; filename*0*=UTF-8''%D0%A1%D; filename*1*=0%BF.pdf", "Сп.pdf"),
        (b'attachment; filename="%D0%A1%D0%BF%D1%80.pdf"', "Спр.pdf"),
        (b'attachment; filename="100%25.pdf"', "100%25.pdf"),
        (b"attachment; filename='a b.pdf'", "a b.pdf"),
        (b'attachment filename="a.pdf"', "a.pdf"),
        (b'attachment, filename="a.pdf"', "a.pdf"),
        (b'filename="a.pdf"', "a.pdf"),
        ('attachment; filename="Спр.pdf"'.encode().decode("latin-1").encode(), "Спр.pdf"),
    ],
)
def test_names_of_files_are_read_as_programs_break_them(disposition: bytes, name: str) -> None:
    assert [part.name for part in with_file(disposition).attachments] == [name]


@pytest.mark.parametrize(
    ("field", "email", "name"),
    [
        (b'Anna <"anna i"@b.ru>', '"anna i"@b.ru', "Anna"),
        (b"Anna [a@b.ru]", "a@b.ru", "Anna"),
        (b"Anna <<a@b.ru>>", "a@b.ru", "Anna"),
    ],
)
def test_odd_brackets_and_quotes_around_an_address(field: bytes, email: str, name: str) -> None:
    sender = message(b"From: " + field + b"\r\nSubject: x\r\n\r\nhi").sender
    assert (sender.email, sender.display_name) == (email, name)


@pytest.mark.parametrize(
    ("value", "subject"),
    [
        (b"=??B?0J3QtQ==?=", "Не"),
        (b"=?utf-8?B?PT91dGYtOD9CPzBKM1F0UT09Pz0=?=", "Не"),  # encoded twice
        (b"\r\nSubject: Second", "Second"),
    ],
)
def test_subjects_without_a_charset_encoded_twice_or_empty_at_first(value: bytes, subject: str) -> None:
    assert message(b"From: a@b.ru\r\nSubject: " + value + b"\r\n\r\nhi").subject == subject


def test_a_byte_order_mark_before_the_header_is_no_field() -> None:
    assert message(b"\xef\xbb\xbfFrom: a@b.ru\r\nSubject: x\r\n\r\nhi").sender.email == "a@b.ru"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (b"base64", base64.b64encode("Справка ".encode()) + b"\r\n" + base64.b64encode("не пришла".encode())),
        (b"base64", base64.b64encode(WORDS.encode()) + b"\r\n\r\n-- \r\na footer of the list"),
        (
            b"base64",
            base64.b64encode(WORDS.encode())[:20] + b"!" + base64.b64encode(WORDS.encode())[20:],
        ),
        (b"quoted-printable", "Справка =  \r\nне пришла".encode()),
        (b"base64", WORDS.encode()),
    ],
)
def test_bodies_with_broken_encodings_are_read(encoding: bytes, body: bytes) -> None:
    head = b"From: a@b.ru\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: " + encoding
    assert message(head + b"\r\n\r\n" + body).text == WORDS


def test_english_that_is_said_to_be_base64_is_text() -> None:
    text = b"Hello this is a letter in plain words and nothing else is in it"
    assert message(b"From: a@b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + text).text == text.decode()


def test_a_file_uuencoded_in_the_text_is_a_file() -> None:
    found = message(b"From: a@b.ru\r\n\r\nhi\r\n\r\nbegin 644 a.txt\r\n#86)C\r\n`\r\nend\r\n")
    assert found.text == "hi"
    assert [(part.name, part.content) for part in found.attachments] == [("a.txt", b"abc")]
    assert "begin 644 a" in message(b"From: a@b.ru\r\n\r\nbegin 644 a\nnot so\nend of it").text


def test_a_part_after_the_last_delimiter_is_read() -> None:
    found = message(
        b"From: a@b.ru\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nhi\r\n--B--\r\n"
        b"--B\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\ndata\r\n--B--\r\n"
    )
    assert found.text == "hi" and [part.name for part in found.attachments] == ["a.pdf"]


def test_a_field_of_blanks_takes_no_time() -> None:
    before = time.thread_time()
    with_file(b"=" + b" " * 15_000 + b"x")
    assert time.thread_time() - before < 0.5
