"""`run`: a process for each channel and role, started again when it dies; killing one stops no other."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import structlog

from config import page_texts
from config.log import configure
from config.settings import Settings
from config.texts import Texts
from ledger import health, leases
from ledger.database import Connection, Database
from ledger.errors import LedgerAway, LedgerUnusable
from ledger.storage import StorageError
from pipeline.parts import open_parts
from pipeline.running import ROLES, run_one
from router.rules import load as load_rules

log = structlog.get_logger()

# A dead process is started again within 5 s; one that dies at once waits a little longer each time.
FIRST_WAIT, LONGEST_WAIT = 0.2, 4.5
STEADY_SECONDS = 30.0
STOP_SECONDS = 20.0
LOOK_SECONDS = 0.2
ROOT = Path(__file__).resolve().parent.parent

_CHILD = (
    "import sys; sys.path.insert(0, sys.argv.pop(1));"
    " from ledger import leases; leases.RUN = sys.argv.pop(1);"
    " from pipeline.commandline import main; sys.exit(main(sys.argv[1:]))"
)


class CannotRun(ValueError):
    """`run NAME` names neither a channel nor a role, or a role that lacks what it works with."""


def run_named(settings: Settings, names: Sequence[str], config: Path | None) -> int:
    """Run what is named, everything when nothing is; then this process is over. One name runs in it.

    Raises `CannotRun`, and `RulesError` or `TextsError` where a file that the configuration names is wrong.
    """
    for name in names:
        if name not in settings.channels and name not in ROLES and not _numbered(name):
            known = ", ".join([*settings.channels, *ROLES])
            raise CannotRun(f"there is no channel and no role {name!r}; there are {known}")
    if "relay" in names and not settings.broker.url.get_secret_value():
        raise CannotRun("the relay has no broker to publish to: set broker.url, or leave the relay out")
    if len(names) == 1:
        _leave(run_one(settings, names[0]))
    load_rules(settings.routing.path)  # what would end every process at its start, and again and again
    Texts.load(settings.texts.path)
    page_texts.load(settings.texts.path)
    configure(settings)
    try:
        open_parts(settings).close()  # one process migrates; a wrong address is said at once
    except (LedgerUnusable, StorageError, OSError) as error:
        log.error("cannot start", error=error)
        return 1
    except LedgerAway as error:
        log.error("the database is away; everything starts and waits for it", error=error)
    return _leave(Supervisor(settings, list(names) or everything(settings), config).run())


def _leave(code: int) -> NoReturn:
    """Python itself would wait for a library's thread that waits for a platform (VK's long poll, up to 25 s), and exit
    with 120 when the log cannot be written.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _numbered(name: str) -> bool:
    return name.startswith("processor-") and name.removeprefix("processor-").isdigit()


def everything(settings: Settings) -> list[str]:
    """Every process of one machine."""
    postgresql = settings.database.url.get_secret_value().startswith("postgres")
    # SQLite has one writer, so a second processor would only wait; on PostgreSQL they share the work.
    processors = min(4, os.cpu_count() or 1) if postgresql else 1
    names = ["web", "processor", *(f"processor-{number}" for number in range(2, processors + 1)), "housekeeping"]
    if settings.broker.url.get_secret_value():
        names.append("relay")
    return [*names, *settings.channels]


@dataclass
class Child:
    """One process that is kept running."""

    name: str
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = FIRST_WAIT
    due: float = 0.0

    def put_off(self, now: float) -> None:
        """Start it in a while, each time a longer one."""
        self.due = now + self.wait
        self.wait = min(self.wait * 2, LONGEST_WAIT)


@dataclass
class Supervisor:
    """Starts the processes, and starts them again."""

    settings: Settings
    names: list[str]
    config: Path | None
    children: list[Child] = field(default_factory=list)
    stopping: bool = False

    def run(self) -> int:
        """Until SIGTERM or SIGINT; then every process drains. Returns the exit code."""
        self.children = [Child(name) for name in self.names]
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._greet()
        while not self.stopping:
            for child in self.children:
                self._keep(child)
            time.sleep(LOOK_SECONDS)
        return self._stop()

    def _greet(self) -> None:
        log.info("running", processes=self.names, url=self.settings.http.base_url)

    def _keep(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                if now - child.started > STEADY_SECONDS:
                    child.wait = FIRST_WAIT
                return
            log.warning("a process died and is started again", role=child.name, code=code, seconds=child.wait)
            self._bury(leases.holder_of(child.process.pid))
            child.process = None
            child.put_off(now)
        if now >= child.due and not self.stopping:
            try:
                child.process, child.started = self._start(child.name), now
            except (OSError, subprocess.SubprocessError) as error:  # no memory, no process left for a moment
                log.error("a process cannot be started; it is tried again", role=child.name, error=error)
                child.put_off(now)

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        arguments = [sys.executable, "-c", _CHILD, str(ROOT), leases.RUN, "run", name]
        if self.config is not None:
            arguments += ["--config", str(self.config)]
        return subprocess.Popen(  # noqa: S603
            arguments,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the supervisor, which tells the others
            preexec_fn=die_with_parent,
        )

    def _bury(self, holder: str) -> None:
        """What a dead process held is free at once: nobody need wait for the lease to run out, or for its word."""

        def work(conn: Connection) -> None:
            leases.drop(conn, holder)
            health.forget(conn, holder)

        try:
            database = Database(self.settings.database.url.get_secret_value())
            with contextlib.closing(database):
                database.run_now(work)
        except LedgerAway:
            log.debug("leases not freed: the database is away")

    def _on_signal(self, _number: int, _frame: object) -> None:
        if self.stopping:
            for child in self.children:
                if child.process is not None:
                    child.process.kill()
            os._exit(1)
        self.stopping = True

    def _stop(self) -> int:
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log.info("stopped")
        return 0


def die_with_parent() -> None:
    """The kernel sends SIGTERM when the supervisor is gone, however it went (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
