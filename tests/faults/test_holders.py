"""Fault 9: holders of leases are told apart, also in containers of one host name and process id; nothing piles up."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from config.settings import load
from ledger import health, leases
from ledger.schema import health as said
from pipeline.housekeeping import Housekeeping
from pipeline.parts import Parts, open_parts
from tests.harness.letters import letters
from tests.harness.mail import Post
from tests.services.rabbitmq import RabbitNode

HOUR = 3600.0


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    config = tmp_path / "priemnaya.toml"
    config.write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/priemnaya.db"\n[storage]\nurl = "{tmp_path}/attachments"\n'
        '[channels.bot]\nkind = "telegram"\ntoken = "12345678:AAaaAAaaAAaaAAaaAAaaAAaaAAaaAAaaAAa"\n'
    )
    opened = open_parts(load(config, {}))
    yield opened
    opened.close()


def test_9_two_containers_of_one_host_name_and_process_id_are_two_holders(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getpid", lambda: 1)
    monkeypatch.setattr("socket.gethostname", lambda: "priemnaya")
    one = leases.this_process()
    monkeypatch.setattr(leases, "RUN", "another")
    other = leases.this_process()
    database = parts.database
    held = database.run_now(lambda conn: leases.acquire(conn, "relay", one))
    assert held is not None
    assert database.run_now(lambda conn: leases.acquire(conn, "relay", other)) is None
    database.run_now(lambda conn: leases.drop(conn, other))  # its supervisor buries the other one
    database.run_now(lambda conn: leases.renew(conn, held))
    assert database.run_now(lambda conn: leases.acquire(conn, "relay", other)) is None, "the first still holds it"
    database.run_now(lambda conn: leases.drop(conn, one))
    assert database.run_now(lambda conn: leases.acquire(conn, "relay", other)) is not None


def test_9_a_dead_process_is_buried_by_its_own_supervisor_and_another_goes_on_at_once(
    make_post: Callable[..., Post],
) -> None:
    post = make_post()
    worker = post.worker.start()
    worker.wait(lambda: _holder(worker, "channel:") != "", 20, "the channel has its lease")
    before = _holder(worker, "channel:")
    processors = _components(worker, "processor:")
    worker.kill_role("mail")
    worker.kill_role("processor")
    # Nobody could have it within the ten seconds of the lease if the supervisor did not name the dead one.
    worker.wait(lambda: _holder(worker, "channel:") != before, 8, "the next process has the lease")
    after = _holder(worker, "channel:")
    host, pid, run = re.fullmatch(r"(.+):(\d+):([0-9a-f]{8})", before).groups()  # type: ignore[union-attr]
    assert after.startswith(f"{host}:") and after.endswith(f":{run}") and f":{pid}:" not in after
    worker.wait(lambda: len(_components(worker, "processor:") - processors) == 1, 20, "the next processor speaks")
    assert len(_components(worker, "processor:")) == 1, "the dead one is not named any more"


def _holder(worker: Any, name: str) -> str:
    return next((str(row["holder"]) for row in worker.ledger.leases() if row["name"].startswith(name)), "")


def _components(worker: Any, name: str) -> set[str]:
    rows = worker.ledger.look(lambda conn: conn.execute(select(said.c.component)).all(), [])
    return {row.component for row in rows if row.component.startswith(name)}


def test_what_is_gone_is_forgotten_and_what_is_missed_is_not(parts: Parts) -> None:
    now = 1_800_000_000.0
    parts.clock = lambda: now
    database = parts.database
    ago = {
        "processor:a:1:x": 30 * HOUR,
        "processor:b:2:y": 2 * HOUR,
        "channel:bot": 30 * HOUR,
        "channel:old": 30 * HOUR,
    }
    for component, age in ago.items():
        database.run_now(lambda conn, c=component, a=age: health.say(conn, c, "ok", None, now - a))  # type: ignore[misc]
    database.run_now(lambda conn: leases.acquire(conn, "processor:a:1:x", "a:1:x", seconds=-25 * HOUR))
    database.run_now(lambda conn: leases.acquire(conn, "processor:b:2:y", "b:2:y", seconds=-2 * HOUR))
    database.run_now(lambda conn: leases.acquire(conn, "relay", "a:1:x", seconds=-25 * HOUR))
    Housekeeping(parts).round()
    left = {part.component for part in database.look_now(health.read)}
    # All processors are silent, and so is a channel that should run: both must be seen.
    assert left == {"processor:b:2:y", "channel:bot"}
    names = {row.name for row in database.look_now(lambda conn: conn.execute(select(leases.leases.c.name)).all())}
    assert names == {"processor:b:2:y", "relay"}, "what fences a late holder stays"
    database.run_now(lambda conn: health.say(conn, "processor:c:3:z", "ok", None, now))
    Housekeeping(parts).round()
    assert {part.component for part in database.look_now(health.read)} == {"processor:c:3:z", "channel:bot"}


@pytest.mark.parametrize(
    "point",
    ["router.publish:Publisher.publish before", pytest.param("ledger.outbox:take before", marks=pytest.mark.soak)],
)
def test_a_role_that_fails_in_a_way_nobody_thought_of_ends_and_is_started_again(
    make_post: Callable[..., Post], rabbitmq: RabbitNode, broker_prefix: str, point: str
) -> None:
    post = make_post(rabbitmq=rabbitmq, prefix=broker_prefix)
    worker = post.worker.start()
    post.put(letters(3))
    post.wait()  # with it, the consumer of replies is at work too
    relay = worker.pid("relay")
    worker.arm(point, error="nobody thought of it")
    post.put(letters(6)[3:])
    worker.wait(lambda: worker.roles().get("relay") not in (None, relay), 20, "another relay runs")
    post.wait()
    assert not Path(f"/proc/{relay}").exists(), "the one that failed is gone"
    assert "nobody thought of it" not in worker.log()
    post.report("a relay that failed").assert_clean()
