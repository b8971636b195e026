"""`config/example.toml` holds every key, with its default."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import config
from config.channels import ChannelSettings
from config.kinds import installed_kinds
from config.settings import Settings, load

EXAMPLE = Path(config.__file__).parent / "example.toml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
# A commented line that is a section or a key, not prose.
COMMENTED = re.compile(r"^#(?=\[|[a-z0-9_]+ = )", re.MULTILINE)
WHOLE: dict[str, Any] = tomllib.loads(COMMENTED.sub("", TEXT))
KINDS = sorted(installed_kinds())


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{prefix}{name}.")
        elif name != "channels":
            yield f"{prefix}{name}"


def written(tree: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from written(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_every_key_is_in_the_example_and_no_other() -> None:
    assert set(written(tomllib.loads(TEXT))) == set(keys(Settings))


def test_the_example_as_it_stands_is_the_defaults() -> None:
    assert load(EXAMPLE, {}, {}).model_dump() == Settings().model_dump()


def test_every_key_of_the_example_says_what_it_is() -> None:
    for line in COMMENTED.sub("", TEXT).splitlines():
        if re.match(r"[a-z0-9_]+ = ", line):
            assert re.search(r"  # \w", line) or line.startswith("kind = "), line


def sections(kind: str) -> dict[str, dict[str, Any]]:
    return {name: section for name, section in WHOLE["channels"].items() if section["kind"] == kind}


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_kind_of_channel_is_in_its_example(kind: str) -> None:
    shown = {key.removesuffix("_file") for section in sections(kind).values() for key in section}
    known = set(installed_kinds()[kind]().model_fields)
    assert shown <= known
    assert known - shown <= set(ChannelSettings.model_fields)


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_of_channel_loads(kind: str, tmp_path: Path) -> None:
    blocks = re.split(r"^(?=\[)", COMMENTED.sub("", TEXT), flags=re.MULTILINE)
    file = tmp_path / "priemnaya.toml"
    kinds = {kind, "email"} if kind == "portal" else {kind}  # its answers leave by mail
    shown = [block for block in blocks if any(f'kind = "{one}"' in block for one in kinds)]
    file.write_text("".join(shown), encoding="utf-8")
    settings = load(file, {})
    assert {channel.kind for channel in settings.channels.values()} == kinds


def test_the_keys_that_all_channels_have_are_shown_once_with_their_defaults() -> None:
    section = next(iter(sections("email").values()))
    for name, field in ChannelSettings.model_fields.items():
        if name != "kind":
            assert section[name] == ("" if field.default is None else field.default)
