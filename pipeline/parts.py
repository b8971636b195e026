"""What every process of Priemnaya is built from, opened once from the settings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from config.key import ensure_encryption_key, key_path
from config.settings import Settings
from ledger import own_key
from ledger.crypto import Keyring
from ledger.database import Database
from ledger.migrate import migrate
from ledger.state import Policy
from ledger.storage import Storage
from normalizer.message import Account, Limits

if TYPE_CHECKING:
    from config.texts import Texts
    from router.rules import Rules


@dataclass
class Parts:
    """The settings, and what they open. `clock` gives seconds since 1970."""

    settings: Settings
    database: Database
    keys: Keyring
    storage: Storage
    clock: Callable[[], float] = time.time
    declaring: asyncio.Lock = field(default_factory=asyncio.Lock)  # one declaration of the topology at a time

    @cached_property
    def rules(self) -> Rules:
        """The routing rules. Raises `RulesError`."""
        from router.rules import load

        return load(self.settings.routing.path)

    @cached_property
    def texts(self) -> Texts:
        """What citizens are told. Raises `TextsError`."""
        from config.texts import Texts

        return Texts.load(self.settings.texts.path)

    @cached_property
    def policy(self) -> Policy:
        """The windows of linking."""
        tickets = self.settings.tickets
        return Policy(
            conversation_window=tickets.conversation_window.total_seconds(),
            burst_window=tickets.burst_window.total_seconds(),
            repeat_after=tickets.repeat_after.total_seconds(),
            repeat_window=tickets.repeat_window.total_seconds(),
            reopen_window=tickets.reopen_window.total_seconds(),
            number_attempts=self.settings.limits.number_attempts,
        )

    @cached_property
    def limits(self) -> Limits:
        """What one payload may cost."""
        limits = self.settings.limits
        return Limits(text=limits.text, attachment=limits.attachment, parts=limits.parts, depth=limits.depth)

    @cached_property
    def own_addresses(self) -> frozenset[str]:
        """The addresses of our own mailboxes, lower case."""
        names = (
            getattr(c, "from_address", None) or getattr(c, "username", None) for c in self.settings.channels.values()
        )
        return frozenset(name.lower() for name in names if name)

    def account(self, name: str, kind: str, platform_account: str) -> Account:
        """Our side of a conversation, for the normalizer."""
        channel = self.settings.channels.get(name)
        return Account(
            kind=kind,
            platform_account=platform_account,
            own_addresses=self.own_addresses,
            trusted_authserv_id=getattr(channel, "trusted_authserv_id", None),
            limits=self.limits,
        )

    def close(self) -> None:
        """Close the database's connections."""
        self.database.close()


def open_parts(settings: Settings, clock: Callable[[], float] = time.time) -> Parts:
    """Open the ledger (migrating it where it is older) and the storage.

    Raises `LedgerAway`, `LedgerUnusable`, `StorageError` or OSError.
    """
    database = Database(settings.database.url.get_secret_value())
    try:
        migrate(database)
        master_key, keys = keys_of(settings, database)
        storage = Storage(settings.storage.url, master_key, s3=settings.storage.s3_options)
    except BaseException:
        database.close()
        raise
    return Parts(settings, database, keys, storage, clock)


def keys_of(settings: Settings, database: Database) -> tuple[bytes, Keyring]:
    """The configured key, made where the ledger is new, and what is derived of it.

    Raises `LedgerAway`, OSError, or `LedgerUnusable` where it is not the ledger's own.
    """
    path = key_path(settings)
    if path is not None and not path.exists() and own_key.is_known(database):
        raise own_key.another()  # none is made in its place
    master_key = ensure_encryption_key(settings)
    keys = Keyring(master_key)
    own_key.ensure(database, keys)
    return master_key, keys
