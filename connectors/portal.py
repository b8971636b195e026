"""The portal's own sources. Nothing is polled: the web front journals what they send; answers leave by e-mail."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar, Literal, get_args

from pydantic import Field, SecretStr, field_validator

from config.channels import ChannelSettings
from connectors.base import Final, Hook, HookAnswer, Intake, Outgoing, Sent

Source = Literal["form", "cabinet", "mobile", "phone", "office"]
Audience = Literal["pensioners", "accessibility", "business", "offline", "general"]

HASHED = "sha256:"
# A key is compared by one SHA-256 and no slow hash: it must be long and random, so that nobody can try all of them.
LEAST_KEY = 24


class Settings(ChannelSettings):
    """The feedback form, and who may use the intake API."""

    kind: Literal["portal"] = "portal"
    sources: dict[Source, SecretStr] = Field(
        default_factory=dict, description="an API key for each source; or sha256: and the key's SHA-256 in hexadecimal"
    )
    lines: dict[str, Audience] = Field(
        default_factory=dict, description="which audience calls which line of the hotline"
    )
    reply_by: str | None = Field(
        None, description="the e-mail channel that carries answers; unset: the first one that there is"
    )

    @field_validator("sources")
    @classmethod
    def _are_keys(cls, sources: dict[Source, SecretStr]) -> dict[Source, SecretStr]:
        digests = set()
        for source, secret in sources.items():
            key = secret.get_secret_value()
            if key.startswith(HASHED):
                if len(key) != len(HASHED) + 64 or not set(key[len(HASHED) :]) <= set("0123456789abcdef"):
                    raise ValueError(f"{source}: sha256: and 64 hexadecimal digits are needed")
            elif len(key) < LEAST_KEY:
                raise ValueError(f"{source}: a key of {LEAST_KEY} characters or more, as `openssl rand -hex 24` prints")
            digests.add(_digest(key))
        if len(digests) < len(sources):
            raise ValueError("two sources have the same key: nobody could tell them apart")
        return sources

    def source_of(self, key: str) -> Source | None:
        """Whose key this is; None for nobody's. Takes the same time for every wrong key."""
        given, found = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest(), None
        for source, secret in self.sources.items():
            if hmac.compare_digest(_digest(secret.get_secret_value()), given):
                found = source
        return found


def _digest(key: str) -> str:
    return key.removeprefix(HASHED) if key.startswith(HASHED) else hashlib.sha256(key.encode()).hexdigest()


def create(name: str, settings: Settings) -> Portal:
    """The connector. Opens nothing."""
    return Portal(name, settings)


class Portal:
    """See `connectors.base.Connector`."""

    kind: ClassVar[str] = "portal"
    polled = False
    sources: ClassVar[tuple[Source, ...]] = get_args(Source)

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings

    async def account(self) -> str:
        """The channel's name: the portal is ours, no platform names it."""
        return self.name

    async def receive(self, intake: Intake) -> None:
        """Never called: what comes, comes to the web front."""
        raise Final("the portal is not polled")

    def hook(self, request: Hook) -> HookAnswer:
        """The portal has an API of its own, /api/v1/appeals."""
        return HookAnswer(404, "not found: the intake is at /api/v1/appeals")

    async def send(self, outgoing: Outgoing) -> Sent:
        """Never owed: answers to the portal's citizens are owed to the channel `reply_by`."""
        raise Final("the portal sends nothing itself; see reply_by")

    def fetch(self, source: Mapping[str, Any], limit: int) -> AsyncIterator[bytes]:
        """Files come with the request."""
        raise Final("files come with the request")

    async def check(self) -> str:
        """Nothing to reach: says who has a key."""
        keys = ", ".join(self.settings.sources) or "none"
        return f"the form at /; keys for the intake API: {keys}"

    async def close(self) -> None:
        """Nothing is open."""
