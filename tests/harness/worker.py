"""`python worker.py run` as a real tree of processes, with what a test does to it: kill, freeze, end, start again."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from tests.harness.ledger import Ledger
from tests.harness.points import functions
from tests.services.keeper import descendants, signal_all
from tests.services.process import HOST, free_port, wait_until

ROOT = Path(__file__).parents[2]
INJECT = Path(__file__).with_name("inject")
# A process is started again as quickly as the supervisor can: a test kills more in a minute than a year does.
QUICK = {"pipeline.supervisor:LONGEST_WAIT": 0.2}


class Worker:
    """A worker with a folder of its own: configuration, SQLite (unless `database_url`), attachments, log.

    `channels` and `sections` are what stands in the TOML. Use as a context manager; it starts with `start`.
    """

    def __init__(
        self,
        *,
        channels: Mapping[str, Mapping[str, Any]],
        database_url: str = "",
        broker_url: str = "",
        prefix: str = "priemnaya",
        sections: Mapping[str, Mapping[str, Any]] | None = None,
        constants: Mapping[str, Any] | None = None,
        names: tuple[str, ...] = (),
        folder: Path | None = None,
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="priemnaya-worker-")
        self.folder = folder or Path(self._temporary.name)
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.names = names
        self.database_url = database_url or f"sqlite:///{self.folder}/priemnaya.db"
        self.config = self.folder / f"priemnaya-{self.port}.toml"
        self.log_file = self.folder / f"log-{self.port}.jsonl"
        self.faults = self.folder / f"faults-{self.port}"
        for name in ("armed", "seen"):
            (self.faults / name).mkdir(parents=True)
        kinds = {str(channel["kind"]) for channel in channels.values()}
        (self.faults / "points.json").write_text(json.dumps(functions(*kinds)))
        (self.faults / "set.json").write_text(json.dumps({**QUICK, **(constants or {})}))
        tree: dict[str, Mapping[str, Any]] = {
            "database": {"url": self.database_url},
            "storage": {
                "url": f"{self.folder}/attachments",
                "encryption_key": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            },
            "broker": {"url": broker_url, "prefix": prefix},
            "http": {"host": HOST, "port": self.port},
            "logging": {"format": "json"},
        }
        for name, values in (sections or {}).items():
            tree[name] = {**tree.get(name, {}), **values}
        tree |= {f"channels.{name}": channel for name, channel in channels.items()}
        self.config.write_text("".join(section(name, values) for name, values in tree.items()))
        self.process: subprocess.Popen[bytes] | None = None
        self.ledger = Ledger(self.database_url)
        self.kills = 0

    # ---- life ---------------------------------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PRIEMNAYA_")}
        return {**kept, "PYTHONPATH": str(INJECT), "FAULTS_FOLDER": str(self.faults)}

    def start(self, *, ready: bool = True, output: Any = None) -> Self:
        """Start it. With `ready`, return once every process has said that it has started.

        `output`: where the log goes to instead of our file.
        """
        before = self.log().count('"event": "started"') if ready else 0
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "worker.py"), "run", *self.names, "--config", str(self.config)],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output or log,
                stderr=output or log,
                preexec_fn=_die_with_pytest,
            )
        if ready:
            self.wait(lambda: len(self.roles()) > 0, 30, "a process of the worker")
            self.wait(
                lambda: self.log().count('"event": "started"') - before >= max(1, len(self.roles())),
                60,
                "every process has started",
            )
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.ledger.close()
        self._temporary.cleanup()

    def kill(self) -> None:
        """SIGKILL to every process at once, as a power cut would: nobody gets a word from anybody."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGSTOP)  # it starts nobody anew meanwhile
        signal_all(descendants(self.process.pid), signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self.kills += 1

    def terminate(self, timeout: float = 40.0) -> tuple[int, float]:
        """SIGTERM, as a service manager does it. Returns the exit code and the seconds that it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        return code, time.monotonic() - began

    def restart(self) -> None:
        """Killed and started again."""
        self.kill()
        self.start()

    # ---- one process --------------------------------------------------------------------------------------

    def roles(self) -> dict[str, int]:
        """Process ids by what they run; the one process of `run NAME` too."""
        assert self.process is not None
        if len(self.names) == 1:
            return {self.names[0]: self.process.pid} if self.process.poll() is None else {}
        found: dict[str, int] = {}
        for pid in descendants(self.process.pid):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
                if "run" in words and "-c" in words:
                    found[words[words.index("run") + 1]] = pid
        return found

    def pid(self, name: str) -> int:
        """The process of a role; waits for one that is being started again."""
        self.wait(lambda: name in self.roles(), 20, f"a process {name}")
        return self.roles()[name]

    def kill_role(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGKILL)
        self.kills += 1

    def freeze_role(self, name: str) -> int:
        """SIGSTOP; returns the process id, for `thaw`: the supervisor may have another one by then."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGSTOP)
        return pid

    def thaw(self, pid: int) -> None:
        os.kill(pid, signal.SIGCONT)

    def cpu_seconds(self, name: str) -> float:
        """CPU time that the process has used."""
        fields = Path(f"/proc/{self.pid(name)}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_megabytes(self, name: str) -> float:
        """The most memory that the process has had."""
        status = Path(f"/proc/{self.pid(name)}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    # ---- faults -------------------------------------------------------------------------------------------

    def arm(self, point: str, passes: int = 0, *, stop: bool = False, error: str = "") -> None:
        """The next process that comes to the point dies there, after it has passed it so many times.

        With `stop` it is frozen instead; with `error`, an exception of that text is raised there.
        """
        waiting = self.faults / f"new-{time.monotonic_ns()}"
        waiting.write_text(f"{passes} {'stop' if stop else f'raise {error}' if error else ''}")
        waiting.rename(self.faults / "armed" / point.replace("/", "_"))

    def armed(self) -> list[str]:
        """Points that have not struck yet."""
        return sorted(os.listdir(self.faults / "armed"))

    def struck(self, timeout: float, what: str, more: Callable[[], object]) -> None:
        """Return once every armed point has struck.

        What only a process that starts comes to, or one that starts and has a message, is helped on: by a kill of each,
        and by `more`, which has a message written.
        """
        try:
            self.wait(lambda: not self.armed(), 10, what)
        except AssertionError:
            for role in self.roles():
                self.kill_role(role)
            more()
        self.wait(lambda: not self.armed(), timeout, what)

    def disarm(self) -> list[str]:
        """Take back what has not struck; returns it."""
        left = []
        for point in self.armed():
            with contextlib.suppress(FileNotFoundError):
                (self.faults / "armed" / point).unlink()
                left.append(point)
        return left

    def seen(self) -> list[str]:
        """Every point that a process came to."""
        return sorted(os.listdir(self.faults / "seen"))

    def poison(self, marker: bytes) -> None:
        """Whoever reads a payload with these bytes dies; empty: nobody."""
        (self.faults / "poison").write_bytes(marker)

    def skew(self, seconds: float) -> None:
        """Set the clock of every process of this worker ahead, or back."""
        (self.faults / "new-skew").write_text(str(seconds))
        (self.faults / "new-skew").rename(self.faults / "skew")

    # ---- looking ------------------------------------------------------------------------------------------

    def wait(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        """Return once it is so; the error ends with the worker's last lines."""
        try:
            wait_until(condition, timeout * patience(), what, step=0.05)
        except TimeoutError as late:
            raise AssertionError(f"{late}\n{self.log()[-4000:]}") from None

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def ready(self) -> dict[str, Any] | None:
        """What `/readyz` says; None while nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                found = json.load(error)
        except OSError:
            return None
        return found

    def component(self, name: str) -> dict[str, Any]:
        """One part of `/readyz`; empty when it is not named."""
        parts = (self.ready() or {}).get("components", [])
        return next((part for part in parts if part["component"] == name), {})

    def run_cli(self, *words: str, code: int = 0) -> Any:
        """A command with `--json`; its answer. Fails when it ends with another exit code."""
        answer = self._command(words, code)
        return json.loads(answer) if answer.strip() else None

    def run_cli_lines(self, *words: str, code: int = 0) -> list[Any]:
        """The same for a command that answers with JSON Lines."""
        return [json.loads(line) for line in self._command(words, code).splitlines()]

    def _command(self, words: tuple[str, ...], code: int) -> str:
        done = subprocess.run(
            [sys.executable, str(ROOT / "worker.py"), "--config", str(self.config), *words, "--json"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == code, done.stderr[-3000:]
        return done.stdout


def patience() -> float:
    """How many times as long as on an idle machine a wait may take: several test runs may go on at once."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)  # of the last minute: the tests beside this one may be new
    return min(max(load, float(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))), 4.0)


def section(name: str, values: Mapping[str, Any]) -> str:
    """A section of TOML."""
    return f"[{name}]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in values.items()) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)  # a JSON string, number, true or false is TOML too


def _die_with_pytest() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
