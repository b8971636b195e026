"""An oracle that sees nothing proves nothing: each kind of fault, shown to it."""

from pathlib import Path
from typing import Any

import pytest

from ledger.errors import LedgerAway
from tests.faults.oracle import Acknowledged, Delivered, Report, Sent, check
from tests.harness.ledger import Ledger

SENT = [Sent("a", "one"), Sent("b", "one", acknowledged=False), Sent("c", "two")]


class FakeLedger:
    """What a ledger holds after `SENT` has gone through without a fault."""

    def __init__(self) -> None:
        self.rows = [{"id": number, "state": "enveloped"} for number in (1, 2, 3)]
        self.found = [envelope(key) for key in "abc"]

    def journal(self) -> list[Any]:
        return self.rows

    def envelopes(self) -> list[Any]:
        return self.found


def envelope(key: str, id: str = "", revision: int = 0) -> dict[str, Any]:
    return {"id": id or f"id-{key}", "source": {"message_id": key, "revision": revision}}


def report(ledger: FakeLedger, queue: str = "abc", answers: tuple[str, ...] = ("a", "c")) -> Report:
    delivered = [Delivered("desk", f"id-{key}", key) for key in queue]
    return check("x", SENT, ledger, delivered=delivered, acknowledged=[Acknowledged(key[0], key) for key in answers])  # type: ignore[arg-type]


def test_it_finds_nothing_where_all_is_well() -> None:
    report(FakeLedger()).assert_clean()


def test_it_sees_a_message_without_an_envelope() -> None:
    ledger = FakeLedger()
    del ledger.found[1]
    assert report(ledger, "ac").faults(allow_double_ack=True) == {"lost": ["b"]}


def test_it_sees_a_row_that_came_to_no_end() -> None:
    ledger = FakeLedger()
    ledger.rows[1]["state"] = "working"
    assert report(ledger).faults(allow_double_ack=True) == {"unfinished": ["row 2: working"]}


def test_it_sees_a_second_row_and_an_envelope_nobody_sent() -> None:
    ledger = FakeLedger()
    ledger.rows.append({"id": 4, "state": "redelivered"})
    ledger.found.append(envelope("z"))
    found = report(ledger, "abcz").faults(allow_double_ack=True)
    assert found == {"unexpected": ["z", "1 journal rows more than were sent"]}


def test_it_sees_two_envelopes_of_one_message() -> None:
    ledger = FakeLedger()
    ledger.found.append(envelope("c", "id-other"))
    assert "twice_other_id" in report(ledger).faults(allow_double_ack=True)


@pytest.mark.parametrize(
    ("queue", "found"),
    [
        ("ac", {"not_queued": ["id-b"]}),
        ("bac", {"out_of_order": ["a"]}),
        ("cab", {}),  # another conversation
        ("abac", {}),  # a second copy under the same id
        ("abcq", {"unexpected": ["id-q"]}),
    ],
)
def test_it_compares_the_queue(queue: str, found: dict[str, list[str]]) -> None:
    assert report(FakeLedger(), queue).faults(allow_double_ack=True) == found
    assert report(FakeLedger(), queue).twice_same_id == (["id-a"] if queue.count("a") > 1 else [])


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (("a",), {"ack_missing": ["c"]}),
        (("a", "b", "c"), {"ack_unexpected": ["b"]}),
        (("a", "a", "c"), {"ack_same_id": ["a"]}),
        (("a", "a2", "c"), {"ack_other_id": ["a"]}),
    ],
)
def test_it_counts_the_acknowledgements(answers: tuple[str, ...], found: dict[str, list[str]]) -> None:
    assert report(FakeLedger(), answers=answers).faults(allow_double_ack=False) == found


def test_a_ledger_that_does_not_answer_the_test_is_neither_settled_nor_empty() -> None:
    away = Ledger("postgresql://priemnaya@127.0.0.1:1/nobody")
    assert away.pending() == away.owed() == 1
    with pytest.raises(LedgerAway):
        away.envelopes()


def test_a_ledger_without_tables_is_empty(tmp_path: Path) -> None:
    assert Ledger(f"sqlite:///{tmp_path}/new.db").envelopes() == []
