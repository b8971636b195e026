"""Which kinds of channel there are: the modules of `connectors/` that offer `Settings`.

A kind is found by its file and imported only when a channel of that kind is configured.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Callable, Mapping
from functools import cache, partial

from config.channels import ChannelSettings

Kinds = Mapping[str, Callable[[], type[ChannelSettings]]]

RESERVED = ("max", "messenger")
_OFFERS_SETTINGS = re.compile(r"^class Settings\b", re.MULTILINE)


@cache
def installed_kinds() -> Kinds:
    """Kind -> a call that imports `connectors/<kind>.py` and returns its `Settings`."""
    import connectors

    found: dict[str, Callable[[], type[ChannelSettings]]] = {}
    for module in pkgutil.iter_modules(connectors.__path__):
        if module.name == "base" or module.name.startswith("_") or module.ispkg:
            continue
        name = f"connectors.{module.name}"
        spec = importlib.util.find_spec(name)
        # The source is read, not run: importing every platform's module would cost each process all of them.
        source = getattr(spec.loader, "get_source", lambda _: None)(name) if spec else None
        if source and _OFFERS_SETTINGS.search(source):
            found[module.name] = partial(_settings_of, name)
    return found


def _settings_of(module: str) -> type[ChannelSettings]:
    settings = importlib.import_module(module).Settings
    if not (isinstance(settings, type) and issubclass(settings, ChannelSettings)):
        raise TypeError(f"{module}.Settings is not a ChannelSettings")
    return settings
