"""An account that is refused as a whole: told until it is over, asked seldom, and nothing waits for long after."""

import asyncio
import time

import pytest

from connectors import backoff
from connectors.base import AccountTrouble, Away, Outgoing, Sent
from ledger import health
from pipeline import sender as sending
from pipeline.intake import AccountIntake
from tests.linking.payloads import ACCOUNTS
from tests.linking.world import World
from tests.pipeline.test_sending import Platform, owe, sender, states


class Refusing(Platform):
    """Refuses what `refused` says, counting."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = AccountTrouble("the token is revoked")
        self.only: str | None = None
        self.refused = 0

    async def send(self, message: Outgoing) -> Sent:
        if self.error is not None and self.only in (None, message.address["conversation"]):
            self.refused += 1
            raise self.error
        return await super().send(message)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_TROUBLE_WAIT", 0.1)
    monkeypatch.setattr(backoff, "LONGEST_TROUBLE_WAIT", 0.4)


async def rounds(world: World, side: sending.Sender, seconds: float, owed: int = 0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and states(world).count("owed") > owed:
        world.now += 1.0 if not await side.round() else 0.0
        await asyncio.sleep(0.01)


def test_a_revoked_token_is_asked_about_seldom_and_a_mended_one_lets_everything_out(world: World) -> None:
    """Every message that waited asked twice a minute, each for itself: thousands of refused calls."""
    platform = Refusing()
    for number in range(60):
        owe(world, f"{number}")
    side = sender(world, platform)
    asyncio.run(rounds(world, side, 1.5))
    assert 8 <= platform.refused < 8 + 12
    assert platform.took == []
    platform.error = None
    asyncio.run(rounds(world, side, 20))
    assert sorted(map(int, platform.took)) == list(range(60))


def test_one_message_that_alone_is_refused_so_holds_up_nobody_for_long(world: World) -> None:
    platform = Refusing()
    platform.only = "0"
    for number in range(40):
        owe(world, f"{number}")
    asyncio.run(rounds(world, sender(world, platform), 20, owed=1))
    assert len(platform.took) == 39


def said(world: World) -> health.Health:
    (part,) = [part for part in world.parts.database.look_now(health.read) if part.component == "channel:telegram"]
    return part


def test_a_channel_that_can_only_receive_stays_in_trouble_until_something_goes_out(world: World) -> None:
    """The next poll that went well said that all was well, while no citizen got his number."""
    platform = Refusing()
    intake = AccountIntake(world.parts, "telegram", "telegram", ACCOUNTS["telegram"], None)
    side = sender(world, platform)
    side.intake = intake
    owe(world, "77")

    async def polled() -> None:
        await intake.healthy()
        await side.round()
        assert (said(world).state, said(world).detail) == ("trouble", "the token is revoked")
        for _ in range(3):
            world.now += health.SAY_EVERY + 1
            await intake.healthy()
            assert said(world).state == "trouble"
        assert said(world).seen_at == world.now
        await intake.trouble(Away("nothing comes"))
        assert said(world).detail == "the token is revoked; nothing comes"
        await intake.healthy()
        assert said(world).detail == "the token is revoked"
        platform.error = None
        await asyncio.sleep(0.3)
        world.now += 60
        await side.round()
        assert (said(world).state, said(world).detail) == ("ok", None)

    asyncio.run(polled())
    assert platform.took == ["77"]


def test_a_server_that_answers_nothing_for_a_while_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An SMTP server could be away for a day, and the channel be well."""
    monkeypatch.setattr(sending, "AWAY_SECONDS", 0.2)
    platform = Refusing()
    platform.error = Away("the SMTP server does not answer")
    owe(world, "77")
    side = sender(world, platform)

    async def tried() -> None:
        await side.round()
        assert platform.troubles == [], "a server that is started anew is no trouble"
        await asyncio.sleep(0.3)
        world.now += 3600
        await side.round()
        assert platform.troubles == ["the SMTP server does not answer"]

    asyncio.run(tried())
