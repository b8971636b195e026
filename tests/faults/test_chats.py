"""Faults 1 to 5 and 20 for Telegram, VK and WhatsApp, on stand-ins that keep the platforms' unpleasant sides."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from tests.faults.oracle import Report
from tests.harness import points
from tests.harness.chats import KINDS, Chats
from tests.services.rabbitmq import RabbitNode

Record = Callable[[Report], Report]
COMMON: tuple[tuple[str, ...], ...] = (
    ("tx ledger.group_commit:GroupCommit._run inside", "pipeline.processor:Processor._process before"),  # 1, 3
    ("tx ledger.group_commit:GroupCommit._run after", "tx pipeline.processor:Processor._process inside"),  # 2, 3
    ("tx pipeline.sender:Sender.round after", "tx pipeline.processor:Processor._process after"),
    ("ledger.outgoing:sent after", "pipeline.intake:AccountIntake.accept_once after"),  # 2, 5
)
SENT = {kind: points.OF_A_KIND[kind][-1] for kind in KINDS}
# No repeated text is wanted, so what a person has written is told apart by its number.


@pytest.fixture
def make_chats() -> Iterator[Callable[..., Chats]]:
    made: list[Chats] = []

    def make(*kinds: str, **options: Any) -> Chats:
        made.append(Chats(kinds or KINDS, **options).__enter__())
        return made[-1]

    yield make
    for each in reversed(made):
        each.__exit__()


@pytest.mark.parametrize("target", points.functions(*KINDS))
def test_a_named_point_exists(target: str) -> None:
    assert callable(points.find(target))


def killed_at(chats: Chats, name: str, rounds: Sequence[Sequence[str]], once: Sequence[str] = ()) -> Report:
    """Some new people a round, with each process killed once at its point; `once`: what only a first start comes to."""
    for point in once:
        chats.worker.arm(point)
    worker = chats.start()
    worker.kills += len(once)
    for number, armed in enumerate(rounds):
        for point in armed:
            worker.arm(point)
        chats.write(4)
        worker.struck(60, f"round {number} strikes: {', '.join(armed)}", lambda: chats.write(1))
        worker.kills += len(armed)
        chats.wait(60)
    return chats.report(name)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["telegram", *(pytest.param(kind, marks=pytest.mark.soak) for kind in KINDS[1:])])
def test_nothing_is_lost_at_one_crash_point_of_each_kind(
    make_chats: Callable[..., Chats], rabbitmq: RabbitNode, broker_prefix: str, record: Record, kind: str
) -> None:
    chats = make_chats(kind, rabbitmq=rabbitmq, prefix=broker_prefix)
    rounds = (*COMMON, (f"{SENT[kind]} before",), (f"{SENT[kind]} after",))
    report = record(killed_at(chats, f"crash points, {kind}, sqlite", rounds))
    # VK tells a repeated random_id by itself; Telegram and WhatsApp give no way to tell whether the first arrived.
    report.assert_clean(allow_double_ack=kind != "vk")
    assert len(report.ack_same_id) <= 4 * 8


@pytest.mark.timeout(600)
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.soak)])
def test_nothing_is_lost_on_three_platforms_at_once_with_everything_killed_in_the_middle(
    make_chats: Callable[..., Chats],
    rabbitmq: RabbitNode,
    broker_prefix: str,
    request: pytest.FixtureRequest,
    record: Record,
    database: str,
) -> None:
    database_url = str(request.getfixturevalue(f"{database}_url"))
    chats = make_chats(rabbitmq=rabbitmq, prefix=broker_prefix, options={"database_url": database_url})
    worker = chats.start()
    for _ in range(3):
        before = worker.ledger.ended()
        chats.write(15)
        worker.wait(lambda before=before: worker.ledger.ended() > before, 60, "something is through")  # type: ignore[misc]
        worker.restart()
    chats.wait(90)
    name = f"all killed three times, three chats, {database_url.partition(':')[0]}"
    report = record(chats.report(name))
    report.assert_clean(allow_double_ack=True)
    states = worker.ledger.states()
    assert states["quarantined"] == states["redelivered"] == 0


@pytest.mark.timeout(600)
def test_20_a_platform_that_is_down_and_a_revoked_token_do_not_trouble_the_others(
    make_chats: Callable[..., Chats], record: Record
) -> None:
    chats = make_chats()
    worker = chats.start()
    chats.write(2)
    chats.wait()
    chats.platforms["vk"].stop()
    chats.platforms["telegram"].revoke()  # type: ignore[attr-defined]
    troubles = {"channel:telegram", "channel:vk"}
    worker.wait(
        lambda: {name for name in troubles if worker.component(name).get("state") == "trouble"} == troubles,
        60,
        "the health says which",
    )
    assert "401" in worker.component("channel:telegram")["detail"]
    before = worker.ledger.states()["enveloped"]
    vk = chats.platforms.pop("vk")
    telegram = chats.platforms.pop("telegram")
    chats.write(3)  # to WhatsApp alone
    chats.wait()
    assert worker.ledger.states()["enveloped"] == before + 4
    chats.platforms |= {"vk": vk, "telegram": telegram}
    assert worker.component("channel:whatsapp").get("state", "ok") == "ok"
    vk.start()
    telegram.restore()  # type: ignore[attr-defined]
    chats.write(2)
    chats.wait(90)
    record(chats.report("VK down, Telegram's token revoked, sqlite")).assert_clean()


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_at_any_point_that_a_watched_run_has_come_to(
    make_chats: Callable[..., Chats],
    rabbitmq: RabbitNode,
    broker_prefix: str,
    database_url: str,
    record: Record,
    kind: str,
) -> None:
    watched = make_chats(kind, rabbitmq=rabbitmq, prefix=f"{broker_prefix}-w")
    watched.start()
    watched.write(6)
    watched.wait()
    seen = [point for point in watched.worker.seen() if "_leave" not in point and "leases" not in point]
    watched.worker.kill()
    assert len(seen) > 30, seen
    chats = make_chats(kind, rabbitmq=rabbitmq, prefix=broker_prefix, options={"database_url": database_url})
    once = [point for point in seen if "ensure_administrator" in point]
    rounds = [[point] for point in seen if point not in once]
    report = record(killed_at(chats, f"all {len(seen)} points, {kind}, {database_url[:6]}", rounds, once))
    report.assert_clean(allow_double_ack=kind != "vk")
