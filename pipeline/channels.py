"""The connectors of the configured channels."""

from __future__ import annotations

import importlib
from typing import cast

from config.settings import Settings
from connectors.base import Connector


def connector_of(settings: Settings, name: str) -> Connector:
    """The connector of a configured channel. Opens nothing."""
    channel = settings.channels[name]
    module = importlib.import_module(f"connectors.{channel.kind}")
    return cast(Connector, module.create(name, channel))
