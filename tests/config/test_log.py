"""The logs of a process: one line an event, nothing secret, nothing personal."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import BaseModel, ValidationError

from config.log import configure, describe, register_secrets
from config.settings import ConfigError, load

CANARY = "кана-рейка"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    show = warnings.showwarning
    yield
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    warnings.showwarning = show
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def stream() -> io.StringIO:
    return started("json")


def started(form: str, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    environ = {
        "PRIEMNAYA_LOGGING__FORMAT": form,
        "PRIEMNAYA_LOGGING__LEVEL": level,
        "PRIEMNAYA_BROKER__URL": "amqp://u:broker-canary@h/",
    }
    configure(load(environ=environ, kinds={}), stream)
    return stream


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_time_level_and_context(stream: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(process="relay")
    structlog.get_logger().info("published", count=3, took=0.5, ticket="261122-000001-2", done=True, none=None)
    (event,) = events(stream)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "published",
        "level": "info",
        "process": "relay",
        "count": 3,
        "took": 0.5,
        "ticket": "261122-000001-2",
        "done": True,
        "none": None,
    }


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_value_can_make_a_second_line(form: str) -> None:
    stream = started(form)
    try:
        raise ConfigError(["a\nforged=1", "b\r\nlevel=critical"])
    except ConfigError:
        structlog.get_logger().error("x\r\ny\u2028z", value="1\n2", deep={"k\n": ["\x1b[31m"]}, exc_info=True)
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


def test_events_below_the_level_are_left_out() -> None:
    stream = started("json", "error")
    structlog.get_logger().warning("quiet")
    structlog.get_logger().error("loud")
    assert [event["event"] for event in events(stream)] == ["loud"]


@dataclass
class Person:
    words: str


class Model(BaseModel):
    number: int


def test_nothing_a_citizen_wrote_comes_through_by_any_value(stream: io.StringIO) -> None:
    structlog.get_logger().info(
        "taken",
        text=CANARY,
        full_name=CANARY,
        nested={"email": CANARY, "list": [{"phone": CANARY}], "way": "mail ivan@canary.ru"},
        blob=CANARY.encode(),
        person=Person(CANARY),
        error=ValueError(CANARY),
        token="x" + CANARY,
        deep=[[[[[[[CANARY]]]]]]],
        path=Path("data/x"),
        when=datetime(2026, 1, 2, tzinfo=UTC),
    )
    assert CANARY not in stream.getvalue()
    assert "canary" not in stream.getvalue()
    (event,) = events(stream)
    assert event["person"] == "<Person>"
    assert event["error"] == "ValueError (text withheld)"
    assert event["when"] == "2026-01-02 00:00:00+00:00"


def test_registered_secrets_come_through_nowhere(stream: io.StringIO, tmp_path: Path) -> None:
    structlog.get_logger().info("login with broker-canary", why="broker-canary")
    logging.getLogger("aio_pika").warning("closed %s", "broker-canary")
    register_secrets(load(environ={"PRIEMNAYA_STORAGE__S3_SECRET_ACCESS_KEY": "later-canary"}, kinds={}))
    structlog.get_logger().info("and later-canary")
    assert len(events(stream)) == 3
    assert "canary" not in stream.getvalue()


def failing() -> None:
    words = CANARY
    try:
        Model.model_validate({"number": words})
    except ValidationError as error:
        raise KeyError(words) from error


def test_an_exception_says_where_but_not_what_a_citizen_wrote(stream: io.StringIO) -> None:
    try:
        failing()
    except KeyError:
        structlog.get_logger().exception("failed")
    (event,) = events(stream)
    assert CANARY not in stream.getvalue()
    assert event["raised"].startswith("KeyError (text withheld) at ")
    assert "test_log.py:" in event["raised"]
    assert "; from ValidationError (text withheld)" in event["raised"]


def test_the_text_of_our_own_and_of_network_errors_is_told_without_secrets() -> None:
    assert describe(ConfigError(["http.port: wrong, access_token=canary"])) == (
        "ConfigError: http.port: wrong, access_token=***"
    )
    assert describe(ConnectionRefusedError(111, "Connection refused")) == "ConnectionRefusedError: Connection refused"
    assert describe(FileNotFoundError(2, "No such file", f"/home/{CANARY}")) == "FileNotFoundError: No such file"


def test_groups_and_circles_of_exceptions_end() -> None:
    one, two = ValueError(CANARY), ConfigError(["ours"])
    one.__cause__, two.__cause__ = two, one
    assert describe(one) == "ValueError (text withheld); from ConfigError: ours"
    group = ExceptionGroup(CANARY, [KeyError(CANARY), ExceptionGroup("x", [two])])
    shown = describe(group)
    assert "ConfigError: ours" in shown
    assert CANARY not in shown


@pytest.mark.parametrize("name", ["aiogram", "aio_pika", "uvicorn.error", "vk_api", "httpx", "sqlalchemy.engine"])
def test_libraries_speak_from_warning_on_and_redacted(name: str, stream: io.StringIO) -> None:
    logger = logging.getLogger(name)
    logger.info("GET /bot123456:canary-canary-canary/getMe")
    logger.warning("failed /bot123456:canary-canary-canary/getMe for %s", "ivan@canary.ru")
    logger.log(35, "between the levels")
    logged = events(stream)
    assert [event["level"] for event in logged] == ["warning"] * 2
    assert {event["logger"] for event in logged} == {name}
    assert "canary" not in stream.getvalue()


def test_a_librarys_broken_format_string_shows_no_argument(stream: io.StringIO) -> None:
    (bridge,) = (handler for handler in logging.getLogger().handlers if type(handler).__module__ == "config.log")
    bridge.handle(logging.LogRecord("x", logging.WARNING, "x.py", 1, "%d broken", (CANARY,), None))
    assert [event["event"] for event in events(stream)] == ["%d broken"]


def test_a_library_that_brought_a_handler_of_its_own_loses_it() -> None:
    own = io.StringIO()
    logger = logging.getLogger("uvicorn.access")
    logger.addHandler(logging.StreamHandler(own))
    logger.propagate = False
    stream = started("json")
    logger.warning("GET /?token=canary")
    assert own.getvalue() == ""
    assert len(events(stream)) == 1
    assert "canary" not in stream.getvalue()


def test_a_task_that_failed_unseen_is_told_without_its_text(stream: io.StringIO) -> None:
    async def fail() -> None:
        raise ValueError(CANARY)

    async def main() -> None:
        task = asyncio.create_task(fail())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task

    asyncio.run(main())
    (event,) = events(stream)
    assert event["event"] == "Task exception was never retrieved"
    assert CANARY not in stream.getvalue()


def test_uncaught_exceptions_and_warnings_go_the_same_way(stream: io.StringIO) -> None:
    error = ValueError(CANARY)
    sys.excepthook(ValueError, error, None)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    threading.excepthook(threading.ExceptHookArgs((ValueError, error, None, None)))
    sys.unraisablehook(type("Args", (), {"exc_value": error})())  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configure(load(environ={"PRIEMNAYA_LOGGING__FORMAT": "json"}, kinds={}), stream)
        warnings.warn("deprecated", stacklevel=1)
    assert [event["level"] for event in events(stream)] == ["critical", "critical", "error", "warning"]
    assert CANARY not in stream.getvalue()
