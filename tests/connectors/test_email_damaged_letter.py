"""A letter that is damaged on the mail server, which then hangs up or says NO, does not hold up those behind it."""

from __future__ import annotations

from pathlib import Path

from connectors import email
from normalizer import email as normalizer
from normalizer.message import Account, Unreadable
from tests.connectors.intake import MemoryIntake, receiving, until
from tests.harness.letters import letters
from tests.harness.mail import mailbox
from tests.services.dovecot import DovecotServer


def _files(dovecot: DovecotServer, user: str) -> list[Path]:
    return sorted((dovecot.folder / "mail" / user / "Maildir").glob("[nc]*[wr]/*"))


def _filled(dovecot: DovecotServer) -> tuple[str, list[bytes]]:
    user = dovecot.add_user()
    contents = [letter.content for letter in letters(3)]
    for content in contents:
        dovecot.append(user, content)
    return user, contents


def _connector(dovecot: DovecotServer, user: str) -> email.Email:
    return email.create("email", email.Settings.model_validate(mailbox(user, dovecot.port, 1)))


async def test_so_is_one_that_has_not_even_a_size(dovecot: DovecotServer) -> None:
    user, contents = dovecot.add_user(), [letter.content for letter in letters(3)]
    for content in contents:
        dovecot.deliver(user, content)
    _files(dovecot, user)[1].chmod(0)
    connector, intake = _connector(dovecot, user), MemoryIntake("email")
    async with receiving(connector, intake):
        await until(lambda: intake.cursors and intake.cursors[-1]["uid"] == 3)
    first, note, third = intake.rows.values()
    assert (first, third, b"UID 2 " in note) == (contents[0], contents[2], True)


async def test_a_damaged_letter_is_passed_over_and_an_operator_told(dovecot: DovecotServer) -> None:
    user, contents = _filled(dovecot)
    damaged = _files(dovecot, user)[1]
    damaged.write_bytes(damaged.read_bytes()[:50])
    connector, intake = _connector(dovecot, user), MemoryIntake("email")
    async with receiving(connector, intake):
        await until(lambda: intake.cursors and intake.cursors[-1]["uid"] == 3)
    first, note, third = intake.rows.values()
    assert (first, third) == (contents[0], contents[2])
    reading = normalizer.read(note, Account())
    assert isinstance(reading, Unreadable)
    assert "mailbox" in reading.reason
    assert b"UID 2 " in note


async def test_while_the_server_gives_no_letter_at_all_none_is_passed_over(dovecot: DovecotServer) -> None:
    user, _ = _filled(dovecot)
    for damaged in _files(dovecot, user):
        damaged.write_bytes(damaged.read_bytes()[:50])
    connector, intake = _connector(dovecot, user), MemoryIntake("email")
    async with receiving(connector, intake):
        await until(lambda: len(intake.troubles) > email.MOST_FAILS + 5)
    assert (intake.rows, intake.cursors) == ({}, [])
