"""The storage of attachments, over a folder and over S3: one contract."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import stat
import threading
import traceback
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from ledger.storage import Damaged, Missing, Storage, Stored, TooLarge, Unavailable

KEY = b"m" * 32
MB = 1024 * 1024
NOW = timedelta(seconds=-5)  # "earlier than in five seconds": everything


class Bucket(BaseHTTPRequestHandler):
    """As much of S3 as the storage uses: put, get, delete, list, and uploads in parts."""

    protocol_version = "HTTP/1.1"
    objects: dict[str, bytes]
    parts: dict[int, bytes]
    refusal: bytes = b""

    def log_message(self, *_: object) -> None: ...

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _name(self) -> str:
        return unquote(urlsplit(self.path).path)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.refusal:
            return self._answer(403, self.refusal)
        query = parse_qs(urlsplit(self.path).query)
        if "partNumber" in query:
            self.parts[int(query["partNumber"][0])] = body
        else:
            self.objects[self._name()] = body
        return self._answer(200, ETag='"tag"')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.refusal:
            return self._answer(403, self.refusal)
        if urlsplit(self.path).query == "delete":
            names = re.findall("<Key>(.*?)</Key>", body)
            for name in names:
                self.objects.pop(f"/bucket/{name}", None)
            deleted = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in names)
            return self._answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())
        if urlsplit(self.path).query.startswith("uploads"):
            self.parts.clear()
            return self._answer(
                200, b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
            )
        self.objects[self._name()] = b"".join(self.parts[number] for number in sorted(self.parts))
        return self._answer(200, b'<CompleteMultipartUploadResult><ETag>"tag"</ETag></CompleteMultipartUploadResult>')

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            items = "".join(
                f'<Contents><Key>{name.removeprefix("/bucket/")}</Key><Size>1</Size><ETag>"t"</ETag>'
                "<LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents>"
                for name in self.objects
            )
            return self._answer(200, f"<ListBucketResult>{items}</ListBucketResult>".encode())
        body = self.objects.get(self._name())
        if body is None:
            return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        return self._answer(200, body, ETag='"tag"', Last_Modified="Wed, 01 Jan 2020 00:00:00 GMT")

    def do_DELETE(self) -> None:
        self.parts.clear()  # an upload in parts is given up
        self._answer(204)


@pytest.fixture
def bucket() -> Iterator[tuple[str, type[Bucket]]]:
    handler = type("Handler", (Bucket,), {"objects": {}, "parts": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(params=["folder", "file", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "s3":
        endpoint, _ = request.getfixturevalue("bucket")
        options = {"endpoint": endpoint, "region": "ru", "access_key_id": "id", "secret_access_key": "secret"}
        return Storage("s3://bucket/some/prefix", KEY, s3=options)
    return Storage(f"file://{tmp_path}/a%20b" if request.param == "file" else str(tmp_path / "a"), KEY)


async def slowly(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


@pytest.mark.parametrize("content", [b"", b"hello", os.urandom(3 * MB + 7), os.urandom(7 * MB)], ids=len)
def test_what_is_stored_comes_back(storage: Storage, content: bytes) -> None:
    stored = storage.put(content, limit=len(content))
    assert b"".join(storage.open(stored.key, stored.wrapped_key)) == content
    assert (stored.size, stored.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_what_comes_in_pieces_comes_back(storage: Storage) -> None:
    pieces = [os.urandom(700_000) for _ in range(10)]
    for stored in (
        storage.put(iter(pieces), limit=7_000_000),
        asyncio.run(storage.put_async(slowly(*pieces), limit=7_000_000)),
        asyncio.run(storage.put_async(b"".join(pieces), limit=7_000_000)),
    ):
        assert b"".join(storage.open(stored.key, stored.wrapped_key)) == b"".join(pieces)
        assert stored.size == 7_000_000


def test_more_than_the_limit_is_refused_and_leaves_nothing(storage: Storage) -> None:
    with pytest.raises(TooLarge):
        storage.put(b"x" * 11, limit=10)
    with pytest.raises(TooLarge):
        storage.put((b"x" * MB for _ in range(9)), limit=8 * MB)
    with pytest.raises(TooLarge):
        asyncio.run(storage.put_async(slowly(*[b"x" * MB] * 9), limit=8 * MB))
    assert list(storage.names(NOW)) == []


def test_a_source_that_fails_comes_through_and_leaves_nothing(storage: Storage) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 6 * MB
        raise FileNotFoundError("the platform's own")

    async def broken_too() -> AsyncIterator[bytes]:
        yield b"x" * 6 * MB
        raise ConnectionResetError("the platform's own")

    with pytest.raises(FileNotFoundError, match="own"):
        storage.put(broken(), limit=10 * MB)
    with pytest.raises(ConnectionResetError, match="own"):
        asyncio.run(storage.put_async(broken_too(), limit=10 * MB))
    assert list(storage.names(NOW)) == []


def test_a_deleted_file_is_missing_and_deleting_it_again_is_no_error(storage: Storage) -> None:
    stored = storage.put(b"hello", limit=10)
    storage.delete(stored.key)
    storage.delete(stored.key)
    with pytest.raises(Missing):
        storage.open(stored.key, stored.wrapped_key)


def test_a_file_opens_with_its_own_key_only(storage: Storage) -> None:
    one, two = storage.put(b"one", limit=10), storage.put(b"two", limit=10)
    for wrapped in (two.wrapped_key, b"", one.wrapped_key[:-1]):
        with pytest.raises(Damaged):
            list(storage.open(one.key, wrapped))


def test_files_are_listed_by_age(storage: Storage) -> None:
    stored = {storage.put(b"one", limit=10).key, storage.put(b"two", limit=10).key}
    assert set(storage.names(NOW)) == stored
    assert set(storage.names(timedelta(days=36500))) == set()


def test_the_check_reaches_the_storage_and_leaves_nothing(storage: Storage) -> None:
    assert storage.check()
    assert list(storage.names(NOW)) == []


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_on_disk_there_is_neither_content_nor_a_name_of_the_citizens(tmp_path: Path) -> None:
    stored = Storage(str(tmp_path), KEY).put(b"canary " * 100, limit=1000)
    assert files(tmp_path) == [tmp_path / stored.key]
    assert b"canary" not in (tmp_path / stored.key).read_bytes()
    assert "wrapped" not in repr(stored)


def test_a_folder_that_is_made_is_for_its_owner_only(tmp_path: Path) -> None:
    Storage(str(tmp_path / "a/b"), KEY)
    assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o700


def test_a_changed_or_swapped_file_is_damaged(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path), KEY)
    one, two = storage.put(b"one" * MB, limit=4 * MB), storage.put(b"two" * MB, limit=4 * MB)
    file, other = tmp_path / one.key, tmp_path / two.key
    whole = file.read_bytes()
    for wrong in (whole[:-1], whole[: 2 * MB], b"", other.read_bytes(), whole[:-1] + bytes([whole[-1] ^ 1]), whole * 2):
        file.write_bytes(wrong)
        with pytest.raises(Damaged):
            list(storage.open(one.key, one.wrapped_key))


def test_before_put_returns_the_file_its_folder_and_the_root_are_synced_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(str(tmp_path), KEY)
    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        real(handle)
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))

    monkeypatch.setattr(os, "fsync", fsync)
    stored = storage.put(b"hello", limit=10)
    assert synced == [str(tmp_path / stored.key), str((tmp_path / stored.key).parent), str(tmp_path)]


def test_what_a_crash_left_half_received_is_swept(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path), KEY)
    halves: list[Path] = []

    def coming() -> Iterator[bytes]:
        yield bytes(11 * MB)
        halves.extend(files(tmp_path))

    stored = storage.put(coming(), limit=12 * MB)
    assert len(halves) == 1
    assert halves[0] != tmp_path / stored.key, "it has its name when all of it is there"
    halves[0].write_bytes(b"half")
    assert list(storage.names(NOW)) == [stored.key]
    assert storage.sweep(timedelta(days=1)) == 0
    assert storage.sweep(NOW) == 1
    assert files(tmp_path) == [tmp_path / stored.key]


def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Unavailable):
        Storage(str(tmp_path / "file" / "folder"), KEY)
    storage = Storage(str(tmp_path / "a"), KEY)
    shutil.rmtree(tmp_path / "a")
    (tmp_path / "a").write_text("in the way")
    with pytest.raises(Unavailable, match="cannot be used"):
        storage.put(b"x", limit=10)


def test_a_bucket_that_refuses_says_so_without_showing_credentials(bucket: tuple[str, type[Bucket]]) -> None:
    endpoint, handler = bucket
    handler.refusal = b"<Error><Code>AccessDenied</Code><AWSAccessKeyId>canary</AWSAccessKeyId></Error>"
    options = {"endpoint": endpoint, "region": "ru", "access_key_id": "canary", "secret_access_key": "canary"}
    with pytest.raises(Unavailable) as caught:
        Storage("s3://bucket", KEY, s3=options).put(b"x", limit=10)
    assert "canary" not in "".join(traceback.format_exception(caught.value))


def test_memory_stays_bounded(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path), KEY)
    tracemalloc.start()
    stored = storage.put((bytes(MB) for _ in range(48)), limit=48 * MB)
    assert sum(len(piece) for piece in storage.open(stored.key, stored.wrapped_key)) == 48 * MB
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * MB


def test_several_are_stored_at_once_and_the_first_failure_is_told(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path), KEY)
    together = threading.Barrier(2, timeout=10)

    def put(content: bytes) -> Stored:
        together.wait()
        return storage.put(content, limit=10)

    stored = storage.at_once(put, [b"one", b"two", b"three", b"four"])
    assert [b"".join(storage.open(each.key, each.wrapped_key)) for each in stored] == [
        b"one",
        b"two",
        b"three",
        b"four",
    ]
    with pytest.raises(TooLarge):
        storage.at_once(lambda content: storage.put(content, limit=3), [b"one", b"three"])
