"""Telegram: updates by long polling or webhook, each journalled as it came; answers, files and commands of the bot.

The offset that is sent confirms everything before it, so it is sent only after `Intake.accept` has returned.
Source: core.telegram.org/bots/api.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr, model_validator

from config.channels import ChannelSettings
from connectors.backoff import Backoff, for_ever
from connectors.base import (
    AccountTrouble,
    Away,
    ConnectorError,
    Final,
    Hook,
    HookAnswer,
    Intake,
    Outgoing,
    Sent,
    Transient,
)
from connectors.telegram_api import WEBHOOK_SET, Api, Undecodable

# Left out, the list of an earlier run would stay in force; what is not listed is never delivered.
ALLOWED_UPDATES = (
    "message", "edited_message", "channel_post", "edited_channel_post", "business_message", "edited_business_message",
    "deleted_business_messages", "business_connection", "callback_query", "my_chat_member", "poll_answer",
    "message_reaction",
)  # fmt: skip
POLL_SECONDS = 25
BATCH = 100
# After a poll that brought less: what comes one by one is taken a few at a time, at a fraction of the cost.
REST_SECONDS = 0.01
# After a week without updates Telegram goes on from a random, perhaps lower id, which an old offset could hide.
QUIET_SECONDS = 6 * 86400
COMMANDS = {
    "": (("start", "Что написать"), ("new", "Новое обращение"), ("status", "Состояние обращения")),
    "en": (("start", "What to write"), ("new", "A new request"), ("status", "The state of a request")),
}


class Settings(ChannelSettings):
    """A Telegram bot."""

    kind: Literal["telegram"] = "telegram"
    token: SecretStr = Field(description="the bot's token, from @BotFather")
    mode: Literal["polling", "webhook"] = Field("polling", description="polling, or webhook (needs http.public_url)")
    api_url: str = Field("https://api.telegram.org", description="the address of the Bot API, where it is your own")
    proxy_url: SecretStr | None = Field(
        None, description="http:// or socks5:// with user and password, where Telegram is not reached directly"
    )
    webhook_secret: SecretStr | None = Field(
        None, description="what Telegram sends with each webhook: 1 to 256 of A-Z, a-z, 0-9, _ and -"
    )

    @model_validator(mode="after")
    def _can_work(self) -> Settings:
        number, _, rest = self.token.get_secret_value().partition(":")
        if not (number.isascii() and number.isdigit() and rest) or any(map(str.isspace, rest)):
            raise ValueError("token: must be a number, a colon and the secret, as @BotFather gives it")
        secret = self.webhook_secret.get_secret_value() if self.webhook_secret else ""
        if self.mode == "webhook" and not secret:
            raise ValueError("webhook_secret: needed for mode = webhook")
        if len(secret) > 256 or not all(char.isascii() and (char.isalnum() or char in "_-") for char in secret):
            raise ValueError("webhook_secret: 1 to 256 of A-Z, a-z, 0-9, _ and -")
        if not self.api_url.startswith(("http://", "https://")):
            raise ValueError("api_url: must begin with https:// or http://")
        return self


def create(name: str, settings: Settings) -> Telegram:
    """The connector of a bot. Opens nothing."""
    return Telegram(name, settings)


@dataclass
class _Polling:
    """What one receive loop remembers between its polls."""

    webhook_gone: bool = False
    batch: int = BATCH  # how many updates the next poll asks for


class Telegram:
    """See `connectors.base.Connector`."""

    kind: ClassVar[str] = "telegram"

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.polled = settings.mode == "polling"
        self._api = Api(settings)
        self._webhook_told = False

    async def account(self) -> str:
        """The bot's id, which is the first part of its token."""
        return self.settings.token.get_secret_value().partition(":")[0]

    # ---- receiving ------------------------------------------------------------------------------------------

    async def receive(self, intake: Intake) -> None:
        """Poll for ever. Telegram is told of a batch by the next poll's offset, which is in the ledger by then."""
        if not self.polled:
            await asyncio.Event().wait()
        polling = _Polling()
        await for_ever(intake, lambda backoff: self._poll(intake, polling, backoff))

    async def _poll(self, intake: Intake, polling: _Polling, backoff: Backoff) -> None:
        try:
            if not polling.webhook_gone:
                await self._remove_webhook()
                polling.webhook_gone = True
            await self._round(intake, polling)
        except Undecodable:
            polling.batch = 1  # one update at a time sets the bad one apart
            raise
        except Away:
            # Where the way is slow, or lets only so much through, fewer updates come whole.
            polling.batch = max(1, polling.batch // 4)
            raise
        except ConnectorError as error:
            polling.webhook_gone = polling.webhook_gone and WEBHOOK_SET not in str(error)
            raise
        await intake.healthy()
        backoff.reset()

    async def _round(self, intake: Intake, polling: _Polling) -> None:
        """One poll and its commit."""
        cursor = await intake.cursor() or {}
        offset, last = cursor.get("offset"), cursor.get("at", 0)
        if not isinstance(offset, int) or time.time() - last > QUIET_SECONDS:
            offset = None
        try:
            updates = await self._api.updates(offset, limit=polling.batch, seconds=POLL_SECONDS)
        except Undecodable as error:
            number = error.update_id()
            if polling.batch > 1 or number is None:
                raise
            await intake.accept([error.body.encode("utf-8", "surrogatepass")], _cursor([number]))
            return
        if updates:
            numbers = [found for update in updates if (found := _update_id(update)) is not None]
            await intake.accept([_dump(update) for update in updates], _cursor(numbers) if numbers else None)
            if not numbers:
                raise Transient("Telegram's updates hold no update_id: they cannot be confirmed")
            if len(updates) < polling.batch:
                await asyncio.sleep(REST_SECONDS)
        polling.batch = min(BATCH, 2 * polling.batch)

    async def _remove_webhook(self) -> None:
        from aiogram.methods import DeleteWebhook

        await self._api.call(DeleteWebhook(drop_pending_updates=False))

    def hook(self, request: Hook) -> HookAnswer:
        """One update a request, in webhook mode; 403 unless the secret is ours."""
        if self.polled or self.settings.webhook_secret is None:
            return HookAnswer(404, "not found")
        if request.method != "POST":
            return HookAnswer(405, "POST only")
        given = request.headers.get("x-telegram-bot-api-secret-token", "")
        secret = self.settings.webhook_secret.get_secret_value()
        if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode()):
            return HookAnswer(403, "the secret is not ours")
        return HookAnswer(200, payloads=(request.body,))

    # ---- what Telegram must know of us ----------------------------------------------------------------------

    async def prepare(self, public_url: str) -> None:
        """Register the bot's commands; in webhook mode also the webhook, again when Telegram has lost it."""
        from aiogram.methods import GetWebhookInfo, SetMyCommands, SetWebhook
        from aiogram.types import BotCommand

        if not self.polled:
            info = await self._api.call(GetWebhookInfo())
            set_right = info.url == public_url and set(info.allowed_updates or ()) == set(ALLOWED_UPDATES)
            if not set_right or not self._webhook_told:  # the secret is not shown: at each start it is told anew
                secret = self.settings.webhook_secret
                await self._api.call(
                    SetWebhook(
                        url=public_url,
                        secret_token=secret.get_secret_value() if secret else None,
                        allowed_updates=list(ALLOWED_UPDATES),
                    )
                )
                self._webhook_told = True
        for language, commands in COMMANDS.items():
            shown = [BotCommand(command=name, description=words) for name, words in commands]
            await self._api.call(SetMyCommands(commands=shown, language_code=language or None))

    # ---- sending --------------------------------------------------------------------------------------------

    async def send(self, outgoing: Outgoing) -> Sent:
        """Send a text in as many messages as it needs, then its files. Telegram cannot tell a second copy."""
        from connectors.telegram_send import send

        return await send(self._api, outgoing)

    async def fetch(self, source: Mapping[str, Any], limit: int) -> AsyncIterator[bytes]:
        """A file by its `file_id`."""
        file_id = source.get("file_id")
        if not isinstance(file_id, str) or not file_id:
            raise Final("without a file_id")
        async for piece in self._api.file(file_id, limit):
            yield piece

    async def check(self) -> str:
        """Ask who the bot is, and how its updates come."""
        from aiogram.methods import GetMe, GetWebhookInfo

        me = await self._api.call(GetMe())
        info = await self._api.call(GetWebhookInfo())
        waiting = f"{info.pending_update_count} updates wait"
        if self.polled:
            return f"@{me.username} answers; polling; {waiting}"
        if not info.url:
            raise AccountTrouble(f"@{me.username} answers, but no webhook is set: `run` sets it")
        return f"@{me.username} answers; webhook; {waiting}"

    async def close(self) -> None:
        """Release the connections."""
        await self._api.close()


def _update_id(update: Any) -> int | None:
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) and abs(number) < 2**62 else None


def _cursor(numbers: list[int]) -> dict[str, Any]:
    """Behind this batch, whatever was before it: a lower id after a quiet week is a new beginning."""
    return {"offset": max(numbers) + 1, "at": int(time.time())}


def _dump(update: Any) -> bytes:
    """The update as compact JSON; escaped where a lone surrogate does not encode."""
    try:
        return json.dumps(update, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(update, separators=(",", ":")).encode()
