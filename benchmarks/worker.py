"""The service as it is shipped: `worker.py run`, its processes, and what they use of the machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from sqlalchemy import func, select

from benchmarks.payloads import BOT
from config.settings import load
from ledger.database import Database
from ledger.schema import journal, messages, outbox
from pipeline.parts import Parts, open_parts
from tests.services.keeper import descendants
from tests.services.process import HOST, free_port

ROOT = Path(__file__).resolve().parent.parent
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
TICK = os.sysconf("SC_CLK_TCK")


class Worker:
    """A worker in a folder of its own, on SQLite unless `database_url` names another; a context manager."""

    def __init__(
        self, *, telegram_url: str = "http://127.0.0.1:9", database_url: str = "", broker_url: str = "",
        prefix: str = "bench", mode: str = "polling",
    ) -> None:  # fmt: skip
        self._temporary = tempfile.TemporaryDirectory(prefix="priemnaya-bench-")
        self.folder = Path(self._temporary.name)
        self.port = free_port()
        self.database_url = database_url or f"sqlite:///{self.folder}/priemnaya.db"
        self.config = self.folder / "priemnaya.toml"
        telegram = {"kind": "telegram", "token": f"{BOT}:bench", "api_url": telegram_url, "mode": mode}
        sections: dict[str, Mapping[str, Any]] = {
            "database": {"url": self.database_url},
            "storage": {"url": f"{self.folder}/attachments", "encryption_key": KEY},
            "broker": {"url": broker_url, "prefix": prefix},
            "http": {"host": HOST, "port": self.port},
            "logging": {"format": "json"},
            "channels.telegram": {**telegram, "webhook_secret": "bench"},
            "channels.post": {"kind": "email", "imap_host": HOST, "imap_port": 9, "username": "help@example.gov",
                              "password": "x", "from_address": "help@example.gov", "acknowledge": False},
        }  # fmt: skip
        self.config.write_text("".join(_section(name, values) for name, values in sections.items()))
        self.log = self.folder / "log.jsonl"
        self.process: subprocess.Popen[bytes] | None = None
        self._database: Database | None = None

    def parts(self) -> Parts:
        """The same parts, opened in this process."""
        return open_parts(load(self.config))

    def start(self, *names: str) -> Self:
        """Start these channels and roles."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "worker.py"), "run", *names, "--config", str(self.config)],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        return self

    def wait_started(self, count: int) -> None:
        """Return once so many processes have said that they run."""
        self.wait(lambda: self.log.read_text(errors="replace").count('"started"') >= count, 60)

    def wait(self, condition: Callable[[], bool], seconds: float, step: float = 0.02) -> float:
        """Seconds until it is so. Raises TimeoutError with the last lines of the log."""
        began = time.perf_counter()
        while not condition():
            if time.perf_counter() - began > seconds:
                raise TimeoutError(self.log.read_text(errors="replace")[-3000:] if self.log.exists() else "no log")
            time.sleep(step)
        return time.perf_counter() - began

    def stop(self) -> None:
        """SIGTERM, and wait."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._database is not None:
            self._database.close()
        self._temporary.cleanup()

    # ---- looking ------------------------------------------------------------------------------------------

    @property
    def database(self) -> Database:
        """The ledger, for a look."""
        if self._database is None:
            self._database = Database(self.database_url)
        return self._database

    def staged(self) -> int:
        """Envelopes so far, in a ledger that has seen nothing else."""
        found = self.database.look_now(lambda conn: conn.execute(select(func.max(messages.c.id))).scalar_one())
        return int(found or 0)

    def waiting(self) -> bool:
        """Whether an outbox row is not confirmed and marked."""
        statement = select(outbox.c.id).where(outbox.c.state == "pending").limit(1)
        return self.database.look_now(lambda conn: conn.execute(statement).first()) is not None

    def unprocessed(self) -> bool:
        """Whether a journal row has not ended."""
        statement = select(journal.c.id).where(journal.c.state.in_(("received", "working"))).limit(1)
        return self.database.look_now(lambda conn: conn.execute(statement).first()) is not None

    def published_after(self, given: list[float]) -> list[float]:
        """Seconds from each payload to the mark of its envelope, in the order of the payloads."""
        statement = (
            select(messages.c.journal_id, outbox.c.published_at)
            .join(outbox, outbox.c.message_id == messages.c.envelope_id)
            .where(outbox.c.state == "published")
            .order_by(messages.c.journal_id)
        )
        rows = self.database.look_now(lambda conn: conn.execute(statement).all())
        return [row.published_at - at for row, at in zip(rows, given, strict=True)]

    def pids(self) -> dict[str, int]:
        """Process ids by role; the supervisor is `run`."""
        assert self.process is not None
        found = {"run": self.process.pid}
        for pid in descendants(self.process.pid):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            if "-c" in words and "run" in words:
                found[words[words.index("run") + 1]] = pid
        return found

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time of each process so far."""
        found = {}
        for name, pid in self.pids().items():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            found[name] = (int(fields[11]) + int(fields[12])) / TICK
        return found

    def megabytes(self) -> dict[str, float]:
        """Resident size of each process."""
        found = {}
        for name, pid in self.pids().items():
            status = Path(f"/proc/{pid}/status").read_text()
            found[name] = round(int(status.partition("VmRSS:")[2].split()[0]) / 1024, 1)
        return found


def _section(name: str, values: Mapping[str, Any]) -> str:
    # A JSON string, number, true or false is TOML too.
    return f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()) + "\n"
