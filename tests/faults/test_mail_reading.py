"""Fault 19: IMAP at its worst, against a real Dovecot."""

import time

from connectors.email import Settings
from connectors.mail_servers import Imap
from tests.harness.letters import letters
from tests.harness.mail import mailbox
from tests.services.dovecot import DovecotServer


def test_a_letter_that_comes_as_idle_ends_does_not_wait_for_the_next_minute(dovecot: DovecotServer) -> None:
    user = dovecot.add_user()
    first, second = letters(2)
    dovecot.append(user, first.content)
    imap = Imap(Settings.model_validate(mailbox(user, dovecot.port, 1)))
    imap.connect()
    try:
        assert [uid for uid, _ in imap.letters_after(0)] == [1]
        imap._client.idle()
        dovecot.append(user, second.content)
        imap._client.idle_done()  # Dovecot tells of a letter half a second after it came
        began = time.monotonic()
        while not (found := imap.letters_after(1)):
            imap.wait()
        assert [uid for uid, _ in found] == [2]
        assert time.monotonic() - began < 3
    finally:
        imap.hang_up()
