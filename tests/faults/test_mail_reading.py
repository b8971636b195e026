"""Fault 19: IMAP at its worst, against a real Dovecot; 23, 26, 28: letters that are meant to do harm."""

import base64
import io
import socket
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from email.message import EmailMessage

import pytest

from connectors.base import Transient
from connectors.email import Settings
from connectors.mail_servers import Imap
from normalizer.media_type import sniff
from normalizer.message import Account, Ignored, Message, Unreadable
from pipeline.kinds import normalizer
from tests.faults.oracle import Report
from tests.harness.letters import letters
from tests.harness.mail import Post, mailbox
from tests.harness.worker import Worker
from tests.services.dovecot import DovecotServer
from tests.services.proxy import TcpProxy
from tests.services.smtp import SmtpServer

Record = Callable[[Report], Report]


def test_a_letter_that_comes_as_idle_ends_does_not_wait_for_the_next_minute(dovecot: DovecotServer) -> None:
    user = dovecot.add_user()
    first, second = letters(2)
    dovecot.append(user, first.content)
    imap = Imap(Settings.model_validate(mailbox(user, dovecot.port, 1)))
    imap.connect()
    try:
        assert [uid for uid, _ in imap.letters_after(0)] == [1]
        imap._client.idle()
        dovecot.append(user, second.content)
        imap._client.idle_done()  # Dovecot tells of a letter half a second after it came
        began = time.monotonic()
        while not (found := imap.letters_after(1)):
            imap.wait()
        assert [uid for uid, _ in found] == [2]
        assert time.monotonic() - began < 20, "not the minute that IDLE lasts"
    finally:
        imap.hang_up()


def test_a_new_uidvalidity_brings_every_letter_again_and_no_second_envelope(
    make_post: Callable[..., Post], dovecot: DovecotServer, record: Record
) -> None:
    post = make_post()
    post.worker.start()
    written = letters(30)
    post.put(written[:20])
    post.wait()
    validity = dovecot.change_uidvalidity(post.user)
    post.put(written[20:])
    post.wait()
    post.worker.wait(
        lambda: any(f'"uidvalidity": {validity}, "uid": 30' in row["value"] for row in post.worker.ledger.cursors()),
        30,
        "the folder was read anew",
    )
    assert post.worker.ledger.states() == {"enveloped": 30}
    record(post.report("UIDVALIDITY changed, mail, sqlite")).assert_clean()


def test_a_server_that_says_bye_in_idle_is_left_and_found_again(
    make_post: Callable[..., Post], dovecot: DovecotServer, record: Record
) -> None:
    post = make_post()
    worker = post.worker.start()
    written = letters(30)
    for start in range(0, 30, 10):
        post.put(written[start : start + 10])
        post.wait()
        dovecot.restart()  # Dovecot says BYE to everybody
    dovecot.kill()
    worker.wait(lambda: worker.log().count("channel has trouble") > 0, 30, "the trouble is told")
    dovecot.start()
    more = letters(10, series="b")
    post.put(more)
    post.wait()
    record(post.report("BYE and SIGKILL of IMAP, mail, sqlite")).assert_clean()


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_14_a_connection_that_is_cut_anywhere_in_the_login_is_no_wrong_password(
    dovecot: DovecotServer, proxy_to: Callable[[int], TcpProxy], reset: bool
) -> None:
    proxy = proxy_to(dovecot.port)
    settings = Settings.model_validate(mailbox(dovecot.add_user(), proxy.port, 1))
    imap = Imap(settings)
    imap.connect()
    imap.hang_up()
    whole, cut = proxy.passed["to_client"], 0
    for offset in range(0, whole - 40, 11):
        (proxy.reset_after if reset else proxy.cut_after)(offset, "to_client")
        imap = Imap(settings)
        with pytest.raises(Transient):  # a wrong password is waited for for minutes
            imap.connect()
        imap.hang_up()
        cut += 1
    assert cut > 20


def test_dead_sockets_cost_no_cpu_time(
    make_post: Callable[..., Post], dovecot: DovecotServer, proxy_to: Callable[[int], TcpProxy], record: Record
) -> None:
    proxy = proxy_to(dovecot.port)
    post = make_post(imap_port=proxy.port)
    worker = post.worker.start()
    written = letters(20)
    post.put(written[:10])
    post.wait()
    for spoil in (proxy.cut, proxy.reset, proxy.stall):
        before, began = worker.cpu_seconds("mail"), time.monotonic()
        spoil()
        time.sleep(4)  # a measurement, not a wait: a busy loop would use all of it
        used = worker.cpu_seconds("mail") - before
        assert used < 0.25 * (time.monotonic() - began), f"after {spoil.__name__}: {used:.2f} s of CPU time"
    post.put(written[10:])
    proxy.restore()
    proxy.reset()
    post.wait()
    record(post.report("dead sockets, mail, sqlite")).assert_clean()


