"""A letter that the mail server gives without its content is asked for again: it is there, and is not left out."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

import pytest

from connectors import email
from tests.connectors.intake import MemoryIntake, receiving, until
from tests.harness.letters import letters
from tests.harness.mail import mailbox
from tests.services.dovecot import DovecotServer
from tests.services.process import HOST

CONTENT = re.compile(rb"UID 2 (BODY\[\](?:<0>)?) \{(\d+)\}\r\n")


class Withholding:
    """Stands before Dovecot; `left` times it says NIL in place of the second letter's content, or leaves that out."""

    def __init__(self, dovecot: DovecotServer, left: int, said: bytes) -> None:
        self.dovecot, self.left, self.said = dovecot, left, said
        self.port = 0

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Withholding]:
        server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        yield self
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(HOST, self.dovecot.port)
        up = asyncio.create_task(self._up(reader, inner_writer))
        with contextlib.suppress(OSError):
            held = b""
            while data := await inner_reader.read(65536):
                held += data
                if not held.endswith(b"\r\n"):
                    continue
                found = CONTENT.search(held)
                if found and self.left:
                    end = found.end() + int(found[2])
                    if len(held) < end + 3:  # the content, and what follows it on the line
                        continue
                    self.left -= 1
                    content = found[1] + b" " + self.said if self.said else b"FLAGS ()"
                    held = held[: found.start(1)] + content + held[end:]
                writer.write(held)
                held = b""
        up.cancel()
        writer.close()
        inner_writer.close()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()


def _connector(port: int, user: str) -> email.Email:
    return email.create("email", email.Settings.model_validate(mailbox(user, port, 1)))


@pytest.mark.parametrize("said", [b"NIL", b""], ids=["NIL", "nothing"])
async def test_what_came_without_its_content_is_taken_when_the_server_gives_it(
    dovecot: DovecotServer, said: bytes
) -> None:
    """It was passed over with the cursor, as one that somebody has deleted is."""
    user, contents = dovecot.add_user(), [letter.content for letter in letters(3)]
    for content in contents:
        dovecot.append(user, content)
    intake = MemoryIntake("email")
    async with (
        Withholding(dovecot, 2, said).listening() as server,
        receiving(_connector(server.port, user), intake),
    ):
        await until(lambda: intake.cursors and intake.cursors[-1]["uid"] == 3)
    assert list(intake.rows.values()) == contents
    assert "without its content" in intake.texts()


async def test_one_whose_content_never_comes_is_told_to_an_operator_and_holds_up_nobody(dovecot: DovecotServer) -> None:
    user, contents = dovecot.add_user(), [letter.content for letter in letters(3)]
    for content in contents:
        dovecot.append(user, content)
    intake = MemoryIntake("email")
    async with (
        Withholding(dovecot, 10**6, b"NIL").listening() as server,
        receiving(_connector(server.port, user), intake),
    ):
        await until(lambda: intake.cursors and intake.cursors[-1]["uid"] == 3)
    first, note, third = intake.rows.values()
    assert (first, third, b"UID 2 " in note) == (contents[0], contents[2], True)
