"""The status page: the state for whose request it is, the same words for everybody else."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

from ledger import erasure
from tests.board.site import Operator, Site, site


def ask(site: Site, number: str, contact: str) -> tuple[int, str]:
    answer = site.client.post("/status", data={"number": number, "contact": contact})
    body = re.sub(r'value="[^"]*"', "", answer.text)
    return answer.status_code, body


def test_number_and_contact_tell_the_state(bare: Site) -> None:
    number = bare.take(phone="+7 903 345-67-80")
    for contact in (bare.email, bare.email.upper(), "8 (903) 345 67 80"):
        status, page = ask(bare, number.replace("-", " "), contact)
        assert status == 200 and "state-open" in page and number in page
    bare.parts.database.run_now(lambda conn: erasure.close(conn, number, time.time()))
    assert "state-closed" in ask(bare, number, bare.email)[1]


def test_a_wrong_pair_and_an_unknown_number_get_the_same_answer(bare: Site) -> None:
    number = bare.take()
    wrong = ask(bare, number, "somebody@example.net")
    unknown = ask(bare, "261122-000999-0", bare.email)
    none = ask(bare, "", "")
    assert wrong == unknown == none
    assert "state-open" not in wrong[1]


def test_the_time_of_an_answer_tells_nothing(bare: Site) -> None:
    number = bare.take()
    right, wrong, unknown = (number, bare.email), (number, "somebody@example.net"), ("261122-000999-0", bare.email)
    times: dict[tuple[str, str], list[float]] = {right: [], wrong: [], unknown: []}
    for _ in range(3):
        for pair in times:
            started = time.perf_counter()
            ask(bare, *pair)
            times[pair].append(time.perf_counter() - started)
    best = [min(found) for found in times.values()]  # what the machine adds is not the answer's
    assert min(best) >= 0.25 and max(best) - min(best) < 0.2


def test_an_address_may_ask_a_dozen_times(bare: Site) -> None:
    statuses = [ask(bare, "1", "2")[0] for _ in range(14)]
    assert statuses.count(429) == 2


def test_pages_with_times_say_by_whose_clock_they_are(bare: Site, sqlite_url: str, tmp_path: Path) -> None:
    """Somebody in Vladivostok, seven hours ahead of Moscow, took «answer by 20:06» for his own evening."""
    assert "Время на этой странице: МСК, UTC+03:00." in ask(bare, bare.take(), bare.email)[1]
    zone = '[tickets]\ntimezone = "Asia/Vladivostok"\n'
    with site(sqlite_url, tmp_path, zone) as served, contextlib.closing(Operator(served)) as operator:
        number = served.take()
        assert "Время на этой странице: UTC+10:00." in ask(served, number, served.email)[1]
        for path in ("", "/tickets", f"/tickets/{number}", "/record"):
            assert "Время на этой странице: UTC+10:00." in operator.get(f"/board{path}").text
