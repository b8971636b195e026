"""Our own Message-IDs: they name the ticket under a keyed hash, so that a reply to one proves its thread."""

from __future__ import annotations

import re

from ledger.crypto import Keyring

_LOCAL = re.compile(r"priemnaya\.(\d{6}-\d{6,7}-\d)\.([0-9a-z-]{1,64})\.([0-9a-f]{32})(?:@|$)")


def make(keys: Keyring, ticket: str, what: str) -> str:
    """The local part of a Message-ID: the same for the same ticket and `what` (lower-case letters, digits, dashes)."""
    return f"priemnaya.{ticket}.{what}.{_mark(keys, ticket, what)}"


def ticket_of(keys: Keyring, message_id: str) -> str | None:
    """The ticket that one of our Message-IDs names; None when it is not ours or was tampered with."""
    match = _LOCAL.match(message_id)
    if match is None or match[3] != _mark(keys, match[1], match[2]):
        return None
    return match[1]


def _mark(keys: Keyring, ticket: str, what: str) -> str:
    return keys.keyed_hash(b"message-id", ticket.encode(), what.encode())[:16].hex()
