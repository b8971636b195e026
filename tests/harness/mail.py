"""A worker with one mailbox on real servers: Dovecot, SMTP, RabbitMQ; and the oracle's view of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.oracle import Report, Sent, check, drain, letters_answered
from tests.harness.letters import Letter
from tests.harness.worker import Worker
from tests.services.dovecot import DovecotServer
from tests.services.process import HOST
from tests.services.rabbitmq import RabbitNode
from tests.services.smtp import SmtpServer


def mailbox(user: str, imap_port: int, smtp_port: int, **more: Any) -> dict[str, Any]:
    """The keys of an e-mail channel. `from_address` is another one than the login: the account is told by it."""
    return {
        "kind": "email",
        "imap_host": HOST,
        "imap_port": imap_port,
        "imap_security": "none",
        "username": user,
        "password": DovecotServer.password,
        "smtp_host": HOST,
        "smtp_port": smtp_port,
        "smtp_security": "none",
        "from_address": user,
        **more,
    }


@dataclass
class Post:
    """One mailbox, its worker, and everything that was put into it."""

    dovecot: DovecotServer
    smtp: SmtpServer
    worker: Worker
    user: str
    rabbitmq: RabbitNode | None = None
    prefix: str = "priemnaya"
    letters: list[Letter] = field(default_factory=list)
    quarantined: set[str] = field(default_factory=set)

    @classmethod
    def make(
        cls,
        dovecot: DovecotServer,
        smtp: SmtpServer,
        *,
        rabbitmq: RabbitNode | None = None,
        prefix: str = "priemnaya",
        database_url: str = "",
        imap_port: int = 0,
        smtp_port: int = 0,
        broker_url: str = "",
        channel: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> "Post":
        """`imap_port`, `smtp_port`, `broker_url`: those of a proxy in between."""
        user = dovecot.add_user()
        settings = mailbox(user, imap_port or dovecot.port, smtp_port or smtp.port, **(channel or {}))
        worker = Worker(
            channels={"mail": settings},
            database_url=database_url,
            broker_url=broker_url or (rabbitmq.url if rabbitmq else ""),
            prefix=prefix,
            **options,
        )
        return cls(dovecot, smtp, worker, user, rabbitmq, prefix)

    def __enter__(self) -> "Post":
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.__exit__()

    def put(self, letters: Sequence[Letter]) -> None:
        """The citizens' servers deliver these letters into the mailbox, in order."""
        self.letters += letters
        self.dovecot.append(self.user, *(letter.content for letter in letters))

    def settled(self) -> bool:
        """Whether every letter has come to an end, and nothing is owed to anybody."""
        ledger = self.worker.ledger
        if ledger.ended() < len(self.letters) or ledger.owed():
            return False
        return self.rabbitmq is None or ledger.pending() == 0

    def wait(self, timeout: float = 40.0) -> None:
        self.worker.wait(self.settled, timeout, f"all {len(self.letters)} letters are through")

    def report(self, name: str) -> Report:
        """The oracle's view; takes everything out of the queues."""
        ledger = self.worker.ledger
        sent = [Sent(letter.key, letter.thread, letter.acknowledged) for letter in self.letters]
        return check(
            name,
            sent,
            ledger,
            delivered=None if self.rabbitmq is None else drain(self.rabbitmq.url, self.prefix, ledger),
            acknowledged=letters_answered(self.smtp.messages),
            kills=self.worker.kills,
            quarantined=self.quarantined,
        )
