"""Attachments and large payloads: encrypted files under random names, in a folder or in S3.

    StorageError
    ├── TooLarge       more than the limit came; nothing is kept
    ├── Missing        there is no such file: erased, or never stored
    ├── Damaged        the file is not what was stored, or its key is not the one that was returned
    └── Unavailable    disk full, no rights, S3 away: the same call may go through later

Each file has a data key of its own, sealed under the master key and kept in the database beside the file's name: who
erases the sealed key has erased the file, wherever copies of it lie.

obstore is imported when a file is first stored or read: it takes 4 MB, and most processes never touch a file.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import unquote, urlsplit

from ledger.crypto import KEY_SIZE, Keyring, SealBroken, StreamSealer, unseal_stream

if TYPE_CHECKING:
    from obstore import Bytes
    from obstore.store import ObjectStore, S3Config

_PURPOSE = b"attachment"
_PIECE = 1024 * 1024
_PART = 5 * 1024 * 1024  # the smallest part that S3 takes in a multipart upload
# Files on their way at once: a disk makes those durable together that wait for it at the same time (ext4: 64 files of
# 30 kB in 3.3 ms each one by one, in 0.6 with four at once, no less with sixteen).
_AT_ONCE = 4

T = TypeVar("T")
R = TypeVar("R")


class StorageError(Exception):
    """Base; the text is for an administrator and holds nothing of the content."""


class TooLarge(StorageError):
    """The content is larger than the limit."""


class Missing(StorageError):
    """There is no file of this name."""


class Damaged(StorageError):
    """The file is not what was stored."""


class Unavailable(StorageError):
    """The storage cannot be used just now."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What to keep of a file: its name, its sealed data key, the size in bytes and the SHA-256 (hex) of the content."""

    key: str
    wrapped_key: bytes = field(repr=False)
    size: int
    sha256: str


