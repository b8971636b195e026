"""What the services have in common: a port, a folder, a user, and a process that can be killed and frozen."""

import contextlib
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.services.keeper import descendants, signal_all

HOST = "127.0.0.1"
# Below the ephemeral range: a port of a service that is down must not be taken by somebody's outgoing connection, and a
# client that tries such a port again and again must not connect to itself. Of processes that test side by side each has
# its own: between the giving of a port and its binding lie seconds, in which another could be given the same.
_SIDE, _SIDES = os.environ.get("PYTEST_XDIST_WORKER", "gw0"), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
PORTS = range(20_000, 32_000)[int(_SIDE.removeprefix("gw")) :: int(_SIDES)]
_given: set[int] = set()


class ServiceMissing(Exception):
    """A program that a test needs is not installed; the message says what to install."""


class ServiceFailed(Exception):
    """A service did not start; the message ends with the last lines of its log."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on and that this process has not given out before."""
    for _ in range(1_000):
        port = secrets.choice(PORTS)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise ServiceFailed("no free port between 20000 and 32000")


def unprivileged() -> tuple[int | None, int | None]:
    """User and group for services that refuse root: nobody's when we are root, else (None, None), our own."""
    if os.geteuid() != 0:
        return None, None
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def find_program(name: str, package: str, *folders: str) -> str:
    """The path of a program in `folders` or on PATH; raises ServiceMissing, which names Debian's package."""
    for folder in folders:
        candidate = Path(folder) / name
        if os.access(candidate, os.X_OK):
            return str(candidate)
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise ServiceMissing(f"{name} is not installed: apt-get install {package}")
    return found


def wait_until(condition: Callable[[], bool], timeout: float, what: str, step: float = 0.02) -> None:
    """Returns once `condition()` is true; raises TimeoutError that names `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout:g} s")
        time.sleep(step)


class KeptProcess:
    """One process under a keeper: it dies with pytest, and it takes its children along."""

    def __init__(
        self, argv: list[str], *, env: dict[str, str], folder: Path, log: Path, stop_signal: int = signal.SIGTERM
    ) -> None:
        uid, gid = unprivileged()
        self.stop_signal = stop_signal
        self.frozen = False
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("keeper.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
        order = {"argv": argv, "env": env, "cwd": str(folder), "log": str(log), "uid": uid, "gid": gid}
        order |= {"stop_signal": int(stop_signal), "remove": str(folder)}
        assert self._keeper.stdin and self._keeper.stdout
        self._keeper.stdin.write(json.dumps(order).encode() + b"\n")
        self._keeper.stdin.flush()
        self.pid = int(self._keeper.stdout.readline() or b"0")
        if not self.pid:
            self._close()
            raise ServiceFailed(f"could not run {argv[0]}")

    @property
    def alive(self) -> bool:
        return self._keeper.poll() is None

    def signal_tree(self, number: int) -> None:
        """Sends a signal to the process and to everything that it started."""
        signal_all(descendants(self._keeper.pid), number)

    def freeze(self) -> None:
        self.signal_tree(signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        self.signal_tree(signal.SIGCONT)
        self.frozen = False

    def kill(self) -> None:
        """SIGKILL to the whole tree at once, as a power cut would; returns when all of it is gone."""
        self.signal_tree(signal.SIGKILL)
        self._close()

    def stop(self, timeout: float = 20.0) -> None:
        """The stop signal, and SIGKILL when that has not helped within `timeout` seconds."""
        if self.alive:
            self.thaw()
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, self.stop_signal)
            try:
                self._keeper.wait(timeout)
            except subprocess.TimeoutExpired:
                self.signal_tree(signal.SIGKILL)
        self._close()

    def _close(self) -> None:
        assert self._keeper.stdin and self._keeper.stdout
        self._keeper.wait(
            20
        )  # it ends by itself with its child; closing its input first would make it delete the folder
        self._keeper.stdin.close()
        self._keeper.stdout.close()


class Service:
    """A service with a folder of its own. `start` is idempotent; `kill` is SIGKILL, `freeze` SIGSTOP.

    The folder and the ports stay the same over restarts; `close` ends it for good and removes the folder.
    """

    name = "service"
    start_timeout = 60.0
    stop_signal: int = signal.SIGTERM

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"priemnaya-{self.name}-"))
        self.folder.chmod(0o755)
        self.log = self.folder / "output.log"
        self._process: KeptProcess | None = None
        self._prepared = False

    def prepare(self) -> None:
        """Writes the configuration; called once, before the first start."""

    def command(self) -> tuple[list[str], dict[str, str]]:
        """The program with its arguments, and its environment."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether the service answers a client."""
        raise NotImplementedError

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.alive

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} has not been started"
        return self._process.pid

    def start(self) -> Self:
        if self.running:
            return self
        if not self._prepared:
            self.prepare()
            self.own(self.folder)
            self._prepared = True
        argv, env = self.command()
        self._process = KeptProcess(argv, env=env, folder=self.folder, log=self.log, stop_signal=self.stop_signal)
        deadline = time.monotonic() + self.start_timeout
        while not self.ready():
            if not self._process.alive or time.monotonic() > deadline:
                self._process.kill()
                tail = self.log.read_text(errors="replace")[-2_000:] if self.log.exists() else ""
                raise ServiceFailed(f"{self.name} did not start:\n{tail}")
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        if self._process is not None and self._process.alive:
            self._process.kill()

    def restart(self) -> None:
        """Ends it in order and starts it again on the same port with the same data."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        assert self._process is not None
        self._process.freeze()

    def thaw(self) -> None:
        assert self._process is not None
        self._process.thaw()

    def heal(self) -> None:
        """After a test: whatever it did to a service that was started, the next test finds it running."""
        if self._process is None:
            return
        if self._process.alive and self._process.frozen:
            self._process.thaw()
        self.start()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def own(self, *paths: Path) -> None:
        """Gives files, and folders with all in them, to the user that the service runs as."""
        uid, gid = unprivileged()
        if uid is None or gid is None:
            return
        for path in paths:
            for entry in (path, *(path.rglob("*") if path.is_dir() else ())):
                os.chown(entry, uid, gid, follow_symlinks=False)

    def base_environment(self) -> dict[str, str]:
        """Nothing of the caller's environment but the way to the programs."""
        return {
            "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
        }


def speaks(port: int, send: bytes, expect: bytes, timeout: float = 1.0) -> bool:
    """Whether what listens on the port answers `send` with bytes that start with `expect`."""
    try:
        with socket.create_connection((HOST, port), timeout=timeout) as client:
            client.settimeout(timeout)
            if send:
                client.sendall(send)
            answer = b""
            while len(answer) < len(expect):
                part = client.recv(len(expect) - len(answer))
                if not part:
                    return False
                answer += part
            return answer == expect
    except OSError:
        return False
