"""A mailbox that was in use for years is read for the first time: all is taken in, and told is who is to be told."""

import imaplib
import time
from datetime import UTC, datetime, timedelta

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


def _connector(dovecot: DovecotServer, user: str, **more: object) -> email.Email:
    return email.create("email", email.Settings.model_validate({**mailbox(user, dovecot.port, 1), **more}))


def _untold(intake: MemoryIntake) -> list[bytes]:
    return [content for key, content in intake.rows.items() if key in intake.untold]


async def test_everybody_is_told_who_is_not_said_to_be_too_old(dovecot: DovecotServer) -> None:
    user, contents = _filled(dovecot, [900, 0])
    intake = MemoryIntake("email")
    async with receiving(_connector(dovecot, user), intake):
        await until(lambda: len(intake.rows) == 2)
    assert list(intake.rows.values()) == contents and not intake.untold


async def test_who_wrote_before_that_day_is_taken_in_and_not_told(dovecot: DovecotServer) -> None:
    """Everybody who had ever written was sent a number for it."""
    user, contents = _filled(dovecot, [900, 3, 30, 0, 12])
    since = (datetime.now(UTC) - timedelta(days=7)).date()
    connector, intake = _connector(dovecot, user, acknowledge_since=since.isoformat()), MemoryIntake("email")
    intake.crash_at(2, "after")
    await until_crash(connector, intake)
    assert len(intake.rows) == 2
    connector = _connector(dovecot, user, acknowledge_since=since.isoformat())
    async with receiving(connector, intake):
        await until(lambda: len(intake.rows) == 5)
        assert list(intake.rows.values()) == contents
        assert _untold(intake) == [contents[0], contents[2], contents[4]]
        (later,) = [letter.content for letter in letters(1, series="later")]
        with dovecot.session(user) as connection:
            connection.append("INBOX", "", imaplib.Time2Internaldate(time.time()), later)
        await until(lambda: len(intake.rows) == 6)
    assert later not in _untold(intake)
