"""Shorter waits, so that trouble and its end fit into a test."""

import pytest

from connectors import backoff, telegram, vk


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {
        "FIRST_WAIT": 0.02, "LONGEST_WAIT": 0.1, "FIRST_TROUBLE_WAIT": 0.05, "LONGEST_TROUBLE_WAIT": 0.2,
    }.items():  # fmt: skip
        monkeypatch.setattr(backoff, name, seconds)
    monkeypatch.setattr(telegram, "POLL_SECONDS", 1)
    monkeypatch.setattr(vk, "POLL_SECONDS", 1)
