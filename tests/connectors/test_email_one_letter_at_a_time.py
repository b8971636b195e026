"""Two letters never share the SMTP connection at one time: each would read the other's answers."""

import asyncio
import threading
import time
from typing import Any

import pytest

from connectors import email
from connectors.base import Outgoing

VALUES = {
    "imap_host": "imap.example",
    "smtp_host": "smtp.example",
    "username": "desk@gosorgan.example",
    "password": "x",
}


def outgoing(number: int) -> Outgoing:
    return Outgoing(
        id=str(number), purpose="reply", address={"email": f"citizen{number}@example.org"}, text="x", random_id=number
    )


def test_a_letter_whose_sender_stopped_waiting_is_over_before_the_next_one_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connector = email.create("email", email.Settings.model_validate(VALUES))
    sent: list[str] = []
    together: list[str] = []
    busy = threading.Lock()

    def send(message: Any) -> None:
        if not busy.acquire(blocking=False):
            together.append(message["To"])
            return
        time.sleep(0.4)  # a server that takes its time
        sent.append(str(message["To"]))
        busy.release()

    monkeypatch.setattr(connector._smtp, "send", send)

    async def run() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await connector.send(outgoing(1))
        await connector.send(outgoing(2))
        await connector.close()

    asyncio.run(run())
    assert not together
    assert sent == ["citizen1@example.org", "citizen2@example.org"]
