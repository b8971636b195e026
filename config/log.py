"""Logs: one event a line on stderr, as JSON or for a console, with no secret and no personal data in it.

Use `structlog.get_logger()`. Values of plain types are shown redacted; of any other object only its type is named.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config.redact import Redactor
from config.settings import Settings

# Whatever they hold is a citizen's or a secret, however it looks.
WITHHELD = frozenset(
    """
    text subject body payload content quoted signature raw message_text caption address sender citizen name display_name
    full_name first_name last_name username phone email inn snils passport account_number file_name headers query
    token password secret authorization cookie api_key access_token app_secret verify_token encryption_key
    """.split()  # noqa: SIM905 one word a line would be a page
)
# Texts of these exceptions are ours, or say no more than what a network or a server did. All others are withheld:
# a KeyError, a ValidationError or a database's IntegrityError repeats what a citizen wrote.
_OWN = ("board", "config", "connectors", "ledger", "normalizer", "pipeline", "router", "sandbox", "worker")
_NETWORK = ("aiormq", "aio_pika", "httpx", "httpcore", "ssl", "socket")
_ROOT = Path(__file__).resolve().parent.parent
_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
_DEPTH = 5
_FRAMES = 12

_redactor = Redactor()


def register_secrets(settings: Settings) -> None:
    """From now on no secret of these settings is shown in this process."""
    _redactor.add(settings.secrets())


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Set up this process: structlog, the libraries' logging (from WARNING on), warnings and uncaught exceptions."""
    stream = stream or sys.stderr
    register_secrets(settings)
    console = settings.logging.format == "console" or (settings.logging.format == "auto" and stream.isatty())
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty())
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    level = logging.getLevelNamesMapping()[settings.logging.level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            redact_event,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Patient(stream))),
        cache_logger_on_first_use=False,
    )
    _route_libraries()
    _route_uncaught()


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: the event with every value shown, redacted or withheld; `exc_info` becomes `raised`."""
    exc_info = event.pop("exc_info", None)
    event.pop("stack_info", None)
    shown: EventDict = {}
    for key, value in event.items():
        shown[_redactor.text(str(key))] = value if key == "level" else _shown(str(key), value)
    error = exc_info if isinstance(exc_info, BaseException) else None
    if error is None and exc_info:
        error = exc_info[1] if isinstance(exc_info, tuple) else sys.exc_info()[1]
    if error is not None:
        shown["raised"] = describe(error)
    return shown


def _shown(key: str, value: Any, depth: int = 0) -> Any:
    if key.lower() in WITHHELD and value is not None and not isinstance(value, bool):
        return "<withheld>"
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return _redactor.text(value)
    if isinstance(value, BaseException):
        return describe(value)
    if isinstance(value, datetime | date | timedelta | Path):
        return _redactor.text(str(value))
    if depth < _DEPTH and isinstance(value, Mapping):
        return {_redactor.text(str(k)): _shown(str(k), v, depth + 1) for k, v in list(value.items())[:50]}
    if depth < _DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_shown("", inner, depth + 1) for inner in list(value)[:50]]
    return f"<{type(value).__name__}>"  # a repr may hold anything


def describe(error: BaseException) -> str:
    """An exception on one line: its type, its text where that is ours, and where it was raised; then its causes."""
    return _redactor.text("; from ".join(_chain(error, 0)))


def _chain(error: BaseException | None, depth: int) -> Iterator[str]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(seen) < _DEPTH:
        seen.add(id(error))
        text = f"{type(error).__name__}{_text(error)}{_place(error.__traceback__)}"
        if isinstance(error, BaseExceptionGroup) and depth < _DEPTH:
            inner = " | ".join("; from ".join(_chain(one, depth + 1)) for one in error.exceptions[:10])
            text += f" [{inner}]"
        yield text
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _text(error: BaseException) -> str:
    room = type(error).__module__.partition(".")[0]
    if isinstance(error, OSError) and error.strerror:
        return f": {error.strerror}"
    if room in _OWN or room in _NETWORK or type(error).__module__ == "__main__":
        return f": {error}"
    if room == "psycopg" and type(error).__name__ == "OperationalError":
        return f": {str(error).partition('DETAIL')[0]}"
    return " (text withheld)"


def _place(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)[-_FRAMES:]
    if not frames:
        return ""
    return " at " + " > ".join(f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames)


def _short(filename: str) -> str:
    path = Path(filename)
    if "site-packages" in path.parts:
        return "/".join(path.parts[path.parts.index("site-packages") + 1 :])
    return path.relative_to(_ROOT).as_posix() if path.is_relative_to(_ROOT) else path.name


class _Patient:
    """A full disk, or a reader of the log that is gone, costs the line and not the work that is logged."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Written, or lost."""
        with contextlib.suppress(OSError, ValueError):  # ValueError: closed
            self._stream.write(text)

    def flush(self) -> None:
        """Likewise."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


class _Bridge(logging.Handler):
    """Carries what the libraries log over to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception:  # a library's slip in its own format string
            text = str(record.msg)
        # asyncio puts the repr of a failed task, with the exception's text, on the second line.
        text = text.partition("\n")[0]
        level = max(known for known in _LEVELS if known <= max(record.levelno, logging.DEBUG))
        structlog.get_logger().log(level, text, logger=record.name, exc_info=record.exc_info)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Nothing: the default prints the record with its arguments, unredacted."""


def _route_libraries() -> None:
    root = logging.getLogger()
    root.handlers[:] = [_Bridge()]
    root.setLevel(logging.WARNING)
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    logging.captureWarnings(True)


def _route_uncaught() -> None:
    def uncaught(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            structlog.get_logger().critical("uncaught exception", exc_info=error)

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and args.exc_type is not SystemExit:
            structlog.get_logger().critical("uncaught exception in a thread", exc_info=args.exc_value)

    def unraisable(args: sys.UnraisableHookArgs) -> None:
        structlog.get_logger().error("exception that could not be raised", exc_info=args.exc_value)

    sys.excepthook = uncaught
    threading.excepthook = in_thread
    sys.unraisablehook = unraisable
