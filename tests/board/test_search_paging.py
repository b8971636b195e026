"""The pages of a search by a citizen: every request of his on one of them, and on one only."""

from __future__ import annotations

import contextlib
from datetime import date
from pathlib import Path

from board.lookup import page_key
from config.settings import load
from ledger import board
from ledger.database import Connection
from ledger.schema import ticket_identities
from normalizer.ticket_number import make
from pipeline.parts import open_parts


def test_requests_of_one_moment_and_of_several_identities_are_each_on_one_page(
    database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "search.toml"
    file.write_text(f'[database]\nurl = "{database_url}"\n[storage]\nurl = "{tmp_path / "files"}"\n', encoding="utf-8")
    numbers = [make(date(2026, 11, 22), serial) for serial in range(1, 10)]
    rows = [
        {"hash": name, "ticket": number, "kind": "phone", "vouched": False, "last_at": at}
        for index, number in enumerate(numbers)
        for name, at in ((b"phone", 1000.0 + index // 4), (b"mail", 500.0))  # the address was stated long before
    ]

    def fill(conn: Connection) -> None:
        conn.execute(ticket_identities.insert(), rows)

    with contextlib.closing(open_parts(load(file, {}))) as parts:
        parts.database.run_now(fill)
        found: list[str] = []
        after: tuple[float, str] | None = None
        for _ in range(10):
            page = parts.database.look_now(
                lambda conn, after=after: board.held_by(conn, [b"phone", b"mail"], after, 2)  # type: ignore[misc]
            )
            if not page:
                break
            found += [row.ticket for row in page]
            after = page_key(f"{page[-1].last_at}_{page[-1].ticket}")
    assert found == sorted(numbers, reverse=True)
