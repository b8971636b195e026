"""A channel is renamed while it owes something: its account is the same, and so is what it owes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from sqlalchemy import select, update

from ledger.schema import attachments
from ledger.schema import outgoing as table
from pipeline import channel
from pipeline.replies import accept_reply
from router.replies import DeskReply
from tests.linking.world import PROBLEM, World, said
from tests.pipeline.test_downloading import want
from tests.pipeline.test_sending import Platform, owe, states


class Giving(Platform):
    """A platform that gives a file as well."""

    async def fetch(self, source: Mapping[str, Any], limit: int) -> AsyncIterator[bytes]:
        yield b"content"


def run_until(world: World, done: Any) -> None:
    async def live() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(channel.Channel(world.parts, "telegram").run(stop))
        while not done() and not running.done():  # noqa: ASYNC110 - the ledger is asked
            await asyncio.sleep(0.02)
        stop.set()
        await running

    asyncio.run(asyncio.wait_for(live(), 20))


def files(world: World) -> list[str]:
    return list(world.parts.database.look_now(lambda conn: conn.execute(select(attachments.c.state)).scalars().all()))


def test_what_the_old_name_of_a_channel_owes_is_sent_and_fetched_under_the_new_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Acknowledgements and answers that were owed stayed so for ever, and files were never fetched."""
    monkeypatch.setattr(channel, "ADOPT_SECONDS", 0.05)
    platform = Giving()
    monkeypatch.setattr("pipeline.channel.connector_of", lambda *_: platform)
    (opening,) = world.take("telegram", said(world, "telegram", "1001", PROBLEM))
    owe(world, "77")
    want(world, "photo")

    def rename(conn: Any) -> None:
        conn.execute(update(table).values(account="bot"))
        conn.execute(update(attachments).values(account="bot"))

    world.parts.database.run_now(rename)
    run_until(world, lambda: set(states(world)) == {"sent"} and files(world) == ["stored"])
    assert platform.took == ["77"]

    reply = DeskReply(id="r1", ticket=opening.ticket, text="Готово", close=False, in_reply_to=None)
    assert accept_reply(world.parts, reply) is None
    world.parts.database.run_now(rename)  # the desk answers what came by the old name
    run_until(world, lambda: set(states(world)) == {"sent"})
    assert len(platform.took) == 2


@pytest.mark.parametrize("other", [{"account": "vk"}, {"account": "bot", "platform_account": "999"}, {"kind": "vk"}])
def test_what_another_channel_or_account_owes_is_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, other: dict[str, str]
) -> None:
    monkeypatch.setattr(channel, "ADOPT_SECONDS", 0.05)
    platform = Giving()
    monkeypatch.setattr("pipeline.channel.connector_of", lambda *_: platform)
    owe(world, "77")
    world.parts.database.run_now(lambda conn: conn.execute(update(table).values(**{"account": "bot", **other})))
    owe(world, "78")
    run_until(world, lambda: states(world)[1] == "sent")
    assert states(world)[0] == "owed"
