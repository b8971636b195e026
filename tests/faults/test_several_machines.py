"""Faults 8 to 10: commits out of order, two workers on one PostgreSQL, a holder that is frozen and comes back."""

import contextlib
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from ledger import journal, migrate, outbox
from ledger.database import Database
from pipeline.intake import entry
from pipeline.parts import Parts, open_parts
from tests.faults.conftest import WITH_RELAY
from tests.faults.oracle import Delivered, Report, Sent, check, drain, letters_answered
from tests.harness.letters import letters
from tests.harness.mail import Post, mailbox
from tests.harness.worker import Worker
from tests.services.dovecot import DovecotServer
from tests.services.rabbitmq import RabbitNode
from tests.services.smtp import SmtpServer

Record = Callable[[Report], Report]
TAKEOVER = 15.0
LATEST = 30.0  # seconds from the mailbox to the queue, while workers are started anew one by one


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
        "type": "priemnaya.event.v1",
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
    pair.other.wait(lambda: pair.holds(pair.other, "channel:", "mail"), 30, "the other one has taken over")
    seconds = time.monotonic() - killed
    post.wait(60)
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


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_rolling_restart_under_steady_traffic_makes_no_message_late(
    pair: Pair, rabbitmq: RabbitNode, broker_prefix: str, record: Record
) -> None:
    post, ledger = pair.post, pair.one.ledger
    post.put(letters(10, series="warm"))
    post.wait()
    drain(rabbitmq.url, broker_prefix, ledger)
    ended, written = threading.Event(), letters(2_000)
    put: dict[str, float] = {}
    arrived: dict[str, float] = {}
    delivered: list[Delivered] = []

    def write() -> None:
        for letter in written:
            put[letter.key] = time.monotonic()
            post.put([letter])
            if ended.wait(0.2):
                return

    def look() -> None:
        for item in drain(rabbitmq.url, broker_prefix, ledger):
            delivered.append(item)
            arrived.setdefault(item.native_id, time.monotonic())

    writer = threading.Thread(target=write)
    writer.start()
    restarts: list[float] = []
    for worker in (pair.one, pair.other, pair.one, pair.other):
        until = time.monotonic() + 3.0
        assert worker.process is not None
        worker.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        while worker.process.poll() is None or time.monotonic() < until:
            look()
            assert time.monotonic() - began < 40, "it drains"
        assert worker.process.returncode == 0
        restarts.append(time.monotonic() - began)
        started = worker.log().count('"event": "started"')
        worker.start(ready=False)
        while worker.log().count('"event": "started"') < started + len(WITH_RELAY) or time.monotonic() < until + 6.0:
            look()
            assert time.monotonic() - began < 90, "it starts"
    ended.set()
    writer.join()
    post.wait(60)
    look()
    late = sorted(arrived[key] - at for key, at in put.items() if key in arrived)
    print(
        f"{len(put)} letters over {len(restarts)} restarts: half within {late[len(late) // 2]:.2f} s, 99 in 100 within "
        f"{late[len(late) * 99 // 100]:.2f} s, the last within {late[-1]:.2f} s; drained in {max(restarts):.1f} s"
    )
    sent = [Sent(letter.key, letter.thread, letter.acknowledged) for letter in post.letters]
    report = check(
        "rolling restart of two workers, mail, postgresql",
        [item for item in sent if item.key in put],
        _Without(ledger, {item.key for item in sent} - set(put)),  # type: ignore[arg-type]
        delivered=delivered,
        acknowledged=[item for item in letters_answered(post.smtp.messages) if item.key in put],
    )
    record(report).assert_clean(allow_double_ack=True)
    assert late[-1] < LATEST


class _Without:
    """A ledger without the messages of before."""

    def __init__(self, ledger: Any, keys: set[str]) -> None:
        self._ledger, self._keys = ledger, keys

    def journal(self) -> list[Any]:
        rows: list[Any] = self._ledger.journal()
        return rows[len(self._keys) :]

    def envelopes(self) -> list[dict[str, Any]]:
        return [each for each in self._ledger.envelopes() if each["source"]["message_id"] not in self._keys]


@pytest.mark.soak
def test_a_newer_worker_migrates_under_an_older_one_and_nothing_is_lost(
    make_post: Callable[..., Post], postgres_url: str, record: Record
) -> None:
    with contextlib.closing(Database(postgres_url)) as database:
        _migrate_to(database, OLDER)
    post = make_post(database_url=postgres_url, constants={"ledger.migrate:HEAD": OLDER})
    old = post.worker.start()
    post.put(letters(20))
    post.wait()
    pids = old.roles()
    newer = Worker(channels={}, database_url=postgres_url, names=("processor", "housekeeping"), folder=old.folder)
    with newer:
        post.put(letters(40)[20:])
        newer.start()
        with contextlib.closing(Database(postgres_url)) as database:
            assert database.look_now(migrate._revision) == migrate.HEAD
        post.put(letters(60)[40:])
        post.wait()
        assert old.roles() == pids, "what runs goes on"
        # Started anew it would not know the tables: it says so in one line, and leaves them to the newer one.
        old.kill_role("processor")
        old.wait(lambda: old.log().count("update this installation") > 0, 20, "the older one says it")
        assert '"event": "cannot start"' in old.log() and "uncaught" not in old.log()
        post.put(letters(80)[60:])
        post.wait()
        record(post.report("migrated under an older worker, mail, postgresql")).assert_clean()


OLDER = f"{int(migrate.HEAD) - 1:04}"


def _migrate_to(database: Database, revision: str) -> None:
    """As an older program left it."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    script = ScriptDirectory.from_config(config)
    with (
        database.write() as conn,
        EnvironmentContext(config, script, fn=lambda found, _: script._upgrade_revs(revision, found)) as environment,  # type: ignore[arg-type]
    ):
        environment.configure(connection=conn, transactional_ddl=False, render_as_batch=True)
        with environment.begin_transaction():
            environment.run_migrations()
