"""Letters that were made to stop whoever reads them, and letters with bytes cut, changed and put in at random."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normalizer.email import identify, read
from normalizer.message import Message, Unreadable
from tests.normalizer.test_email import ACCOUNT, GOLDEN

NESTED = b"From: a@b.ru\r\n" + b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(1000)
)
HOSTILE = {
    "1,000 nested parts": NESTED + b"\r\nx",
    "50,000 empty parts": b"From: a@b\nContent-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\n\n" * 50_000,
    "a header line of 5 MB": b"From: a@b\nX: " + b"a" * 5_000_000,
    "500,000 header lines": b"From: a@b\n" + b"X-A: b\n" * 500_000,
    "200,000 folded lines": b"From: a@b\nSubject: x\n" + b" a\n" * 200_000 + b"\ntext",
    "3 MB of NULs": b"From: a@b\n\n" + b"\0" * 3_000_000,
    "210 kB of To": b"To: " + b'"a" <a@b.ru>, ' * 15_000 + b"\nFrom: a@b\n\nx",
    "quotes in From": b"From: " + b'"' * 100_000 + b"\n\nx",
    "brackets in From": b"From: " + b"<(" * 100_000 + b"\n\nx",
    "open quote": b'From: "\n\nx',
    "odd message id": b"From: a@b\nMessage-ID: <\nReferences: " + b"<" * 100_000 + b"\n\nx",
    "encoded words": b"From: a@b\nSubject: " + b"=?utf-8?q?=D0?= =?" * 20_000 + b"\n\nx",
    "unknown charset": b"From: a@b\nSubject: =?nope?q?x?=\nContent-Type: text/plain; charset=\xff\xfe\n\nx",
    "dangerous codec": b"From: a@b\nContent-Type: text/plain; charset=unicode_escape\n\n\\x41",
    "idna codec": b"From: a@b\nContent-Type: text/plain; charset=idna\n\n" + b"a." * 100_000,
    "bytes codec": b"From: a@b\nContent-Type: text/plain; charset=zlib\n\nx",
    "parameters": b"From: a@b\nContent-Type: text/plain; " + b"a*999999999999=b;" * 50_000 + b"\n\nx",
    "dash lines": b"From: a@b\nContent-Type: multipart/mixed; boundary=x\n\n" + b"--\n" * 500_000,
    "nested div": b"From: a@b\nContent-Type: text/html\n\n" + b"<div>" * 200_000,
    "broken tags": b"From: a@b\nContent-Type: text/html\n\n" + b'<a href="' * 100_000,
    "bad base64": b"From: a@b\nContent-Transfer-Encoding: base64\n\n" + b"A!" * 1_000_000,
    "uuencode": b"From: a@b\nContent-Transfer-Encoding: x-uuencode\n\n" + b"begin 6\n#86)C\n" * 50_000,
    "quote signs": b"From: a@b\n\n" + b">\n" * 500_000,
    "attributions": b"From: a@b\n\n" + b"On 12.12.2024 12:00 a <b@c.d> wrote:\n" * 10_000,
    "p7m of noughts": b"From: a@b\nContent-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n"
    + base64.b64encode(b"\x30\x80" * 100_000),
    "tnef of noughts": b"From: a@b\nContent-Type: application/ms-tnef\n\n\x78\x9f\x3e\x22" + b"\0" * 100_000,
    "letters in letters": b"From: a@b\nContent-Type: message/rfc822\n\n" * 5_000,
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_letter_is_read_in_bounded_time(payload: bytes) -> None:
    started = time.process_time()
    identify(payload)
    assert isinstance(read(payload, ACCOUNT), Message | Unreadable)
    assert time.process_time() - started < 3  # seconds; under 1 on a machine that does nothing else


SAMPLES = [path.read_bytes() for path in sorted(GOLDEN.glob("*.eml"))]


@settings(max_examples=200)
@given(st.binary(max_size=2000))
def test_any_bytes_are_read_without_an_exception(payload: bytes) -> None:
    identify(payload)
    read(payload, ACCOUNT)


@settings(max_examples=300)
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 40), st.binary(max_size=12)), max_size=6),
)
def test_spoiled_letters_are_read_without_an_exception(sample: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    for place, length, instead in edits:
        at = place % (len(sample) + 1)
        sample = sample[:at] + instead + sample[at + length :]
    found = read(sample, ACCOUNT)
    if isinstance(found, Message):
        (found.text + (found.subject or "") + (found.quoted or "")).encode()
        assert "\n" not in (found.subject or "") and "\0" not in (found.subject or "")
        assert all("/" not in (part.name or "") for part in found.attachments)
