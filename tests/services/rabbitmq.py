"""A private RabbitMQ node: own name, own epmd, own folders; nothing of an installed node is touched."""

import subprocess

from tests.services.process import (
    HOST,
    KeptProcess,
    Service,
    ServiceFailed,
    find_program,
    free_port,
    speaks,
    unprivileged,
    wait_until,
)

SCRIPTS = "/usr/lib/rabbitmq/bin"  # the scripts themselves; Debian's wrappers in /usr/sbin insist on the user rabbitmq
PACKAGE = "rabbitmq-server"


class RabbitNode(Service):
    """RabbitMQ, boots in 5 to 14 s. `url` is for aio-pika; the queues are kept over `kill` and `restart`."""

    name = "rabbitmq"
    start_timeout = 90.0

    def __init__(self) -> None:
        self.server = find_program("rabbitmq-server", PACKAGE, SCRIPTS)
        self.control = find_program("rabbitmqctl", PACKAGE, SCRIPTS)
        self.epmd = find_program("epmd", "erlang-base")
        super().__init__()
        self.port, self.distribution_port, self.epmd_port = free_port(), free_port(), free_port()
        self.node = f"priemnaya-{self.port}@localhost"
        self.url = f"amqp://guest:guest@{HOST}:{self.port}/"
        self._epmd: KeptProcess | None = None

    def prepare(self) -> None:
        for name in ("mnesia", "log", "generated", "schema"):
            (self.folder / name).mkdir()
        (self.folder / "rabbitmq-env.conf").write_text("")
        (self.folder / "enabled_plugins").write_text("[].\n")
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = {HOST}:{self.port}\n"
            "log.file = false\n"
            "log.console = true\n"
            "log.console.level = warning\n"
            "disk_free_limit.absolute = 50MB\n"
            # 512 MB by default, held in memory until it rolls over
            "raft.wal_max_size_bytes = 33554432\n"
        )
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text("PRIEMNAYATESTS")
        cookie.chmod(0o400)

    def environment(self) -> dict[str, str]:
        folder = self.folder
        return self.base_environment() | {
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_CRASH_DUMP": "/dev/null",
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_SCHEMA_DIR": str(folder / "schema"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CTL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false",
        }

    def command(self) -> tuple[list[str], dict[str, str]]:
        environment = self.environment() | {
            "RABBITMQ_ALLOW_INPUT": "1",  # makes the script become the node instead of waiting for it
            # Busy waiting of idle schedulers costs the tests a core; the epmd is ours, started beforehand.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false"
            " +sbwt none +sbwtdcpu none +sbwtdio none",
        }
        return [self.server, "-noinput"], environment

    def ready(self) -> bool:
        # The listener opens as the last step of the boot; the protocol header is answered with Connection.Start.
        return speaks(self.port, b"AMQP\x00\x00\x09\x01", b"\x01\x00\x00")

    def start(self) -> "RabbitNode":
        if self._epmd is None or not self._epmd.alive:
            # In the foreground and ours: the one that a node starts by itself outlives it.
            argv = [self.epmd, "-port", str(self.epmd_port), "-address", HOST]
            self._epmd = KeptProcess(
                argv, env=self.base_environment(), folder=self.folder, log=self.folder / "epmd.log"
            )
            wait_until(lambda: speaks(self.epmd_port, b"\x00\x01n", b""), 10, "epmd")
        return super().start()

    def close(self) -> None:
        self.stop()
        if self._epmd is not None:
            self._epmd.stop()
        super().close()

    def settle(self) -> None:
        """Call it between the declaration of a queue and `kill`.

        Seen with 3.10.8: a quorum queue declared within half a second before a SIGKILL comes back without a leader, for
        ever, and what was confirmed in it is lost: the node saves its directory of queues only every 500 ms.
        """
        self.rabbitmqctl("eval", "[dets:sync(Table) || Table <- dets:all()].")

    def rabbitmqctl(self, *arguments: str, timeout: float = 60.0) -> str:
        """Output of `rabbitmqctl ARGUMENTS…`; raises ServiceFailed with what it said. Takes about 0.5 s."""
        uid, gid = unprivileged()
        done = subprocess.run(
            [self.control, "--quiet", "--node", self.node, *arguments],
            env=self.environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
        )
        if done.returncode:
            raise ServiceFailed(f"rabbitmqctl {arguments[0]}: {(done.stderr or done.stdout).strip()[-1_000:]}")
        return done.stdout
