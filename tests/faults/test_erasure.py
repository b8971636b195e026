"""Fault 34: what is erased is gone, from the ledger's file too; what is past its time goes by itself, and only that."""

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.crypto import Keyring
from ledger.storage import Missing, Storage
from tests.harness.letters import Letter, letters
from tests.harness.mail import Post
from tests.harness.worker import Worker
from tests.services.rabbitmq import RabbitNode

DAY = 86_400.0
NAMES = ("processor", "mail", "housekeeping")
QUICK = {"pipeline.housekeeping:ROUND_SECONDS": 0.5}
KEY = b"01234567890123456789012345678901"


def canary() -> Letter:
    """A letter that holds nothing but things to be found again, with a file."""
    head = (
        "From: Kanareika Zheltoperaya <kanareika@canary.test>\r\nTo: help@service.test\r\nSubject: Zheltoperaya\r\n"
        "Date: Sun, 22 Nov 2026 10:00:00 +0300\r\nMessage-ID: <kanareika.1@canary.test>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="edge"\r\n\r\n--edge\r\n'
        "Content-Type: text/plain; charset=utf-8\r\n\r\n"
        "Kanareika ne mozhet voiti v kabinet: zheltoperaya stranica pusta.\r\n" + "Kanareika zhdet. " * 2_000 + "\r\n"
        '--edge\r\nContent-Type: text/plain; name="kanareika.txt"\r\nContent-Disposition: attachment; '
        'filename="kanareika.txt"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    )
    file = base64.encodebytes(b"Kanareika v prilozhenii " * 200)
    content = head.encode() + file + b"\r\n--edge--\r\n"
    return Letter("kanareika.1@canary.test", "kanareika.1@canary.test", "attachment", "kanareika@canary.test", content)


def found(folder: Path, *needles: bytes) -> dict[str, list[bytes]]:
    """Files below the folder that hold one of these."""
    files = {
        path: path.read_bytes().lower() for path in folder.rglob("*") if path.is_file() and "faults" not in str(path)
    }
    held = {path.name: [one for one in needles if one.lower() in content] for path, content in files.items()}
    return {name: list(ones) for name, ones in held.items() if ones}


def test_34_of_an_erased_ticket_nothing_can_be_read_any_more_and_the_record_says_what_the_broker_has(
    make_post: Callable[..., Post], rabbitmq: RabbitNode, broker_prefix: str
) -> None:
    post = make_post(rabbitmq=rabbitmq, prefix=broker_prefix)
    worker = post.worker.start()
    post.put([canary(), *letters(5)])
    post.wait()
    ledger = worker.ledger
    (envelope,) = [each for each in ledger.envelopes() if each["citizen"]["email"] == "kanareika@canary.test"]
    storage = Storage(f"{worker.folder}/attachments", KEY)
    (row,) = [row for row in ledger.attachments() if row["ticket"] == envelope["ticket"]["number"]]
    key, wrapped = row["storage_key"], bytes(row["wrapped_key"])
    assert b"Kanareika v prilozhenii" in b"".join(storage.open(key, wrapped))
    assert found(worker.folder, b"kanareika", b"zheltoperaya"), "the search below can find it"

    record = worker.run_cli("forget", envelope["ticket"]["number"])
    waits = [{"message_id": envelope["id"], "routing_key": envelope["route"]["routing_key"]}]
    assert record["broker_still_has"] == waits and record["files"] >= 1 and record["messages"] == 1
    assert "kanareika" not in json.dumps(record).lower()
    with pytest.raises(Missing):
        b"".join(storage.open(key, wrapped))
    (row,) = [each for each in ledger.attachments() if each["ticket"] == envelope["ticket"]["number"]]
    assert (row["wrapped_key"], row["storage_key"], row["name"], row["sha256"]) == (None, None, None, None)
    (row,) = [each for each in ledger.journal() if each["id"] == envelope["source"]["journal_id"]]
    assert (row["payload"], row["payload_key"], row["payload_wrapped"]) == (None, None, None)
    # Nor in what the database has freed and not yet written over.
    assert found(worker.folder, b"kanareika", b"zheltoperaya") == {}
    assert len(ledger.envelopes()) == 5, "of the others everything is there"
    events = [json.loads(bytes(each["body"])) for each in ledger.outbox() if each["routing_key"].startswith("erased")]
    assert [event["by"] for event in events] == ["operator"]
    again = worker.run_cli("forget", envelope["ticket"]["number"])
    assert again["messages"] == 1 and again["files"] == 0, "erasing twice does no harm"


def test_34_a_key_that_is_gone_leaves_a_file_that_nobody_can_read(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path), KEY)
    stored = storage.put(b"Kanareika v prilozhenii", limit=1_000)
    assert b"".join(storage.open(stored.key, stored.wrapped_key)) == b"Kanareika v prilozhenii"
    other = storage.put(b"something else", limit=1_000)
    # A copy of the file, as in a backup, with the master key and every other file's key: it needs its own.
    with pytest.raises(Exception, match=r".+"):
        b"".join(storage.open(stored.key, other.wrapped_key))
    assert all(b"Kanareika" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    with pytest.raises(Exception, match=r".+"):
        Keyring(KEY).unseal(stored.wrapped_key, b"payload")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.soak)])
