"""An SMTP server that records what it is given and fails as it is told."""

import asyncio
import dataclasses
import ssl
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any, Literal, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.services.certificate import write_certificate
from tests.services.process import HOST, free_port

Step = Literal["MAIL", "RCPT", "DATA"]
Security = Literal["none", "starttls", "tls"]


@dataclasses.dataclass(frozen=True)
class Received:
    """One message as it stood in the transaction; `sender` is empty for the null sender."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    login: str | None


class _Scripted:
    """aiosmtpd's handler: asks the script first, then records."""

    def __init__(self, server: "SmtpServer") -> None:
        self.server = server

    async def handle_MAIL(
        self, protocol: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self.server.next_refusal("MAIL"):
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, protocol: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self.server.next_refusal("RCPT"):
            return answer
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, protocol: SMTP, session: Session, envelope: Envelope) -> str:
        if answer := self.server.next_refusal("DATA"):
            return answer
        drop = self.server.next_drop()
        if drop != "lose":
            self.server.record(session, envelope)
        if drop is not None:
            assert isinstance(protocol.transport, asyncio.Transport)
            protocol.transport.abort()
            # No answer can be sent any more: wait until the lost connection cancels this task.
            await asyncio.sleep(3_600)
        return "250 OK"


class _Controller(Controller):
    """aiosmtpd's, with the SMTP class's own options."""

    def __init__(self, handler: _Scripted, options: dict[str, Any], **arguments: Any) -> None:
        self.options = options
        super().__init__(handler, **arguments)

    def factory(self) -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of a login without TLS, which is what some tests are about
            return SMTP(self.handler, **self.options)


class SmtpServer:
    """aiosmtpd in a thread, on one port over restarts; use as a context manager or `start`, `close`.

    With `users` (name to password) a login is required. `ca_file` is what a client needs to trust it.
    """

    def __init__(self, *, security: Security = "none", users: dict[str, str] | None = None) -> None:
        self.security: Security = security
        self.users = users
        self.port = free_port()
        self.messages: list[Received] = []
        self._folder = tempfile.TemporaryDirectory(prefix="priemnaya-smtp-")
        self.ca_file, key = write_certificate(Path(self._folder.name))
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(self.ca_file, key)
        self._refusals: dict[Step, list[str]] = {"MAIL": [], "RCPT": [], "DATA": []}
        self._drops: list[str] = []
        self._changed = threading.Condition()
        self._controller: _Controller | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> Self:
        if self._controller is not None:
            return self
        options: dict[str, Any] = {"hostname": "smtp.test", "enable_SMTPUTF8": True, "data_size_limit": 50_000_000}
        if self.security == "starttls":
            options |= {"tls_context": self._context, "require_starttls": True}
        if self.users is not None:
            options |= {"authenticator": self._authenticate, "auth_required": True, "auth_require_tls": False}
        tls = self._context if self.security == "tls" else None
        handler = _Scripted(self)
        self._controller = _Controller(
            handler, options, hostname=HOST, port=self.port, ssl_context=tls, ready_timeout=10
        )
        self._controller.start()
        return self

    def stop(self) -> None:
        """The port is refused until `start`; messages and script stay."""
        controller, self._controller = self._controller, None
        if controller is not None:
            controller.stop()

    def close(self) -> None:
        self.stop()
        self._folder.cleanup()

    def reset(self) -> None:
        """Forgets messages and script."""
        with self._changed:
            self.messages.clear()
            self._drops.clear()
            for answers in self._refusals.values():
                answers.clear()

    def refuse_next(self, count: int, answer: str = "451 4.3.0 try again later", *, at: Step = "RCPT") -> None:
        """The next `count` commands of that step are answered so: 4xx for later, 5xx for good."""
        self._refusals[at] += [answer] * count

    def drop_next(self, count: int, *, accepted: bool = True) -> None:
        """The next `count` messages are taken to the last byte and not answered: the connection is lost.

        With `accepted` they count as received all the same.
        """
        self._drops += ["keep" if accepted else "lose"] * count

    def wait_for(self, count: int, timeout: float = 10.0) -> list[Received]:
        """The messages, once there are at least `count`; raises TimeoutError."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while len(self.messages) < count:
                if not self._changed.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"{len(self.messages)} of {count} messages within {timeout:g} s")
            return list(self.messages)

    def next_refusal(self, step: Step) -> str | None:
        return self._refusals[step].pop(0) if self._refusals[step] else None

    def next_drop(self) -> str | None:
        return self._drops.pop(0) if self._drops else None

    def record(self, session: Session, envelope: Envelope) -> None:
        content = envelope.original_content or b""
        sender = (envelope.mail_from or "").removeprefix("<>")  # the null sender
        message = Received(sender, tuple(envelope.rcpt_tos), content, session.auth_data)
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        if not isinstance(data, LoginPassword) or self.users is None:
            return AuthResult(success=False)
        name = data.login.decode()
        good = self.users.get(name) == data.password.decode()
        return AuthResult(success=good, handled=good, auth_data=name if good else None)
