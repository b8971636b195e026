"""Who wrote by the form is answered by mail; all of it real: web, processors, RabbitMQ, SMTP, IMAP."""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from config.settings import load
from pipeline.parts import open_parts
from tests.board.site import Operator, Site, with_administrator
from tests.harness.mail import mailbox
from tests.harness.worker import Worker
from tests.pipeline.test_replies_end_to_end import publish
from tests.services.dovecot import DovecotServer
from tests.services.rabbitmq import RabbitNode
from tests.services.smtp import SmtpServer

ENGLISH = (
    "I cannot sign in to the personal cabinet since Monday: the page shows error 502 in every browser that I have."
)


@pytest.fixture
def worker(dovecot: DovecotServer, smtp: SmtpServer, rabbitmq: RabbitNode, broker_prefix: str) -> Iterator[Worker]:
    user = dovecot.add_user()
    channels = {
        "portal": {"kind": "portal", "reply_by": "pochta"},
        "pochta": mailbox(user, dovecot.port, smtp.port),
    }
    with Worker(channels=channels, broker_url=rabbitmq.url, prefix=broker_prefix) as made:
        made.start()
        made.wait(lambda: made.ready() is not None, 30, "the pages answer")
        yield made


@pytest.fixture
def citizen(worker: Worker) -> Iterator[Site]:
    """The form of that worker; an operator can sign in to its board."""
    parts = open_parts(load(worker.config))
    with_administrator(parts)
    with contextlib.closing(Site(parts, worker.url)) as made:
        yield made
    parts.close()


def letters(smtp: SmtpServer, to: str) -> list[EmailMessage]:
    """What came to an address, oldest first."""
    raw = [message.content for message in smtp.messages if message.recipients == (to,)]
    return [email.message_from_bytes(content, policy=email.policy.default) for content in raw]


def words(letter: EmailMessage) -> str:
    body = letter.get_body()
    return str(body.get_content()) if body is not None else ""


def answer_to(letter: EmailMessage, sender: str, text: str) -> bytes:
    """As a mail program writes it."""
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"], made["To"] = sender, str(letter["From"])
    made["Subject"] = f"Re: {letter['Subject']}"
    made["Message-ID"], made["Date"] = "<from-the-citizen@mail.test>", "Sun, 22 Nov 2026 12:00:00 +0300"
    made["In-Reply-To"] = str(letter["Message-ID"])
    made["References"] = f"{letter['References']} {letter['Message-ID']}"
    made.set_content(f"{text}\n\n> {words(letter)}")
    return made.as_bytes()


def test_a_form_is_answered_by_mail_by_the_board_and_by_a_desk_in_one_thread_and_the_citizen_can_answer_back(
    worker: Worker, citizen: Site, smtp: SmtpServer, dovecot: DovecotServer, rabbitmq: RabbitNode, broker_prefix: str
) -> None:
    number, address = citizen.take(), citizen.email
    worker.wait(lambda: len(letters(smtp, address)) == 1, 40, "the acknowledgement")
    with contextlib.closing(Operator(citizen, "second")) as operator:
        assert operator.answer(number, text="Ошибка исправлена, попробуйте ещё раз.").status_code == 303
    worker.wait(lambda: len(letters(smtp, address)) == 2, 40, "the board's answer")

    acknowledgement, by_board = letters(smtp, address)
    assert number in acknowledgement["Subject"] and number in words(acknowledgement)
    assert by_board["Subject"] == f"Re: {acknowledgement['Subject']}"
    assert "Ошибка исправлена" in words(by_board)
    assert by_board["In-Reply-To"] == by_board["References"] == acknowledgement["Message-ID"]
    assert acknowledgement["Auto-Submitted"] == "auto-replied" and by_board["Auto-Submitted"] is None

    user = str(worker.ledger.outgoing()[0]["platform_account"])
    dovecot.append(user, answer_to(by_board, address, "Спасибо, но ошибка осталась."))
    worker.wait(lambda: len(worker.ledger.envelopes()) == 2, 40, "the citizen's letter")
    second = worker.ledger.envelopes()[1]
    assert second["ticket"]["number"] == number and second["ticket"]["link"]["how"] == "thread"
    assert second["text"] == "Спасибо, но ошибка осталась."
    assert len(worker.ledger.tickets()) == 1

    reply = json.dumps({"id": "desk-1", "ticket": number, "text": "Очистите кэш браузера.", "close": True}).encode()
    publish(rabbitmq.url, broker_prefix, reply, reply)
    worker.wait(lambda: any("Очистите кэш" in words(one) for one in letters(smtp, address)), 40, "the desk's answer")
    worker.wait(lambda: worker.ledger.owed() == 0, 40, "nothing is owed")
    from_desk = [one for one in letters(smtp, address) if "Очистите кэш" in words(one)]
    assert len(from_desk) == 1
    assert str(by_board["Message-ID"]) in str(from_desk[0]["References"])
    assert number in from_desk[0]["Subject"]
    assert worker.ledger.tickets()[0]["state"] == "closed"
    assert {row["state"] for row in worker.ledger.outgoing()} == {"sent"}


def test_who_filled_in_the_english_form_is_answered_in_english(worker: Worker, citizen: Site, smtp: SmtpServer) -> None:
    citizen.client.headers["accept-language"] = "en"
    number, address = citizen.take(description=ENGLISH), citizen.email
    with contextlib.closing(Operator(citizen, "second")) as operator:
        operator.answer(number, text="It is mended, please try again.")
    worker.wait(lambda: len(letters(smtp, address)) == 2, 40, "the acknowledgement and the answer")
    acknowledgement, answer = letters(smtp, address)
    assert acknowledgement["Subject"] == f"Your request {number} has been received"
    assert answer["Subject"] == f"Re: Your request {number} has been received"
    assert answer["In-Reply-To"] == acknowledgement["Message-ID"]
