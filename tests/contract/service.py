"""The service in this process, over a ledger of its own: the front, a processor, and the channels of one driver.

In a thread with an event loop, so that a test reads from top to bottom. Real kills need real processes: see
`test_restart.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy import select

from board.app import create_app
from config.settings import load
from ledger import cursors
from ledger.schema import leases, outgoing
from pipeline.channel import Channel
from pipeline.intake import AccountIntake
from pipeline.parts import Parts, open_parts
from pipeline.processor import Processor
from tests.contract.drivers import Driver
from tests.harness.ledger import Ledger
from tests.harness.worker import patience, section
from tests.services.process import HOST, free_port, wait_until


class Service:
    """Use as a context manager. With `driver` started before."""

    def __init__(self, driver: Driver, folder: Path, *, rules: Any = None) -> None:
        self.driver = driver
        self.folder = folder
        file = folder / "contract.toml"
        port = free_port()
        tree: dict[str, dict[str, Any]] = {
            "database": {"url": f"sqlite:///{folder}/priemnaya.db"},
            "storage": {"url": f"{folder}/attachments"},
            "http": {"host": HOST, "port": port},
            **{f"channels.{name}": values for name, values in driver.channels().items()},
        }
        file.write_text("".join(section(name, values) for name, values in tree.items()), encoding="utf-8")
        self.parts = open_parts(load(file, {}))
        if rules is not None:
            self.parts.rules = rules
        self.ledger = Ledger(tree["database"]["url"])
        self.url = f"http://{HOST}:{port}"
        self._server = uvicorn.Server(
            uvicorn.Config(create_app(self.parts), host=HOST, port=port, log_config=None, lifespan="off")
        )
        self.channel = self.runner(self.parts)
        self._processing = threading.Event()

    def runner(self, parts: Parts, holder: str | None = None) -> ChannelThread:
        """The channel under test in a thread; `holder` as a worker of another name."""
        return ChannelThread(parts, tuple(self.driver.channels()), holder)

    def __enter__(self) -> Service:
        self._threads = [
            threading.Thread(target=self._server.run, daemon=True),
            threading.Thread(target=self._process, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        wait_until(lambda: self._server.started, 10, "the web front")
        self.channel.start()
        driver = self.driver
        driver.url, driver.cursor, driver.intake = self.url, self.cursor, self.journal
        self.wait(lambda: bool(self.holders()), "the channel has its lease")
        driver.begin()
        # The first round of a connector imports its platform's library, which can take seconds.
        first = driver.say(driver.citizen(), "Проверка связи: не открывается раздел уведомлений в кабинете")
        self.enveloped(first.key, seconds=60)
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.stop()
        self._processing.set()
        self._server.should_exit = True
        for thread in self._threads:
            thread.join(10)
        self.ledger.close()
        self.parts.close()

    def _process(self) -> None:
        processor = Processor(self.parts, name="contract")
        processor.take_lease()
        while not self._processing.is_set():
            if not processor.step():
                self._processing.wait(0.01)

    # ---- what the driver asks for ---------------------------------------------------------------------------

    @property
    def platform_account(self) -> str:
        from pipeline.channels import connector_of

        return asyncio.run(connector_of(self.parts.settings, self.driver.name).account())

    def cursor(self) -> dict[str, Any]:
        name = f"{self.driver.kind}:{self.platform_account}"
        value = self.parts.database.look_now(lambda conn: cursors.read(conn, name))
        found: dict[str, Any] = json.loads(value) if value else {}
        return found

    def journal(self, payload: bytes) -> None:
        """As the web front journals what has come to it."""
        driver = self.driver
        intake = AccountIntake(self.parts, driver.kind, driver.name, self.platform_account, lease=None)
        asyncio.run(intake.accept([payload]))

    # ---- looking --------------------------------------------------------------------------------------------

    def wait(self, ready: Callable[[], object], what: str, seconds: float = 20.0) -> None:
        wait_until(lambda: bool(ready()), seconds * patience(), what, step=0.01)

    def envelopes(self, citizen: Any = None, *, of: list[str] | None = None) -> list[dict[str, Any]]:
        """In the order staged; `of`: those with these keys."""
        return [each for each in self.ledger.envelopes() if of is None or key_of(each) in of]

    def enveloped(self, *keys: str, seconds: float = 20.0) -> list[dict[str, Any]]:
        """The envelopes of these keys, waited for."""
        self.wait(lambda: len(self.envelopes(of=list(keys))) >= len(keys), f"{len(keys)} envelopes", seconds)
        return self.envelopes(of=list(keys))

    def quiet(self) -> None:
        """Everything that was journalled has ended, and nothing is owed."""

        def settled() -> bool:
            states = self.ledger.states()
            return not (states["received"] or states["working"] or self.ledger.owed())

        self.wait(settled, "everything has ended")

    def said(self) -> int:
        """Journal rows that held a citizen's words: not the platform's news of what we have sent."""
        states = self.ledger.states()
        return states["enveloped"] + states["merged"] + states["redelivered"]

    def rows(self, state: str) -> int:
        return self.ledger.states()[state]

    def holders(self) -> set[str]:
        """Who holds the lease of the channel under test."""

        def read(conn: Any) -> set[str]:
            found = conn.execute(select(leases.c.holder).where(leases.c.name.like("channel:%"), _running())).all()
            return {row.holder for row in found}

        return self.ledger.look(read, set())

    def owed_texts(self) -> list[str]:
        """The contents of all messages to citizens, as they wait or were sent."""
        keys = self.parts.keys
        rows = self.parts.database.look_now(lambda conn: conn.execute(select(outgoing.c.content)).all())
        return [keys.unseal(bytes(row.content), b"outgoing").decode() for row in rows if row.content is not None]


def _running() -> Any:
    return leases.c.expires_at > time.time()


def key_of(envelope: dict[str, Any]) -> str:
    source = envelope["source"]
    return f"{source['message_id']}#{source['revision']}" if source["revision"] else str(source["message_id"])


class ChannelThread:
    """Channels that run in a thread of their own, as their processes would."""

    def __init__(self, parts: Parts, names: tuple[str, ...], holder: str | None) -> None:
        self.parts, self.names, self.holder = parts, names, holder
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        self._ready.wait(5)

    async def _run(self) -> None:
        if self.holder is not None:
            HOLDER.value = self.holder
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*(Channel(self.parts, name).run(self._stop) for name in self.names))

    def stop(self) -> None:
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)
            self._thread = None


class _Holder(threading.local):
    value: str | None = None


HOLDER = _Holder()
