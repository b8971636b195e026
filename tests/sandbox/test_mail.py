"""The demo's mailbox works with the real clients: IMAPClient, imaplib and smtplib."""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from sandbox.citizens import cast
from sandbox.crowd import Crowd
from sandbox.letters import ImapPost
from sandbox.mail import MailStandIn

LETTER = b"From: a@example.org\r\nSubject: =?utf-8?b?0J/RgNC40LLQtdGC?=\r\n\r\nbody\r\n"


@pytest.fixture
def mail() -> Iterator[MailStandIn]:
    with MailStandIn() as mail:
        yield mail


@pytest.fixture
def client(mail: MailStandIn) -> Iterator[IMAPClient]:
    with IMAPClient(mail.host, mail.imap_port, ssl=False, timeout=10) as client:
        client.login(mail.address, mail.password)
        yield client


def test_a_wrong_password_is_refused(mail: MailStandIn) -> None:
    with IMAPClient(mail.host, mail.imap_port, ssl=False, timeout=10) as client, pytest.raises(LoginError):
        client.login(mail.address, "wrong")


def test_letters_are_found_by_uid_and_fetched_whole_or_in_pieces(mail: MailStandIn, client: IMAPClient) -> None:
    for _ in range(3):
        mail.deliver(LETTER)
    chosen = client.select_folder("INBOX", readonly=True)
    assert (chosen[b"EXISTS"], chosen[b"UIDVALIDITY"], chosen[b"UIDNEXT"]) == (3, mail.uid_validity, 4)
    assert client.search(["UID", "2:*"]) == [2, 3]
    assert client.search(["UID", "9:*"]) == [3]  # the last one, as RFC 3501 has it
    found = client.fetch([2], ["BODY.PEEK[]", "RFC822.SIZE", "INTERNALDATE", "FLAGS"])[2]
    assert found[b"BODY[]"] == LETTER and found[b"RFC822.SIZE"] == len(LETTER)
    piece = client.fetch([2], ["BODY.PEEK[]<5.7>"])[2]
    assert piece[b"BODY[]<5>"] == LETTER[5:12]
    assert client.fetch([1], ["BODY.PEEK[HEADER]"])[1][b"BODY[HEADER]"].endswith(b"?=\r\n\r\n")
    assert [letter.fetched for letter in mail.letters] == [0, 2, 0]


def test_letters_are_found_by_the_day_on_which_they_came(mail: MailStandIn, client: IMAPClient) -> None:
    for _ in range(3):
        mail.deliver(LETTER)
    day = datetime(2026, 11, 20, tzinfo=UTC).timestamp()
    mail.letters[0].at, mail.letters[1].at = day - 1, day
    client.select_folder("INBOX", readonly=True)
    assert client.search(["BEFORE", date(2026, 11, 20)]) == [1]
    assert client.search(["UID", "*"]) == [3]


def test_idle_tells_of_a_new_letter(mail: MailStandIn, client: IMAPClient) -> None:
    client.select_folder("INBOX", readonly=True)
    client.idle()
    threading.Timer(0.1, mail.deliver, [LETTER]).start()
    assert (1, b"EXISTS") in client.idle_check(timeout=5)
    client.idle_done()
    assert client.search(["UID", "1:*"]) == [1]


def test_what_the_service_sends_reaches_the_citizen_after_sign_in(mail: MailStandIn) -> None:
    with smtplib.SMTP(mail.host, mail.smtp_port, timeout=10) as smtp:
        with pytest.raises(smtplib.SMTPException):
            smtp.sendmail(mail.address, ["a@example.org"], LETTER)
        smtp.login(mail.address, mail.password)
        smtp.sendmail(mail.address, ["A@example.org"], LETTER + b".dots\r\n..more\r\n")
    assert mail.received("a@example.org") == (LETTER + b".dots\r\n..more\r\n",)
    with smtplib.SMTP(mail.host, mail.smtp_port, timeout=10) as smtp, pytest.raises(smtplib.SMTPAuthenticationError):
        smtp.login(mail.address, "wrong")


def test_letters_can_be_appended_by_imap(mail: MailStandIn) -> None:
    ImapPost(mail.host, mail.imap_port, mail.address, mail.password).deliver(LETTER)
    assert [letter.content for letter in mail.letters] == [LETTER]


def test_the_citizens_write_to_it(mail: MailStandIn) -> None:
    citizens = [each for each in cast(4, 12) if each.channel == "email"]
    crowd = Crowd(citizens, post=mail, mailbox=mail.address, pace=2000.0)
    crowd.run()
    assert len(mail.letters) == sum(len(said.native_ids) for said in crowd.said) > 2
