"""Sealed values, keyed hashes, and encrypted streams."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.crypto import CHUNK, Keyring, SealBroken, StreamSealer, unseal_stream

KEYS = Keyring(b"m" * 32)
KEY = b"k" * 32
FRAME = CHUNK + 16
HEAD = 11


def sealed(data: bytes, piece: int = 300_000) -> bytes:
    sealer = StreamSealer(KEY)
    out = b"".join(b"".join(sealer.update(data[at : at + piece])) for at in range(0, len(data), piece))
    return out + sealer.finish()


def opened(data: bytes, piece: int = 700_000, key: bytes = KEY) -> bytes:
    return b"".join(unseal_stream(key, (data[at : at + piece] for at in range(0, len(data), piece))))


@given(st.binary(max_size=200), st.binary(max_size=20), st.binary(max_size=20))
def test_what_is_sealed_is_opened_again(data: bytes, purpose: bytes, context: bytes) -> None:
    box = KEYS.seal(data, purpose, context)
    assert len(box) == len(data) + 29
    assert KEYS.unseal(box, purpose, context) == data


def test_the_same_value_is_never_sealed_alike() -> None:
    assert KEYS.seal(b"a", b"p") != KEYS.seal(b"a", b"p")


def test_a_sealed_value_opens_for_its_own_purpose_context_and_key_only() -> None:
    box = KEYS.seal(b"secret", b"phone", b"row 1")
    for keys, purpose, context in (
        (KEYS, b"email", b"row 1"),
        (KEYS, b"phone", b"row 2"),
        (Keyring(b"x" * 32), b"phone", b"row 1"),
    ):
        with pytest.raises(SealBroken) as caught:
            keys.unseal(box, purpose, context)
        assert "secret" not in str(caught.value)


@given(st.integers(0, 33), st.integers(0, 7))
def test_a_changed_bit_is_noticed(at: int, bit: int) -> None:
    box = bytearray(KEYS.seal(b"hello", b"p"))
    box[at] ^= 1 << bit
    with pytest.raises(SealBroken):
        KEYS.unseal(bytes(box), b"p")


@pytest.mark.parametrize("junk", [b"", b"\x01", b"\x01" * 28, b"\x02" + b"a" * 60])
def test_junk_is_not_a_sealed_value(junk: bytes) -> None:
    with pytest.raises(SealBroken):
        KEYS.unseal(junk, b"p")


def test_a_keyed_hash_depends_on_key_purpose_and_the_borders_of_its_parts() -> None:
    hashes = [
        KEYS.keyed_hash(b"p", b"ab", b"c"),
        KEYS.keyed_hash(b"p", b"a", b"bc"),
        KEYS.keyed_hash(b"p", b"abc"),
        KEYS.keyed_hash(b"p", b"abc", b""),
        KEYS.keyed_hash(b"q", b"abc"),
        Keyring(b"x" * 32).keyed_hash(b"p", b"abc"),
    ]
    assert len(set(hashes)) == len(hashes)
    assert all(len(value) == 32 for value in hashes)
    assert Keyring(b"m" * 32).keyed_hash(b"p", b"ab", b"c") == hashes[0]


def test_the_derivation_of_keys_has_not_changed() -> None:
    """Values in existing databases must stay readable: these come from version 0.1."""
    assert KEYS.keyed_hash(b"id", b"telegram", b"42").hex() == HASH
    assert KEYS.unseal(bytes.fromhex(BOX), b"id", b"row") == "приёмная".encode()


HASH = "8eefe75dff1da54be47216caba450d8f510756a838c8fa179b24f53c83e327aa"
BOX = "019949bc614c728a9a78febeb6a2f185e99a5c662d365ac7f77e3153b83c36aa811459aae6ae87eaa4bc461e09"


def test_a_master_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Keyring(b"short")


def test_keys_are_not_shown() -> None:
    assert "mmm" not in repr(KEYS)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5])
def test_a_stream_comes_back_at_every_length(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    box = sealed(data[:size])
    assert opened(box) == data[:size]
    assert data[:16] not in box


@settings(max_examples=30)
@given(st.binary(max_size=5000), st.integers(1, 600), st.integers(1, 600))
def test_a_stream_comes_back_however_it_is_cut_into_pieces(data: bytes, written: int, read: int) -> None:
    assert opened(sealed(data, written), read) == data


@pytest.mark.parametrize(
    "cut", [0, 5, HEAD, HEAD + 10, HEAD + FRAME, HEAD + 2 * FRAME, HEAD + 2 * FRAME + 20], ids=lambda n: f"at {n}"
)
def test_a_stream_that_is_cut_is_noticed(cut: int) -> None:
    with pytest.raises(SealBroken):
        opened(sealed(b"x" * (2 * CHUNK + 100))[:cut])


def test_chunks_that_are_swapped_doubled_or_left_out_are_noticed() -> None:
    box = sealed(b"x" * (3 * CHUNK + 100))
    head, a, b, c, end = (
        box[:HEAD],
        box[HEAD : HEAD + FRAME],
        box[HEAD + FRAME : HEAD + 2 * FRAME],
        box[HEAD + 2 * FRAME : HEAD + 3 * FRAME],
        box[HEAD + 3 * FRAME :],
    )
    assert opened(head + a + b + c + end)
    for wrong in (head + b + a + c + end, head + a + a + b + c + end, head + a + c + end, head + a + b + c + c):
        with pytest.raises(SealBroken):
            opened(wrong)


def test_a_stream_that_is_longer_or_of_another_file_is_noticed() -> None:
    box = sealed(b"x" * 100)
    for wrong in (box + b"y", box + box, b"PRM\x02" + box[4:], b"x" * 200):
        with pytest.raises(SealBroken):
            opened(wrong)
    with pytest.raises(SealBroken):
        opened(box, key=b"o" * 32)
