"""What VK's long poll did not bring: found in the histories, and handed on as the events it would have been.

A gap is noticed by the platform's own word (`failed` 1 and 3), after every start and trouble, and by a look now and
then, for an outage at VK says nothing. What is looked for is bounded by time: everything since shortly before the
newest event that was journalled. Looking too far is harmless: the journal knows a message by peer and number.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import structlog

from connectors.base import AccountTrouble, Final, Intake, Transient
from connectors.vk_api_calls import API_VERSION, Calls, Refused

log = structlog.get_logger()

# Events come a little out of the order of their dates.
OVERLAP_SECONDS = 600
# A message can be edited for a day; an edit does not move its conversation up.
EDIT_SECONDS = 86400
PAGE = 200
MOST_CONVERSATIONS = 20_000
MOST_PEERS = 5_000
MOST_FAILS = 8  # of fetching a long message whole, in a row
LONGEST_WAIT = 30.0  # seconds for which one long message may hold up all others


@dataclass
class Known:
    """Up to which number each peer's messages are in the journal without a hole, as far as this process has seen."""

    _newest: OrderedDict[int, int] = field(default_factory=OrderedDict)

    def seen(self, peer: int, number: int) -> None:
        """An event brought this message: it counts only behind the one before it, else there may be a hole."""
        if self._newest.get(peer) == number - 1:
            self.complete(peer, number)

    def complete(self, peer: int, number: int) -> None:
        """The history of this peer was read up to here."""
        self._newest[peer] = max(number, self._newest.get(peer, 0))
        self._newest.move_to_end(peer)
        while len(self._newest) > MOST_PEERS:
            self._newest.popitem(last=False)

    def up_to(self, peer: int) -> int:
        """The number, 0 where nothing is known."""
        return self._newest.get(peer, 0)


class Backfill:
    """Reads histories and journals what they hold; moves no cursor."""

    def __init__(self, calls: Calls, group_id: int, known: Known, whole: Whole) -> None:
        self._calls = calls
        self._group_id = group_id
        self._known = known
        self._whole = whole

    async def run(self, intake: Intake, since: int, *, edits: bool) -> None:
        """Journal what was written since (Unix time, VK's clock); with `edits`, also what was edited since."""
        start = since - OVERLAP_SECONDS
        oldest = since - EDIT_SECONDS if edits else start
        async for peer, last in self._conversations(oldest):
            if not edits and self._known.up_to(peer) >= last:
                continue
            try:
                messages = await self._history(peer, oldest, 0 if edits else self._known.up_to(peer))
            except Refused as error:
                # Anybody can put the community into a chat, where it reads nothing unless it is made an administrator.
                log.warning("VK does not give the history of a conversation", error=str(error))
                messages = []
            await self._journal(intake, messages, start)
            self._known.complete(peer, last)

    async def _conversations(self, oldest: int) -> AsyncIterator[tuple[int, int]]:
        """(peer, number of its last message) of the conversations that were alive since, the newest first."""
        met: set[int] = set()
        for offset in range(0, MOST_CONVERSATIONS, PAGE):
            values = {"group_id": self._group_id, "count": PAGE, "offset": offset, "filter": "all"}
            answer = await self._calls.call("messages.getConversations", **values)
            items = _items(answer)
            for item in items:
                last = item.get("last_message")
                if not isinstance(last, dict):
                    continue
                if max(number_of(last, "date"), number_of(last, "update_time")) < oldest:
                    return
                peer = number_of(last, "peer_id")
                if peer and peer not in met:  # while pages are read, conversations move
                    met.add(peer)
                    yield peer, number_of(last, "conversation_message_id")
            if len(items) < PAGE:
                return

    async def _history(self, peer: int, oldest: int, after: int) -> list[dict[str, Any]]:
        """The peer's messages since, and behind the number `after`; oldest first, whole."""
        found: dict[int, dict[str, Any]] = {}
        met: set[int] = set()
        offset = 0
        while True:
            values = {"group_id": self._group_id, "peer_id": peer, "count": PAGE, "offset": offset}
            items = _items(await self._calls.call("messages.getHistory", **values))
            seen = len(met)
            met.update(number_of(item, "conversation_message_id") for item in items)
            for item in items:
                number = number_of(item, "conversation_message_id")
                if number > after and max(number_of(item, "date"), number_of(item, "update_time")) >= oldest:
                    found[number] = item
            last = items[-1] if items else {}
            at_end = len(items) < PAGE or len(met) == seen or number_of(last, "date") < oldest
            if at_end or number_of(last, "conversation_message_id") <= after:
                break
            offset += PAGE - 10  # a message that comes meanwhile pushes the others down
        return [await self._whole(found[number]) for number in sorted(found)]

    async def _journal(self, intake: Intake, messages: list[dict[str, Any]], start: int) -> None:
        """As `message_new`; where that is in the journal already and was edited since, as `message_edit`."""
        fresh: list[bytes] = []
        for message in messages:
            if number_of(message, "out") == 1 or number_of(message, "from_id") == -self._group_id:
                continue
            edited = number_of(message, "update_time")
            if not edited:
                if number_of(message, "date") >= start:
                    fresh.append(event("message_new", {"message": message}, self._group_id))
                continue
            if edited < start:
                continue
            # An edit behind the message itself: order within a conversation is kept.
            new = [event("message_new", {"message": message}, self._group_id)]
            await _accept(intake, fresh)
            fresh = []
            written_since = number_of(message, "date") >= start
            if not written_since or not await intake.accept(new):
                await intake.accept([event("message_edit", message, self._group_id)])
        await _accept(intake, fresh)


