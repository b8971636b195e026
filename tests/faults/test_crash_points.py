"""Faults 1 to 5: SIGKILL at every point between "payload read" and "acknowledgement recorded".

Functions come from `tests.harness.points`, write transactions from a run that was only watched. In the short run one of
each kind is killed; `make soak` kills at each point that there is, and in another order every time.
"""

import random
import secrets
from collections.abc import Callable, Sequence

import pytest

from tests.faults.oracle import Report
from tests.harness import points
from tests.harness.letters import letters
from tests.harness.mail import Post
from tests.services.rabbitmq import RabbitNode

# What strikes at once, a process each; the number is the row of the table of faults.
ROUNDS: tuple[tuple[str, ...], ...] = (
    (
        "connectors.mail_servers:Imap.fetch after",  # 1
        "tx pipeline.processor:Processor._take inside",
        "router.publish:Publisher.publish before",
    ),
    (
        "tx ledger.group_commit:GroupCommit._run inside",  # 1
        "pipeline.processor:Processor._process before",
        "router.publish:Publisher.publish after",  # 4
    ),
    (
        "tx ledger.group_commit:GroupCommit._run after",  # 2
        "pipeline.processor:Processor._store_file after",  # 3
        "tx pipeline.relay:Relay._round inside",  # 4
    ),
    (
        "pipeline.intake:AccountIntake.accept after",  # 2
        "tx pipeline.processor:Processor._process inside",  # 3
        "tx pipeline.relay:Relay._round after",
    ),
    (
        "connectors.email:Email.send before",  # 5
        "tx pipeline.processor:Processor._process after",  # 3
        "router.relay:publish_all after",
    ),
    ("connectors.email:Email.send after", "pipeline.processor:Processor._process after"),  # 5
    ("ledger.outgoing:sent after",),  # 5
    ("pipeline.sender:Sender._sent after", "tx pipeline.sender:Sender.round inside"),
)


@pytest.mark.parametrize("target", points.functions("email"))
def test_a_named_point_exists(target: str) -> None:
    assert callable(points.find(target))


def killed_at(post: Post, name: str, rounds: Sequence[Sequence[str]]) -> Report:
    """Ten letters a round, of every sort, with each process killed once at its point."""
    worker = post.worker.start()
    series = secrets.token_hex(2)
    written = letters(10 * len(rounds), series=series)
    for number, armed in enumerate(rounds):
        for point in armed:
            worker.arm(point)
        post.put(written[10 * number : 10 * number + 10])
        worker.struck(
            40,
            f"round {number} strikes: {', '.join(armed)}",
            lambda number=number: post.put(letters(1, series=f"{series}-{number}")),  # type: ignore[misc]
        )
        worker.kills += len(armed)
        post.wait()
    return post.report(name)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", [pytest.param("sqlite", marks=pytest.mark.soak), "postgres"])
def test_nothing_is_lost_at_one_crash_point_of_each_kind(
    make_post: Callable[..., Post],
    rabbitmq: RabbitNode,
    broker_prefix: str,
    request: pytest.FixtureRequest,
    record: Callable[[Report], Report],
    kind: str,
) -> None:
    database_url = str(request.getfixturevalue(f"{kind}_url"))
    post = make_post(rabbitmq=rabbitmq, prefix=broker_prefix, database_url=database_url)
    report = record(killed_at(post, f"crash points, mail, {database_url.partition(':')[0]}", ROUNDS))
    report.assert_clean(allow_double_ack=True)
    assert post.worker.ledger.states() == {"enveloped": len(post.letters)}
    assert report.kills == sum(map(len, ROUNDS))
    # Killed between SMTP's answer and the record of it: a second copy, under the same Message-ID.
    # At most the eight that were being sent, for each of the four kills around sending.
    assert 1 <= len(report.ack_same_id) <= 4 * 8
    # Killed between the broker's confirmation and the mark: published twice under one id.
    assert report.twice_same_id


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_nothing_is_lost_at_any_point_that_a_watched_run_has_come_to(
    make_post: Callable[..., Post],
    rabbitmq: RabbitNode,
    broker_prefix: str,
    database_url: str,
    record: Callable[[Report], Report],
) -> None:
    # In a ledger of its own: in one, the other mailbox of the same name would be this one, read already.
    watched = make_post(rabbitmq=rabbitmq, prefix=f"{broker_prefix}-w", database_url="")
    watched.worker.start()
    watched.put(letters(20, series=secrets.token_hex(2)))
    watched.wait()
    seen = [point for point in watched.worker.seen() if not _of_start_and_end(point)]
    watched.worker.kill()
    watched.smtp.reset()
    assert len(seen) > 30, seen
    random.shuffle(seen)
    post = make_post(rabbitmq=rabbitmq, prefix=broker_prefix, database_url=database_url)
    report = record(killed_at(post, f"all {len(seen)} points, mail, {database_url[:6]}", [[point] for point in seen]))
    report.assert_clean(allow_double_ack=True)
    assert post.worker.ledger.states() == {"enveloped": len(post.letters)}


def _of_start_and_end(point: str) -> bool:
    return "_leave" in point or "leases" in point
