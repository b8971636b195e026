"""One message to a citizen by VK: its pieces, each under a random_id of its own, and its files as documents."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from connectors.base import AccountTrouble, ConnectorError, Final, Outgoing, OutgoingFile, Sent, Transient
from connectors.long_text import pieces
from connectors.vk_api_calls import Calls

TEXT_LIMIT = 4096
LABEL_LIMIT, PAYLOAD_LIMIT, MOST_BUTTONS = 40, 255, 10
MOST_FILES = 10  # attachments of one message
UPLOAD_SECONDS = 40.0
# Parts of one message. The product with 2^31 - 1 rows of `random_id` must stay injective: see `part_random_id`.
MOST_PARTS = 32
_LARGEST = 2**31 - 1


def part_random_id(random_id: int, part: int) -> int:
    """The random_id of a part: the message's own for the first, a negative one for each further part.

    Messages have random_ids from 1 up, so the negative half is free. Steps of 32 around a circle of 2^31 - 1 numbers
    give no number twice among any 67 million messages in a row; and another attempt gives the same one, so that VK
    drops what has arrived already.
    """
    if part == 0:
        return random_id
    return -((random_id * MOST_PARTS + part) % _LARGEST) - 1


async def send(calls: Calls, group_id: int, outgoing: Outgoing) -> Sent:
    """Send the pieces that have not been sent. An error says in `already_sent` how many have."""
    peer = _peer(outgoing)
    texts = pieces(outgoing.text, TEXT_LIMIT)
    answered = outgoing.reply_to or ""
    if answered.startswith("callback:") and outgoing.attempt == 1:
        await _stop_wheel(calls, outgoing, peer)
    batches = [outgoing.files[at : at + MOST_FILES] for at in range(0, len(outgoing.files), MOST_FILES)]
    steps: list[tuple[str, tuple[OutgoingFile, ...]]] = [(text, ()) for text in texts]
    if steps and batches:  # the last text carries the first files
        steps[-1] = (steps[-1][0], batches.pop(0))
    steps += [("", batch) for batch in batches]
    if not 0 < len(steps) <= MOST_PARTS:
        raise Final("there is nothing to send" if not steps else "too long for VK")
    done, sent = min(outgoing.already_sent, len(steps)), []
    try:
        for at in range(done, len(steps)):
            text, files = steps[at]
            values = {
                "peer_ids": peer,
                "random_id": part_random_id(outgoing.random_id, at),
                "message": text or None,
                "forward": _forward(outgoing, peer) if at == 0 else None,
                "keyboard": _keyboard(outgoing) if at == max(len(texts) - 1, 0) else None,
                "attachment": ",".join([await _upload(calls, peer, file) for file in files]) or None,
                "dont_parse_links": 1,
            }
            sent.append(_native_id(await calls.call("messages.send", **values), peer))
            done += 1
    except (ConnectorError, asyncio.CancelledError) as error:  # the caller's deadline cancels
        error.already_sent = done  # type: ignore[union-attr]
        error.sent_ids = tuple(one for one in sent if one)  # type: ignore[union-attr]
        raise
    ids = [native_id for native_id in sent if native_id]
    return Sent(ids[0] if ids else None, tuple(ids[1:]))


def _peer(outgoing: Outgoing) -> int:
    """From a conversation: the peer, or `peer:sender` in a chat."""
    peer = str(outgoing.address.get("conversation") or "").partition(":")[0]
    if not peer.removeprefix("-").isascii() or not peer.removeprefix("-").isdigit() or int(peer) == 0:
        raise Final("there is nobody to answer to")
    return int(peer)


def _native_id(answer: Any, peer: int) -> str | None:
    """By `peer_ids`, unlike `peer_id`, VK answers with the number in the conversation, and with errors of its own."""
    from connectors.vk_api_calls import error_of

    item = answer[0] if isinstance(answer, list) and answer else answer
    if not isinstance(item, dict):
        return None
    error = item.get("error")
    if isinstance(error, dict) and (code := error.get("code", error.get("error_code"))):
        raise error_of(int(code))
    number = item.get("conversation_message_id")
    return f"{peer}:{number}" if number else None


def _forward(outgoing: Outgoing, peer: int) -> str | None:
    """The message that is answered, by its number in the conversation."""
    start, _, number = (outgoing.reply_to or "").partition(":")
    if start != str(peer) or not (number.isascii() and number.isdigit()):
        return None
    return json.dumps({"peer_id": peer, "conversation_message_ids": [int(number)], "is_reply": 1})


def _keyboard(outgoing: Outgoing) -> str | None:
    rows = []
    for label, payload in outgoing.buttons[:MOST_BUTTONS]:
        held = json.dumps({"command": payload}, ensure_ascii=False)
        if label and len(held) <= PAYLOAD_LIMIT:
            rows.append([{"action": {"type": "text", "label": label[:LABEL_LIMIT], "payload": held}}])
    # An inline keyboard has six rows at most: two buttons a row beyond that.
    if len(rows) > 6:
        rows = [[button for row in rows[at : at + 2] for button in row] for at in range(0, len(rows), 2)]
    return json.dumps({"inline": True, "buttons": rows}, ensure_ascii=False) if rows else None


async def _stop_wheel(calls: Calls, outgoing: Outgoing, peer: int) -> None:
    """Only stops the wheel on the citizen's button: worth a try and no more."""
    values = {"event_id": (outgoing.reply_to or "").removeprefix("callback:"), "peer_id": peer}
    try:
        await calls.call("messages.sendMessageEventAnswer", user_id=outgoing.address.get("sender"), **values)
    except (Transient, Final, AccountTrouble):
        return


async def _upload(calls: Calls, peer: int, file: OutgoingFile) -> str:
    """A document that messages can name. Another attempt uploads it again, which harms nobody."""
    import httpx

    server = await calls.call("docs.getMessagesUploadServer", type="doc", peer_id=peer)
    try:
        async with httpx.AsyncClient(timeout=UPLOAD_SECONDS, trust_env=False) as client:
            files = {"file": (file.name, file.content, file.media_type)}
            response = await client.post(server["upload_url"], files=files)
        held = response.json().get("file") if response.status_code == 200 else None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Transient(f"the file cannot be uploaded: {type(error).__name__}") from None
    if not held:
        raise Transient(f"the file cannot be uploaded ({response.status_code})")
    saved = await calls.call("docs.save", file=held, title=file.name[:128])
    try:
        doc = saved[saved["type"]]
        return f"doc{doc['owner_id']}_{doc['id']}"
    except (KeyError, TypeError):
        raise Transient("VK has not kept the file") from None
