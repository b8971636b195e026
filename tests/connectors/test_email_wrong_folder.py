"""A folder that the mailbox does not have is told as what it is, with those that it has."""

import pytest

from connectors import email
from connectors.base import AccountTrouble
from tests.connectors.intake import MemoryIntake, receiving, until
from tests.harness.mail import mailbox
from tests.services.dovecot import DovecotServer


async def test_a_wrong_folder_is_told_with_the_folders_that_there_are(dovecot: DovecotServer) -> None:
    """ "The mail server does not answer" sent people to their firewalls."""
    values = {**mailbox(dovecot.add_user(), dovecot.port, 1), "folder": "Обращения", "smtp_host": None}
    connector, intake = email.create("email", email.Settings.model_validate(values)), MemoryIntake("email")
    with pytest.raises(AccountTrouble, match=r"folder 'Обращения'.*INBOX"):
        await connector.check()
    async with receiving(connector, intake):
        await until(lambda: "set folder to one of INBOX" in intake.texts())