def test_a_letter_of_forty_megabytes_takes_bounded_memory(make_post: Callable[..., Post], record: Record) -> None:
    post = make_post()
    worker = post.worker.start()
    small, large = letters(2)
    post.put([small])
    post.wait()
    before = {role: worker.peak_megabytes(role) for role in ("mail", "processor")}
    line = base64.b64encode(b"x" * 57) + b"\r\n"
    file = line * (38_000_000 // len(line))
    head, _, text = large.content.partition(b"\r\n\r\n")
    head = head.replace(b"MIME-Version: 1.0", b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"')
    body = head.replace(b"Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64", b"X-Cut: 1")
    body += (
        b"\r\n\r\n--x\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n" + text
    )
    body += b"\r\n--x\r\nContent-Type: application/pdf; name=scan.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    post.put([replace(large, content=body + file + b"\r\n--x--\r\n")])
    post.wait(90)
    grown = {role: worker.peak_megabytes(role) - before[role] for role in before}
    print(f"memory above the idle process, MB: {grown}")
    assert grown["mail"] < 250 and grown["processor"] < 350
    envelope = worker.ledger.envelopes()[1]
    assert "Не могу войти в личный кабинет" in envelope["text"]
    assert envelope["attachments"][0]["state"] in ("stored", "refused")
    record(post.report("38 MB letter, mail, sqlite")).assert_clean()


def test_a_letter_that_nobody_can_read_is_quarantined_and_the_next_goes_on(
    make_post: Callable[..., Post], dovecot: DovecotServer
) -> None:
    post = make_post()
    worker = post.worker.start()
    dovecot.deliver(post.user, b"\n")
    post.put(letters(1))
    worker.wait(lambda: worker.ledger.ended() == 2, 30, "both came to an end")
    assert worker.ledger.states() == {"quarantined": 1, "enveloped": 1}
    (listed,) = worker.run_cli("quarantine", "list")
    assert listed["kind"] == "email"


@pytest.mark.parametrize(
    "letter",
    [
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(1000)),
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n\n" * 50_000 + b"--b--",
        b"Subject: " + b"a " * 500_000 + b"\n\nx",
        b"Subject: x\nContent-Type: text/plain; charset=no-such-thing\n\n\xff\xfe\xfd",
        b"From: a@b.test\nSubject: a\n\n\0\0\0text\0",
        b"\n\nno header at all",
        b"\n",
    ],
    ids=["1,000 nested", "50,000 parts", "endless header", "unknown charset", "NUL", "no headers", "empty"],
)
def test_23_a_monster_is_understood_or_refused_within_seconds(letter: bytes) -> None:
    began = time.thread_time()
    normalizer("email").identify(letter)
    reading = normalizer("email").read(letter, Account("email", "help@service.test"))
    assert isinstance(reading, Message | Unreadable | Ignored)
    assert time.thread_time() - began < 5


def packed(size: int) -> bytes:
    """A zip of so many zeros, a thousandth of their size."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("zeros", b"\0" * size)
    return made.getvalue()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("somebody goes out")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("no_network")
def test_26_28_files_are_kept_as_they_are_and_nothing_is_unpacked_rendered_or_asked_for() -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"><image href="http://tracker.test/x"/></svg>'
    files = {
        "archive.zip": (packed(50_000_000), "application/zip", "application/zip"),
        "invoice.pdf": (b"MZ" + b"\0" * 58 + b"\x40\0\0\0PE\0\0" + b"\0" * 400, "application/pdf", None),
        "picture.svg": (svg, "image/svg+xml", "image/svg+xml"),
        "page.png": (b"<!DOCTYPE html><html><script>x()</script></html>", "image/png", "text/html"),
    }
    page = (
        "<p>Не могу войти в кабинет</p><script>fetch('http://tracker.test/s')</script>"
        "<a href='javascript:x()'>ссылка</a>"
        "<img src='http://tracker.test/i.png'><link rel=stylesheet href='http://tracker.test/c.css'>"
        "<style>@import 'http://tracker.test/d.css'; p {background: url(http://tracker.test/b)}</style>"
        "<iframe src='http://tracker.test/f'></iframe><object data='file:///etc/passwd'></object>"
    )
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "a@mail.test", "help@service.test", "Файлы"
    letter.set_content(page, subtype="html")
    for name, (content, declared, _) in files.items():
        letter.add_attachment(content, maintype=declared.split("/")[0], subtype=declared.split("/")[1], filename=name)
    raw = letter.as_bytes()
    tracemalloc.start()
    try:
        reading = normalizer("email").read(raw, Account("email", "help@service.test"))
        assert isinstance(reading, Message)
        types = {part.name: sniff(part.content or b"", part.media_type) for part in reading.attachments}
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000, "fifty million zeros were never there"
    kept = {part.name: part.content for part in reading.attachments if part.name in files}
    assert kept == {name: content for name, (content, _, _) in files.items()}
    for name, (_, declared, told) in files.items():
        assert types[name] == told if told else types[name] != declared, f"{name}: {types[name]}"
    assert "Не могу войти в кабинет" in reading.text
    assert not [mark for mark in ("script", "fetch(", "javascript:", "tracker", "url(", "<") if mark in reading.text]


def test_two_folders_of_one_mailbox_are_two_channels(dovecot: DovecotServer, smtp: SmtpServer) -> None:
    """The second stood by for ever, for the lease of the first: what providers take for spam was never read."""
    user = dovecot.add_user()
    in_inbox, in_junk = letters(2)
    dovecot.append(user, in_junk.content, in_inbox.content, folder="Junk")
    inbox = mailbox(user, dovecot.port, smtp.port)
    with Worker(channels={"mail": inbox, "junk": {**inbox, "folder": "Junk"}}) as worker:
        worker.start()
        dovecot.append(user, in_inbox.content)
        worker.wait(lambda: len(worker.ledger.cursors()) == 2, 30, "each folder is read")
        worker.wait(lambda: worker.ledger.states() == {"enveloped": 2}, 30, "each letter is taken once")
