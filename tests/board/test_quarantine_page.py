"""The page of a quarantined row, however large what came."""

from __future__ import annotations

import time

from ledger import journal, reports
from pipeline.intake import entry
from tests.board.site import Operator, Site
from tests.services.process import wait_until


def test_a_row_of_many_megabytes_is_shown_by_its_beginning_while_others_are_answered(
    portal: Site, operator: Operator
) -> None:
    """A letter of 36 MB stopped the web front, and every webhook, for twelve seconds at each look."""
    raw = b'{"no": "' + "слово \x07".encode() * 3_000_000
    made = entry(portal.parts, "portal", "portal", "portal", raw, acknowledge=False)
    [row] = portal.parts.database.run_now(lambda conn: journal.append(conn, [made])).values()

    def quarantined() -> bool:
        found = portal.parts.database.look_now(lambda conn: reports.journal_row(conn, row))
        return found is not None and found["state"] == "quarantined"

    wait_until(quarantined, 60, "the quarantine")
    used = time.process_time()
    page = operator.get(f"/board/quarantine/{row}")
    assert time.process_time() - used < 1.5
    assert page.status_code == 200 and "слово \\x07" in page.text and "Показано начало" in page.text
    assert len(page.content) < 100_000


def test_who_sees_that_it_is_nobodys_request_removes_it(portal: Site, operator: Operator) -> None:
    made = entry(portal.parts, "portal", "portal", "portal", b'{"no": \xff', acknowledge=False)
    [row] = portal.parts.database.run_now(lambda conn: journal.append(conn, [made])).values()
    wait_until(lambda: f"/board/quarantine/{row}" in operator.get("/board/quarantine").text, 60, "the quarantine")
    assert f'formaction="/board/quarantine/{row}/dismiss"' in operator.get(f"/board/quarantine/{row}").text
    answer = operator.post(f"/board/quarantine/{row}/dismiss")
    page = operator.get(answer.headers["location"]).text
    assert "Запись убрана из карантина" in page and f"/board/quarantine/{row}" not in page
    assert operator.post(f"/board/quarantine/{row}/dismiss").status_code == 404
    assert "убрал из карантина" in operator.get("/board/record").text
