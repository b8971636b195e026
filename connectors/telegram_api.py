"""The Bot API through aiogram, as transport and types only: its dispatcher confirms updates before they are handled.

Every call raises `Transient`, `Final` or `AccountTrouble`. aiogram's own exceptions hold the address, and so the token:
none of their texts leaves this module.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from functools import cache
from typing import TYPE_CHECKING, Any

from connectors.base import AccountTrouble, Away, ConnectorError, Final, Transient

if TYPE_CHECKING:
    from aiogram import Bot
    from aiogram.methods import TelegramMethod

    from connectors.telegram import Settings

CALL_SECONDS = 15
ANSWER_SECONDS = 10  # for updates to come whole, beyond the waiting for them
UPLOAD_SECONDS = 50
FETCH_SECONDS = 110.0
REVOKED = "Telegram refuses the token (401): get it anew from @BotFather and set it"
_LONGEST_INTEGER = 4000  # digits; Python converts no more than 4,300
_UPDATE_ID = re.compile(r'"update_id"\s*:\s*(-?\d{1,18})\b')


class Migrated(Exception):
    """The group has become a supergroup: its id is now `chat_id`."""

    def __init__(self, chat_id: int) -> None:
        super().__init__("the group has a new id")
        self.chat_id = chat_id


class Undecodable(Transient):
    """A successful answer that is no JSON to us. `body` is it, as it came."""

    def __init__(self, body: str) -> None:
        super().__init__("Telegram answers what is no JSON")
        self.body = body

    def update_id(self) -> int | None:
        """The id of the only update in the body."""
        found = _UPDATE_ID.search(self.body)
        return int(found[1]) if found else None


def _loads(text: str) -> Any:
    """JSON, where an integer too long for Python stays a string: it must not spoil the updates beside it."""
    return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= _LONGEST_INTEGER else digits)


def _whole(text: str) -> bool:
    """Whether this is an answer with updates from its beginning to its end: what is cut comes again, for the asking."""
    return text.lstrip().startswith('{"ok":true') and text.rstrip().endswith("]}")


class Api:
    """One bot. Opens nothing before it is used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bot: Bot | None = None

    def _opened(self) -> Bot:
        if self._bot is None:
            from aiogram import Bot
            from aiogram.client.session.aiohttp import AiohttpSession
            from aiogram.client.telegram import TelegramAPIServer

            proxy = self._settings.proxy_url.get_secret_value() if self._settings.proxy_url else None
            server = TelegramAPIServer.from_base(self._settings.api_url)
            session = AiohttpSession(proxy=proxy, api=server, json_loads=_loads)
            self._bot = Bot(self._settings.token.get_secret_value(), session=session)
        return self._bot

    async def call(self, method: TelegramMethod[Any], seconds: int = CALL_SECONDS) -> Any:
        """One request. Raises `Migrated` besides."""
        from aiogram import exceptions as telegram

        try:
            return await self._opened()(method, request_timeout=seconds)
        except telegram.TelegramRetryAfter as error:
            raise Transient("Telegram asks to wait (429)", float(error.retry_after)) from None
        except telegram.TelegramMigrateToChat as error:
            raise Migrated(error.migrate_to_chat_id) from None
        except telegram.TelegramUnauthorizedError:
            raise AccountTrouble(REVOKED) from None
        except telegram.TelegramConflictError as error:
            raise AccountTrouble(_conflict(error.message)) from None
        except telegram.TelegramForbiddenError:
            raise Final("the citizen has blocked the bot, or it was removed from the group (403)") from None
        except telegram.TelegramEntityTooLarge:
            raise Final("too large for Telegram (413)") from None
        except telegram.TelegramNotFound:
            raise AccountTrouble("Telegram knows no such bot or method (404): check token and api_url") from None
        except telegram.TelegramBadRequest as error:
            raise _bad_request(error.message) from None
        except telegram.ClientDecodeError as error:
            if isinstance(error.data, str) and _whole(error.data):
                raise Undecodable(error.data) from None
            raise Transient("Telegram answers what is no JSON (a gateway, a proxy)") from None
        except telegram.TelegramServerError:
            raise Transient("Telegram has an error of its own (5xx)") from None
        except telegram.TelegramNetworkError:
            raise Away("Telegram cannot be reached") from None
        except Exception as error:  # also a proxy's, which are of kinds of their own
            raise Transient(f"the call to Telegram failed: {type(error).__name__}") from None

    async def updates(self, offset: int | None, *, limit: int, seconds: int) -> list[Any]:
        """The next updates as Telegram sent them, not validated; an offset confirms everything before it."""
        from connectors.telegram import ALLOWED_UPDATES

        method = _raw_updates()(offset=offset, limit=limit, timeout=seconds, allowed_updates=list(ALLOWED_UPDATES))
        return list(await self.call(method, seconds + ANSWER_SECONDS))

    async def file(self, file_id: str, limit: int) -> AsyncIterator[bytes]:
        """A file's bytes. The token is in the address, which is always that of `api_url`; no redirect is followed."""
        import aiohttp
        from aiogram.client.session.aiohttp import AiohttpSession
        from aiogram.methods import GetFile

        described = await self.call(GetFile(file_id=file_id))
        if not described.file_path:
            raise Final("Telegram gives no path of the file")
        if described.file_size and described.file_size > limit:
            raise Final("larger than the limit")
        bot = self._opened()
        assert isinstance(bot.session, AiohttpSession)
        http = await bot.session.create_session()
        url = bot.session.api.file_url(bot.token, described.file_path)
        timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS, sock_connect=10, sock_read=30)
        size = 0
        try:
            async with http.get(url, timeout=timeout, allow_redirects=False) as response:
                if response.status == 401:
                    raise AccountTrouble(REVOKED)
                if response.status != 200:  # a link is good for an hour; the next try asks for a new one
                    raise Transient(f"the file does not come ({response.status})")
                async for piece in response.content.iter_chunked(65536):
                    size += len(piece)
                    if size > limit:
                        raise Final("larger than the limit")
                    yield piece
        except ConnectorError:
            raise
        except Exception as error:  # also a proxy's, which are of kinds of their own
            raise Transient(f"the file does not come: {type(error).__name__}") from None
        if described.file_size and size < described.file_size:
            raise Transient("the file came cut")

    async def close(self) -> None:
        """Release the connections."""
        bot, self._bot = self._bot, None
        if bot is not None:
            await bot.session.close()


