"""A mailbox that was in use for years is read for the first time: all is taken in, and who wrote lately is told."""

import imaplib
import time

from connectors import email
from tests.connectors.intake import MemoryIntake, receiving, until, until_crash
from tests.harness.letters import letters
from tests.harness.mail import mailbox
from tests.services.dovecot import DovecotServer

DAY = 86400


def _filled(dovecot: DovecotServer, ages: list[int]) -> tuple[str, list[bytes]]:
    """A mailbox with letters that came so many days ago, in the order of their UIDs."""
    user, contents = dovecot.add_user(), [letter.content for letter in letters(len(ages))]
    with dovecot.session(user) as connection:
        for content, age in zip(contents, ages, strict=True):
            arrived = imaplib.Time2Internaldate(time.time() - age * DAY)
            assert connection.append("INBOX", "", arrived, content)[0] == "OK"
    return user, contents


def _connector(dovecot: DovecotServer, user: str) -> email.Email:
    return email.create("email", email.Settings.model_validate(mailbox(user, dovecot.port, 1)))


def _untold(intake: MemoryIntake) -> list[bytes]:
    return [content for key, content in intake.rows.items() if key in intake.untold]


async def test_what_had_lain_there_for_long_is_taken_and_nobody_is_told(dovecot: DovecotServer) -> None:
    """Everybody who had ever written was sent a number for it."""
    user, contents = _filled(dovecot, [900, 400, 3, 30, 0])
    intake = MemoryIntake("email")
    async with receiving(_connector(dovecot, user), intake):
        await until(lambda: len(intake.rows) == 5)
        assert list(intake.rows.values()) == contents
        assert _untold(intake) == [contents[0], contents[1], contents[3]]
        (later,) = [letter.content for letter in letters(1, series="later")]
        with dovecot.session(user) as connection:  # what an operator moves here from elsewhere is new to us
            connection.append("INBOX", "", imaplib.Time2Internaldate(time.time() - 900 * DAY), later)
        await until(lambda: len(intake.rows) == 6)
    assert later not in _untold(intake)
    assert "found" not in intake.cursors[-1]


async def test_a_crash_in_the_middle_of_the_first_reading_tells_nobody_either(dovecot: DovecotServer) -> None:
    user, contents = _filled(dovecot, [900, 3, 800, 2, 700])
    intake = MemoryIntake("email")
    intake.crash_at(2, "after")
    await until_crash(_connector(dovecot, user), intake)
    assert len(intake.rows) == 2
    async with receiving(_connector(dovecot, user), intake):
        await until(lambda: len(intake.rows) == 5)
    assert _untold(intake) == [contents[0], contents[2], contents[4]]
