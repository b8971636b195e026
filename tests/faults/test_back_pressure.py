"""Fault 11, for long: the broker is away while intake goes on. Memory stays flat, the disk fills, the backlog drains.

`OUTAGE_SECONDS` says how long the outage of the soak lasts (60 s without), `OUTAGE_RATE` how much comes in a second.
"""

import hashlib
import hmac
import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.oracle import Report, Sent, check, drain
from tests.harness import disk as disks
from tests.harness.worker import Worker
from tests.services.proxy import TcpProxy
from tests.services.rabbitmq import RabbitNode

SECONDS = float(os.environ.get("OUTAGE_SECONDS", "60"))
RATE = float(os.environ.get("OUTAGE_RATE", "50"))
ROLES = ("web", "processor", "relay", "housekeeping")
PEOPLE = 2_000
NUMBER, SECRET = "106540352242922", "the-app-secret-of-the-outage"
CHANNEL = {
    "kind": "whatsapp",
    "token": "EAAoutage",
    "phone_number_id": NUMBER,
    "app_secret": SECRET,
    "verify_token": "verify",
    "graph_url": "http://127.0.0.1:9/v23.0",
    "acknowledge": False,  # there is nobody to send it to
}


class Citizens:
    """They write at a steady rate, each request signed as Meta does; what was answered 200 was sent."""

    def __init__(self, worker: Worker, rate: float) -> None:
        self.worker, self.rate = worker, rate
        self.sent: list[Sent] = []
        self.refused = 0
        self.slowest = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> "Citizens":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)

    def _write(self) -> None:
        began = time.monotonic()
        with httpx.Client(timeout=30) as client:
            for serial in itertools.count():
                if self._stop.wait(max(0.0, began + serial / self.rate - time.monotonic())):
                    return
                self._one(client, serial)

    def _one(self, client: httpx.Client, serial: int) -> None:
        person, wamid = f"7997{serial % PEOPLE:07d}", f"wamid.outage{serial}"
        text = f"Не могу войти в личный кабинет, страница {serial} пуста, ошибка номер {serial}"
        message = {"from": person, "id": wamid, "timestamp": str(int(time.time())), "type": "text"}
        value = {
            "metadata": {"phone_number_id": NUMBER},
            "contacts": [{"wa_id": person, "profile": {"name": "Анна"}}],
            "messages": [{**message, "text": {"body": text}}],
        }
        entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        url, headers = f"{self.worker.url}/hooks/whatsapp", {"X-Hub-Signature-256": signature}
        while not self._stop.is_set():  # as Meta does: again until it is taken
            asked = time.monotonic()
            if client.post(url, content=body, headers=headers).status_code == 200:
                self.slowest = max(self.slowest, time.monotonic() - asked)
                self.sent.append(Sent(wamid, person, acknowledged=False))
                return
            self.refused += 1


def megabytes(worker: Worker) -> dict[str, float]:
    """Memory of each process now: what is its own, without pages of files."""
    found = {}
    for name, pid in worker.roles().items():
        status = Path(f"/proc/{pid}/status").read_text()
        found[name] = int(status.partition("RssAnon:")[2].split()[0]) / 1024
    return found


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_11_a_long_outage_of_the_broker_costs_disk_and_no_memory_and_drains_ten_times_as_fast(
    rabbitmq: RabbitNode,
    broker_prefix: str,
    proxy_to: Callable[[int], TcpProxy],
    database_url: str,
    record: Callable[[Report], Report],
) -> None:
    proxy = proxy_to(rabbitmq.port)
    with Worker(
        channels={"whatsapp": CHANNEL},
        names=ROLES,
        broker_url=proxy.url_of(rabbitmq.url),
        prefix=broker_prefix,
        database_url=database_url,
    ) as worker:
        worker.start()
        worker.wait(lambda: worker.component("relay").get("state") == "ok", 60, "the relay works")
        ledger = worker.ledger
        with Citizens(worker, RATE) as citizens:
            worker.wait(lambda: len(citizens.sent) > 5 * RATE and ledger.pending() < RATE, 60, "all runs well")
            proxy.refuse()
            began, samples = time.monotonic(), []
            while time.monotonic() - began < SECONDS:
                time.sleep(min(5.0, SECONDS / 20))  # a measurement, not a wait
                samples.append((time.monotonic() - began, megabytes(worker)))
            assert worker.component("relay")["state"] == "trouble", "/readyz says that the broker is away"
            assert "envelopes wait in the outbox" in worker.log()
            came, backlog = len(citizens.sent), ledger.pending()
            proxy.restore()
            back = time.monotonic()
            # New messages go on coming: the backlog is gone when no more waits than a moment's.
            worker.wait(lambda: ledger.pending() < 2 * RATE, 300, "the backlog drains")
            drained = time.monotonic() - back
        worker.wait(lambda: ledger.pending() == 0 and ledger.ended() >= len(citizens.sent), 60, "all is through")
        early = samples[len(samples) // 5][1]
        grown = {name: round(samples[-1][1][name] - value, 1) for name, value in early.items()}
        through = backlog + RATE * drained
        print(
            f"{database_url.partition(':')[0]}: {came} messages in {SECONDS:.0f} s of outage, {citizens.refused} times "
            f"refused, slowest answer {citizens.slowest:.2f} s; backlog {backlog}; memory (MB, own) "
            f"{ {name: round(value) for name, value in samples[-1][1].items()} }, grown by {grown}; "
            f"drained in {drained:.1f} s: {through / drained:.0f} a second"
        )
        delivered = drain(rabbitmq.url, broker_prefix, ledger)
        report = check(
            f"broker away for {SECONDS:.0f} s, webhook, {database_url.partition(':')[0]}",
            citizens.sent,
            ledger,
            delivered=delivered,
        )
        record(report).assert_clean()
        assert came > 0.9 * RATE * SECONDS, "intake went on as before"
        assert backlog > 0.8 * came
        assert max(grown.values()) < 25, grown
        assert through / drained > 10 * RATE


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 MB, a little more than what must be free."""
    with disks.small_disk(tmp_path, 600) as folder:
        yield folder


def test_7_a_disk_that_fills_up_is_told_before_it_is_full(disk: Path) -> None:
    folders = {"storage": {"url": f"{disk}/attachments"}}
    with Worker(
        channels={},
        names=("web", "housekeeping"),
        database_url=f"sqlite:///{disk}/priemnaya.db",
        sections=folders,
        constants={"pipeline.housekeeping:ROUND_SECONDS": 0.5, "board.health:METRICS_SECONDS": 0.1},
    ) as worker:
        worker.start()
        worker.wait(lambda: worker.component("disk").get("state") == "ok", 30, "there is room")
        assert next(part for part in worker.run_cli_lines("check") if part["part"] == "disk")["ok"]
        (disk / "filler").write_bytes(b"x" * 100 * 2**20)
        worker.wait(lambda: worker.component("disk").get("state") == "trouble", 30, "/readyz tells")
        assert "make room" in worker.component("disk")["detail"]
        assert "disk" in (worker.ready() or {})["degraded"]
        assert worker.log().count("the disk is nearly full") == 1
        metrics = httpx.get(f"{worker.url}/metrics").text
        assert 'priemnaya_component_up{component="disk"} 0.0' in metrics
        said = next(part for part in worker.run_cli_lines("check", code=1) if part["part"] == "disk")
        assert not said["ok"] and "make room" in said["detail"]
        (disk / "filler").unlink()
        worker.wait(lambda: worker.component("disk").get("state") == "ok", 30, "there is room again")
