"""What can go wrong with the ledger.

LedgerError
├── LedgerAway      the database cannot be reached or written just now; nothing of the transaction is kept
├── LedgerTooNew    a newer version of the program has migrated the database
└── Fenced          the lease was lost: another holder works
"""

from __future__ import annotations


class LedgerError(Exception):
    """Base."""


class LedgerAway(LedgerError):
    """Nothing was kept; try again later. The text names the cause without SQL, parameters or addresses."""


class LedgerTooNew(LedgerError):
    """The database was migrated by a newer version; update this installation."""


class Fenced(LedgerError):
    """Another holder has the lease; whatever was about to be written was not."""
