"""What a connector promises, and what it is given. Read this before writing a fifth one.

A connector takes raw payloads from a platform and sends our messages back; it knows nothing of meaning.
The one rule of all of them: **durable first, confirm afterwards**. A payload is handed to `Intake.accept`;
only when that has returned may the platform be told (offset, ts, UID cursor, HTTP 200).

    ConnectorError
    ├── Transient        the same call may go through later (network, 5xx, rate limit); `retry_after` in seconds
    ├── Final            never for this message (blocked by the citizen, window closed, file gone)
    └── AccountTrouble   nothing of this account goes through until somebody acts (token revoked, a second poller)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol

from config.channels import ChannelSettings


class ConnectorError(Exception):
    """Base; the text is for an administrator: no personal data, no token, no address with one in it."""

    already_sent: int = 0  # raised by `send`: parts that the platform has confirmed, to be left out next time
    sent_ids: tuple[str, ...] = ()  # the platform's ids of those that this very attempt sent


class Transient(ConnectorError):
    """Try again, not before `retry_after` seconds."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Away(Transient):
    """The platform gives no answer, or puts off whatever comes: nothing of the account can be sent just now."""


class Final(ConnectorError):
    """The platform has refused this message for good."""


class AccountTrouble(ConnectorError):
    """The account itself is refused; the text says what to do about it."""


class Fenced(ConnectorError):
    """Another holder has the lease: stop at once, without telling the platform anything."""


class Intake(Protocol):
    """The durable side, as a connector sees it."""

    async def accept(
        self, payloads: Sequence[bytes], cursor: Mapping[str, Any] | None = None, *, acknowledge: bool = True
    ) -> int:
        """Journal the payloads, and move the cursor, in one durable commit. Returns how many were new.

        Without `acknowledge` no citizen is told a number for them.
        Redelivered payloads are not an error. Waits (with back-off) while the database is away; raises `Fenced`
        when the lease is lost. When this returns, and not before, the platform may be told.
        """
        ...

    async def cursor(self) -> dict[str, Any] | None:
        """The cursor that was committed last for this account, or None at the first start."""
        ...

    async def healthy(self) -> None:
        """Say that the platform answers. Cheap: call it after each successful round."""
        ...

    async def trouble(self, error: ConnectorError) -> None:
        """Say what is wrong; logged once until it changes, shown by `/readyz` and the board."""
        ...


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook request as it came. Header names are lower case; values are latin-1 decoded, hence never fail."""

    method: Literal["GET", "POST"]
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What to answer. With `payloads`, they are journalled first and 503 is answered where that fails."""

    status: int
    body: str = ""
    media_type: str = "text/plain"
    payloads: tuple[bytes, ...] = field(default=(), repr=False)
    # What is for other accounts of the platform, by their ids: one webhook may serve several.
    others: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file that leaves with a desk's reply."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to a citizen. Sending it twice must be harmless where the platform allows that."""

    id: str  # UUID of our row
    purpose: Literal["acknowledgement", "answer", "warning", "notice", "reply"]
    address: Mapping[str, Any] = field(repr=False)  # what the normalizer said: {"conversation": …, "sender": …}
    text: str = field(repr=False)
    random_id: int  # int32, never 0, unique for the account over its history (VK)
    buttons: tuple[tuple[str, str], ...] = ()  # (label, payload)
    reply_to: str | None = None  # native id of the message that is answered
    subject: str | None = field(default=None, repr=False)
    references: tuple[str, ...] = ()  # mail: Message-IDs of the thread, oldest first, without brackets
    signed_id: str | None = None  # mail: the local part of our Message-ID; the same at every attempt
    automatic: bool = True  # False for a desk's reply: a person wrote it
    last_message_at: datetime | None = None  # when the citizen last wrote (WhatsApp's 24-hour window)
    files: tuple[OutgoingFile, ...] = field(default=(), repr=False)
    attempt: int = 1
    already_sent: int = 0  # parts of a long text that the platform has confirmed in an earlier attempt


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform has taken it. `native_id` is the platform's id of our message where it gives one."""

    native_id: str | None = None
    more_ids: tuple[str, ...] = ()  # of the further parts of a long text


class Connector(Protocol):
    """One account of one platform. Constructed with `(name, settings)`; opens nothing before it is used.

    The module is `connectors/<kind>.py`; it offers `Settings` (a `ChannelSettings`) and `create(name, settings)`.
    It imports the platform's library inside the functions that use it: a process pays only for what it does.
    """

    kind: ClassVar[str]
    name: str
    settings: ChannelSettings
    polled: bool  # True: `receive` is run by the holder of the lease; False: payloads come by webhook

    async def account(self) -> str:
        """The platform's own id of this account (bot id, community, phone number id, mailbox address).

        Derived from the settings alone, with no call to the platform.
        """
        ...

    async def receive(self, intake: Intake) -> None:
        """Run the receive loop until cancelled. Returns never; raises `Fenced`; handles everything else by itself."""
        ...

    def hook(self, request: Hook) -> HookAnswer:
        """Check and answer a webhook request. Pure; never raises on any input (403 for a bad signature)."""
        ...

    async def send(self, outgoing: Outgoing) -> Sent:
        """Send one message. Raises `Transient`, `Final` or `AccountTrouble`."""
        ...

    def fetch(self, source: Mapping[str, Any], limit: int) -> AsyncIterator[bytes]:
        """The bytes of an attachment that the normalizer described as `Part.fetch`, in pieces.

        Raises `Final` when it is gone, refused or larger than `limit` bytes, else `Transient` or `AccountTrouble`.
        """
        ...

    async def check(self) -> str:
        """Reach the platform for real (getMe, login). One line that says what was reached; raises `ConnectorError`."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
