"""The queue as a stream of events: soon, and cheap however many look."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest

from board.live import LEAST_SECONDS
from board.pages import Pages
from tests.board.site import Operator, Site


def test_the_stream_brings_a_new_request_within_two_seconds(portal: Site, operator: Operator) -> None:
    with operator.client.stream("GET", "/board/live") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        next(line for line in lines if line.startswith("data:"))
        took = []
        while len(took) < 5 and min(took, default=2.0) >= 2.0:  # what a busy machine adds is not the stream's
            number = portal.take()
            started = time.monotonic()
            assert next(line for line in lines if line.startswith("data:") and number in line)
            took.append(time.monotonic() - started)
    assert min(took) < 2.0


def test_the_queue_is_rendered_once_for_all_who_look_at_it(
    portal: Site, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a core was busy with a hundred and fifty operators' screens while nothing happened."""
    text, made = Pages.text, []

    def counting(self: Pages, template: str, language: str, **values: Any) -> str:
        made.append(template)
        return text(self, template, language, **values)

    monkeypatch.setattr(Pages, "text", counting)
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(operator.client.stream("GET", "/board/live")) for _ in range(20)]
        lines = [stream.iter_lines() for stream in streams]  # kept: one that is dropped ends its stream
        for each in lines:
            next(line for line in each if line.startswith("data:"))
        made.clear()
        time.sleep(3.5 * LEAST_SECONDS)
    assert 1 <= made.count("board_fragment.html") <= 5


def test_the_stream_ends_soon_for_whoever_is_signed_in_no_more(portal: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It went on with citizens' words for a quarter of an hour."""
    monkeypatch.setattr("board.live.ASKED_SECONDS", 0.2)
    with contextlib.closing(Operator(portal, "second")) as second, second.client.stream("GET", "/board/live") as stream:
        lines = stream.iter_lines()
        next(line for line in lines if line.startswith("data:"))
        assert second.post("/board/sign-out").status_code == 303
        for _ in lines:
            pass  # it ends: httpx raises ReadTimeout where nothing comes any more
