"""What a file is, whatever it is called."""

from __future__ import annotations

import gzip
import io
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer.media_type import sniff

OFFICE = "application/vnd.openxmlformats-officedocument."


def zipped(*names: str, stored: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            content = "application/vnd.oasis.opendocument.text" if name == "mimetype" else "x" * 50
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"%PDF-1.7\n...", "application/pdf"),
        (b"junk\r\n%PDF-1.4\n", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n\0\0", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"GIF89a\1\0", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        (b"\0\0\0\x18ftyp3gp5", "video/3gpp"),
        (b"OggS\0\2" + b"\0" * 22 + b"OpusHead", "audio/ogg"),
        (b"OggS\0\2" + b"\0" * 22 + b"\x80theora", "video/ogg"),
        (b"\x1aE\xdf\xa3\1\0\0\0B\x82\x84webm", "video/webm"),
        (b"ID3\3\0", "audio/mpeg"),
        (b"#!AMR\n\x3c", "audio/amr"),
        (b"BM\x36\0\0\0", "image/bmp"),
        (gzip.compress(b"x", mtime=0), "application/gzip"),
        (b"\0" * 257 + b"ustar\x0000", "application/x-tar"),
        (b"{\\rtf1\\ansi", "application/rtf"),
        (zipped("a.txt"), "application/zip"),
        (zipped("[Content_Types].xml", "word/document.xml"), OFFICE + "wordprocessingml.document"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), OFFICE + "spreadsheetml.sheet"),
        (zipped("mimetype", stored=True), "application/vnd.oasis.opendocument.text"),
        (zipped("META-INF/MANIFEST.MF", "A.class"), "application/java-archive"),
        (zipped("AndroidManifest.xml", "classes.dex"), "application/vnd.android.package-archive"),
        (zipped(), "application/zip"),
        ("Здравствуйте".encode(), "text/plain"),
        ("Здравствуйте".encode("cp1251"), "text/plain"),
        (b"\xff\xfe" + "Здравствуйте".encode("utf-16-le"), "text/plain"),
        (b"BMW and MZ are words\n", "text/plain"),
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\n", "text/vcard"),
        (b'<?xml version="1.0"?><data/>', "application/xml"),
        (b"\0\1\2\3" * 10, "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_a_file_is_known_by_its_bytes(data: bytes, media_type: str) -> None:
    assert sniff(data) == media_type
    for lie in ("image/png", "text/html", "application/pdf", "x", "тип", "image/png; charset=x" * 1000):
        if media_type != "text/plain":
            assert sniff(data, lie) == media_type


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"MZ\x90\0\3\0", "application/x-msdownload"),
        (b"\x7fELF\2\1", "application/x-elf"),
        (b"\xcf\xfa\xed\xfe\7", "application/x-mach-binary"),
        (b"\xca\xfe\xba\xbe\0\0", "application/java-vm"),
        (b"#!/bin/sh\nrm -rf /", "text/x-script"),
        (b"<?php system($x);", "text/x-script"),
        (b"L\0\0\0\1\x14\2\0", "application/x-ms-shortcut"),
        (b"<html><body>", "text/html"),
        (b"  \n<!DOCTYPE html>", "text/html"),
        (b"\xef\xbb\xbf<HTML>", "text/html"),
        (b"\xff\xfe" + "<html>".encode("utf-16-le"), "text/html"),
        (b"\xfe\xff" + "<script>".encode("utf-16-be"), "text/html"),
        (b"<!-- hello --><script>alert(1)</script>", "text/html"),
        (b"hello <script src=x></script>", "text/html"),
        (b"<p>hello", "text/html"),
        (b"<!--x-->", "text/html"),
        (b"<svg xmlns='x' onload=alert(1)>", "image/svg+xml"),
        (b"<?xml version='1.0'?><!-- x --><svg>", "image/svg+xml"),
        (b"<?xml version='1.0'?><s:svg xmlns:s='x'>", "image/svg+xml"),
        (b"<!DOCTYPE svg PUBLIC 'x'><SVG >", "image/svg+xml"),
    ],
)
@pytest.mark.parametrize("lie", ["application/pdf", "image/png", "text/plain", None])
def test_what_can_run_is_recognised_whatever_it_is_declared(data: bytes, media_type: str, lie: str | None) -> None:
    assert sniff(data, lie) == media_type


def test_the_declared_type_tells_apart_what_looks_the_same() -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100
    assert sniff(ole, "application/msword") == "application/msword"
    assert sniff(ole, "image/png") == "application/x-ole-storage"
    assert sniff(b"a;b\n1;2", "text/csv; charset=utf-8") == "text/csv"
    assert sniff(b'{"a": 1}', "application/json") == "application/json"
    assert sniff(b"Subject: x\r\n\r\n", "Message/RFC822") == "message/rfc822"
    assert sniff(b"hello", "application/pdf") == "text/plain"
    assert sniff(b"hello", "text/a\r\nb") == "text/plain"


def test_a_rare_format_is_known_too() -> None:
    assert sniff(b"wOF2\0\1\0\0" + b"\0" * 50) == "font/woff2"


@given(st.binary(max_size=600), st.none() | st.text(max_size=40))
def test_any_bytes_get_a_type_that_fits_a_header(data: bytes, declared: str | None) -> None:
    media_type = sniff(data, declared)
    assert media_type.isascii() and media_type.isprintable() and media_type.count("/") == 1
    assert " " not in media_type and ";" not in media_type


@pytest.mark.parametrize("piece", [b"<", b"<!--", b"<a:", b"\0", b"PK\3\4", b"<!doctype ", b" ", b"word"])
def test_the_worst_input_takes_little_time(piece: bytes) -> None:
    sniff(b"\0\1")
    start = time.thread_time()
    sniff(piece * 30_000_000 if len(piece) == 1 else piece * 100_000)
    assert time.thread_time() - start < 0.5
