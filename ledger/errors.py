"""What can go wrong with the ledger.

LedgerError
├── LedgerAway      the database cannot be reached or written just now; nothing of the transaction is kept
├── LedgerUnusable  the database is there, and is not to be worked with: a newer program's, damaged, behind a pooler
└── Fenced          the lease was lost: another holder works
"""

from __future__ import annotations


class LedgerError(Exception):
    """Base."""


class LedgerAway(LedgerError):
    """Nothing was kept; try again later. The text names the cause without SQL, parameters or addresses."""


class LedgerUnusable(LedgerError):
    """The database is there, and waiting does not help; the text says what to do."""


class Fenced(LedgerError):
    """Another holder has the lease; whatever was about to be written was not."""
