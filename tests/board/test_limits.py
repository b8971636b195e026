"""Limits that hold over all web processes, and what housekeeping forgets of the board."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update
from starlette.requests import Request

from board import bodies
from board.safety import SharedLimit, address_of
from config.settings import load
from ledger import accounts
from ledger.errors import LedgerAway
from ledger.schema import rates
from pipeline.housekeeping import RECORD_SECONDS, Housekeeping
from pipeline.parts import Parts, open_parts
from tests.board.site import ADMIN_PASSWORD, CABINET_KEY, LONG, QUICK, Site
from tests.services.process import HOST


@pytest.fixture
def parts(database_url: str, tmp_path: Path) -> Iterator[Parts]:
    file = tmp_path / "limits.toml"
    file.write_text(f'[database]\nurl = "{database_url}"\n[storage]\nurl = "{tmp_path / "files"}"\n', encoding="utf-8")
    made = open_parts(load(file, {}))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::a:b:c:d", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:a:b:c:d", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:198.51.100.1", "198.51.100.1", True),
        ("::ffff:198.51.100.1", "::ffff:198.51.100.2", False),
        ("198.51.100.1", "198.51.100.2", False),
    ],
)
def test_one_household_is_one_address_however_it_is_written(one: str, other: str, same: bool) -> None:
    first, second = (address_of(Request({"type": "http", "client": (host, 1)})) for host in (one, other))
    assert (first == second) is same


async def test_two_web_processes_count_together_and_let_events_run_out(parts: Parts) -> None:
    one, other = SharedLimit(parts, "test", 4, 60.0), SharedLimit(parts, "test", 4, 60.0)
    taken = [await limit.allow("198.51.100.1") for limit in (one, other, one, other, one, other)]
    assert taken == [True, True, True, True, False, False]
    assert await other.allow("198.51.100.2"), "another address has events of its own"
    assert await SharedLimit(parts, "another", 4, 60.0).allow("198.51.100.1"), "and so has another limit"
    parts.database.run_now(lambda conn: conn.execute(update(rates).values(empty_at=rates.c.empty_at - 15.0)))
    third = SharedLimit(parts, "test", 4, 60.0)
    assert [await third.allow("198.51.100.1") for _ in range(2)] == [True, False], "one of four in a minute ran out"


async def test_what_is_given_back_can_be_taken_again_in_every_process(parts: Parts) -> None:
    one, other = SharedLimit(parts, "test", 2, 60.0), SharedLimit(parts, "test", 2, 60.0)
    assert await one.allow("a") and await other.allow("a") and not await one.allow("a")
    await other.give_back("a")
    assert await other.allow("a") and not await one.allow("a") and not await other.allow("a")


def test_a_whole_shift_signs_in_from_one_address_and_wrong_passwords_are_stopped_all_the_same(portal: Site) -> None:
    secret = QUICK.hash(ADMIN_PASSWORD)
    portal.parts.database.run_now(lambda conn: accounts.add(conn, "shift", "operator", secret, 1.0, one_time=False))

    def tried(password: str) -> int:
        return portal.client.post("/board/sign-in", data={"name": "shift", "password": password}).status_code

    assert {tried(ADMIN_PASSWORD) for _ in range(40)} == {303}
    assert [tried("wrong password") for _ in range(11)] == [403] * 10 + [429]


def test_a_stranger_who_tries_a_name_does_not_keep_its_operator_out(portal: Site) -> None:
    """Ten wrong passwords in a quarter of an hour shut the administrator out for as long as somebody liked."""
    secret = QUICK.hash(ADMIN_PASSWORD)
    portal.parts.database.run_now(lambda conn: accounts.add(conn, "tried", "operator", secret, 1.0, one_time=False))

    def tried(site: Site, password: str) -> int:
        return site.client.post("/board/sign-in", data={"name": "tried", "password": password}).status_code

    with contextlib.closing(portal.visitor()) as operator, contextlib.closing(portal.visitor()) as stranger:
        assert tried(operator, ADMIN_PASSWORD) == 303
        assert 429 in {tried(stranger, "wrong password") for _ in range(11)}
        assert tried(stranger, ADMIN_PASSWORD) == 429
        assert tried(operator, ADMIN_PASSWORD) == 303, "his browser was signed in before"
        assert [tried(operator, "wrong password") for _ in range(11)] == [403] * 10 + [429], "its tries are counted too"


async def test_while_the_ledger_is_away_each_process_counts_by_itself(parts: Parts) -> None:
    async def away(_work: object) -> None:
        raise LedgerAway("away")

    limit = SharedLimit(parts, "test", 2, 60.0)
    parts.database.run = away  # type: ignore[method-assign, assignment]
    assert [await limit.allow("a") for _ in range(3)] == [True, True, False]


def test_housekeeping_forgets_what_was_recorded_a_year_ago_and_the_limits_that_ran_out(parts: Parts) -> None:
    now = time.time()
    with parts.database.write() as conn:
        for at, action in ((now - RECORD_SECONDS - 60, "old"), (now - RECORD_SECONDS + 3600, "kept")):
            accounts.note(conn, "admin", action, at, ticket="261122-000001-7")
        conn.execute(rates.insert(), [{"key": b"out", "empty_at": now - 1}, {"key": b"counts", "empty_at": now + 60}])
    Housekeeping(parts).round()
    assert [row["action"] for row in parts.database.look_now(accounts.notes)] == ["kept"]
    assert parts.database.look_now(lambda conn: list(conn.execute(select(rates.c.key)).scalars())) == [b"counts"]


@contextlib.contextmanager
def slow_senders(site: Site, count: int, sent: int) -> Iterator[list[socket.socket]]:
    """Who begins to send the form's body, and stops."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n"
    head += b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(count):
            one = stack.enter_context(socket.create_connection((HOST, site.client.base_url.port or 0), timeout=20))
            one.sendall(head + b"--x\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n" + b"x" * sent)
            made.append(one)
        yield made


