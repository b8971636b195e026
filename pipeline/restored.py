"""A ledger that was put back from a backup does not know what it gave out after the backup was made."""

from __future__ import annotations

from datetime import date

from ledger import outgoing, serials
from ledger.database import Connection
from normalizer import ticket_number
from pipeline.parts import Parts


def restored(parts: Parts) -> str:
    """Give no ticket number and no `random_id` of VK a second time. Returns the next number. Raises `LedgerAway`.

    For a ledger that no worker is using: a worker has numbers in its hands.
    """
    day: date = serials.Numbers(parts.database, parts.settings.tickets.timezone).day(parts.clock())

    def work(conn: Connection) -> int:
        outgoing.renew_random_ids(conn)
        return serials.leap(conn, day)

    return ticket_number.make(day, parts.database.run_now(work))
