"""A private PgBouncer before a PostgreSQL, in the `pool_mode` that is asked for."""

import psycopg

from tests.services.postgres import PostgresServer
from tests.services.process import HOST, Service, find_program, free_port

CONFIGURATION = """
[databases]
* = host={host} port={server} user=priemnaya
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
"""


class PgBouncer(Service):
    """PgBouncer, as an administrator puts it before a database that has many clients."""

    name = "pgbouncer"

    def __init__(self, postgres: PostgresServer, mode: str) -> None:
        self.program = find_program("pgbouncer", "pgbouncer", "/usr/sbin")
        super().__init__()
        self.postgres, self.mode = postgres, mode
        self.port = free_port()

    def prepare(self) -> None:
        values = {"host": HOST, "server": self.postgres.port, "port": self.port, "mode": self.mode}
        (self.folder / "pgbouncer.ini").write_text(CONFIGURATION.format(**values))

    def command(self) -> tuple[list[str], dict[str, str]]:
        return [self.program, str(self.folder / "pgbouncer.ini")], self.base_environment()

    def ready(self) -> bool:
        try:
            with psycopg.connect(self.url_of(self.postgres.url), connect_timeout=5):
                return True
        except psycopg.OperationalError:
            return False

    def url_of(self, url: str) -> str:
        """The same database, by this way."""
        return url.replace(f":{self.postgres.port}/", f":{self.port}/")