@cache
def _raw_updates() -> Any:
    """`getUpdates` whose result is not validated: aiogram's own fails the whole batch for one malformed update.

    Made once: a class of pydantic's costs half a millisecond, as much as the poll, and memory until it is collected.
    """
    from aiogram.methods import TelegramMethod

    class RawUpdates(TelegramMethod[list[Any]]):
        __returning__ = list[Any]
        __api_method__ = "getUpdates"

        offset: int | None
        limit: int
        timeout: int
        allowed_updates: list[str]

    return RawUpdates


WEBHOOK_SET = "a webhook is set for this bot"


def _conflict(message: str) -> str:
    if "webhook" in message:
        return f"{WEBHOOK_SET} (409): it is being removed"
    return "another program polls with this token (409): stop it, or give this one a bot of its own"


_GONE = ("chat not found", "user is deactivated", "peer_id_invalid", "user not found", "chat_write_forbidden")


def _bad_request(message: str) -> Final | Transient:
    """What a 400 means; Telegram tells apart by words only. The words themselves can hold what a citizen wrote."""
    words = message.lower()
    if any(name in words for name in _GONE) or "not enough rights" in words or "have no rights" in words:
        return Final("the chat is gone or closed to the bot (400)")
    if "file is too big" in words:
        return Final("larger than Telegram gives to bots (20 MB)")
    if "temporarily unavailable" in words and "invalid" not in words:
        return Transient("Telegram cannot give the file now (400)")
    if "too long" in words:
        return Final("too long for Telegram (400)")
    if "query is too old" in words:
        return Final("the button was pressed too long ago (400)")
    return Final("Telegram refuses the request (400)")


async def in_time(work: Any, seconds: float) -> None:
    """Await what is worth a try and no more: neither an error nor slowness of it matters."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except (Transient, Final, AccountTrouble, Migrated, TimeoutError):
        return
