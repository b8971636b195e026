"""Faults 8 to 10: commits out of order, two workers on one PostgreSQL, a holder that is frozen and comes back."""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from ledger import journal, outbox
from pipeline.intake import entry
from pipeline.parts import Parts, open_parts
from tests.faults.conftest import WITH_RELAY
from tests.faults.oracle import Report
from tests.harness.letters import letters
from tests.harness.mail import Post, mailbox
from tests.harness.worker import Worker
from tests.services.dovecot import DovecotServer
from tests.services.rabbitmq import RabbitNode
from tests.services.smtp import SmtpServer

Record = Callable[[Report], Report]
TAKEOVER = 15.0


@pytest.fixture
def parts(postgres_url: str, tmp_path: Path) -> Iterator[Callable[[Worker], Parts]]:
    """The worker's own parts, opened in the test: for transactions that are held open."""
    opened: list[Parts] = []

    def make(worker: Worker) -> Parts:
        opened.append(open_parts(load(worker.config, {})))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def test_8_a_row_that_commits_after_later_ones_is_overlooked_by_nobody(
    make_post: Callable[..., Post],
    rabbitmq: RabbitNode,
    broker_prefix: str,
    postgres_url: str,
    parts: Callable[[Worker], Parts],
) -> None:
    post = make_post(rabbitmq=rabbitmq, prefix=broker_prefix, database_url=postgres_url)
    worker = post.worker.start()
    ledger = parts(worker)
    slow, *quick = letters(6)
    row = entry(ledger, "email", "mail", post.user, slow.content, acknowledge=True)
    event = {
        "message_id": secrets.token_hex(8),
        "exchange": "events",
        "routing_key": "accepted",
        "type": "priemnaya.event.accepted",
        "conversation": "x",
        "body": b"{}",
        "created_at": time.time(),
    }
    with ledger.database.engine.connect() as held, held.begin():
        (row_id,) = journal.append(held, [row]).values()
        outbox.add(held, [event])
        post.put(quick)
        post.wait()
        assert min(found["id"] for found in worker.ledger.journal()) > row_id
        assert all(found["message_id"] != event["message_id"] for found in worker.ledger.outbox())
    post.letters.insert(0, slow)
    post.wait()
    worker.wait(
        lambda: (
            {found["message_id"]: found["state"] for found in worker.ledger.outbox()}[event["message_id"]]
            == "published"
        ),
        20,
        "the event that was committed late is published",
    )
    post.report("commit out of order").assert_clean()


class Pair:
    """Two workers with the same channels, on one PostgreSQL, one RabbitMQ and one storage."""

    def __init__(self, post: Post, other: Worker) -> None:
        self.post, self.one, self.other = post, post.worker, other

    def holder(self, name: str) -> str:
        """`host:pid:run` of the lease's holder."""
        found: list[Any] = [row["holder"] for row in self.one.ledger.leases() if row["name"].startswith(name)]
        return str(found[0]) if found else ""

    def holds(self, worker: Worker, name: str, role: str) -> bool:
        return self.holder(name).split(":")[1:2] == [str(worker.roles().get(role))]


@pytest.fixture
def pair(
    dovecot: DovecotServer,
    smtp: SmtpServer,
    rabbitmq: RabbitNode,
    broker_prefix: str,
    postgres_url: str,
    tmp_path: Path,
) -> Iterator[Pair]:
    sections = {"storage": {"url": str(tmp_path / "attachments")}}
    with contextlib.ExitStack() as stack:
        post = stack.enter_context(
            Post.make(
                dovecot,
                smtp,
                rabbitmq=rabbitmq,
                prefix=broker_prefix,
                database_url=postgres_url,
                sections=sections,
                names=WITH_RELAY,
            )
        )
        other = stack.enter_context(
            Worker(
                channels={"mail": mailbox(post.user, dovecot.port, smtp.port)},
                database_url=postgres_url,
                broker_url=rabbitmq.url,
                prefix=broker_prefix,
                sections=sections,
                names=WITH_RELAY,
            )
        )
        post.worker.start()  # it is first, and so it holds the leases
        other.start()
        yield Pair(post, other)


