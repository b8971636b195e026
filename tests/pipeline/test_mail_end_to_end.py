"""A letter goes the whole way, for real: Dovecot, the worker's processes, RabbitMQ, SMTP; killed in the middle."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.letters import MACHINES, letters
from tests.harness.mail import Post
from tests.services.dovecot import DovecotServer
from tests.services.rabbitmq import RabbitNode
from tests.services.smtp import SmtpServer

COUNT = 200


@pytest.fixture
def post(dovecot: DovecotServer, smtp: SmtpServer, rabbitmq: RabbitNode, broker_prefix: str) -> Iterator[Post]:
    with Post.make(dovecot, smtp, rabbitmq=rabbitmq, prefix=broker_prefix) as made:
        yield made


def test_two_hundred_letters_become_two_hundred_envelopes_in_order_and_one_acknowledgement_each_where_due(
    post: Post,
) -> None:
    post.worker.start()
    written = letters(COUNT)
    for start in range(0, COUNT, 20):  # they arrive while the worker works
        post.put(written[start : start + 20])
    post.wait()

    assert post.worker.ledger.states() == {"enveloped": COUNT}
    report = post.report("mail, undisturbed")
    report.assert_clean()
    assert report.twice_same_id == []
    envelopes = {envelope["source"]["message_id"]: envelope for envelope in post.worker.ledger.envelopes()}
    kinds = Counter(envelopes[letter.key]["kind"] for letter in written)
    assert kinds == {"new": COUNT * 9 // 10, "follow_up": COUNT // 10}
    for letter in written:
        envelope = envelopes[letter.key]
        if letter.sort in MACHINES:
            assert envelope["flags"][:1] and envelope["route"]["desk"] == "other"
        elif letter.sort == "reply":
            assert envelope["ticket"]["number"] == envelopes[letter.thread]["ticket"]["number"]
            assert envelope["ticket"]["sequence"] == 2
        else:
            assert "Не могу войти в личный кабинет" in envelope["text"]
    by_sort = {letter.sort: envelopes[letter.key] for letter in written}
    assert [file["media_type"] for file in by_sort["attachment"]["attachments"]] == ["image/png"]
    assert "Вам отказано" in by_sort["forwarded"]["quoted"]
    assert "bounce" in by_sort["bounce"]["flags"] and "auto_reply" in by_sort["out of office"]["flags"]
    numbers = {envelope["ticket"]["number"] for envelope in envelopes.values()}
    assert len(numbers) == COUNT * 9 // 10
    answered = {message.recipients[0] for message in post.smtp.messages}
    assert answered == {letter.sender for letter in written if letter.acknowledged}
    code, seconds = post.worker.terminate()
    assert code == 0 and seconds < 20


def test_nothing_is_lost_when_the_whole_worker_is_killed_in_the_middle(post: Post) -> None:
    post.worker.start()
    written = letters(COUNT)
    post.put(written[:120])
    post.worker.wait(lambda: post.worker.ledger.ended() >= 30, 30, "the first letters are through")
    post.worker.kill()
    assert post.worker.ledger.ended() < 120 or post.worker.ledger.owed(), "the kill came too late to prove anything"
    post.put(written[120:])  # the mailbox goes on while nobody is there
    post.worker.start()
    post.wait()

    assert post.worker.ledger.states() == {"enveloped": COUNT}
    post.report("mail, worker killed").assert_clean(allow_double_ack=True)


def test_nothing_is_lost_when_rabbitmq_is_killed_in_the_middle(post: Post, rabbitmq: RabbitNode) -> None:
    worker = post.worker.start()
    written = letters(COUNT)
    post.put(written[:20])
    post.wait()
    rabbitmq.settle()
    post.put(written[20:140])
    worker.wait(lambda: worker.ledger.ended() >= 40, 30, "some more letters are through")
    rabbitmq.kill()
    post.put(written[140:])
    # Intake and acknowledgements do not wait for the broker.
    worker.wait(lambda: worker.ledger.ended() == COUNT and not worker.ledger.owed(), 30, "all are staged and answered")
    assert worker.ledger.pending() > 0, "the kill came too late to prove anything"
    rabbitmq.start()
    post.wait()

    assert worker.ledger.states() == {"enveloped": COUNT}
    post.report("mail, RabbitMQ killed").assert_clean()


def test_the_same_folder_taken_in_twice_is_all_redelivered_the_second_time(post: Post, tmp_path: Path) -> None:
    folder = tmp_path / "letters"
    folder.mkdir()
    for index, letter in enumerate(letters(COUNT)):
        (folder / f"{index:03}.eml").write_bytes(letter.content)
    first = post.worker.run_cli("ingest", "--kind", "email", str(folder))
    assert first == {"read": COUNT, "accepted": COUNT, "redelivered": 0, "quarantined": 0, "ignored": 0}
    before = (post.worker.ledger.journal(), post.worker.ledger.envelopes(), len(post.worker.ledger.outbox()))

    second = post.worker.run_cli("ingest", "--kind", "email", str(folder))

    assert second == {"read": COUNT, "accepted": 0, "redelivered": COUNT, "quarantined": 0, "ignored": 0}
    assert (post.worker.ledger.journal(), post.worker.ledger.envelopes(), len(post.worker.ledger.outbox())) == before
    assert post.worker.ledger.outgoing() == [], "nobody is written to without --acknowledge"
