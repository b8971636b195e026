"""What every connector keeps, whatever its platform (contract, sections 1, 5 and 8)."""

import contextlib
import json
import re
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from config.kinds import installed_kinds
from config.settings import load
from ledger import journal as journal_of
from ledger import leases
from ledger.errors import LedgerAway
from normalizer.envelope import Envelope
from pipeline.ingest import ingest
from pipeline.intake import payload_of
from pipeline.parts import open_parts
from router.rules import Rules
from tests.contract.drivers import DRIVERS
from tests.contract.service import HOLDER, Service, key_of
from tests.golden.pairs import FOLDER, payloads
from tests.harness.ledger import Ledger

WORDS = "Не могу войти в личный кабинет, страница {} остаётся пустой"
NUMBER = re.compile(r"\d{6}-\d{6,}-\d")


# ---- nothing is forgotten -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(installed_kinds()))
def test_every_connector_has_a_driver_here(kind: str) -> None:
    assert kind in {driver.kind for driver in DRIVERS}, f"tests/contract/drivers.py knows no {kind}"


@pytest.mark.parametrize("kind", sorted(installed_kinds()))
def test_every_connector_has_golden_pairs(kind: str) -> None:
    found = [path for of, path in payloads() if of == kind]
    assert found, f"tests/golden/{kind} holds no payload"
    assert any((FOLDER / kind).glob("*.envelope.json")), f"tests/golden/{kind} holds no envelope"


# ---- durable first, confirm afterwards ----------------------------------------------------------------------


