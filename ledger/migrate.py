"""Brings the database to the newest schema at start, one process at a time, and only when it is older."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from ledger.database import Database
from ledger.errors import LedgerUnusable

FOLDER = Path(__file__).parent / "migrations"
HEAD = "0008"  # the newest revision in `migrations/versions`; a test holds it to that


def migrate(database: Database) -> None:
    """Migrate if needed. Raises `LedgerAway`, or `LedgerUnusable` for a database that is too new, or behind a pooler.

    Alembic is imported only when there is something to do: it costs every process a tenth of a second.
    """
    if database.pooled():
        raise LedgerUnusable(
            "database.url leads to a pooler that lends connections by the transaction (PgBouncer): one process would"
            " execute what another has prepared; set pool_mode = session there, or name the server itself"
        )
    if database.look_now(_revision) == HEAD:
        return
    with database.write() as conn:
        if database.dialect == "postgresql":
            conn.execute(text("SELECT pg_advisory_xact_lock(7210552)"))
        found = _revision(conn)
        if found == HEAD:
            return
        if found is not None and found > HEAD:
            raise LedgerUnusable(
                f"the database is at revision {found}, this program at {HEAD}: update this installation"
            )
        upgrade(conn)


def _revision(conn: Connection) -> str | None:
    if not inspect(conn).has_table("alembic_version"):
        return None
    value: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return value


def upgrade(conn: Connection) -> None:
    """Run the missing migrations on this connection, inside its transaction."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    script = ScriptDirectory.from_config(config)

    def steps(revision: object, _context: object) -> object:
        return script._upgrade_revs("head", revision)  # type: ignore[arg-type]

    with EnvironmentContext(config, script, fn=steps) as environment:
        environment.configure(connection=conn, transactional_ddl=False, render_as_batch=True)
        with environment.begin_transaction():
            environment.run_migrations()
