"""How a process on SQLite learns at once of another's commit: it waits at a FIFO, and whoever has committed rings.

SQLite tells nobody of a commit; to look often enough at its counter costs an idle process 2 % of a core. The
FIFOs lie beside the database, in `NAME.bells/`, one for each waiter, named `TOPIC.RANDOM`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Collection
from pathlib import Path

ONE = b"\x07"


def folder_of(database: Path) -> Path:
    """Where the bells of a database hang."""
    return database.with_name(database.name + ".bells")


def ring(database: Path, topics: Collection[str]) -> None:
    """Wake whoever waits for one of the topics. Nobody there is no error: waking is a hint."""
    folder = folder_of(database)
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if name.partition(".")[0] in topics:
            _pull(folder / name)


def _pull(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:  # its waiter is dead
            path.unlink(missing_ok=True)
        return
    try:
        with contextlib.suppress(OSError):  # full: it has been ringing for long
            os.write(descriptor, ONE)
    finally:
        os.close(descriptor)


class Bell:
    """One waiter's bell. Raises OSError where no FIFO can be made; `close` it."""

    def __init__(self, database: Path, topic: str) -> None:
        folder = folder_of(database)
        folder.mkdir(mode=0o700, exist_ok=True)
        name = f"{topic}.{secrets.token_hex(8)}"
        new = folder / f"new.{name}"
        os.mkfifo(new, 0o600)
        # Open to both sides: it never reads as ended. It gets its name once somebody listens (see `_pull`).
        self.descriptor = os.open(new, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._path = folder / name
        new.rename(self._path)

    def heard(self) -> bool:
        """Whether it rang since the last time."""
        try:
            return bool(os.read(self.descriptor, 65536))
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Take it down."""
        self._path.unlink(missing_ok=True)
        os.close(self.descriptor)