async def _accept(intake: Intake, payloads: list[bytes]) -> None:
    for at in range(0, len(payloads), PAGE):
        await intake.accept(payloads[at : at + PAGE])


class Whole:
    """Fetches what events and lists show only the beginning of (`is_cropped`).

    Raises `Transient` while VK does not give it; after many times in a row, or where it refuses for long, the beginning
    is taken rather than nothing.
    """

    def __init__(self, calls: Calls, group_id: int) -> None:
        self._calls = calls
        self._group_id = group_id
        self._fails = 0

    async def __call__(self, message: dict[str, Any]) -> dict[str, Any]:
        """The message itself, or the same object where it is whole already or not to be had."""
        if message.get("is_cropped") is not True:
            return message
        try:
            found = await self.asked(message)
        except (Final, AccountTrouble):
            return message
        except Transient as error:
            self._fails += 1
            # A quota or a captcha takes hours: with the beginning all the others would wait, and it is fetched later.
            if self._fails < MOST_FAILS and (error.retry_after or 0.0) <= LONGEST_WAIT:
                raise
            return message
        self._fails = 0
        return found

    async def asked(self, message: dict[str, Any]) -> dict[str, Any]:
        """The whole of a message, or the same object where VK has none. Raises whatever the call does."""
        peer, number, message_id = (number_of(message, name) for name in ("peer_id", "conversation_message_id", "id"))
        which = {"message_ids": message_id} if message_id else {"peer_id": peer, "cmids": number}
        items = _items(await self._calls.call("messages.getById", group_id=self._group_id, **which))
        own = (one for one in items if number_of(one, "conversation_message_id") == number)
        return next((one for one in own if number_of(one, "peer_id") == peer), message)


def event(kind: str, content: dict[str, Any], group_id: int) -> bytes:
    """The event as the long poll would have brought it, but for its `event_id`, which only VK knows."""
    return dump({"type": kind, "v": API_VERSION, "group_id": group_id, "object": content})


def dump(value: Any) -> bytes:
    """Compact JSON; escaped where a lone surrogate does not encode."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def message_of(update: Any) -> dict[str, Any] | None:
    """The message inside a `message_new` or `message_edit`."""
    if not isinstance(update, dict) or update.get("type") not in ("message_new", "message_edit", "message_reply"):
        return None
    content = update.get("object")
    message = content.get("message", content) if isinstance(content, dict) else None
    return message if isinstance(message, dict) else None


def _items(answer: Any) -> list[dict[str, Any]]:
    items = answer.get("items") if isinstance(answer, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def number_of(value: dict[str, Any], name: str) -> int:
    """An integer field, 0 where there is none."""
    found = value.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0
