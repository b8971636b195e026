"""What the contract suite asks of a platform: deliver, redeliver, spoil, lose an answer, show what the citizen got."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from sandbox.server import Written
from tests.harness.chats import channel


@dataclass
class Item:
    """One thing that a citizen did. `key` is the contract's `source.message_id` of its envelope."""

    key: str
    citizen: Any
    raw: Any = None
    told: Callable[[], bool] = lambda: True


class Driver:
    """A platform with its citizens. `name` is the channel's; `url` that of our web front."""

    kind: ClassVar[str]
    mode: ClassVar[str] = ""
    # How many copies of a message the citizen may see whose answer we did not get.
    most_copies: ClassVar[int] = 1
    # What follows names the number of this ledger, which another one does not know.
    follows_by_number: ClassVar[bool] = False
    url: str = ""
    cursor: Callable[[], dict[str, Any]] = dict  # what the ledger holds of ours; for platforms that are told nothing
    intake: Callable[[bytes], None] = lambda _: None  # journals a payload as our web front does

    @property
    def name(self) -> str:
        return f"{self.kind}{self.mode}"

    def channels(self) -> dict[str, dict[str, Any]]:
        """The sections of the configuration; the first is the one under test."""
        raise NotImplementedError

    def open(self) -> None:
        """Start the platform."""

    def begin(self) -> None:
        """The service runs: enter its address at the platform. May be called again for another service."""

    def close(self) -> None:
        """Stop the platform."""

    def citizen(self) -> Any:
        """Somebody who has never written before."""
        raise NotImplementedError

    def say(self, citizen: Any, text: str) -> Item:
        """A message; what follows the first of a citizen belongs to the same conversation."""
        raise NotImplementedError

    def again(self, item: Item) -> None:
        """The platform delivers the same once more, as when our answer to it was lost."""
        raise NotImplementedError

    def poison(self) -> None:
        """An authentic payload that nobody can read."""
        raise NotImplementedError

    def seen(self, citizen: Any) -> list[str]:
        """What the citizen sees of us, oldest first."""
        raise NotImplementedError

    def hostile(self, value: str) -> list[bytes]:
        """Payloads as our connector journals them, with `value` in every field that a stranger fills in."""
        raise NotImplementedError

    def lose_answer(self) -> bool:
        """Our next message arrives, and the platform's answer to us does not. False: it cannot be arranged."""
        return False

    def edit(self, item: Item, text: str) -> str | None:
        """The citizen corrects a message; the key of the envelope, or None where the platform has no edits."""
        return None

    def delete(self, item: Item) -> str | None:
        """The citizen takes a message back; the key of the envelope, or None where we are not told."""
        return None


class Chat(Driver):
    """What the stand-ins of messengers have in common."""

    platform: Any
    most_copies = 2

    def channels(self) -> dict[str, dict[str, Any]]:
        return {self.name: {**channel(self.platform), **self.more()}}

    def more(self) -> dict[str, Any]:
        return {}

    def open(self) -> None:
        self.platform.start()

    def close(self) -> None:
        self.platform.stop()

    def seen(self, citizen: Any) -> list[str]:
        found: list[str] = self.platform.shown_to(citizen)
        return found

    def item(self, made: Written, citizen: Any) -> Item:
        return Item(made.native_id, citizen, made, lambda: made.confirmed_at is not None)

    @property
    def hook(self) -> str:
        return f"{self.url}/hooks/{self.name}"
