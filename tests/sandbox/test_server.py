"""What all stand-ins share: scripted faults, the courier's back-off, and independence from our connectors."""

from __future__ import annotations

import ast
import socket
from pathlib import Path

import httpx
import pytest

import sandbox
from sandbox.faults import Fault, Faults
from sandbox.telegram import TelegramStandIn
from tests.sandbox.receiver import Receiver
from tests.services.process import free_port


def test_no_stand_in_knows_anything_of_ours() -> None:
    ours = {"connectors", "normalizer", "router", "ledger", "pipeline", "config", "board", "worker"}
    for source in Path(sandbox.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not ours & {name.partition(".")[0] for name in names}, source.name


def test_faults_come_in_turn_after_those_that_are_skipped() -> None:
    faults = Faults()
    faults.next("a", times=2, skip=1, status=500)
    faults.next("*", drop=True)
    taken = [faults.take(method) for method in ("a", "b", "a", "a")]
    assert taken == [Fault(drop=True), None, Fault(status=500), Fault(status=500)]
    assert faults.take("a") is None and faults.fired == {"a": 3}


def test_chance_comes_from_the_seed() -> None:
    def rolls(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.sometimes("a", 0.5, status=500)
        return [faults.take("a") is not None for _ in range(50)]

    assert rolls(1) == rolls(1) != rolls(2)
    assert 10 < sum(rolls(1)) < 40


def test_a_slow_answer_is_right_all_the_same() -> None:
    with TelegramStandIn() as telegram:
        telegram.faults.next("getMe", delay=0.2)
        begun = telegram.now()
        assert httpx.get(f"{telegram.url}/bot{telegram.token}/getMe").json()["ok"]
        assert telegram.now() - begun >= 0.2


def test_an_answer_can_break_off_after_any_byte() -> None:
    with TelegramStandIn() as telegram:
        telegram.faults.next("getMe", cut=7)
        with socket.create_connection((telegram.host, telegram.port), timeout=5) as raw:
            raw.sendall(f"GET /bot{telegram.token}/getMe HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            got = b"".join(iter(lambda: raw.recv(4096), b""))
        assert got.partition(b"\r\n\r\n")[2] == b'{"ok":t'


def test_a_poll_whose_bot_was_killed_is_no_delivery_and_no_conflict() -> None:
    with TelegramStandIn() as telegram:
        url = f"{telegram.url}/bot{telegram.token}/getUpdates"
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(url, params={"timeout": 20}, timeout=0.2)
        made = telegram.text(telegram.user(11), "никому")
        assert telegram.wait_for(lambda: bool(telegram.calls) and telegram.calls[0].answered_at is not None)
        assert made.deliveries == []
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(url, params={"timeout": 20, "offset": int(made.key) + 1}, timeout=0.2)
        httpx.get(url, params={"offset": 1})
        assert telegram.conflicts == 0


def test_one_slow_conversation_holds_up_no_other() -> None:
    with TelegramStandIn(time_factor=2.0) as telegram, Receiver(statuses=[500]) as bot:
        httpx.get(f"{telegram.url}/bot{telegram.token}/setWebhook", params={"url": bot.url})
        slow = telegram.text(telegram.user(11), "первый чат")
        assert telegram.wait_for(lambda: len(bot.requests) == 1)
        behind = telegram.text(telegram.user(11), "за первым")
        quick = telegram.text(telegram.user(12), "второй чат")
        assert telegram.wait_for(lambda: behind.confirmed_at is not None and quick.confirmed_at is not None)
        assert slow.confirmed_at is not None and behind.deliveries
        assert quick.confirmed_at < slow.confirmed_at <= behind.deliveries[0]


def test_a_bot_that_is_away_gets_everything_when_it_is_back() -> None:
    with TelegramStandIn(time_factor=0.01) as telegram:
        nowhere = f"http://127.0.0.1:{free_port()}/"
        httpx.get(f"{telegram.url}/bot{telegram.token}/setWebhook", params={"url": nowhere})
        made = [telegram.text(telegram.user(11), str(at)) for at in range(5)]
        assert telegram.wait_for(lambda: len(telegram.courier.log[0].attempts) >= 3)
        assert all(each.confirmed_at is None and each.deliveries == [] for each in made)
        with Receiver() as bot:
            telegram.courier.clear()
            httpx.get(f"{telegram.url}/bot{telegram.token}/setWebhook", params={"url": bot.url})
            assert telegram.wait_for(lambda: all(each.confirmed_at is not None for each in made))
            assert [each.json["message"]["text"] for each in bot.requests] == ["0", "1", "2", "3", "4"]
