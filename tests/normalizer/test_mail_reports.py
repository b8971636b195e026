"""What a bounce or a receipt says became of our letter; a delay says nothing yet."""

from pathlib import Path

import pytest

from normalizer.email import read
from normalizer.message import Account, DeliveryReport, Message

GOLDEN = Path(__file__).parent.parent / "golden" / "email"
ACCOUNT = Account(
    kind="email", platform_account="support@example.org", own_addresses=frozenset({"support@example.org"})
)


def report(payload: bytes) -> DeliveryReport | None:
    reading = read(payload, ACCOUNT)
    assert isinstance(reading, Message)
    return reading.report


@pytest.mark.parametrize(
    ("name", "native_id", "state", "detail"),
    [
        ("bounce-rfc3464", "ack-240605-000001@example.org", "failed", "a mail server returned the letter (5.1.1)"),
        ("bounce-mailru-plain", "ack-240605-000002@example.org", "failed", "a mail server returned the letter"),
        ("bounce-exchange-ru", "ack-240605-000003@example.org", "failed", "a mail server returned the letter (5.2.2)"),
        ("read-receipt", "ack-240605-000005@example.org", "read", None),
    ],
)
def test_a_report_says_what_became_of_which_letter(name: str, native_id: str, state: str, detail: str | None) -> None:
    found = report((GOLDEN / f"{name}.eml").read_bytes())
    assert found is not None
    assert (found.native_id, found.state, found.detail) == (native_id, state, detail)


@pytest.mark.parametrize(
    "name", ["text-utf-8", "newsletter", "out-of-office-ru-exchange", "feedback-loop-arf", "bounce-yandex"]
)
def test_what_is_no_report_or_names_no_letter_says_nothing(name: str) -> None:
    assert report((GOLDEN / f"{name}.eml").read_bytes()) is None


def test_a_server_that_goes_on_trying_has_not_failed() -> None:
    letter = (GOLDEN / "bounce-rfc3464.eml").read_bytes()
    assert b"Action: failed" in letter
    assert report(letter.replace(b"Action: failed", b"Action: delayed")) is None
    head = "From: MAILER-DAEMON@mail.example\nIn-Reply-To: <ack-1@example.org>\nMessage-ID: <d@mail.example>\n"
    delay = "Subject: Warning: message delayed 24 hours\n\nA message that you sent has not yet been delivered.\n"
    final = "Subject: Mail delivery failed\n\nYour message could not be delivered: 550 5.1.1 user unknown\n"
    assert report((head + delay).encode()) is None
    assert report((head + final).encode()) == DeliveryReport(
        "ack-1@example.org", "failed", detail="a mail server returned the letter (5.1.1)"
    )
