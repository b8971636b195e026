"""Runs one service and outlives neither its tests nor its own children.

Started by `process.py` as `python -I -S keeper.py`, with one line of JSON on its standard input:
`{"argv", "env", "cwd", "log", "uid", "gid", "stop_signal", "remove"}`. It prints the process id of the service and
exits with it. The rest of standard input is the life line: its end means that pytest has gone, in whatever way (SIGKILL
too), and then the service gets its stop signal, everything still running below is killed, and `remove` is deleted.

As a child subreaper (prctl(2)) it is also the parent of what daemonises itself, such as epmd.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
PATIENCE = 3.0  # seconds between the stop signal and SIGKILL once pytest has gone
POLITE_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def take_signals_again() -> None:
    """In the service, before it starts: a signal that is ignored would stay so in what is executed."""
    for number in POLITE_SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def descendants(root: int) -> list[int]:
    """Process ids below `root`, by /proc; a process that ends meanwhile is left out."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    fields = stat.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if fields[0] != b"Z":
                parents[int(name)] = int(fields[1])
    found: list[int] = []
    layer = [root]
    while layer:
        layer = [pid for pid, parent in parents.items() if parent in layer]
        found += layer
    return found


def signal_all(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def kill_below(root: int) -> None:
    """Kills until nothing is left: a process may have forked between the look and the signal."""
    for _ in range(100):
        left = descendants(root)
        if not left:
            return
        signal_all(left, signal.SIGKILL)
        time.sleep(0.01)


def main() -> int:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in POLITE_SIGNALS:  # a Ctrl-C in the terminal is pytest's to handle
        signal.signal(number, signal.SIG_IGN)
    line = b""
    while not line.endswith(b"\n"):  # byte by byte: a buffered read would swallow the life line's end
        byte = os.read(0, 1)
        if not byte:
            return 1
        line += byte
    order = json.loads(line)
    with open(order["log"], "ab") as log:
        child = subprocess.Popen(
            order["argv"],
            env=order["env"],
            cwd=order["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            restore_signals=True,
            user=order["uid"],
            group=order["gid"],
            extra_groups=None if order["uid"] is None else [],
            preexec_fn=take_signals_again,
        )
    print(child.pid, flush=True)
    ended = os.pidfd_open(child.pid)
    readable, _, _ = select.select([0, ended], [], [])
    orphaned = ended not in readable
    if orphaned:
        signal_all(descendants(os.getpid()), signal.SIGCONT)
        child.send_signal(order["stop_signal"])
        select.select([ended], [], [], PATIENCE)
    kill_below(os.getpid())
    status = child.wait()
    if orphaned and order["remove"]:
        shutil.rmtree(order["remove"], ignore_errors=True)
    return status & 0xFF


if __name__ == "__main__":
    sys.exit(main())