def test_9_two_workers_share_the_work_and_one_takes_over_within_fifteen_seconds(pair: Pair, record: Record) -> None:
    post = pair.post
    written = letters(160)
    post.put(written[:60])
    post.wait()
    assert pair.holds(pair.one, "channel:", "mail")
    post.put(written[60:120])
    pair.one.wait(lambda: pair.one.ledger.journalled() > 60, 30, "the holder reads")
    pair.one.kill()
    killed = time.monotonic()
    post.put(written[120:])
    pair.other.wait(lambda: pair.other.ledger.journalled() == 160, 30, "the other one has taken over")
    seconds = time.monotonic() - killed
    post.wait()
    print(f"takeover after SIGKILL of the whole machine: {seconds:.1f} s")
    assert seconds < TAKEOVER
    record(post.report("two workers, one killed, mail, postgresql")).assert_clean(allow_double_ack=True)


def test_10_a_holder_that_was_frozen_longer_than_its_lease_moves_no_cursor_and_sends_nothing(
    pair: Pair, record: Record
) -> None:
    post, one, other = pair.post, pair.one, pair.other
    post.put(letters(10))
    post.wait()
    frozen = {name: one.pid(name) for name in ("mail", "relay")}
    # With letters in hand that are not journalled; with envelopes in hand that are not marked.
    one.arm("connectors.mail_servers:Imap.fetch after", stop=True)
    one.arm("router.relay:publish_all after", stop=True)
    post.put(letters(20)[10:])
    one.wait(lambda: not one.armed(), 40, "both are frozen")
    other.wait(lambda: pair.holds(other, "channel:", "mail") and pair.holds(other, "relay", "relay"), 20, "taken over")
    post.wait()
    (cursor,) = other.ledger.cursors()
    for pid in frozen.values():
        one.thaw(pid)
    one.wait(lambda: one.log().count("the lease is lost") + one.log().count("standing by") >= 2, 20, "both know it")
    post.put(letters(25)[20:])
    post.wait()
    (later,) = other.ledger.cursors()
    assert later["token"] == cursor["token"], "only the new holder has moved the cursor"
    record(post.report("holder frozen while reading, mail, postgresql")).assert_clean()


@pytest.mark.soak
def test_10_a_sender_that_was_frozen_before_it_sent_sends_nothing_afterwards(pair: Pair, record: Record) -> None:
    post, one, other = pair.post, pair.one, pair.other
    post.put(letters(1))
    post.wait()
    mail = one.pid("mail")
    one.arm("tx pipeline.sender:Sender.round after", stop=True)
    post.put(letters(4)[1:])
    one.wait(lambda: not one.armed(), 40, "it is frozen")
    other.wait(lambda: pair.holds(other, "channel:", "mail"), 20, "taken over")
    post.wait()
    one.thaw(mail)
    one.wait(lambda: "the lease is lost" in one.log() or "standing by" in one.log(), 20, "it knows")
    post.put(letters(6)[4:])
    post.wait()
    record(post.report("holder frozen before sending, mail, postgresql")).assert_clean()


@pytest.mark.soak
def test_10_a_processor_that_was_frozen_with_rows_in_work_stages_nothing_twice(pair: Pair, record: Record) -> None:
    post, one = pair.post, pair.one
    processor = one.pid("processor")
    pair.other.kill_role("processor")  # so that the first one takes the rows
    one.arm("pipeline.processor:Processor._process before", stop=True)
    post.put(letters(10))
    one.wait(lambda: not one.armed(), 40, "it is frozen")
    post.wait()
    one.thaw(processor)
    post.put(letters(20)[10:])
    post.wait()
    record(post.report("processor frozen, mail, postgresql")).assert_clean()