class Storage:
    """One interface over a folder and S3. Safe to share between threads and tasks.

    `url`: a folder, `file:///absolute`, or `s3://bucket/prefix`. `s3`: `endpoint`, `region`, `access_key_id`,
    `secret_access_key`, as far as they are set.
    """

    def __init__(self, url: str, master_key: bytes, *, s3: Mapping[str, str] | None = None) -> None:
        self._keys = Keyring(master_key)
        self._folder: Path | None = None
        self._synced: set[Path] = set()  # folders of files whose own entry is known to be durable
        self._s3 = dict(s3 or {})
        self._parts = urlsplit(url)
        if self._parts.scheme != "s3":
            self._folder = Path(unquote(self._parts.path) if self._parts.scheme == "file" else url).absolute()
            with _translated():
                _make(self._folder)

    @cached_property
    def _several(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="storage")

    @cached_property
    def _store(self) -> ObjectStore:
        from obstore.store import LocalStore, S3Store

        if self._folder is not None:
            return LocalStore(prefix=self._folder)
        options = cast("S3Config", self._s3)
        plain = str(options.get("endpoint", "")).startswith("http://")
        prefix = self._parts.path.strip("/") or None
        return S3Store(self._parts.netloc, prefix=prefix, config=options, client_options={"allow_http": plain})

    def put(self, content: bytes | Iterable[bytes], *, limit: int) -> Stored:
        """Store the content; when this returns, it survives a power loss.

        Raises TooLarge past `limit` bytes, Unavailable, and what `content` itself raises; nothing is kept then.
        """
        import obstore

        file = _Incoming(self._keys, limit)
        pieces = file.sealed([content] if isinstance(content, bytes) else content)
        small = isinstance(content, bytes) and len(content) < _PART - 64  # one request to S3 in place of three
        with _translated(file):
            obstore.put(
                self._store,
                file.key,
                b"".join(pieces) if small else pieces,
                chunk_size=_PART,
                max_concurrency=1,
            )
            self._settle(file)
        return file.stored()

    def at_once(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """`work` of each item, which stores a file, several at once. Raises what the first one that fails raises."""
        if len(items) < 2:
            return [work(item) for item in items]
        return list(self._several.map(work, items))

    async def put_async(self, content: bytes | AsyncIterable[bytes], *, limit: int) -> Stored:
        """As `put`, from an asynchronous source."""
        if isinstance(content, bytes):
            return await asyncio.to_thread(self.put, content, limit=limit)
        import obstore

        file = _Incoming(self._keys, limit)
        with _translated(file):
            await obstore.put_async(
                self._store,
                file.key,
                file.sealed_async(content),
                chunk_size=_PART,
                max_concurrency=1,
            )
            await asyncio.to_thread(self._settle, file)
        return file.stored()

    def open(self, key: str, wrapped_key: bytes) -> Iterator[bytes]:
        """The content in pieces of 1 MiB at most. Raises Missing; Damaged and Unavailable also between pieces."""
        try:
            data_key = self._keys.unseal(wrapped_key, _PURPOSE, key.encode())
        except SealBroken as error:
            raise Damaged(str(error)) from None
        with _translated():
            return _pieces(data_key, self._read(key))

    def _read(self, key: str) -> Iterable[bytes | Bytes]:
        import obstore

        if self._folder is None:
            return obstore.get(self._store, key).stream(min_chunk_size=_PIECE)
        # A stream of a folder's file comes in pieces of 8 kB, each from another thread: 25 MB in 85 ms in place of 5.
        size = obstore.head(self._store, key)["size"]
        return (obstore.get_range(self._store, key, start=at, length=_PIECE) for at in range(0, size, _PIECE))

    def delete(self, key: str) -> None:
        """Remove a file. One that is not there is no error: an erasure may be tried again."""
        import obstore

        with _translated():
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError:
                return
            if self._folder:
                _sync(self._folder / key.split("/")[0])

    def names(self, older_than: timedelta) -> Iterator[str]:
        """Names of files stored longer ago than that. One that no row of the database holds was left by a crash."""
        import obstore

        before = datetime.now(UTC) - older_than
        with _translated():
            for batch in obstore.list(self._store):
                yield from (item["path"] for item in batch if item["last_modified"] < before)

    def sweep(self, older_than: timedelta) -> int:
        """Remove what a crash left half received longer ago than that; returns how many.

        In S3 that is done by the bucket's own rule AbortIncompleteMultipartUpload.
        """
        if self._folder is None:
            return 0
        before = (datetime.now(UTC) - older_than).timestamp()
        swept = 0
        with _translated():
            for left in list(self._folder.glob("*/*#*")):  # so obstore calls a file until all of it is there
                if left.stat().st_mtime < before:
                    left.unlink(missing_ok=True)
                    swept += 1
        return swept

    def check(self) -> str:
        """Store, read and remove a probe. One line that says what was reached; raises StorageError."""
        probe = secrets.token_bytes(64)
        stored = self.put(probe, limit=len(probe))
        try:
            if b"".join(self.open(stored.key, stored.wrapped_key)) != probe:
                raise Damaged("the storage gives back something else than was stored")
        finally:
            self.delete(stored.key)
        return f"folder {self._folder}" if self._folder else "S3 bucket"

    def _settle(self, file: _Incoming) -> None:
        """obstore's LocalStore never calls fsync. No row names the file before it and its entry are synced."""
        if self._folder is None:
            return
        _sync(self._folder / file.key)
        holder = (self._folder / file.key).parent
        _sync(holder)
        if holder not in self._synced:  # the file may be its first
            _sync(self._folder)
            self._synced.add(holder)


class _Incoming:
    """One file on its way in: counted, hashed, encrypted."""

    def __init__(self, keys: Keyring, limit: int) -> None:
        name = secrets.token_hex(16)
        self.key = f"{name[:2]}/{name}"
        data_key = secrets.token_bytes(KEY_SIZE)
        self._wrapped = keys.seal(data_key, _PURPOSE, self.key.encode())
        self._sealer = StreamSealer(data_key)
        self._limit = limit
        self._size = 0
        self._hash = hashlib.sha256()
        self.failure: Exception | None = None  # of the source: not the storage's fault

    def sealed(self, content: Iterable[bytes]) -> Iterator[bytes]:
        with self._noting():
            for piece in content:
                yield from self._take(piece)
        yield self._sealer.finish()

    async def sealed_async(self, content: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        with self._noting():
            async for piece in content:
                for sealed in self._take(piece):
                    yield sealed
        yield self._sealer.finish()

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.failure = error
            raise

    def stored(self) -> Stored:
        return Stored(self.key, self._wrapped, self._size, self._hash.hexdigest())

    def _take(self, piece: bytes) -> Iterator[bytes]:
        self._size += len(piece)
        if self._size > self._limit:
            raise TooLarge(f"larger than {self._limit} bytes")
        self._hash.update(piece)
        return self._sealer.update(piece)


def _pieces(data_key: bytes, stream: Iterable[bytes | Bytes]) -> Iterator[bytes]:
    try:
        with _translated():
            yield from unseal_stream(data_key, (bytes(piece) for piece in stream))
    except SealBroken as error:
        raise Damaged(str(error)) from None


@contextmanager
def _translated(file: _Incoming | None = None) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not isinstance(error, OSError) and not _by_store(error):
            raise
        if file is not None and file.failure is not None:
            raise
        if file is None and isinstance(error, FileNotFoundError):
            raise Missing("there is no such file in the storage") from None
        reason = error.strerror if isinstance(error, OSError) else None
        # An answer of S3 repeats the request's credentials: only what stands before its XML is told, and no cause.
        reason = reason or re.split("[\n<]", str(error), maxsplit=1)[0]
        raise Unavailable(f"the storage cannot be used: {reason}") from None


def _by_store(error: Exception) -> bool:
    from obstore.exceptions import BaseError

    return isinstance(error, BaseError)


def _make(folder: Path) -> None:
    """The folder and those above it, each for its owner only and synced, so that it is there after a power loss."""
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync(folder.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
