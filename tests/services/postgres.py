"""A private PostgreSQL cluster, with fsync on as in production."""

import secrets
import signal
import subprocess
from pathlib import Path

import psycopg

from tests.services.process import HOST, Service, ServiceFailed, find_program, free_port, unprivileged

PACKAGE = "postgresql"


def binaries() -> str:
    """The folder of the newest server programs: Debian keeps them out of PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    newest = [str(folder) for folder in reversed(folders)]
    return str(Path(find_program("initdb", PACKAGE, *newest)).parent)


class PostgresServer(Service):
    """PostgreSQL, starts in about 2 s the first time. `create_database()` gives every test its own, empty one."""

    name = "postgres"
    stop_signal = signal.SIGINT  # a fast shutdown: clients are thrown out, the data is written

    def __init__(self) -> None:
        self.binaries = binaries()
        super().__init__()
        self.port = free_port()
        self.url = self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://priemnaya@{HOST}:{self.port}/{database}"

    def prepare(self) -> None:
        self.own(self.folder)
        uid, gid = unprivileged()
        done = subprocess.run(
            [
                f"{self.binaries}/initdb",
                *("--pgdata", str(self.folder / "data"), "--username", "priemnaya", "--auth", "trust"),
                *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
            ],
            env=self.base_environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
        )
        if done.returncode:
            raise ServiceFailed(f"initdb: {done.stderr.strip()[-1_000:]}")
        with (self.folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(
                f"listen_addresses = '{HOST}'\n"
                f"port = {self.port}\n"
                f"unix_socket_directories = '{self.folder}'\n"
                "fsync = on\n"
                "max_connections = 200\n"
                "shared_buffers = 64MB\n"
                "max_wal_size = 256MB\n"
                "log_min_messages = warning\n"
                "logging_collector = off\n"
            )

    def command(self) -> tuple[list[str], dict[str, str]]:
        return [f"{self.binaries}/postgres", "-D", str(self.folder / "data")], self.base_environment()

    def ready(self) -> bool:
        try:
            with self.connect():
                return True
        except psycopg.OperationalError:
            return False

    def connect(self, database: str = "postgres") -> "psycopg.Connection":
        """A connection in autocommit mode, for a test's own looks and deeds."""
        return psycopg.connect(self.url_of(database), autocommit=True, connect_timeout=5)

    def create_database(self) -> str:
        """The `postgresql://` URL of a new, empty database. Takes about 50 ms."""
        name = f"test_{secrets.token_hex(6)}"
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url_of(name)

    def drop_database(self, url: str) -> None:
        """Removes a database of `create_database`, throwing out who is still connected."""
        name = url.rpartition("/")[2]
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
