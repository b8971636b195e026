"""The encryption key: from the configuration, else made once, at the first start, beside the ledger.

KeyTrouble    the key file is there and cannot be used; nothing is made in its place
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from config.settings import Settings

KEY_FILE = "encryption.key"


class KeyTrouble(Exception):
    """The key file cannot be used. A new key would make everything that is stored unreadable."""


def key_path(settings: Settings) -> Path | None:
    """Where the made key lies; None when the configuration gives one."""
    return None if settings.storage.encryption_key else settings.database.folder / KEY_FILE


def key_note(settings: Settings) -> str:
    """One line for `check`: where the key comes from, and what to take care of."""
    path = key_path(settings)
    if path is None:
        return "encryption key: storage.encryption_key"
    note = f"encryption key: {path}; keep a copy apart from the ledger's"
    if urlsplit(settings.database.url.get_secret_value()).scheme == "postgresql":
        note += "; on several machines set the same storage.encryption_key (what this file holds) on each"
    return note


def ensure_encryption_key(settings: Settings) -> bytes:
    """The 32 bytes; makes the file (mode 0600, synced) when there is none. Processes that start at once agree on one.

    Raises KeyTrouble for a file that holds no key, and OSError when it can be neither read nor made.
    """
    configured = settings.storage.encryption_key
    if configured is not None:
        return base64.b64decode(configured.get_secret_value())
    path = settings.database.folder / KEY_FILE
    if not path.exists():
        _make(path)
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise KeyTrouble(f"{path}: does not hold 32 bytes in base64; put the right key back, or what is stored is lost")
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    passing = path.with_name(f".{KEY_FILE}.{secrets.token_hex(8)}")
    try:
        handle = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(32)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(passing, path)  # unlike rename, it does not replace the key that another process has just made
    finally:
        passing.unlink(missing_ok=True)
    for folder in (path.parent, path.parent.parent):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
