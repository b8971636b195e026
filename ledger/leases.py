"""Who may poll an account, and send for it: one holder at a time, by the database's clock, with a fencing token."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select, update

from ledger.database import clock
from ledger.dialect import upsert
from ledger.errors import Fenced
from ledger.schema import leases

# Another machine takes over within 15 s of a death: the lease's rest, and a try every `RENEW_SECONDS`.
LEASE_SECONDS = 10.0
RENEW_SECONDS = 3.0
# The lease of a process's own name is of no use once the process is gone; kept for a day, for those who look for why.
OWN_SECONDS = 86400.0
# Two containers may have one host name and one process id: a part that is drawn by lot tells them apart. A supervisor
# gives its own to its children, so that it can name them when they are dead.
RUN = secrets.token_hex(4)


_TOKEN = select(leases.c.token).where(leases.c.name == bindparam("lease")).with_for_update()


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as it was given. `token` grows with every holder, so that a late one is told apart."""

    name: str
    holder: str
    token: int


def this_process() -> str:
    """The holder's name of this process."""
    return holder_of(os.getpid())


def holder_of(pid: int) -> str:
    """The holder's name of a process of this run: the machine, the process id, and what tells runs apart."""
    return f"{socket.gethostname()}:{pid}:{RUN}"


def forget(conn: Connection, role: str, now: float) -> int:
    """Remove the leases that processes of a role had of their own, long after they ended. Returns how many."""
    own = leases.c.name.startswith(f"{role}:", autoescape=True), leases.c.expires_at < now - OWN_SECONDS
    return conn.execute(delete(leases).where(*own)).rowcount


def drop(conn: Connection, holder: str) -> int:
    """A process of this run is known to be dead: its leases are free at once. Returns how many it held."""
    done = conn.execute(update(leases).where(leases.c.holder == holder).values(expires_at=0.0))
    return done.rowcount


def acquire(conn: Connection, name: str, holder: str, seconds: float = LEASE_SECONDS) -> Lease | None:
    """The lease, or None while somebody else holds it. The same holder gets it again at once, with a new token."""
    now = clock(conn)
    first = upsert(conn, leases).values(name=name, holder=holder, token=0, expires_at=0.0)
    conn.execute(first.on_conflict_do_nothing())
    row = conn.execute(select(leases).where(leases.c.name == name).with_for_update()).one()
    if row.expires_at > now and row.holder != holder:
        return None
    token = row.token + 1
    conn.execute(
        update(leases).where(leases.c.name == name).values(holder=holder, token=token, expires_at=now + seconds)
    )
    return Lease(name, holder, token)


def renew(conn: Connection, lease: Lease, seconds: float = LEASE_SECONDS) -> None:
    """Hold it longer. Raises `Fenced` when another holder has it."""
    done = conn.execute(
        update(leases)
        .where(leases.c.name == lease.name, leases.c.token == lease.token)
        .values(expires_at=clock(conn) + seconds)
    )
    if done.rowcount != 1:
        raise Fenced(lease.name)


def guard(conn: Connection, lease: Lease) -> None:
    """Raise `Fenced` unless the lease is still this holder's; nobody can take it before this transaction ends."""
    row = conn.execute(_TOKEN, {"lease": lease.name}).one_or_none()
    if row is None or row.token != lease.token:
        raise Fenced(lease.name)


def release(conn: Connection, lease: Lease) -> None:
    """Give it up, so that the next one need not wait."""
    conn.execute(
        update(leases).where(leases.c.name == lease.name, leases.c.token == lease.token).values(expires_at=0.0)
    )


def alive(conn: Connection, owners: set[str]) -> set[str]:
    """Those of `owners` (`name#token`) whose lease still runs."""
    names = {owner.rsplit("#", 1)[0] for owner in owners}
    now = clock(conn)
    rows = conn.execute(
        select(leases.c.name, leases.c.token).where(leases.c.name.in_(names), leases.c.expires_at > now)
    )
    return {f"{row.name}#{row.token}" for row in rows} & owners
