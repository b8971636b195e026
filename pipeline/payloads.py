"""Payloads on disk: letters as .eml, mbox and Maildir; updates and webhook bodies as .json and .jsonl."""

from __future__ import annotations

import mailbox
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MAIL_SUFFIXES = {".eml", ".mbox", ".mbx"}
_JSON_SUFFIXES = {".json", ".jsonl", ".ndjson"}


class PayloadError(Exception):
    """A path that cannot be taken; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Payload:
    """One payload: `read` gives its bytes. `place` names it for a person."""

    path: Path
    kind: str  # file, mbox, line
    start: int = 0
    length: int = 0

    def read(self) -> bytes:
        """The bytes. Raises OSError."""
        if self.kind == "file":
            return self.path.read_bytes()
        with self.path.open("rb") as file:
            file.seek(self.start)
            data = file.read(self.length)
        return _unescaped(data) if self.kind == "mbox" else data


def find(kind: str, paths: list[Path]) -> Iterator[Payload]:
    """The payloads of these files and folders, in the order of their names. Raises PayloadError or OSError."""
    for path in paths:
        if not path.exists():
            raise PayloadError(f"{path}: there is no such file or folder")
        files = sorted(_files(kind, path)) if path.is_dir() else [path]
        if path.is_dir() and not files:
            raise PayloadError(f"{path}: holds no payload of kind {kind} ({_expected(kind)})")
        for file in files:
            yield from _of_file(kind, file)


def _expected(kind: str) -> str:
    return ".eml, mbox or a Maildir" if kind == "email" else ".json or .jsonl"


def _files(kind: str, folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if not path.is_file() or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if (kind == "email" and _is_letter(path)) or (
            kind != "email" and path.suffix.lower() in _JSON_SUFFIXES and not path.name.endswith(".envelope.json")
        ):
            yield path


def _is_letter(path: Path) -> bool:
    """By its ending; a Maildir's files, and those of many archives, have none or one that is no word."""
    suffix = path.suffix.lower()
    if suffix in _MAIL_SUFFIXES or path.parent.name in ("cur", "new"):
        return True
    return not suffix or not suffix[1:].isalpha()


def _of_file(kind: str, path: Path) -> Iterator[Payload]:
    if kind == "email":
        with path.open("rb") as file:
            is_mbox = file.read(5) == b"From "
        if is_mbox or path.suffix.lower() in (".mbox", ".mbx"):
            yield from _of_mbox(path)
        else:
            yield Payload(path, "file")
    elif path.suffix.lower() in (".jsonl", ".ndjson"):
        yield from _lines(path)
    else:
        yield Payload(path, "file")


def _of_mbox(path: Path) -> Iterator[Payload]:
    box = mailbox.mbox(path, create=False)
    try:
        box.keys()  # reads the table of contents; the letters stay on disk
        for start, stop in box._toc.values():  # type: ignore[attr-defined]
            with path.open("rb") as file:
                file.seek(start)
                first = len(file.readline())
            yield Payload(path, "mbox", start + first, stop - start - first)
    finally:
        box.close()


def _unescaped(data: bytes) -> bytes:
    """mboxrd: a line of the letter that began with From was written with > before it."""
    lines = data.split(b"\n")
    return b"\n".join(
        line[1:] if line.startswith(b">") and line.lstrip(b">").startswith(b"From ") else line for line in lines
    )


def _lines(path: Path) -> Iterator[Payload]:
    start = 0
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                yield Payload(path, "line", start, len(line))
            start += len(line)
