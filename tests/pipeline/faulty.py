"""Transactions that fail: at their commit, so that nothing is kept, or after it, when only the answer is cut off."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from ledger.database import Connection, Database
from ledger.errors import LedgerAway


class Cuts:
    """How many transactions there were, and which of them fail: those from `first` on, `many` of them."""

    def __init__(self, first: int, many: int, *, after: bool) -> None:
        self.count = 0
        self._failing = range(first, first + many)
        self._after = after

    def wrap(self, whole: Callable[..., Any]) -> Callable[..., Any]:
        """`Database.run_now`, with these cuts."""

        def run_now(work: Callable[[Connection], Any], **options: Any) -> Any:
            self.count += 1
            if self.count not in self._failing:
                return whole(work, **options)
            if self._after:
                whole(work, **options)
                raise LedgerAway("cut")

            def failing(conn: Connection) -> None:
                work(conn)  # whatever it leaves in the memory of the process is there, and not in the ledger
                raise LedgerAway("cut")

            return whole(failing, **options)

        return run_now


@contextlib.contextmanager
def cutting(database: Database, first: int, many: int, *, after: bool) -> Iterator[Cuts]:
    """Write transactions fail in this block."""
    cuts, whole = Cuts(first, many, after=after), database.run_now
    with contextlib.ExitStack() as stack:
        stack.callback(setattr, database, "run_now", whole)
        setattr(database, "run_now", cuts.wrap(whole))  # noqa: B010 - mypy knows no method that is replaced
        yield cuts