def test_who_sends_a_small_body_waits_for_no_slow_sender(portal: Site) -> None:
    key = {"Authorization": f"Bearer {CABINET_KEY}", "Idempotency-Key": "beside-slow-ones"}
    with slow_senders(portal, 3 * bodies.AT_ONCE, 200_000):
        portal.client.timeout = 10
        assert portal.send().status_code == 303
        assert portal.client.post("/board/sign-in", data={"name": "a", "password": "b"}).status_code < 500
        answer = portal.client.post("/api/v1/appeals", json={"text": LONG, "sign_in": {"id": "s1"}}, headers=key)
        assert answer.status_code in (201, 202)


def test_a_large_body_that_stops_coming_gives_its_place_to_others(bare: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "FIRST_SECONDS", 0.5)
    monkeypatch.setattr(bodies, "BYTES_A_SECOND", 1_000_000)
    with slow_senders(bare, bodies.AT_ONCE, 200_000) as senders:
        file = ("снимок.png", b"\x89PNG\r\n\x1a\n" + bytes(1_000_000), "image/png")
        assert bare.send(files=[file]).status_code == 303
        assert all(b" 400 " in one.recv(65536) for one in senders)


def test_a_form_of_escapes_is_refused_before_it_becomes_many_times_as_large(bare: Site) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    body = b"description=" + b"%D0%B6" * 6_000_000
    answer = bare.client.post("/", content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 400
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024  # kB; it was ten times as much


def test_half_a_character_in_a_form_is_no_error_of_ours(bare: Site) -> None:
    body = b"--x\r\nContent-Disposition: form-data; name=description\r\n\r\n\\ud800\r\n--x--\r\n"
    kind = "multipart/form-data; boundary=x; charset=unicode_escape"
    assert bare.client.post("/", content=body, headers={"content-type": kind}).status_code == 422


def test_a_million_fields_that_are_none_are_refused_before_each_becomes_an_error(portal: Site) -> None:
    body = b"{" + b",".join(b'"%d":1' % number for number in range(1_000_000)) + b"}"
    headers = {
        "Authorization": f"Bearer {CABINET_KEY}",
        "Idempotency-Key": "million",
        "Content-Type": "application/json",
    }
    began = time.monotonic()
    assert portal.client.post("/api/v1/appeals", content=body, headers=headers).status_code == 413
    assert time.monotonic() - began < 5
    commas = {"text": "," * 60_000, "sign_in": {"id": "commas"}}
    assert portal.client.post("/api/v1/appeals", json=commas, headers=headers).status_code in (201, 202)
