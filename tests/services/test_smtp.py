"""The SMTP server records what it gets and fails as it is told."""

import smtplib
import ssl

import pytest

from tests.services.process import HOST
from tests.services.smtp import Security, SmtpServer

LETTER = b"Subject: test\r\n\r\n.a line with a dot\r\nand \xd0\xb4\r\n"


def send(server: SmtpServer, login: tuple[str, str] | None = None) -> None:
    context = ssl.create_default_context(cafile=str(server.ca_file))
    if server.security == "tls":
        client: smtplib.SMTP = smtplib.SMTP_SSL(HOST, server.port, timeout=5, context=context)
    else:
        client = smtplib.SMTP(HOST, server.port, timeout=5)
    with client:
        if server.security == "starttls":
            client.starttls(context=context)
        if login:
            client.login(*login)
        client.sendmail("", ["anna@example.org", "boris@example.org"], LETTER)


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_a_letter_is_recorded_byte_for_byte_with_its_envelope(security: Security) -> None:
    with SmtpServer(security=security) as server:
        send(server)
        (received,) = server.wait_for(1)
    assert received.content == LETTER
    assert (received.sender, received.recipients) == ("", ("anna@example.org", "boris@example.org"))


def test_a_scripted_refusal_holds_for_as_many_commands_as_asked(smtp: SmtpServer) -> None:
    smtp.refuse_next(1, "451 4.3.0 later", at="DATA")
    smtp.refuse_next(2, "550 5.1.1 no such mailbox", at="RCPT")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(smtp)
    assert {code for code, _ in refused.value.recipients.values()} == {550}
    with pytest.raises(smtplib.SMTPDataError) as later:
        send(smtp)
    assert later.value.smtp_code == 451
    send(smtp)
    assert len(smtp.wait_for(1)) == 1


@pytest.mark.parametrize(("accepted", "kept"), [(True, 1), (False, 0)])
def test_a_dropped_connection_after_the_letter_may_have_accepted_it_or_not(
    smtp: SmtpServer, accepted: bool, kept: int
) -> None:
    smtp.drop_next(1, accepted=accepted)
    with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
        send(smtp)
    assert len(smtp.messages) == kept
    send(smtp)
    assert len(smtp.wait_for(kept + 1)) == kept + 1


def test_a_login_is_required_where_there_are_users() -> None:
    with SmtpServer(users={"desk": "secret"}) as server:
        with pytest.raises(smtplib.SMTPException):
            send(server)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            send(server, ("desk", "wrong"))
        send(server, ("desk", "secret"))
        assert server.wait_for(1)[0].login == "desk"


def test_a_stopped_server_refuses_and_comes_back_on_the_same_port(smtp: SmtpServer) -> None:
    smtp.stop()
    with pytest.raises(ConnectionRefusedError):
        send(smtp)
    smtp.start()
    send(smtp)
    assert len(smtp.wait_for(1)) == 1
