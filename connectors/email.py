"""Mail: letters by IMAP, by a cursor of UIDVALIDITY and UID and never by \\Seen; acknowledgements and replies by SMTP.

A letter is journalled before the cursor moves (RFC 3501 for the commands, RFC 2177 for IDLE).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import Field, SecretStr, model_validator

from config.channels import ChannelSettings
from config.units import Day
from connectors.backoff import Backoff, for_ever
from connectors.base import (
    Final,
    Hook,
    HookAnswer,
    Intake,
    Outgoing,
    Sent,
    Transient,
)

T = TypeVar("T")
Security = Literal["tls", "starttls", "none"]

# Letters of one journal commit, and their bytes: a mailbox with 40 MB letters must not fill the memory.
BATCH_LETTERS = 50
BATCH_BYTES = 8 * 1024 * 1024
CLOSE_SECONDS = 3.0
# So often in a row a letter may fail (two minutes or so); then it is passed over, if the server gives another one.
MOST_FAILS = 8
NOT_GIVEN = b"X-Priemnaya-Not-Given: "  # known to normalizer/email.py, which tells an operator


class Settings(ChannelSettings):
    """A mailbox."""

    kind: Literal["email"] = "email"
    imap_host: str = Field(description="where letters are read")
    imap_port: int = Field(993, ge=1, le=65535, description="993 for tls, 143 for starttls and none")
    imap_security: Security = Field("tls", description="tls, starttls or none")
    username: str = Field(description="the login, mostly the address")
    password: SecretStr | None = Field(None, description="the password; not needed with OAuth2")
    folder: str = Field("INBOX", description="the folder that is read")
    smtp_host: str | None = Field(None, description="where letters are sent; unset: none are sent")
    smtp_port: int = Field(465, ge=1, le=65535, description="465 for tls, 587 for starttls")
    smtp_security: Security = Field("tls", description="tls, starttls or none")
    from_address: str | None = Field(None, description="the address that we write from; unset: the username")
    oauth_token_url: str | None = Field(None, description="OAuth2 (Gmail, Microsoft 365): where tokens are refreshed")
    oauth_client_id: str | None = Field(None, description="OAuth2: the client's id")
    oauth_client_secret: SecretStr | None = Field(None, description="OAuth2: the client's secret")
    oauth_refresh_token: SecretStr | None = Field(None, description="OAuth2: the refresh token of the mailbox")
    oauth_scope: str | None = Field(None, description="OAuth2: the scope, where the provider wants one")
    acknowledge_since: Day | None = Field(
        None, description="who wrote before this day is told no number: for a mailbox that has long been in use"
    )
    trusted_authserv_id: str | None = Field(
        None, description="whose Authentication-Results are believed (RFC 8601): our own mail server's name"
    )

    @model_validator(mode="after")
    def _can_log_in(self) -> Settings:
        if self.password is None and self.oauth_refresh_token is None:
            raise ValueError("password: needed, or oauth_refresh_token with oauth_token_url and oauth_client_id")
        if self.oauth_refresh_token is not None and not (self.oauth_token_url and self.oauth_client_id):
            raise ValueError("oauth_refresh_token: needs oauth_token_url and oauth_client_id beside it")
        return self

    @property
    def address(self) -> str:
        """The address of the mailbox, lower case."""
        own = self.from_address or self.username
        return (own if "@" in own else f"{own}@{self.imap_host}").lower()


def create(name: str, settings: Settings) -> Email:
    """The connector of a mailbox. Opens nothing."""
    return Email(name, settings)


class Email:
    """See `connectors.base.Connector`."""

    kind: ClassVar[str] = "email"
    polled = True

    def __init__(self, name: str, settings: Settings) -> None:
        from connectors.mail_servers import Smtp

        self.name = name
        self.settings = settings
        self.most_bytes = 40 * 1024 * 1024  # of a letter; set from limits.mail by whoever runs the channel
        self._smtp = Smtp(settings)
        # One thread, so that a letter whose sender has stopped waiting is over before the next one begins: two at one
        # connection would read each other's answers, and one be recorded that the server has not taken.
        self._sending = ThreadPoolExecutor(1, thread_name_prefix="smtp")
        self._trouble = _Trouble()

    async def account(self) -> str:
        """The mailbox's address."""
        return self.settings.address

    @property
    def source(self) -> str:
        """What is read under one cursor: the mailbox, or a folder of it beside the first one."""
        folder = self.settings.folder
        return self.settings.address if folder.upper() == "INBOX" else f"{self.settings.address}/{folder}"

    async def receive(self, intake: Intake) -> None:
        """Read the folder for ever: what is new, then IDLE, then what is new again."""
        await for_ever(intake, lambda backoff: self._read(intake, backoff))

    async def _read(self, intake: Intake, backoff: Backoff) -> None:
        """A connection to the mailbox. Leaves by an error only."""
        reader = _Reader(self.settings, self.most_bytes)
        try:
            await reader.call(reader.imap.connect)
            while True:
                await reader.take(intake, self._trouble)
                await intake.healthy()
                backoff.reset()
                await reader.call(reader.imap.wait)
        finally:
            reader.close()

    def hook(self, request: Hook) -> HookAnswer:
        """Mail has no webhook."""
        return HookAnswer(404, "not found")

    async def send(self, outgoing: Outgoing) -> Sent:
        """Send a letter. The same `signed_id` gives the same Message-ID: a second copy shows as one."""
        from connectors.mail_servers import letter

        if self.settings.smtp_host is None:
            raise Final("no smtp_host is configured: letters cannot be sent")
        message = letter(outgoing, self.settings.address, self.settings.from_address)
        await self._by_smtp(self._smtp.send, message)
        return Sent(native_id=str(message["Message-ID"]).strip("<>"))

    def fetch(self, source: Mapping[str, Any], limit: int) -> AsyncIterator[bytes]:
        """A letter brings its files with it."""
        raise Final("a letter's files come with it")

    async def check(self) -> str:
        """Log in to both servers."""
        reader = _Reader(self.settings, self.most_bytes)
        try:
            await reader.call(reader.imap.connect)
            count = await reader.call(reader.imap.count)
        finally:
            reader.close()
        if self.settings.smtp_host is None:
            return f"{self.settings.folder} holds {count} letters; no smtp_host: acknowledgements cannot be sent"
        await self._by_smtp(self._smtp.check)
        return f"logged in; {self.settings.folder} holds {count} letters; SMTP takes our login"

    async def close(self) -> None:
        """Close the SMTP connection; a letter that is under way ends by its own timeout."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._by_smtp(self._smtp.close)
        self._sending.shutdown(wait=False, cancel_futures=True)

    async def _by_smtp(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._sending, work, *args)


@dataclass
class _Trouble:
    """What of the folder did not come: a letter that is damaged on the server must not hold up those behind it."""

    alone: int = 0  # so many letters are still fetched one by one
    uid: int = 0
    fails: int = 0

    def failed(self, batch: list[tuple[int, int]]) -> None:
        """These did not come."""
        self.alone = BATCH_LETTERS
        if len(batch) == 1:
            self.uid, self.fails = batch[0][0], self.fails + 1 if self.uid == batch[0][0] else 1


class _Reader:
    """One IMAP session in a thread of its own: IMAPClient is not for several threads."""

    def __init__(self, settings: Settings, most_bytes: int) -> None:
        from connectors.mail_servers import Imap

        self.imap = Imap(settings)
        self._since = settings.acknowledge_since
        self.most_bytes = most_bytes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="imap")

    async def call(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    async def take(self, intake: Intake, trouble: _Trouble) -> None:
        """Journal every letter behind the cursor, in commits of a bounded size."""
        validity = self.imap.uidvalidity
        cursor = await intake.cursor()
        last = int(cursor["uid"]) if cursor and cursor.get("uidvalidity") == validity else 0
        try:
            old = await self.call(partial(self.imap.before, self._since, last)) if self._since else set()
            pending = await self.call(partial(self.imap.letters_after, last, sizes=not trouble.alone))
        except Transient:
            trouble.failed([])
            raise
        while pending:
            batch: list[tuple[int, int]] = []
            size, most = 0, 1 if trouble.alone else BATCH_LETTERS
            while pending and len(batch) < most and (not batch or size + pending[0][1] <= BATCH_BYTES):
                if batch and (batch[0][0] in old) is not (pending[0][0] in old):
                    break
                size += pending[0][1]
                batch.append(pending.pop(0))
            try:
                letters = await self._letters(batch, pending, trouble)
            except Transient:
                trouble.failed(batch)
                raise
            moved = {"uidvalidity": validity, "uid": batch[-1][0]}
            await intake.accept(letters, moved, acknowledge=batch[0][0] not in old)
            trouble.alone = max(0, trouble.alone - 1)

    async def _letters(
        self, batch: list[tuple[int, int]], pending: list[tuple[int, int]], trouble: _Trouble
    ) -> list[bytes]:
        """The letters; in place of one that has failed too often, while the server gives another one, a note of it."""
        uid = batch[0][0]
        if not pending or uid != trouble.uid or trouble.fails < MOST_FAILS:
            return await self.call(self.imap.fetch, batch, self.most_bytes)
        another = pending[(trouble.fails - MOST_FAILS) % len(pending)]
        await self.call(self.imap.fetch, [another], self.most_bytes)
        return [NOT_GIVEN + f"UID {uid} of UIDVALIDITY {self.imap.uidvalidity}\r\n\r\n".encode()]

    def close(self) -> None:
        """Hang up: a thread that waits in IDLE comes back within a moment."""
        self.imap.hang_up()
        self._thread.shutdown(wait=False)
