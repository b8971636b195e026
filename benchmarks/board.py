"""The operators' first page over a large ledger: how long it takes, and how much goes to the browser."""

from __future__ import annotations

import contextlib
import re
import time

import httpx
from sqlalchemy import func, select

from benchmarks import payloads
from benchmarks.filling import fill
from benchmarks.flows import Bench
from benchmarks.table import Row
from ledger.schema import tickets
from tests.board.site import Operator, Site, with_administrator

MESSAGES = 150_000  # of which two in three open a ticket: more than 100,000 of them
LOOKS = 6


def first_page(bench: Bench, kind: str) -> list[Row]:
    """From the request to the last byte of `/board`, each time read from the ledger anew; with its style and script."""
    first_words = [unit for unit in payloads.chat(4_000) if b'"message_id":1,' in unit][:1_000]
    with bench.worker(kind, broker=False) as worker:
        parts = worker.parts()
        fill(parts, MESSAGES, seed=first_words)
        with parts.database.read() as conn:
            held = conn.execute(select(func.count()).select_from(tickets)).scalar_one()
        with_administrator(parts)
        worker.start("web")
        site = Site(parts, f"http://127.0.0.1:{worker.port}")
        worker.wait(lambda: _answers(site), 60)
        with contextlib.closing(Operator(site)) as operator:
            times, kilobytes = [], 0.0
            for _ in range(LOOKS):
                began = time.perf_counter()
                page = operator.get("/board")
                took = time.perf_counter() - began
                times.append(took * 1000)
                static = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
                kilobytes = (len(page.content) + sum(len(operator.get(path).content) for path in static)) / 1000
                time.sleep(1.0 + 25 * took)  # what was read is shown to everybody for a while
        site.close()
        parts.close()
    name = f"the board's first page, {held:,} tickets, {kind}"
    return [
        Row(name, "ms", times, goal="< 300 ms", note="none from memory"),
        Row(name, "kB", [kilobytes], goal="< 100 kB", note="with style, script and icon, not compressed"),
    ]


def _answers(site: Site) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return site.client.get("/healthz").status_code == 200
    return False
