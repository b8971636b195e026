"""What is derived from the master key: sealed values, keyed hashes, and the encryption of streams.

    SealBroken    what is to be opened was changed, cut, or sealed under another key or for another purpose

Each purpose has a key of its own (HKDF-SHA256, RFC 5869), so that one value can never pass for another.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_SIZE = 32
_NONCE = 12
_TAG = 16
_VERSION = b"\x01"

CHUNK = 1024 * 1024  # plaintext a chunk: memory stays small, and a damaged file is noticed within a chunk
_PREFIX = 7  # STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): nonce = prefix, counter of 4 bytes, last-chunk flag
_MAGIC = b"PRM\x01"


class SealBroken(Exception):
    """What was sealed is damaged, or it was sealed under another key or for another purpose."""


class Keyring:
    """The keys that come from one master key of 32 bytes. Safe to share between threads."""

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != KEY_SIZE:
            raise ValueError("the master key is 32 bytes")
        self._master = master_key
        self._keys: dict[bytes, bytes] = {}
        self._aeads: dict[bytes, AESGCM] = {}

    def seal(self, data: bytes, purpose: bytes, context: bytes = b"") -> bytes:
        """`data` encrypted with AES-256-GCM; 29 bytes longer. `context` must be the same when it is opened.

        Up to 2**32 values a purpose are safe under one master key (random nonces, NIST SP 800-38D, 8.3).
        """
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._aead(purpose).encrypt(nonce, data, _VERSION + context)

    def unseal(self, sealed: bytes, purpose: bytes, context: bytes = b"") -> bytes:
        """What `seal` was given. Raises SealBroken."""
        if len(sealed) < 1 + _NONCE + _TAG or sealed[:1] != _VERSION:
            raise SealBroken("not a sealed value")
        try:
            return self._aead(purpose).decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], _VERSION + context)
        except InvalidTag:
            raise SealBroken("a sealed value is damaged, or the encryption key is another one") from None

    def keyed_hash(self, purpose: bytes, *parts: bytes) -> bytes:
        """HMAC-SHA256 (32 bytes) over the parts, each with its length: ("ab", "c") and ("a", "bc") differ."""
        data = b"".join(piece for part in parts for piece in (len(part).to_bytes(8, "big"), part))
        return hmac.digest(self._key(b"hash:" + purpose), data, "sha256")

    def identity(self, kind: str, value: str) -> bytes:
        """The name of a person's identity; `kind`: channel (value `telegram:123`), phone, email, inn, snils.

        Mail addresses are the same in any letter case. Platforms' ids are not: «aB1» and «Ab1» are two people.
        """
        exact = kind == "channel" and not value.startswith("email:")
        name = value if exact else value.lower()
        return self.keyed_hash(b"identity", kind.encode(), name.encode("utf-8", "replace"))

    def _aead(self, purpose: bytes) -> AESGCM:
        aead = self._aeads.get(purpose)
        if aead is None:
            aead = self._aeads[purpose] = AESGCM(self._key(b"seal:" + purpose))
        return aead

    def _key(self, info: bytes) -> bytes:
        key = self._keys.get(info)
        if key is None:
            key = HKDF(SHA256(), KEY_SIZE, salt=None, info=b"priemnaya/1/" + info).derive(self._master)
            self._keys[info] = key
        return key

    def __repr__(self) -> str:
        return "Keyring(…)"


class StreamSealer:
    """Encrypts a stream of any length in chunks of 1 MiB, under a key that is used for this stream alone.

    Chunks that are changed, left out, doubled or swapped, and a stream that is cut or made longer, are noticed.
    """

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)
        self._prefix = os.urandom(_PREFIX)
        self._counter = 0
        self._waiting = bytearray()
        self._head = _MAGIC + self._prefix

    def update(self, data: bytes) -> Iterator[bytes]:
        """The pieces that are ready after `data`."""
        for start in range(0, len(data), CHUNK):
            self._waiting += data[start : start + CHUNK]
            if len(self._waiting) > CHUNK:  # at least a byte stays: the last chunk carries the flag
                yield self._chunk(bytes(self._waiting[:CHUNK]), last=False)
                del self._waiting[:CHUNK]

    def finish(self) -> bytes:
        """The last piece."""
        return self._chunk(bytes(self._waiting), last=True)

    def _chunk(self, data: bytes, last: bool) -> bytes:
        head, self._head = self._head, b""
        sealed = self._aead.encrypt(_nonce(self._prefix, self._counter, last), data, None)
        self._counter += 1
        return head + sealed


def unseal_stream(key: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The plaintext of what StreamSealer made, chunk by chunk. Raises SealBroken, at the latest at the end:

    what was yielded is authentic, but whether it is the whole is known only when the iterator ends without an error.
    """
    aead = AESGCM(key)
    waiting = bytearray()
    prefix: bytes | None = None
    counter = 0
    for piece in pieces:
        waiting += piece
        if prefix is None and len(waiting) >= len(_MAGIC) + _PREFIX:
            if waiting[: len(_MAGIC)] != _MAGIC:
                raise SealBroken("not an encrypted file of ours")
            prefix = bytes(waiting[len(_MAGIC) : len(_MAGIC) + _PREFIX])
            del waiting[: len(_MAGIC) + _PREFIX]
        while prefix is not None and len(waiting) > CHUNK + _TAG:
            yield _open_chunk(aead, _nonce(prefix, counter, last=False), bytes(waiting[: CHUNK + _TAG]))
            del waiting[: CHUNK + _TAG]
            counter += 1
    if prefix is None:
        raise SealBroken("an encrypted file is cut")
    yield _open_chunk(aead, _nonce(prefix, counter, last=True), bytes(waiting))


def _nonce(prefix: bytes, counter: int, last: bool) -> bytes:
    return prefix + counter.to_bytes(4, "big") + (b"\x01" if last else b"\x00")


def _open_chunk(aead: AESGCM, nonce: bytes, sealed: bytes) -> bytes:
    try:
        return aead.decrypt(nonce, sealed, None)
    except (InvalidTag, ValueError):
        raise SealBroken("an encrypted file is damaged or cut") from None
