"""Each ledger knows its encryption key by a hash: under another one its rows are unreadable, and nobody is known."""

from __future__ import annotations

import hmac

from sqlalchemy import Connection, bindparam, select

from ledger.crypto import Keyring
from ledger.database import Database
from ledger.dialect import upsert
from ledger.errors import LedgerUnusable
from ledger.schema import meta

_NAME = "encryption_key_hash"
_KNOWN = select(meta.c.value).where(meta.c.key == bindparam("name"))


def is_known(database: Database) -> bool:
    """Whether the ledger has a key. Raises `LedgerAway`."""
    return database.look_now(_known) is not None


def another() -> LedgerUnusable:
    """What is wrong with any other key, and what to do."""
    return LedgerUnusable(
        "the encryption key is not the one of this ledger: put data/encryption.key back, or set the same"
        " storage.encryption_key on every machine"
    )


def ensure(database: Database, keys: Keyring) -> None:
    """Remember the key at the first start; afterwards raise `LedgerUnusable` for any other. Raises `LedgerAway`.

    A second machine with a key of its own would quarantine what the first one takes in, take every letter twice, and
    know no citizen of the other's.
    """
    own = keys.keyed_hash(b"own key").hex()
    known = database.look_now(_known)
    if known is None:
        known = database.run_now(lambda conn: _remember(conn, own))
    if not hmac.compare_digest(known, own):
        raise another()


def _known(conn: Connection) -> str | None:
    value: str | None = conn.execute(_KNOWN, {"name": _NAME}).scalar_one_or_none()
    return value


def _remember(conn: Connection, own: str) -> str:
    conn.execute(upsert(conn, meta).values(key=_NAME, value=own).on_conflict_do_nothing())
    return _known(conn) or own
