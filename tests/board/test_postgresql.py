"""The board over PostgreSQL: what its dialect could do otherwise."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from pipeline.erase import erase
from tests.board.site import LONG, PORTAL, Operator, site


def test_a_request_is_taken_found_listed_closed_and_erased(postgres_url: str, tmp_path: Path) -> None:
    with site(postgres_url, tmp_path, PORTAL) as made, contextlib.closing(Operator(made)) as operator:
        number = made.take(description=LONG + " Особое слово: квазидиссертация.", files=[("a.txt", b"x", "text/plain")])
        deadline = time.monotonic() + 20
        while number not in operator.search("квазидиссертации").text:
            assert time.monotonic() < deadline
        assert number in operator.get("/board").text
        assert number in operator.get("/board/tickets", state="open", desk="services").text
        assert operator.get("/board/tickets", state="late").status_code == 200
        assert number in operator.search(made.email).text
        assert operator.get(f"/board/tickets/{number}").status_code == 200
        assert operator.get("/board/quarantine").status_code == operator.get("/board/record").status_code == 200
        assert operator.answer(number, close="1").status_code == 303
        assert number in operator.get("/board/tickets", state="closed").text
        erase(made.parts, number, cause="forget")
        assert number not in operator.search("квазидиссертации").text
