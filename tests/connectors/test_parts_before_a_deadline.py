"""Parts of a long text that the platform has confirmed are not sent again after the caller's deadline cut the rest."""

import asyncio
from typing import Any

import pytest

from connectors import telegram_send, vk_send, whatsapp
from connectors.base import Outgoing

TEXT = "слово " * 2000  # three parts everywhere


class Third:
    """Answers twice, and then never."""

    def __init__(self, answer: Any) -> None:
        self.calls = 0
        self._answer = answer

    async def __call__(self, *_: Any, **__: Any) -> Any:
        self.calls += 1
        if self.calls > 2:
            await asyncio.Event().wait()
        return self._answer


class Message:
    message_id = 7


async def by_telegram(third: Third, outgoing: Outgoing) -> None:
    class Api:
        call = staticmethod(third)

    await telegram_send.send(Api(), outgoing)  # type: ignore[arg-type]


async def by_vk(third: Third, outgoing: Outgoing) -> None:
    class Calls:
        call = staticmethod(third)

    await vk_send.send(Calls(), 1, outgoing)  # type: ignore[arg-type]


async def by_whatsapp(third: Third, outgoing: Outgoing) -> None:
    values = {"token": "x", "phone_number_id": "1", "app_secret": "x", "verify_token": "x"}
    settings = whatsapp.Settings.model_validate(values)
    connector = whatsapp.create("whatsapp", settings)
    connector._graph.post = third  # type: ignore[method-assign]
    await connector.send(outgoing)


@pytest.mark.parametrize(
    ("send", "answer"),
    [(by_telegram, Message()), (by_vk, [{"conversation_message_id": 7}]), (by_whatsapp, {"messages": [{"id": "w"}]})],
    ids=["telegram", "vk", "whatsapp"],
)
def test_the_parts_that_went_through_are_counted(send: Any, answer: Any) -> None:
    outgoing = Outgoing(
        id="1", purpose="reply", address={"conversation": "77", "sender": "79160000000"}, text=TEXT, random_id=5
    )
    third = Third(answer)

    async def run() -> int:
        try:
            async with asyncio.timeout(0.2):
                await send(third, outgoing)
        except TimeoutError as error:
            return int(getattr(error.__cause__, "already_sent", 0))
        raise AssertionError("it should not have come to its end")

    assert asyncio.run(run()) == 2
    assert third.calls == 3
