"""`demo`: stand-ins of all platforms with citizens writing, a worker beside them, and the envelopes as they arrive."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from config.settings import Settings, load
from ledger import reports
from pipeline.parts import open_parts
from pipeline.supervisor import ROOT, die_with_parent

# So many looks (five a second) without an envelope after the last story: a slow start is not the end.
QUIET_LOOKS = 60
# A kept ledger must see new messages in the next demo, not redeliveries: ids begin at the seconds since 2026.
EPOCH = 1_767_225_600


def demo(folder: Path, *, port: int, pace: float, citizens: int, seconds: float | None, broker: str) -> int:
    """Run until interrupted, or for `seconds`; with no terminal, until the stories are told. Returns the exit code."""
    from sandbox.run import Sandbox

    with socket.socket() as tried:  # web processes may share a port: two ledgers would answer in turn
        if tried.connect_ex(("127.0.0.1", port)) == 0:
            print(
                f"priemnaya: something answers on port {port} already: end it, or choose another --port",
                file=sys.stderr,
            )
            return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the worker is told, too
    folder.mkdir(parents=True, exist_ok=True)
    with Sandbox(first_id=int(time.time()) - EPOCH) as sandbox:
        config = folder / "demo.toml"
        config.write_text(_sections(folder, port, broker) + sandbox.toml(), encoding="utf-8")
        settings = load(config, environ={})
        with _worker(config) as worker:
            sandbox.subscribe(f"{settings.http.base_url}/hooks/whatsapp")
            crowd = sandbox.crowd(count=citizens, pace=pace).start()
            print(f"the form: {settings.http.base_url}/   the board: {settings.http.base_url}/board", flush=True)
            print(f"a new password for the board: priemnaya account admin --reset --config {config}", flush=True)
            deadline = time.monotonic() + seconds if seconds else None
            try:
                _watch(settings, worker, lambda: crowd.finished, deadline)
            except KeyboardInterrupt:
                pass
            finally:
                crowd.stop()
    return 0


def _sections(folder: Path, port: int, broker: str) -> str:
    url = f"[broker]\nurl = {json.dumps(broker)}\n" if broker else ""
    return (
        f"[database]\nurl = {json.dumps(f'sqlite:///{folder.absolute()}/demo.db')}\n"
        f"[storage]\nurl = {json.dumps(str((folder / 'files').absolute()))}\n"
        f"[http]\nport = {port}\n{url}\n"
    )


@contextmanager
def _worker(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = "import sys; sys.path.insert(0, sys.argv.pop(1)); from pipeline.commandline import main; sys.exit(main())"
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", command, str(ROOT), "run", "--config", str(config)],
        start_new_session=True,
        preexec_fn=die_with_parent,  # a terminal that is closed must leave no worker behind
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(25)
        except subprocess.TimeoutExpired:
            process.kill()


def _watch(settings: Settings, worker: subprocess.Popen[bytes], finished: Any, deadline: float | None) -> None:
    parts = open_parts(settings)
    after, quiet = 0, 0
    try:
        while worker.poll() is None and (deadline is None or time.monotonic() < deadline):
            rows = parts.database.look_now(partial(reports.envelopes, after=after))
            for row in rows:
                after = row["id"]
                print(_line(json.loads(bytes(row["body"]))), flush=True)
            quiet = quiet + 1 if finished() and not rows else 0
            if quiet == QUIET_LOOKS:
                if not sys.stdout.isatty():
                    return
                print("every story is told; the pages stay until Ctrl-C", flush=True)
            time.sleep(0.2)
    finally:
        parts.close()


def _line(envelope: dict[str, Any]) -> str:
    ticket, route = envelope["ticket"], envelope["route"]
    words = " ".join(envelope["text"].split())[:60]
    files = f" +{len(envelope['attachments'])} file(s)" if envelope["attachments"] else ""
    return (
        f"{envelope['source']['channel']:9} {ticket['number']}/{ticket['sequence']} {envelope['kind']:9}"
        f" by {ticket['link']['how']:13} → {route['desk']:13} {words}{files}"
    )
