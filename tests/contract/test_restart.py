"""Every channel in real processes, killed at each step of a message: nothing is lost, nothing comes twice."""

import contextlib
import re
from collections.abc import Iterator

import pytest

from tests.contract.drivers import DRIVERS, Driver
from tests.contract.service import key_of
from tests.harness.worker import Worker

# One of each kind: the two ways of reading share everything behind the intake.
ONCE = tuple({driver.kind: driver for driver in reversed(DRIVERS)}.values())
# A process dies: read and not committed; committed, the platform not told; before staging, behind it; with the
# acknowledgement in hand; sent and not recorded.
TAKING = ("tx ledger.group_commit:GroupCommit._run inside", "tx ledger.group_commit:GroupCommit._run after")
STAGING = ("tx pipeline.processor:Processor._process inside", "tx pipeline.processor:Processor._process after")
SENDING = ("pipeline.sender:Sender._message after", "ledger.outgoing:sent after")
NUMBER = re.compile(r"\d{6}-\d{6,}-\d")


@pytest.fixture(scope="module")
def drivers() -> Iterator[list[Driver]]:
    """A platform of each kind."""
    with contextlib.ExitStack() as stack:
        found = [driver() for driver in ONCE]
        for driver in found:
            driver.open()
            stack.callback(driver.close)
        yield found


@pytest.fixture(scope="module")
def worker(drivers: list[Driver]) -> Iterator[Worker]:
    """One worker with all of them, a process each."""
    channels = {name: values for driver in drivers for name, values in driver.channels().items()}
    with Worker(channels=channels, names=("web", "processor", *channels)) as made:
        made.start()
        made.wait(lambda: made.ready() is not None, 30, "the web front")
        for driver in drivers:
            driver.url = made.url
            driver.begin()
        first = [
            driver.say(driver.citizen(), "Проверка связи: не открывается раздел уведомлений") for driver in drivers
        ]
        keys = {item.key for item in first}
        made.wait(lambda: keys <= {key_of(each) for each in made.ledger.envelopes()}, 60, "every channel works")
        made.wait(lambda: made.ledger.owed() == 0, 60, "every channel has answered")
        yield made


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", [driver.kind for driver in ONCE])
def test_a_kill_at_each_step_loses_nothing_and_doubles_nothing(
    drivers: list[Driver], worker: Worker, kind: str
) -> None:
    driver = next(each for each in drivers if each.kind == kind)
    citizen, said = driver.citizen(), _said(worker)
    for point in (*TAKING, *STAGING, *SENDING):
        worker.arm(point)
    item = driver.say(citizen, "Не могу войти в личный кабинет, после входа страница остаётся пустой")
    worker.wait(lambda: not worker.armed(), 60, "every step was died at")
    later = driver.say(driver.citizen(), "Не приходят уведомления о записи к врачу, хотя они включены")
    for key in (item.key, later.key):
        worker.wait(lambda key=key: _of(worker, key), 60, "it is enveloped")  # type: ignore[misc]
    worker.wait(lambda: worker.ledger.owed() == 0, 60, "nothing is owed")
    (envelope,) = _of(worker, item.key)
    assert worker.ledger.states()["quarantined"] == 0
    assert _said(worker) == said + 2, "one row for each message"
    seen = driver.seen(citizen)
    # Sent and not recorded: it is sent again. VK drops it, mail shows it as one by its Message-ID.
    assert 1 <= len(seen) <= (1 if kind == "vk" else 2)
    assert {NUMBER.findall(text)[0] for text in seen} == {envelope["ticket"]["number"]}


def _said(worker: Worker) -> int:
    """Journal rows that held a citizen's words: not the platform's news of what we have sent."""
    states = worker.ledger.states()
    return states["enveloped"] + states["merged"] + states["redelivered"]


def _of(worker: Worker, key: str) -> list[dict[str, object]]:
    return [each for each in worker.ledger.envelopes() if key_of(each) == key]
