"""What the pages tell people to type, set or watch exists."""

import re
from pathlib import Path

import pytest

from config import metrics
from config.layers import known_keys
from config.settings import Settings
from pipeline.commandline import cli
from pipeline.running import ROLES

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|[`/(])priemnaya ([a-z-]+)\b", text, re.MULTILINE))
    assert named <= set(cli.commands), named - set(cli.commands)
    roles = set(re.findall(r"`(?:priemnaya )?run ([a-z]+)`", text))
    assert roles <= set(ROLES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_metric_and_every_key_of_a_page_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    known = {each.name for each in metrics.METRICS}
    named = set(re.findall(r"priemnaya_[a-z_]+", text))
    assert named <= known, named - known
    sections = {name: field.annotation for name, field in Settings.model_fields.items() if name != "channels"}
    for section, key in re.findall(rf"`({'|'.join(sections)})\.([a-z_0-9]+)\b", text):
        assert key in known_keys(sections[section]), f"{section}.{key}"


def test_the_pages_that_are_looked_at_name_some() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert "`priemnaya restored`" in text and "`http.trusted_proxies`" in text and "priemnaya_quarantine" in text
