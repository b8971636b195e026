"""All stand-ins together, with citizens writing: `python -m sandbox`, and what `priemnaya demo` starts."""

from __future__ import annotations

import argparse
import contextlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

import httpx

from sandbox.citizens import CHANNELS, Channel, cast
from sandbox.crowd import Crowd, Said
from sandbox.mail import MailStandIn
from sandbox.telegram import TelegramStandIn
from sandbox.vk import VkStandIn
from sandbox.whatsapp import WhatsAppStandIn

PORTS = {"telegram": 9101, "vk": 9102, "whatsapp": 9103, "media": 9104, "imap": 9105, "smtp": 9106}


class Sandbox:
    """The platforms side by side. Ports: by name as in `PORTS`; 0 or absent is a free one."""

    def __init__(
        self, *, ports: Mapping[str, int] | None = None, seed: int = 1, time_factor: float = 1.0, first_id: int = 0
    ) -> None:
        at = {**dict.fromkeys(PORTS, 0), **(ports or {})}
        self.seed = seed
        common: dict[str, Any] = {"seed": seed, "time_factor": time_factor, "first_id": first_id}
        self.telegram = TelegramStandIn(port=at["telegram"], **common)
        self.vk = VkStandIn(port=at["vk"], **common)
        self.whatsapp = WhatsAppStandIn(port=at["whatsapp"], media_port=at["media"], **common)
        self.mail = MailStandIn(imap_port=at["imap"], smtp_port=at["smtp"])
        self._stopping = threading.Event()

    def start(self) -> Self:
        with contextlib.ExitStack() as started:
            for platform in (self.telegram, self.vk, self.whatsapp, self.mail):
                started.callback(platform.stop)
                platform.start()
            started.pop_all()
        return self

    def stop(self) -> None:
        self._stopping.set()
        for platform in (self.telegram, self.vk, self.whatsapp, self.mail):
            platform.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def channels(self) -> dict[str, dict[str, Any]]:
        """The `[channels.NAME]` sections that point at the stand-ins. Telegram and VK polled, WhatsApp by webhook."""
        whatsapp, mail = self.whatsapp, self.mail
        return {
            "telegram": {
                "kind": "telegram", "token": self.telegram.token, "mode": "polling", "api_url": self.telegram.url,
            },
            "vk": {
                "kind": "vk", "token": self.vk.token, "group_id": self.vk.group_id, "mode": "longpoll",
                "api_url": self.vk.url,
            },
            "whatsapp": {
                "kind": "whatsapp", "token": whatsapp.token, "phone_number_id": whatsapp.phone_number_id,
                "app_secret": whatsapp.app_secret, "verify_token": whatsapp.verify_token,
                "graph_url": whatsapp.graph_url, "media_hosts": [f"{whatsapp.media.host}:{whatsapp.media.port}"],
            },
            "mail": {
                "kind": "email", "imap_host": mail.host, "imap_port": mail.imap_port, "imap_security": "none",
                "username": mail.address, "password": mail.password, "smtp_host": mail.host,
                "smtp_port": mail.smtp_port, "smtp_security": "none", "from_address": mail.address,
            },
        }  # fmt: skip

    def toml(self) -> str:
        """The same as TOML; strings are written as JSON strings, which TOML takes."""
        lines = []
        for name, keys in self.channels().items():
            lines += [f"[channels.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items()), ""]
        return "\n".join(lines)

    def subscribe(self, hook: str, patience: float = 60.0) -> bool:
        """Point WhatsApp at `hook` (`http://…/hooks/whatsapp`) as soon as it answers; False when it never did."""
        for _ in range(int(patience * 4)):
            with contextlib.suppress(httpx.HTTPError):
                if self.whatsapp.subscribe(hook):
                    return True
            if self._stopping.wait(0.25):
                break
        return False

    def crowd(self, *, count: int = 48, pace: float = 1.0, channels: Sequence[Channel] = CHANNELS) -> Crowd:
        """The seed's citizens on these platforms."""
        people = [each for each in cast(self.seed, count) if each.channel in channels]
        return Crowd(
            people, telegram=self.telegram, vk=self.vk, whatsapp=self.whatsapp, post=self.mail,
            mailbox=self.mail.address, pace=pace,
        )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Start everything, print the configuration, let the citizens write, stay until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    for name, port in PORTS.items():
        parser.add_argument(f"--{name}-port", type=int, default=port, metavar="PORT")
    parser.add_argument("--seed", type=int, default=1, help="which citizens")
    parser.add_argument("--citizens", type=int, default=48, metavar="N", help="how many; 0: none writes")
    parser.add_argument("--pace", type=float, default=1.0, help="how much faster than people they write")
    parser.add_argument("--hook", default="", metavar="URL", help="where WhatsApp posts to, …/hooks/whatsapp")
    parser.add_argument("--until-done", action="store_true", help="end when every story is told")
    chosen = parser.parse_args(arguments)
    ports = {name: getattr(chosen, f"{name}_port") for name in PORTS}
    # seconds since 2026: a ledger that is kept from one demo to the next sees new messages, not redeliveries
    with Sandbox(ports=ports, seed=chosen.seed, first_id=int(time.time()) - 1_767_225_600) as sandbox:
        print(sandbox.toml(), flush=True)
        if chosen.hook and not sandbox.subscribe(chosen.hook):
            print(f"{chosen.hook} has not answered the challenge: WhatsApp stays silent", flush=True)
        crowd = sandbox.crowd(count=chosen.citizens, pace=chosen.pace).start()
        with contextlib.suppress(KeyboardInterrupt):
            shown = 0
            while not (chosen.until_done and crowd.finished):
                shown = _show(crowd.said, shown)
                threading.Event().wait(0.2)
            _show(crowd.said, shown)
        crowd.stop()
    return 0


def _show(said: Sequence[Said], shown: int) -> int:
    """Print what is new; returns how many have been printed."""
    for each in said[shown:]:
        shown += 1
        if not each.native_ids:  # what the channel does not have: a deletion by mail
            continue
        print(f"{each.citizen.channel:9} {each.citizen.first:10} {each.step.act:9} {each.text[:80]}", flush=True)
    return shown
