"""What an SMTP server refuses for all letters is no failure of one: a wrong setting must not end what is owed."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from connectors import email
from connectors.base import AccountTrouble, Final, Outgoing, Transient
from tests.services import smtp
from tests.services.smtp import SmtpServer


def send(port: int, to: str = "citizen@example.org") -> None:
    values = {"imap_host": "imap.example", "username": "desk@example.org", "password": "x", "smtp_host": "127.0.0.1"}
    connector = email.create("email", email.Settings(**values, smtp_port=port, smtp_security="none"))  # type: ignore[arg-type]

    async def run() -> None:
        try:
            await connector.send(Outgoing(id="1", purpose="reply", address={"email": to}, text="x", random_id=1))
        finally:
            await connector.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "answer", ["553 5.7.1 Sender address rejected: not owned by user", "530 5.7.0 Must issue a STARTTLS command first"]
)
def test_a_refused_sender_is_trouble_of_the_account(answer: str) -> None:
    with SmtpServer() as server:
        server.refuse_next(1, answer, at="MAIL")
        with pytest.raises(AccountTrouble, match="from_address"):
            send(server.port)


@pytest.mark.parametrize(
    ("step", "answer", "error"),
    [
        ("MAIL", "552 5.3.4 Message size exceeds fixed limit", Final),
        ("DATA", "554 5.7.1 spam", Final),
        ("MAIL", "452 4.3.1 Insufficient system storage", Transient),
    ],
)
def test_a_refused_letter_is_not(step: smtp.Step, answer: str, error: type[Exception]) -> None:
    with SmtpServer() as server:
        server.refuse_next(1, answer, at=step)
        with pytest.raises(error):
            send(server.port)


def test_a_server_that_turns_us_away_at_the_door_is_trouble_of_the_account() -> None:
    def greet() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.sendall(b"554 5.3.2 no SMTP service here\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=greet, daemon=True).start()
        with pytest.raises(AccountTrouble):
            send(listening.getsockname()[1])


def test_a_cyrillic_domain_is_written_to_by_a_server_without_smtputf8_and_a_cyrillic_name_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    factory = smtp._Controller.factory

    def without(self: smtp._Controller) -> Any:
        self.options["enable_SMTPUTF8"] = False
        return factory(self)

    monkeypatch.setattr(smtp._Controller, "factory", without)
    with SmtpServer() as server:
        send(server.port, "ivan@почта.рф")
        assert server.messages[0].recipients == ("ivan@xn--80a1acny.xn--p1ai",)
        with pytest.raises(Final, match="ASCII"):
            send(server.port, "иван@почта.рф")
