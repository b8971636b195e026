"""One message to a citizen by Telegram: where it goes, what it answers, and its pieces one after another."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from connectors.base import ConnectorError, Final, Outgoing, Sent
from connectors.long_text import pieces, utf16_units
from connectors.telegram_api import CALL_SECONDS, UPLOAD_SECONDS, Api, Migrated, in_time

if TYPE_CHECKING:
    from aiogram.methods import TelegramMethod

TEXT_LIMIT = 4096  # UTF-16 units
PAYLOAD_LIMIT = 64  # bytes of callback_data
PRESS_SECONDS = 5.0
_BUSINESS = re.compile(r"business:([^:]+):(-?\d+)")
_CHAT = re.compile(r"(-?\d+)(?::-?\d+)?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message goes: a chat, perhaps as the business account of a connection."""

    chat: int
    connection: str | None = None

    def native_id(self, message_id: int) -> str:
        """The id under which a citizen's reply will name our message."""
        own = f"{self.chat}:{message_id}"
        return f"business:{self.connection}:{own}" if self.connection else own

    def answered(self, native_id: str | None) -> int | None:
        """The number of the message that is answered, where it is one of this chat."""
        start = self.native_id(0)[:-1]
        number = (native_id or "").removeprefix(start)
        return int(number) if number != native_id and number.isascii() and number.isdigit() else None


def place_of(outgoing: Outgoing) -> Place:
    """From a conversation: `chat`, `chat:sender`, `business:connection:chat`. Raises `Final`."""
    conversation = str(outgoing.address.get("conversation") or "")
    if found := _BUSINESS.fullmatch(conversation):
        return Place(int(found[2]), found[1])
    if found := _CHAT.fullmatch(conversation):
        return Place(int(found[1]))
    raise Final("there is no chat to answer in")


async def send(api: Api, outgoing: Outgoing) -> Sent:
    """Send all pieces that have not been sent. An error says in `already_sent` how many have."""
    from aiogram.methods import AnswerCallbackQuery

    place = place_of(outgoing)
    answered = outgoing.reply_to or ""
    if answered.startswith("callback:") and outgoing.attempt == 1:
        # Only stops the wheel on the citizen's button; a query lives for a minute or so.
        query = AnswerCallbackQuery(callback_query_id=answered.removeprefix("callback:"))
        await in_time(api.call(query), PRESS_SECONDS)
    steps = _steps(outgoing)
    if not steps:
        raise Final("there is nothing to send")
    sent: list[str] = []
    done = min(outgoing.already_sent, len(steps))
    try:
        for step in steps[done:]:
            place, native_id = await _one(api, place, step)
            sent.append(native_id)
            done += 1
    except (ConnectorError, asyncio.CancelledError) as error:  # the caller's deadline cancels
        error.already_sent, error.sent_ids = done, tuple(sent)  # type: ignore[union-attr]
        raise
    return Sent(sent[0] if sent else None, tuple(sent[1:]))


Step = Callable[[Place], "TelegramMethod[Any]"]


async def _one(api: Api, place: Place, step: Step) -> tuple[Place, str]:
    """One message; where the group has become a supergroup, sent there."""
    for _ in range(2):
        method = step(place)
        seconds = UPLOAD_SECONDS if method.__api_method__ == "sendDocument" else CALL_SECONDS
        try:
            message = await api.call(method, seconds)
        except Migrated as moved:
            place = replace(place, chat=moved.chat_id)
        else:
            return place, place.native_id(message.message_id)
    raise Final("the group has moved again and again")


def _steps(outgoing: Outgoing) -> list[Step]:
    """One step a message: the texts, the first as the answer, the last with the buttons; then the files."""
    texts = pieces(outgoing.text, TEXT_LIMIT, utf16_units)
    last = len(texts) - 1
    return [_text(outgoing, text, first=at == 0, buttons=at == last) for at, text in enumerate(texts)] + [
        _file(outgoing, at, first=at == 0 and not texts) for at in range(len(outgoing.files))
    ]


def _text(outgoing: Outgoing, text: str, *, first: bool, buttons: bool) -> Step:
    from aiogram.methods import SendMessage
    from aiogram.types import LinkPreviewOptions

    def step(place: Place) -> SendMessage:
        return SendMessage(
            chat_id=place.chat,
            business_connection_id=place.connection,
            text=text,
            parse_mode=None,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            reply_parameters=_reply(outgoing, place) if first else None,
            reply_markup=_keyboard(outgoing) if buttons else None,
        )

    return step


def _file(outgoing: Outgoing, at: int, *, first: bool) -> Step:
    from aiogram.methods import SendDocument
    from aiogram.types import BufferedInputFile

    file = outgoing.files[at]

    def step(place: Place) -> SendDocument:
        return SendDocument(
            chat_id=place.chat,
            business_connection_id=place.connection,
            document=BufferedInputFile(file.content, _file_name(file.name)),
            disable_content_type_detection=True,
            parse_mode=None,
            reply_parameters=_reply(outgoing, place) if first else None,
        )

    return step


def _file_name(name: str) -> str:
    """aiogram writes the name into a header of the request as it is."""
    return "".join(char for char in name if char.isprintable() and char not in '"\\/')[:200] or "file"


def _reply(outgoing: Outgoing, place: Place) -> Any:
    from aiogram.types import ReplyParameters

    number = place.answered(outgoing.reply_to)
    if number is None:
        return None
    return ReplyParameters(message_id=number, allow_sending_without_reply=True)


def _keyboard(outgoing: Outgoing) -> Any:
    from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

    buttons = [
        InlineKeyboardButton(text=label, callback_data=payload)
        for label, payload in outgoing.buttons
        if label and 0 < len(payload.encode()) <= PAYLOAD_LIMIT
    ]
    return InlineKeyboardMarkup(inline_keyboard=[[button] for button in buttons]) if buttons else None
