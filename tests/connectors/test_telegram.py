"""Telegram: nothing is lost, nothing is confirmed before it is durable, and answers arrive."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import aiogram.methods  # noqa: F401 - seconds of import, here and not within a test's time
import pytest

from connectors import telegram as module
from connectors import telegram_api
from connectors.base import AccountTrouble, ConnectorError, Fenced, Hook, Transient
from connectors.telegram import Settings, Telegram, create
from sandbox.telegram import TelegramStandIn
from tests.connectors.intake import MemoryIntake, receiving, until, until_crash

SECRET = "s3cret_-text"


@pytest.fixture
def standin() -> Iterator[TelegramStandIn]:
    with TelegramStandIn(seed=1, time_factor=0.01) as standin:
        yield standin


@pytest.fixture
def intake() -> MemoryIntake:
    return MemoryIntake("telegram")


def connect(standin: TelegramStandIn, **more: Any) -> Telegram:
    return create("bot", Settings.model_validate({"token": standin.token, "api_url": standin.url, **more}))


def lost(standin: TelegramStandIn, intake: MemoryIntake) -> set[str]:
    return {made.native_id for made in standin.written} - set(intake.rows)


# ---- receiving --------------------------------------------------------------------------------------------------


async def test_every_update_is_journalled_as_it_came_and_then_confirmed(
    standin: TelegramStandIn, intake: MemoryIntake
) -> None:
    anna = standin.user(1, "Анна")
    made = [standin.text(anna, f"строка {at}") for at in range(150)]
    async with receiving(connect(standin), intake):
        await until(lambda: len(intake.rows) == 150 and not standin.unconfirmed())
    assert list(intake.rows) == [one.native_id for one in made]
    assert [json.loads(row) for row in intake.rows.values()] == [one.payload for one in made]
    asked = [call.params["allowed_updates"] for call in standin.calls if call.method == "getUpdates"]
    assert {tuple(json.loads(one)) for one in asked} == {module.ALLOWED_UPDATES}


async def test_nothing_is_confirmed_while_the_database_is_away(standin: TelegramStandIn, intake: MemoryIntake) -> None:
    anna = standin.user(1)
    async with receiving(connect(standin), intake):
        await until(lambda: any(call.method == "getUpdates" for call in standin.calls))
        intake.back.clear()
        standin.text(anna, "есть кто?")
        await until(lambda: standin.written[0].deliveries)
        assert standin.unconfirmed() and not intake.rows
        intake.back.set()
        await until(lambda: intake.rows and not standin.unconfirmed())


@pytest.mark.parametrize("step", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2])
async def test_a_kill_around_a_commit_loses_nothing_and_doubles_nothing(
    standin: TelegramStandIn, intake: MemoryIntake, step: str, number: int
) -> None:
    anna = standin.user(1)
    for at in range(130):
        standin.text(anna, str(at))
    intake.crash_at(number, step)
    await until_crash(connect(standin), intake)
    assert all(made.native_id in intake.rows for made in standin.written if made.confirmed_at)
    async with receiving(connect(standin), intake):
        await until(lambda: not lost(standin, intake) and not standin.unconfirmed())
    assert len(intake.rows) == 130


async def test_a_lost_lease_ends_the_loop_and_confirms_nothing(standin: TelegramStandIn, intake: MemoryIntake) -> None:
    standin.text(standin.user(1), "раз")
    intake.fenced = True
    connector = connect(standin)
    with pytest.raises(Fenced):
        await connector.receive(intake)
    await connector.close()
    assert len(standin.unconfirmed()) == 1


async def test_malformed_updates_are_journalled_like_the_others(standin: TelegramStandIn, intake: MemoryIntake) -> None:
    anna = standin.user(1)
    standin.text(anna, "до")
    standin.push("message", None)
    standin.push("message", {"chat": "x", "text": 5})
    standin.push("quite_new", {"a": [1, {"b": None}]})
    standin.text(anna, "после")
    async with receiving(connect(standin), intake):
        await until(lambda: not standin.unconfirmed())
    assert len(intake.rows) == len([made for made in standin.written if made.withheld is None])


async def test_an_answer_that_is_no_json_to_us_is_set_apart_update_by_update(
    standin: TelegramStandIn, intake: MemoryIntake
) -> None:
    anna = standin.user(1)
    good = [standin.text(anna, "до"), standin.text(anna, "плохое"), standin.text(anna, "после")]
    number = good[1].payload["update_id"]
    deep = f'{{"ok":true,"result":[{{"update_id":{number},"message":{"[" * 5000}{"]" * 5000}}}]}}'
    standin.faults.next("getUpdates", body=deep.encode())  # the batch cannot be read
    # Alone, the first can; then the rest as a batch cannot, nor can the bad one alone.
    standin.faults.next("getUpdates", skip=1, times=2, body=deep.encode())
    async with receiving(connect(standin), intake):
        await until(lambda: not standin.unconfirmed())
    kept = set(intake.rows)
    assert {good[0].native_id, good[2].native_id} <= kept and len(kept) == 3
    assert deep.encode() in intake.rows.values()


async def test_an_update_that_comes_cut_is_not_confirmed(standin: TelegramStandIn, intake: MemoryIntake) -> None:
    made = standin.text(standin.user(1), "вход не работает, помогите")
    whole = json.dumps({"ok": True, "result": [made.payload]}, separators=(",", ":")).encode()
    standin.faults.next("getUpdates", times=3, body=whole[:-40])  # as if that were all, which a proxy may do
    async with receiving(connect(standin), intake):
        await until(lambda: not standin.unconfirmed())
    assert [json.loads(row) for row in intake.rows.values()] == [made.payload]


async def test_where_a_connection_lets_only_so_much_through_fewer_updates_are_asked_for(
    standin: TelegramStandIn, intake: MemoryIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0)
    monkeypatch.setattr(telegram_api, "ANSWER_SECONDS", 0.3)

    ways: list[Any] = []

    async def way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """To the stand-in and back: after 16 kB nothing comes any more, and nothing is closed."""
        ways.append(asyncio.current_task())
        there, out = await asyncio.open_connection(standin.host, standin.port)

        async def forth() -> None:
            with contextlib.suppress(ConnectionError):  # whoever gives up may reset it
                while piece := await reader.read(65536):
                    out.write(piece)
            out.close()

        left, asking = 16_000, asyncio.create_task(forth())
        with contextlib.suppress(ConnectionError):
            while left and (piece := await there.read(left)):
                writer.write(piece)
                left -= len(piece)
        await asking
        writer.close()
        await asyncio.gather(out.wait_closed(), writer.wait_closed(), return_exceptions=True)

    anna = standin.user(1)
    made = [standin.text(anna, f"{at} " + "подробно " * 300) for at in range(12)]
    async with await asyncio.start_server(way, "127.0.0.1") as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with receiving(connect(standin, api_url=url), intake):
            await until(lambda: not standin.unconfirmed())
        await asyncio.gather(*ways)
    assert list(intake.rows) == [one.native_id for one in made]


async def test_lower_ids_after_a_quiet_week_are_taken_and_confirmed(
    standin: TelegramStandIn, intake: MemoryIntake
) -> None:
    anna = standin.user(1)
    standin.text(anna, "давно")
    async with receiving(connect(standin), intake):
        await until(lambda: intake.rows and not standin.unconfirmed())
        standin.quiet_week()
        standin.text(anna, "снова")
        await until(lambda: len(intake.rows) == 2 and not standin.unconfirmed())
    assert intake.cursors[-1]["offset"] < intake.cursors[0]["offset"]


async def test_an_offset_of_a_week_ago_is_not_sent(standin: TelegramStandIn, intake: MemoryIntake) -> None:
    made = standin.text(standin.user(1), "новый номер")
    # Only a little above: the platform would take the offset at its word and confirm the message unseen.
    intake.cursors.append({"offset": made.payload["update_id"] + 3, "at": 1_700_000_000})
    async with receiving(connect(standin), intake):
        await until(lambda: made.native_id in intake.rows)


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        ({"code": 429, "retry_after": 1}, Transient, "429"),
        ({"code": 500}, Transient, "5xx"),
        ({"html": True}, Transient, "no JSON"),
        ({"drop": True}, Transient, "cannot be reached"),
        ({"cut": 5}, Transient, "cannot be reached"),
        ({"code": 409, "description": "Conflict: terminated by other getUpdates request"}, AccountTrouble, "another"),
        ({"body": b'{"ok":true,"result":5}'}, Transient, "no JSON"),
    ],
)
async def test_a_trouble_is_said_and_passes(
    standin: TelegramStandIn, intake: MemoryIntake, fault: dict[str, Any], kind: type[ConnectorError], says: str
) -> None:
    standin.text(standin.user(1), "дойдёт")
    standin.faults.next("getUpdates", **fault)
    async with receiving(connect(standin), intake):
        await until(lambda: not standin.unconfirmed())
        await until(lambda: intake.healthy_count)
    assert isinstance(intake.troubles[0], kind) and says in str(intake.troubles[0])
    assert not lost(standin, intake)
    assert standin.token not in intake.texts() and "127.0.0.1" not in intake.texts()


async def test_retry_after_is_waited_for(standin: TelegramStandIn, intake: MemoryIntake) -> None:
    standin.faults.next("getUpdates", code=429, retry_after=1)
    standin.text(standin.user(1), "подождёт")
    async with receiving(connect(standin), intake):
        await until(lambda: not standin.unconfirmed())
    polls = [call for call in standin.calls if call.method == "getUpdates"]
    assert polls[1].at - polls[0].at >= 1.0


async def test_a_revoked_token_says_what_to_do_and_works_again_when_restored(
    standin: TelegramStandIn, intake: MemoryIntake
) -> None:
    standin.revoke()
    async with receiving(connect(standin), intake):
        await until(lambda: len(intake.troubles) > 2)
        assert isinstance(intake.troubles[0], AccountTrouble) and "@BotFather" in intake.texts()
        assert len(standin.calls) < 20
        standin.restore()
        made = standin.text(standin.user(1), "ожил")
        await until(lambda: made.native_id in intake.rows)
    assert standin.token not in intake.texts()


async def test_a_webhook_of_before_is_removed_and_what_waited_is_kept(
    standin: TelegramStandIn, intake: MemoryIntake
) -> None:
    made = standin.text(standin.user(1), "ждёт")
    standin.webhook = {"url": "https://old.example.org", "secret": ""}
    async with receiving(connect(standin), intake):
        await until(lambda: made.native_id in intake.rows)
        standin.webhook = {"url": "https://again.example.org", "secret": ""}  # somebody sets it while we poll
        standin.text(standin.user(1), "и это")
        await until(lambda: len(intake.rows) == 2, 30)
    assert all(
        call.params.get("drop_pending_updates") in (None, "false")
        for call in standin.calls
        if call.method == "deleteWebhook"
    )


async def test_trouble_makes_no_busy_loop(standin: TelegramStandIn, intake: MemoryIntake) -> None:
    standin.faults.next("getUpdates", times=10_000, body=b'{"ok":true,"result":[{"no":"id"}]}')
    async with receiving(connect(standin), intake):
        await until(lambda: len(intake.troubles) >= 5)
    polls = [call for call in standin.calls if call.method == "getUpdates"]
    assert len(polls) <= len(intake.troubles) + 1 and polls[4].at - polls[0].at > 0.1


# ---- webhook ----------------------------------------------------------------------------------------------------


def webhook(standin: TelegramStandIn) -> Telegram:
    return connect(standin, mode="webhook", webhook_secret=SECRET)


def post(body: bytes, secret: str | None = SECRET) -> Hook:
    headers = {} if secret is None else {"x-telegram-bot-api-secret-token": secret}
    return Hook("POST", headers, {}, body)


def test_a_webhook_with_the_secret_is_taken_as_it_came(standin: TelegramStandIn) -> None:
    answer = webhook(standin).hook(post(b'{"update_id":1}'))
    assert (answer.status, answer.payloads) == (200, (b'{"update_id":1}',))


@pytest.mark.parametrize("secret", [None, "", SECRET[:-1], SECRET + "x", "\xe9" * 12, "\ud800", "S3CRET_-text"])
def test_a_webhook_without_the_secret_is_refused(standin: TelegramStandIn, secret: str | None) -> None:
    answer = webhook(standin).hook(post(b'{"update_id":1}', secret))
    assert (answer.status, answer.payloads) == (403, ())


def test_a_bot_that_polls_has_no_webhook(standin: TelegramStandIn) -> None:
    assert connect(standin).hook(post(b"{}")).status == 404


async def test_webhook_mode_tells_telegram_where_and_only_again_when_it_was_lost(standin: TelegramStandIn) -> None:
    connector = webhook(standin)
    for _ in range(2):
        await connector.prepare("https://help.example.org/hooks/bot")
    assert standin.webhook["url"] == "https://help.example.org/hooks/bot" and standin.webhook["secret"] == SECRET
    assert standin.allowed == frozenset(module.ALLOWED_UPDATES)
    standin.webhook = {"url": ""}
    await connector.prepare("https://help.example.org/hooks/bot")
    await connector.close()
    assert standin.webhook["url"]
    assert [call.method for call in standin.calls].count("setWebhook") == 2


async def test_commands_are_registered_in_both_languages(standin: TelegramStandIn) -> None:
    connector = connect(standin)
    await connector.prepare("https://help.example.org/hooks/bot")
    await connector.close()
    assert [one["command"] for one in standin.commands[""]] == ["start", "new", "status"]
    assert [one["command"] for one in standin.commands["en"]] == ["start", "new", "status"]
    assert standin.webhook["url"] == ""
