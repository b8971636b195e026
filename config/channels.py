"""What every channel's section has in common; each kind's own keys stand in `connectors/<kind>.py` as `Settings`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ChannelSettings(BaseModel):
    """The keys of any `[channels.NAME]`. A kind's `Settings` adds its own; secrets are `SecretStr`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    audience: Literal["pensioners", "accessibility", "business", "offline", "general"] | None = Field(
        None, description="the audience of everything that comes through this channel"
    )
    language: Literal["ru", "en"] = Field("ru", description="the language of our texts where the citizen's is unknown")
    acknowledge: bool = Field(True, description="tell citizens the number of their request")
