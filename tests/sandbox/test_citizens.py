"""The citizens are the same for the same seed, write everything there is to write, and quote what they were told."""

from __future__ import annotations

import email
import email.policy
import threading
import tomllib
from collections.abc import Iterator

import pytest
from stdnum.ru import inn as inn_check

from sandbox.citizens import CHANNELS, PLOTS, TROUBLES, Citizen, cast, inn, snils
from sandbox.crowd import Crowd
from sandbox.letters import letter
from sandbox.run import PORTS, Sandbox, main
from sandbox.server import Sent
from tests.services.process import free_port


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=3, time_factor=0.01) as sandbox:
        yield sandbox


def test_a_seed_makes_the_same_citizens_again_and_another_seed_others() -> None:
    assert cast(5) == cast(5) != cast(6)
    people = cast(5)
    assert {each.channel for each in people} == set(CHANNELS)
    assert {each.desk for each in people} == set(TROUBLES)
    assert {(each.channel, each.plot) for each in people} == {(channel, plot) for channel in CHANNELS for plot in PLOTS}
    assert len({each.phone for each in people}) == len(people)


def test_identifiers_have_right_check_digits() -> None:
    import random

    chance = random.Random(1)
    for _ in range(200):
        assert inn_check.is_valid(inn(chance))
        number = snils(chance)
        total = sum((9 - at) * int(digit) for at, digit in enumerate(number[:9]))
        assert int(number[9:]) == total % 101 % 100


def test_letters_are_the_same_for_the_same_arguments_and_hold_what_was_written() -> None:
    for citizen in cast(2, 40):
        text = citizen.story[0].text
        made = [letter(citizen, text, to="help@example.ru", subject="Обращение", at=1.7e9) for _ in range(2)]
        for raw in made:
            parsed = email.message_from_bytes(raw, policy=email.policy.default)
            body = parsed.get_body(("plain",))
            assert body is not None and text in body.get_content()
            assert parsed["From"].addresses[0].addr_spec == citizen.email


def test_every_citizen_tells_the_whole_story(sandbox: Sandbox) -> None:
    """A bot that answers nothing: they write without the number in the end."""
    crowd = sandbox.crowd(pace=2000.0)
    crowd.run()
    assert len(crowd.said) == sum(len(each.story) for each in cast(3, 48))
    told = {native for said in crowd.said for native in said.native_ids}
    platforms = (sandbox.telegram, sandbox.vk, sandbox.whatsapp)
    written = {each.native_id for platform in platforms for each in platform.written}
    assert written <= told and len(told - written) == len(sandbox.mail.letters)
    assert any("номер не помню" in said.text for said in crowd.said)


def test_they_quote_the_number_that_they_were_told_and_a_stranger_quotes_another_one(sandbox: Sandbox) -> None:
    done = threading.Event()
    numbers: dict[str, str] = {}  # of a conversation

    def acknowledge() -> None:
        """A bot: one number for each person, once."""
        while not done.wait(0.01):
            for made in list(sandbox.telegram.written):
                if made.conversation not in numbers:
                    number = numbers[made.conversation] = f"261122-{len(numbers) + 1:06d}-7"
                    text = f"Ваше обращение {number} принято"
                    sandbox.telegram.sent.append(Sent(made.conversation, text, f"{made.conversation}:1", 0.0, {}))
            for arrived in list(sandbox.mail.letters):
                sender = str(email.message_from_bytes(arrived.content)["From"]).rpartition("<")[2].rstrip(">")
                if sender not in numbers:
                    number = numbers[sender] = f"261122-{len(numbers) + 1:06d}-7"
                    answer = f"Message-ID: <ack-{number}@x>\nSubject: Request {number}\n\n{number}\n"
                    sandbox.mail.outgoing[sender] = [answer.encode()]

    thread = threading.Thread(target=acknowledge)
    thread.start()
    crowd = sandbox.crowd(pace=200.0, channels=("telegram", "email"))
    crowd.run()
    done.set()
    thread.join()
    by_plot = {(said.citizen.channel, said.citizen.plot): said for said in crowd.said if "{" in said.step.text}
    for channel in ("telegram", "email"):
        repeat, stranger = by_plot[channel, "repeat"], by_plot[channel, "stranger"]
        assert numbers[name_of(repeat.citizen)] in repeat.text
        [foreign] = [number for number in numbers.values() if number in stranger.text]
        assert foreign != numbers[name_of(stranger.citizen)]
    assert sum(b"In-Reply-To: <ack-" in each.content for each in sandbox.mail.letters) == 1


def name_of(citizen: Citizen) -> str:
    return citizen.email if citizen.channel == "email" else str(citizen.platform_id)


def test_the_configuration_names_the_stand_ins(sandbox: Sandbox) -> None:
    parsed = tomllib.loads(sandbox.toml())["channels"]
    assert parsed == sandbox.channels()
    assert parsed["telegram"]["api_url"] == sandbox.telegram.url
    assert parsed["whatsapp"]["graph_url"].startswith(sandbox.whatsapp.url)


def test_a_hook_that_never_answers_is_given_up(sandbox: Sandbox) -> None:
    assert not sandbox.subscribe("http://127.0.0.1:1/hooks/whatsapp", patience=0.5)


def test_a_crowd_can_be_stopped(sandbox: Sandbox) -> None:
    crowd: Crowd = sandbox.crowd(pace=0.001).start()
    crowd.stop()
    assert crowd.finished and crowd.said == []


def test_the_command_prints_the_configuration_and_the_citizens(capsys: pytest.CaptureFixture[str]) -> None:
    ports = [str(free_port()) for _ in PORTS]
    options = [f"--{name}-port={port}" for name, port in zip(PORTS, ports, strict=True)]
    assert main([*options, "--citizens=8", "--pace=2000", "--until-done"]) == 0
    shown = capsys.readouterr().out
    assert f'api_url = "http://127.0.0.1:{ports[0]}"' in shown
    assert "telegram  " in shown and "whatsapp  " in shown