def test_the_platform_is_told_nothing_while_the_commit_fails(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def refuse(*_: Any) -> None:
        tries.append(1)
        raise LedgerAway("the disk is full")

    citizen = service.driver.citizen()
    with monkeypatch.context() as patch:
        patch.setattr(journal_of, "append", refuse)
        rows = service.ledger.journalled()  # from here on: before, the platform's news of the last message may come
        item = service.driver.say(citizen, WORDS.format("с ошибкой"))
        service.wait(lambda: len(tries) >= 2, "it is tried again")
        assert not item.told()
        assert service.ledger.journalled() == rows
    service.enveloped(item.key)
    service.wait(item.told, "the platform is told")


def test_the_platform_is_told_nothing_while_another_process_holds_the_database(service: Service) -> None:
    citizen = service.driver.citizen()
    file = service.parts.database.path
    assert file is not None
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        rows = service.ledger.journalled()
        item = service.driver.say(citizen, WORDS.format("под замком"))
        time.sleep(0.6)  # long enough for an offset, a ts or a 200 that does not wait for the commit
        assert not item.told()
        assert service.ledger.journalled() == rows
        other.execute("ROLLBACK")
    service.enveloped(item.key)
    service.wait(item.told, "the platform is told")


# ---- once ---------------------------------------------------------------------------------------------------


def test_a_redelivered_message_is_one_row_one_envelope_and_one_acknowledgement(service: Service) -> None:
    driver, citizen = service.driver, service.driver.citizen()
    item = driver.say(citizen, WORDS.format("дважды"))
    service.enveloped(item.key)
    service.wait(item.told, "the platform is told")
    service.wait(lambda: driver.seen(citizen), "the acknowledgement")
    service.quiet()
    rows = service.said()
    driver.again(item)
    after = driver.say(driver.citizen(), WORDS.format("после"))  # what comes behind the second copy
    service.enveloped(after.key)
    service.wait(after.told, "the platform is told")
    service.quiet()
    assert service.said() == rows + 1, "the later message"
    assert len(service.envelopes(of=[item.key])) == 1
    assert len(driver.seen(citizen)) == 1


def test_one_acknowledgement_for_a_request_and_none_for_what_follows(service: Service) -> None:
    driver, citizen = service.driver, service.driver.citizen()
    first = driver.say(citizen, WORDS.format("первый раз"))
    (envelope,) = service.enveloped(first.key)
    service.wait(lambda: driver.seen(citizen), "the acknowledgement")
    second = driver.say(citizen, "Добавлю: ошибка повторилась и сегодня утром, и на телефоне")
    (later,) = service.enveloped(second.key)
    service.quiet()
    assert later["kind"] == "follow_up"
    assert later["ticket"]["number"] == envelope["ticket"]["number"]
    (seen,) = driver.seen(citizen)
    assert NUMBER.findall(seen)[0] == envelope["ticket"]["number"]


def test_an_acknowledgement_whose_answer_was_lost_arrives_under_the_same_number(service: Service) -> None:
    driver, citizen = service.driver, service.driver.citizen()
    if not driver.lose_answer():
        pytest.skip("its sending is tested against a real server, in tests/faults")
    item = driver.say(citizen, WORDS.format("без ответа"))
    (envelope,) = service.enveloped(item.key)
    service.quiet()
    seen = driver.seen(citizen)
    assert 1 <= len(seen) <= driver.most_copies
    assert {NUMBER.findall(text)[0] for text in seen} == {envelope["ticket"]["number"]}


# ---- one bad thing spoils nothing ---------------------------------------------------------------------------


def test_a_poison_item_is_quarantined_alone_and_the_next_goes_on(service: Service) -> None:
    driver = service.driver
    before = service.rows("quarantined")
    first = driver.say(driver.citizen(), WORDS.format("до"))
    driver.poison()
    second = driver.say(driver.citizen(), WORDS.format("после"))
    service.enveloped(first.key, second.key)
    service.wait(lambda: service.rows("quarantined") > before, "the quarantine")
    assert service.rows("quarantined") == before + 1
    service.wait(second.told, "the platform is told of what came behind")


def test_order_is_kept_within_each_conversation(service: Service) -> None:
    driver = service.driver
    citizens = [driver.citizen() for _ in range(3)]
    written: dict[int, list[str]] = {at: [] for at in range(3)}
    for at, citizen in enumerate(citizens):
        item = driver.say(citizen, WORDS.format(f"номер {at}"))
        service.enveloped(item.key)
        written[at].append(item.key)
        service.wait(item.told, "the platform is told")
    for turn in range(6):
        for at, citizen in enumerate(citizens):
            item = driver.say(citizen, f"Дополнение {turn}: всё ещё не работает, гражданин {at}")
            written[at].append(item.key)
            if driver.kind == "portal":  # a request of HTTP is over when it is answered
                service.wait(item.told, "the answer")
    staged = [key_of(each) for each in service.enveloped(*(key for keys in written.values() for key in keys))]
    for keys in written.values():
        assert [key for key in staged if key in keys] == keys


# ---- one holder ---------------------------------------------------------------------------------------------


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that hold leases under names of their own, as processes do."""
    own = leases.this_process()
    monkeypatch.setattr(leases, "this_process", lambda: HOLDER.value or own)
    monkeypatch.setattr("pipeline.roles.STANDBY_SECONDS", 0.1)


@pytest.mark.usefixtures("named")
def test_of_two_workers_on_one_account_one_works_and_the_other_takes_over(service: Service, rules: Rules) -> None:
    driver, citizen = service.driver, service.driver.citizen()
    (first,) = service.holders()
    parts = open_parts(load(service.folder / "contract.toml", {}))
    second = service.runner(parts, "another-worker:1")
    second.start()
    try:
        item = driver.say(citizen, WORDS.format("при двух"))
        service.enveloped(item.key)
        service.wait(lambda: driver.seen(citizen), "the acknowledgement")
        assert service.holders() == {first}
        service.channel.stop()
        service.wait(lambda: service.holders() == {"another-worker:1"}, "the other has taken over")
        other = driver.citizen()
        item = driver.say(other, WORDS.format("у другого"))
        service.enveloped(item.key)
        service.wait(lambda: driver.seen(other), "the acknowledgement by the other")
        service.quiet()
        assert len(driver.seen(citizen)) == len(driver.seen(other)) == 1
    finally:
        second.stop()
        parts.close()
        service.channel.start()
        service.wait(lambda: service.holders() == {first}, "the first works again")


# ---- what strangers write is data ---------------------------------------------------------------------------

HOSTILE = {
    "NUL": "до\x00после",
    "bidi": "счёт\u202efdp.exe\u2066 конец",
    "CRLF": "Тема\r\nBcc: victim@mail.test\r\n\r\nтело",
    "a lone surrogate": "до\ud83dпосле",
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "template": "{{7*7}} ${7*7} #{7*7} {0.__class__}",
    "format": "%s%n%d %(token)s",
    "SQL": "'; DROP TABLE journal; --",
}
LINES = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_hostile_values_in_every_text_field_come_through_as_data(service: Service, value: str) -> None:
    bodies, known = service.driver.hostile(f"Не работает кабинет {value} прошу помочь"), len(service.ledger.envelopes())
    ended = service.ledger.ended()
    quarantined, owed = service.rows("quarantined"), len(service.owed_texts())
    for body in bodies:
        service.driver.intake(body)
    service.wait(lambda: service.ledger.ended() >= ended + len(bodies), "all have ended")
    service.wait(lambda: service.rows("received") + service.rows("working") == 0, "all have ended")
    assert service.rows("quarantined") == quarantined
    found = service.ledger.envelopes()[known:]
    assert found
    for envelope in found:
        Envelope.model_validate(envelope)
        text = json.dumps(envelope, ensure_ascii=False)
        text.encode()  # no lone surrogate
        assert "\\u0000" not in text
        one_line = [
            envelope["subject"],
            *(envelope["citizen"][name] for name in ("display_name", "username", "full_name")),
        ]
        one_line += [each["name"] for each in envelope["attachments"]]
        assert not [line for line in one_line if line and LINES.search(line)]
    assert len(service.owed_texts()) > owed
    if value in (HOSTILE["template"], HOSTILE["format"], HOSTILE["SQL"], HOSTILE["script"]):
        said = found[0]["text"]
        assert value in said or (service.driver.kind == "email" and "alert(1)" in said)
    for content in service.owed_texts()[owed:]:
        assert "49" not in re.sub(NUMBER, "", json.loads(content)["text"])
    assert service.ledger.journalled() > ended


def test_a_hundred_kilobytes_in_every_text_field_are_cut_and_flagged(service: Service) -> None:
    known, ended = len(service.ledger.envelopes()), service.ledger.ended()
    began = time.monotonic()
    bodies = service.driver.hostile("Не работает кабинет. " + "слово " * 10_000)
    for body in bodies:
        service.driver.intake(body)
    service.wait(lambda: service.ledger.ended() >= ended + len(bodies), "all have ended")
    service.wait(lambda: service.rows("received") + service.rows("working") == 0, "all have ended")
    first, *_ = service.ledger.envelopes()[known:]
    assert len(first["text"].encode()) <= service.parts.limits.text
    assert "too_large" in first["flags"]
    assert time.monotonic() - began < 10


# ---- changes ------------------------------------------------------------------------------------------------


def test_an_edit_is_a_revision_of_the_accepted_message_without_an_acknowledgement(service: Service) -> None:
    driver, citizen = service.driver, service.driver.citizen()
    item = driver.say(citizen, WORDS.format("с опечаткой"))
    (envelope,) = service.enveloped(item.key)
    service.wait(lambda: driver.seen(citizen), "the acknowledgement")
    key = driver.edit(item, WORDS.format("без опечатки"))
    if key is None:
        pytest.skip("the platform has no edits")
    (edit,) = service.enveloped(key)
    service.quiet()
    assert edit["kind"] == "edit" and edit["source"]["revises"] == item.key and edit["source"]["revision"] == 1
    assert edit["ticket"]["number"] == envelope["ticket"]["number"]
    assert "без опечатки" in edit["text"]
    assert "с опечаткой" in service.envelopes(of=[item.key])[0]["text"], "the old one is kept"
    assert len(driver.seen(citizen)) == 1


def test_a_deletion_is_a_revision_too_and_the_message_is_kept(service: Service) -> None:
    driver, citizen = service.driver, service.driver.citizen()
    item = driver.say(citizen, WORDS.format("по ошибке"))
    (envelope,) = service.enveloped(item.key)
    key = driver.delete(item)
    if key is None:
        pytest.skip("the platform tells of no deletions")
    (deletion,) = service.enveloped(key)
    assert deletion["kind"] == "deletion" and deletion["source"]["revises"] == item.key
    assert deletion["ticket"]["number"] == envelope["ticket"]["number"]
    assert service.envelopes(of=[item.key]) == [envelope]


# ---- from disk ----------------------------------------------------------------------------------------------

# Drawn anew, or of the moment of taking in.
OF_CHANCE = {"source": ("journal_id", "received_at", "account"), "ticket": ("number", "opened_at", "related")}


def _essence(envelope: dict[str, Any]) -> dict[str, Any]:
    kept = {**envelope, "id": "", "route": {**envelope["route"], "answer_by": None}}
    for name, fields in OF_CHANCE.items():
        kept[name] = {**kept[name], **dict.fromkeys(fields)}
    kept["attachments"] = [{**each, "id": "", "url": ""} for each in envelope["attachments"]]
    return kept


def test_ingest_of_the_same_payloads_gives_the_same_envelopes(service: Service, rules: Rules, tmp_path: Path) -> None:
    driver = service.driver
    keys = []
    for at in range(2):
        citizen = driver.citizen()
        texts = (WORDS.format(f"с диска {at}"), "Добавлю: и на телефоне тоже, со вчерашнего вечера")
        for text in texts[:1] if driver.follows_by_number else texts:
            item = driver.say(citizen, text)
            keys.append(item.key)
            service.enveloped(item.key)
            service.wait(item.told, "the platform is told")
    live = service.enveloped(*keys)
    folder = tmp_path / "payloads"
    folder.mkdir()
    rows = {row["id"]: row for row in service.ledger.journal()}
    suffix = "eml" if driver.kind == "email" else "json"
    for at, envelope in enumerate(live):
        row = type("Row", (), dict(rows[envelope["source"]["journal_id"]]))
        (folder / f"{at}.{suffix}").write_bytes(payload_of(service.parts, row))
    environ = {
        "PRIEMNAYA_DATABASE__URL": f"sqlite:///{tmp_path}/other.db",
        "PRIEMNAYA_STORAGE__URL": str(tmp_path / "files"),
    }
    parts = open_parts(load(service.folder / "contract.toml", environ))
    parts.rules = rules
    try:
        tally = ingest(parts, driver.kind, [folder], account=driver.name, acknowledge=False)
        assert (tally.read, tally.accepted) == (len(keys), len(keys))
        taken = ingest(parts, driver.kind, [folder], account=driver.name, acknowledge=False)
        assert (taken.read, taken.redelivered) == (len(keys), len(keys))
    finally:
        parts.close()
    other = Ledger(environ["PRIEMNAYA_DATABASE__URL"])
    try:
        found = {key_of(each): _essence(each) for each in other.envelopes()}
        assert found == {key_of(each): _essence(each) for each in live}
        assert other.outgoing() == []
    finally:
        other.close()
