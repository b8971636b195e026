"""A platform's word of a message of ours counts whenever it comes: before we have recorded that it was sent, and of
any of its parts.
"""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select

from connectors.base import Final, Outgoing, Transient
from ledger import outgoing
from ledger.outgoing import Owed
from ledger.schema import journal, outbox, threads
from ledger.schema import outgoing as table
from pipeline.replies import accept_reply
from router.replies import DeskReply
from tests.linking.payloads import ACCOUNTS
from tests.linking.world import PROBLEM, World, said
from tests.pipeline.test_answers_of_desks import GOLDEN
from tests.pipeline.test_sending import Platform, lease, owe, sender, states


def status(state: str, native_id: str) -> bytes:
    shape = json.loads((GOLDEN / "whatsapp" / f"status_{state}.json").read_text(encoding="utf-8"))
    shape["entry"][0]["changes"][0]["value"]["statuses"][0]["id"] = native_id
    return json.dumps(shape).encode()


def taken_up(world: World) -> Owed:
    """A desk's answer by WhatsApp, which is being sent now."""
    (outcome,) = world.take("whatsapp", said(world, "whatsapp", "79161234567", PROBLEM))
    reply = DeskReply(id="r1", ticket=outcome.ticket, text="Готово", close=False, in_reply_to=None)
    assert accept_reply(world.parts, reply) is None
    held = lease(world)
    (owed,) = world.parts.database.run_now(
        lambda conn: outgoing.next_owed(conn, world.parts.keys, held, "whatsapp", world.now, 8)
    )
    return owed


def recorded(world: World, owed: Owed, *native_ids: str) -> None:
    hashes = [
        world.parts.keys.keyed_hash(b"native", b"whatsapp", ACCOUNTS["whatsapp"].encode(), one.encode())
        for one in native_ids
    ]
    assert world.parts.database.run_now(lambda conn: outgoing.sent(conn, owed, hashes, world.now, chat=True))


def state_of(world: World) -> str:
    found = select(table.c.state).where(table.c.reply_id == "r1")
    return str(world.parts.database.look_now(lambda conn: conn.execute(found).scalar_one()))


def failures(world: World) -> list[str]:
    found = select(outbox.c.body).where(outbox.c.exchange == "events", outbox.c.kind == "failed")
    bodies = world.parts.database.look_now(lambda conn: conn.execute(found).scalars().all())
    return [json.loads(bytes(body))["reply_id"] for body in bodies]


def open_rows(world: World) -> int:
    found = select(journal.c.id).where(journal.c.state.in_(("received", "working")))
    return len(world.parts.database.look_now(lambda conn: conn.execute(found).all()))


def read(world: World) -> None:
    while world.processor.step():
        pass


def test_a_failure_that_comes_before_the_answer_is_recorded_as_sent_is_told_to_the_desk(world: World) -> None:
    owed = taken_up(world)
    world.journal("whatsapp", status("failed", "wamid.FIRST"))
    for _ in range(4):  # the files behind the text take their time
        read(world)
        world.now += 10
    recorded(world, owed, "wamid.FIRST")
    read(world)
    assert (state_of(world), failures(world), open_rows(world)) == ("failed", ["r1"], 0)


def test_a_failure_of_what_is_not_ours_waits_no_longer_than_two_minutes(world: World) -> None:
    taken_up(world)
    world.journal("whatsapp", status("failed", "wamid.STRANGE"))
    read(world)
    assert open_rows(world) == 1
    world.now += 121
    read(world)
    assert open_rows(world) == 0


def test_a_failure_of_one_part_counts_though_another_was_delivered(world: World) -> None:
    owed = taken_up(world)
    recorded(world, owed, "wamid.FIRST", "wamid.SECOND")
    world.journal("whatsapp", status("delivered", "wamid.FIRST"), status("failed", "wamid.SECOND"))
    read(world)
    assert (state_of(world), failures(world)) == ("failed", ["r1"])


@pytest.mark.parametrize("kind", [Transient, Final, TimeoutError, asyncio.CancelledError])
def test_parts_of_an_answer_that_stopped_halfway_are_known(
    world: World, kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.sender.SEND_SECONDS", 0.05 if kind is TimeoutError else 30)

    class Halfway(Platform):
        async def send(self, message: Outgoing) -> Any:
            error: Any = kind("no") if kind is not TimeoutError else None
            try:
                if error is None:
                    await asyncio.sleep(60)
                raise error
            except (Transient, Final, asyncio.CancelledError) as caught:
                caught.already_sent, caught.sent_ids = 1, ("77:9",)  # type: ignore[union-attr]
                raise

    owe(world, "77")
    sending = sender(world, Halfway())
    if kind is asyncio.CancelledError:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(sending.round())
        again = sender(world, Platform(), sending.unrecorded)
        asyncio.run(again.round())
    else:
        asyncio.run(sending.round())
    key = world.parts.keys.keyed_hash(b"native", b"telegram", ACCOUNTS["telegram"].encode(), b"77:9")
    found = select(threads.c.native_hash).where(threads.c.native_hash == key)
    assert world.parts.database.look_now(lambda conn: conn.execute(found).all()), states(world)
