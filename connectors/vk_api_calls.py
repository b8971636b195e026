"""The VK API through vk_api, as transport only: its long poll moves `ts` before an event is read.

vk_api is synchronous, sets no timeout and holds its lock through a request: each instance has a session with timeouts
of its own, and receiving and sending have an instance each. Every call raises `Transient`, `Final` or `AccountTrouble`;
the library's own exceptions hold the token, and none of their texts leaves this module.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from connectors.base import AccountTrouble, Away, ConnectorError, Final, Transient

if TYPE_CHECKING:
    from connectors.vk import Settings

API_VERSION = "5.199"
LIBRARY_URL = "https://api.vk.ru"  # hard-coded in vk_api; an adapter on it leads elsewhere
CONNECT_SECONDS, READ_SECONDS = 5.0, 12.0
CALL_SECONDS = 40.0  # the whole of a call: an answer that trickles is never late by the time between two bytes
CALL_PAUSE = 0.1  # a community may call 20 times a second; two instances share that
CAPTCHA_SECONDS = 300.0

_LATER = {1: None, 6: 1.0, 9: 30.0, 10: 2.0, 29: 3600.0, 14: CAPTCHA_SECONDS, 603: 60.0}
_LATER_WORDS = {
    1: "an error of its own", 6: "too many calls in a second", 9: "flood control", 10: "an error of its own",
    14: "a captcha: it ends when less is sent", 29: "the day's quota of calls is used up", 603: "busy",
}  # fmt: skip
_ACCOUNT = {
    4: "the token is not valid",
    5: "the token is not valid: make a new one in the community's settings and set it",
    17: "the token's owner has to confirm it in a browser",
    27: "the token is not valid for a community: make one in the community's settings",
    28: "the token is not valid for an application",
    203: "the token has no access to this community: check group_id",
}
_NEVER = {
    7: "not allowed to write to this citizen",
    15: "access denied",
    18: "the citizen's page is deleted or banned",
    113: "there is no such citizen",
    900: "the citizen is on the community's black list",
    901: "the citizen does not allow messages",
    902: "the citizen's privacy settings do not allow messages",
    911: "the keyboard is refused",
    912: "the community's bot features are switched off",
    914: "the message is too long",
    917: "the community is not in this chat any more",
    921: "the message cannot be answered",
    925: "the community may not write in this chat",
    936: "there is no such contact",
    940: "too many posts in one message",
    943: "an intent is missing",
    945: "the chat is switched off",
    946: "the chat is not supported",
    962: "the community may not write in this chat",
    983: "the community may not write in this chat",
}


class Refused(Final):
    """An error of the API by its code."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.code = code


def error_of(code: int) -> ConnectorError:
    """What an `error_code` means."""
    if code in _LATER:
        return Transient(f"VK: {_LATER_WORDS[code]} ({code})", _LATER[code])
    if code in _ACCOUNT:
        return AccountTrouble(f"VK: {_ACCOUNT[code]} ({code})")
    return Refused(f"VK: {_NEVER.get(code, 'the request is refused')} ({code})", code)


class Calls:
    """Calls of API methods, one after another. Opens nothing before it is used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._api: Any = None  # vk_api has no types
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vk")
        self._turn = asyncio.Lock()  # a call's time begins when it is its turn

    async def call(self, method: str, **values: Any) -> Any:
        """The `response` of a method."""
        async with self._turn:
            try:
                async with asyncio.timeout(CALL_SECONDS):
                    return await asyncio.get_running_loop().run_in_executor(self._thread, self._call, method, values)
            except TimeoutError:
                # Its thread stays with it until it ends; those that come after it have another.
                self._thread.shutdown(wait=False)
                self._thread, self._api = ThreadPoolExecutor(1, thread_name_prefix="vk"), None
                raise Away("VK does not answer in time") from None

    def _call(self, method: str, values: dict[str, Any]) -> Any:
        import requests
        from vk_api.exceptions import ApiError, ApiHttpError, VkApiError

        try:
            return self._opened().method(method, {name: value for name, value in values.items() if value is not None})
        except ApiError as error:
            raise error_of(int(error.code)) from None
        except ApiHttpError as error:
            status = getattr(error.response, "status_code", 0)
            raise Transient(f"VK does not answer as it should ({status})") from None
        except requests.RequestException as error:
            raise Away(f"VK cannot be reached: {type(error).__name__}") from None
        except (VkApiError, OSError, ValueError, KeyError, TypeError) as error:
            raise Transient(f"VK answers what cannot be read: {type(error).__name__}") from None

    def _opened(self) -> Any:
        if self._api is None:
            import requests
            from jconfig.memory import MemoryConfig  # type: ignore[import-untyped]
            from vk_api import vk_api as library

            session = requests.Session()
            session.trust_env = False
            session.mount("https://", _adapter(None))
            session.mount(LIBRARY_URL, _adapter(self._settings.api_url))
            token = self._settings.token.get_secret_value()
            make: Any = library.VkApi
            api = make(token=token, session=session, config=MemoryConfig, api_version=API_VERSION)
            api.RPS_DELAY = CALL_PAUSE
            api.error_handlers = {}  # they sleep and try again inside the lock, for ever
            self._api = api
        return self._api

    def close(self) -> None:
        """Release the connection; a call that is under way ends by its own timeout."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._api is not None:
            self._api.http.close()


def _adapter(url: str | None) -> Any:
    """Sets timeouts on every request, and leads those for the library's host to `url`."""
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def send(self, request: Any, *args: Any, **options: Any) -> Any:
            options["timeout"] = (CONNECT_SECONDS, READ_SECONDS)
            if url is not None and request.url.startswith(LIBRARY_URL):
                request.url = url.rstrip("/") + request.url.removeprefix(LIBRARY_URL)
            return super().send(request, *args, **options)

    return Adapter()