def kept(make_post: Callable[..., Post], request: pytest.FixtureRequest) -> Post:
    """A mailbox whose messages are kept for days."""
    database_url = str(request.getfixturevalue(f"{request.param}_url"))
    retention = {"raw": "1d", "silent_tickets": "3d", "closed_tickets": "2d"}
    return make_post(names=NAMES, database_url=database_url, constants=QUICK, sections={"retention": retention})


def test_what_is_past_its_time_goes_by_itself_step_by_step(kept: Post) -> None:
    worker, ledger = kept.worker.start(), kept.worker.ledger
    kept.put([canary(), *letters(9)])
    kept.dovecot.deliver(kept.user, b"\n")
    worker.wait(lambda: ledger.ended() == 11 and not ledger.owed(), 40, "all is through")
    assert ledger.states() == {"enveloped": 10, "quarantined": 1}

    def raw() -> int:
        return sum(row["payload"] is not None or row["payload_key"] is not None for row in ledger.journal())

    def files() -> int:
        return sum(path.is_file() for path in (worker.folder / "attachments").rglob("*") if path.suffix != ".part")

    assert raw() == 11 and files() >= 2
    worker.skew(0.9 * DAY)
    worker.wait(lambda: _said(worker, 0.8 * DAY), 30, "housekeeping has looked")
    assert raw() == 11, "nothing goes before its time"

    worker.skew(1.1 * DAY)
    worker.wait(lambda: raw() == 1, 30, "raw payloads go, but that of the quarantine, which is needed")
    assert len(ledger.envelopes()) == 10 and {row["state"] for row in ledger.tickets()} == {"open"}
    assert files() >= 2, "attachments stay as long as their tickets"

    worker.skew(3.1 * DAY)
    worker.wait(lambda: {row["state"] for row in ledger.tickets()} == {"closed"}, 30, "silent tickets are closed")
    assert len(ledger.envelopes()) == 10

    worker.skew(5.3 * DAY)
    worker.wait(lambda: ledger.envelopes() == [], 30, "closed tickets are erased")
    worker.wait(lambda: files() == 0, 30, "and their files")
    assert all(row["wrapped_key"] is None for row in ledger.attachments())
    assert all(row["content"] is None for row in ledger.outgoing())
    kinds = [row["routing_key"].partition(".")[0] for row in ledger.outbox() if row["exchange"] == "events"]
    tickets = len(ledger.tickets())
    assert kinds.count("closed") == kinds.count("erased") == tickets
    assert {row["cause"] for row in ledger.erasures()} == {"retention"} and len(ledger.erasures()) == tickets
    assert raw() == 1 and ledger.states()["quarantined"] == 1
    kept.put(letters(3, series="b"))  # and the day's work goes on
    worker.wait(lambda: len(ledger.envelopes()) == 3, 30, "new ones come in")


def _said(worker: Worker, after: float) -> bool:
    """Housekeeping has finished a round at this shifted time or later."""
    rows = worker.ledger.health()
    return any(row["component"] == "disk" and row["seen_at"] > time.time() + after for row in rows)
