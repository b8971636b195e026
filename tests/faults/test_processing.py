"""Poison, mail loops, erased messages that come again, clocks that jump; SIGTERM in the middle."""

import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.faults.oracle import Report, letters_answered
from tests.harness.letters import letter, letters
from tests.harness.mail import Post

Record = Callable[[Report], Report]
MOSCOW = ZoneInfo("Europe/Moscow")


def test_6_sigterm_in_the_middle_of_a_batch_drains_and_exits_with_zero(
    make_post: Callable[..., Post], record: Record
) -> None:
    post = make_post()
    post.worker.start()
    post.put(letters(150))
    post.worker.wait(lambda: post.worker.ledger.ended() > 0, 30, "the first batch is through")
    code, seconds = post.worker.terminate()
    assert code == 0 and seconds < 20
    assert post.worker.ledger.states()["working"] == 0, "what was in work is finished or given back"
    post.worker.start()
    post.wait()
    record(post.report("SIGTERM in the middle, mail, sqlite")).assert_clean()


def test_6_a_second_sigterm_ends_it_at_once(make_post: Callable[..., Post]) -> None:
    post = make_post()
    worker = post.worker.start()
    frozen = worker.freeze_role("processor")  # what cannot drain would take all of the deadline
    assert worker.process is not None
    worker.process.send_signal(signal.SIGTERM)
    worker.wait(lambda: "mail" not in worker.roles(), 10, "the others drain")
    began = time.monotonic()
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(30) == 1
    assert time.monotonic() - began < 10, "it did not wait for the frozen one, which takes twenty seconds"
    worker.wait(lambda: not _runs(frozen), 5, "the frozen process is gone too")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_message_that_kills_its_processor_three_times_is_quarantined_and_nothing_else_waits(
    make_post: Callable[..., Post], record: Record
) -> None:
    post = make_post()
    worker = post.worker.start()
    written = letters(20)
    poison = written[9]
    worker.poison(poison.key.encode())
    post.put(written)
    post.quarantined.add(poison.key)
    post.wait()
    assert worker.ledger.states() == {"enveloped": 19, "quarantined": 1}
    (row,) = [row for row in worker.ledger.journal() if row["state"] == "quarantined"]
    assert row["attempts"] == 3 and "died 3 times" in row["reason"]
    deaths = worker.log().count('"role": "processor", "code": -9')
    assert 3 <= deaths <= 4, "once in the batch, then three times alone"
    worker.kills += deaths
    record(post.report("poison, mail, sqlite")).assert_clean()

    (listed,) = worker.run_cli("quarantine", "list")
    assert listed["id"] == row["id"]
    worker.poison(b"")
    worker.run_cli("quarantine", "retry", str(row["id"]))
    post.quarantined.clear()
    post.wait()
    assert worker.ledger.states() == {"enveloped": 20}


def test_30_a_robot_that_answers_our_acknowledgement_is_not_answered(make_post: Callable[..., Post]) -> None:
    post = make_post()
    post.worker.start()
    post.put(letters(1))
    post.wait()
    (acknowledgement,) = post.smtp.messages
    ours = letters_answered([acknowledgement])[0].id
    assert ours.endswith("@example.org")
    for number, mark in enumerate(("Auto-Submitted: auto-replied", "X-Nothing: to see")):
        robot = letter(1, series=f"robot{number}", sort="utf-8").content.replace(
            b"MIME-Version: 1.0", f"In-Reply-To: <{ours}>\r\n{mark}\r\nMIME-Version: 1.0".encode()
        )
        post.dovecot.append(post.user, robot)
        post.worker.wait(lambda number=number: post.worker.ledger.ended() == 2 + number, 20, "it is through")  # type: ignore[misc]
    post.worker.wait(lambda: post.worker.ledger.owed() == 0, 20, "nothing is owed")
    assert "auto_reply" in post.worker.ledger.envelopes()[1]["flags"]
    assert len(post.worker.ledger.tickets()) == 1, "both joined the ticket"
    others = [message for message in post.smtp.messages[1:] if b"auto-replied" not in message.content]
    assert others == []
    assert len(post.smtp.messages) <= 2, "the robot that hides is answered once at the most"


def test_34_an_erased_message_that_comes_again_stays_gone(make_post: Callable[..., Post], database_url: str) -> None:
    post = make_post(database_url=database_url)
    worker = post.worker.start()
    written = letters(3)
    post.put(written)
    post.wait()
    number = worker.ledger.envelopes()[0]["ticket"]["number"]
    record = worker.run_cli("forget", number)
    assert number in str(record)
    left = worker.ledger.envelopes()
    assert [envelope["source"]["message_id"] for envelope in left] == [letter.key for letter in written[1:]]
    rows = len(worker.ledger.journal())
    post.dovecot.append(post.user, *(letter.content for letter in written))  # the same bytes under new UIDs
    uid = '"uid": 6'
    worker.wait(lambda: any(uid in row["value"] for row in worker.ledger.cursors()), 30, "all six letters were read")
    assert len(worker.ledger.journal()) == rows
    assert worker.ledger.envelopes() == left
    assert written[0].sender.encode() not in b"".join(
        bytes(row["body"]) for row in worker.ledger.messages() if row["body"]
    )
    assert len(post.smtp.messages) == 3


def test_35_a_clock_set_back_and_a_day_that_ends_in_a_burst_give_unique_numbers_of_the_right_day(
    make_post: Callable[..., Post], record: Record
) -> None:
    post = make_post()
    worker = post.worker.start()
    written = letters(60)
    post.put(written[:20])
    post.wait()
    worker.skew(-3600)
    post.put(written[20:40])
    post.wait()
    now = datetime.now(MOSCOW)
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), MOSCOW)
    worker.skew((midnight - now).total_seconds() - 2)
    for one in written[40:]:
        post.put([one])
        time.sleep(0.2)  # the burst lasts 4 s, two on each side of midnight
    post.wait()
    numbers = [envelope["ticket"]["number"] for envelope in worker.ledger.envelopes()]
    days = set()
    for envelope in worker.ledger.envelopes():
        if envelope["ticket"]["sequence"] > 1:
            continue
        opened = datetime.fromisoformat(envelope["source"]["received_at"]).astimezone(MOSCOW)
        assert envelope["ticket"]["number"].startswith(f"{opened:%y%m%d}-")
        days.add(opened.date())
    # In a day's first hour, the clock set back shows a third day.
    assert days == {(now - timedelta(hours=1)).date(), now.date(), midnight.date()}
    assert len(set(numbers)) == 54, "six of the sixty are replies"
    record(post.report("clocks that jump, mail, sqlite")).assert_clean()


def test_35_what_waits_for_another_try_is_late_but_not_lost_when_the_clock_is_set_back(
    make_post: Callable[..., Post],
) -> None:
    post = make_post()
    worker = post.worker.start()
    post.smtp.refuse_next(1)
    put, other = letters(2)
    post.put([put])
    worker.wait(
        lambda: any(row["reason"] for row in worker.ledger.outgoing()), 30, "the first try is refused, a second is due"
    )
    worker.skew(-3600)
    post.put([other])
    post.smtp.wait_for(1, 20)  # others do not wait for it
    worker.skew(0)
    post.wait()
    post.report("a retry over a jump of the clock").assert_clean()
