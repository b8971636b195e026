"""The Bot API over real HTTP: `/bot<token>/<method>` and `/file/bot<token>/<path>`.

From core.telegram.org/bots/api (getting updates, making requests, sendMessage, getFile) and, for what the page
does not say, the behaviour of the public server: the older of two polls gets the 409; an offset far above the
last update counts as no offset; a repeated offset is answered slowly.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.delivery import Courier, Delivery
from sandbox.faults import Fault
from sandbox.server import Call, Sent, Upload, Written
from sandbox.telegram_forms import Refusal, flag, integer, language, markup_of, parsed, refused, units
from sandbox.telegram_people import FILE_LIMIT, LINK_AGE, TelegramPeople

LONGEST_POLL = 50  # seconds; more is taken as this
FUTURE = 10  # an offset further above the last update counts as none
TEXT_LIMIT, CAPTION_LIMIT = 4096, 1024  # UTF-16 code units
CHANNEL_KINDS = {"sendDocument": "document", "sendPhoto": "photo"}

Act = Callable[[Call], Awaitable[Any]]


class TelegramStandIn(TelegramPeople):
    """Telegram with one bot.

    Scripting: `faults` (by method name; `file` for downloads), `revoke()`/`restore()`, `block()`, `quiet_week()`,
    `advance()`, `slow_repeats` (the same offset within 3 s waits), `chat_pause` and `second_limit` (429 when
    a chat, or the bot, is written to more often). Record: `written`, `sent`, `calls`, `unconfirmed()`, `conflicts`.
    """

    def __init__(
        self, *, token: str = "7000000001:AAstandinstandinstandinstandinstandi", username: str = "priemnaya_bot",
        slow_repeats: bool = False, chat_pause: float = 0.0, second_limit: int = 0, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(bot_id=int(token.partition(":")[0]), username=username, **options)
        self.token = token
        self.revoked = False
        self.slow_repeats, self.chat_pause, self.second_limit = slow_repeats, chat_pause, second_limit
        self.conflicts = 0
        self.commands: dict[str, list[dict[str, Any]]] = {}
        self.webhook: dict[str, Any] = {"url": ""}
        self.courier = Courier(self, first=1.0, longest=60.0, give_up=86400.0)
        self._poll: object | None = None  # the long poll that waits
        self._conflict_reason = ""
        self._last_poll: tuple[int, float] = (0, 0.0)
        self._last_sent: dict[str, float] = {}

    def revoke(self) -> None:
        """The administrator has revoked the token at BotFather: 401 from now on."""
        self.revoked = True
        self.wake()

    def restore(self) -> None:
        self.revoked = False

    # ---- HTTP ---------------------------------------------------------------------------------------------

    def app(self) -> ASGIApp:
        return Starlette(
            routes=[
                Route("/bot{token}/{method}", self._api, methods=["GET", "POST"]),
                Route("/file/bot{token}/{path:path}", self._file, methods=["GET"]),
            ]
        )

    def background(self) -> list[Coroutine[Any, Any, None]]:
        return [self.courier.run()]

    def fault_response(self, fault: Fault) -> Response:
        code = fault.code or fault.status or 500
        usual = {429: "Too Many Requests: retry after", 401: "Unauthorized", 500: "Internal Server Error"}
        parameters = {"retry_after": fault.retry_after} if fault.retry_after is not None else {}
        if code == 429 and not parameters:
            parameters = {"retry_after": 1}
        description = fault.description or usual.get(code, "Bad Request")
        if code == 429 and not fault.description:
            description = f"{description} {parameters['retry_after']}"
        return refused(Refusal(code, description, **parameters), fault.headers)

    async def _api(self, request: Request) -> Response:
        method = request.path_params["method"]
        acts = {name.lower(): name for name in self._methods()}
        name = acts.get(method.lower(), method)  # method names are case-insensitive

        async def act(call: Call) -> Response:
            try:
                self._authorise(request.path_params["token"])
                if name not in self._methods():
                    raise Refusal(404, "Not Found")
                return JSONResponse({"ok": True, "result": await self._methods()[name](call)})
            except Refusal as refusal:
                return refused(refusal)

        return await self.serve(request, name, act)

    def _authorise(self, token: str) -> None:
        if not re.fullmatch(r"\d+:[\w-]{20,}", token):
            raise Refusal(404, "Not Found")
        if token != self.token or self.revoked:
            raise Refusal(401, "Unauthorized")

    async def _file(self, request: Request) -> Response:
        async def act(_: Call) -> Response:
            try:
                self._authorise(request.path_params["token"])
            except Refusal as refusal:
                return refused(refusal)
            for stored in tuple(self.files.values()):
                fresh = stored.linked_at is not None and self.now() - stored.linked_at < LINK_AGE
                if fresh and stored.path == request.path_params["path"]:
                    return Response(stored.content, media_type="application/octet-stream")
            return refused(Refusal(404, "Not Found"))

        return await self.serve(request, "file", act)

    def _methods(self) -> Mapping[str, Act]:
        return {
            "getMe": self._get_me, "getUpdates": self._get_updates, "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook, "getWebhookInfo": self._webhook_info,
            "sendMessage": self._send_message, "sendDocument": self._send_file, "sendPhoto": self._send_file,
            "answerCallbackQuery": self._answer_callback, "setMyCommands": self._set_commands,
            "getMyCommands": self._get_commands, "deleteMyCommands": self._delete_commands, "getFile": self._get_file,
            "sendChatAction": self._chat_action,
        }  # fmt: skip

    # ---- receiving ----------------------------------------------------------------------------------------

    async def _get_me(self, _: Call) -> Any:
        more = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
        return {**self.me, **more}

    async def _get_updates(self, call: Call) -> Any:
        if self.webhook["url"]:
            text = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            self.conflicts += 1
            raise Refusal(409, f"Conflict: {text}")
        offset = integer(call.params, "offset", 0)
        limit = integer(call.params, "limit", 100)
        limit = limit if 1 <= limit <= 100 else 100
        timeout = float(min(max(integer(call.params, "timeout", 0), 0), LONGEST_POLL))
        self._remember_allowed(call.params)
        self._end_poll("terminated by other getUpdates request; make sure that only one bot instance is running")
        before, self._last_poll = self._last_poll, (offset, self.now())
        if self.slow_repeats and before[0] == offset and self.now() - before[1] < 3:
            await asyncio.sleep(3 * self.time_factor)
        mine = object()
        self._poll = mine
        with self.lock:
            offset = self._confirm(offset)
        await self.until(lambda: self._poll is not mine or self.revoked or self._waiting(offset), timeout)
        if self._poll is not mine:
            self.conflicts += not call.gone
            raise Refusal(409, f"Conflict: {self._conflict_reason}")
        self._poll = None
        self._authorise(self.token)
        with self.lock:
            self.expire()
            batch = [made for made in self.queue if int(made.key) >= offset][:limit]
            for made in batch if not call.gone else ():
                made.deliveries.append(self.now())
            return [made.payload for made in batch]

    def _waiting(self, offset: int) -> bool:
        with self.lock:
            return any(int(made.key) >= offset for made in self.queue)

    def _end_poll(self, reason: str) -> None:
        if self._poll is not None:
            self._conflict_reason = reason
            self._poll = None
            self.wake()

    def _confirm(self, offset: int) -> int:
        """Forget everything before the offset; returns the first update_id to give out."""
        self.expire()
        if offset < 0:  # that many from the end of the queue; what is before them is forgotten
            kept = self.queue[offset:]
            offset = int(kept[0].key) if kept else 0
        elif offset > self.next_update_id + FUTURE:
            return 0
        for made in self.queue:
            if int(made.key) < offset:
                made.confirmed_at = self.now()
        self.queue[:] = [made for made in self.queue if made.confirmed_at is None]
        return offset

    def _remember_allowed(self, params: Mapping[str, Any]) -> None:
        """An absent list leaves the setting of before; an empty one is the default."""
        kinds = parsed(params.get("allowed_updates"))
        if isinstance(kinds, list):
            self.allowed = frozenset(map(str, kinds)) or None

    # ---- webhook ------------------------------------------------------------------------------------------

    async def _set_webhook(self, call: Call) -> Any:
        secret = str(call.params.get("secret_token", ""))
        if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise Refusal(400, "Bad Request: secret token contains unallowed characters")
        url = str(call.params.get("url", ""))
        if url and not re.match(r"https?://[^/]", url):  # the real one takes https only
            raise Refusal(400, "Bad Request: bad webhook: invalid URL")
        self._remember_allowed(call.params)
        self._end_poll("terminated by setWebhook request")
        parallel = integer(call.params, "max_connections", 40)
        if flag(call.params, "drop_pending_updates"):
            with self.lock:
                self._confirm(self.next_update_id)
        self.courier.clear()
        self.courier.parallel = parallel if 1 <= parallel <= 100 else 40
        self.webhook = {"url": url, "secret": secret}
        with self.lock:
            for made in self.queue:
                self._post_update(made)
        return True

    async def _delete_webhook(self, call: Call) -> Any:
        call.params.pop("url", None)
        return await self._set_webhook(call)

    async def _webhook_info(self, _: Call) -> Any:
        info: dict[str, Any] = {"url": self.webhook["url"], "has_custom_certificate": False}
        info["pending_update_count"] = len(self.queue)
        info.update({name: value for name, value in self.webhook.items() if name.startswith("last_error_")})
        if self.webhook["url"]:
            info["max_connections"] = self.courier.parallel
        if self.allowed is not None:
            info["allowed_updates"] = sorted(self.allowed)
        return info

    def push(self, kind: str, body: Any, *, native_id: str = "", conversation: str = "") -> Written:
        with self.lock:
            made = super().push(kind, body, native_id=native_id, conversation=conversation)
            if self.webhook["url"] and made.withheld is None:
                self._post_update(made)
        return made

    def redeliver(self, made: Written) -> Delivery:
        """Post an update once more, as happens when the answer to the first was lost."""
        return self._post_update(made)

    def _post_update(self, made: Written) -> Delivery:
        headers = {"Content-Type": "application/json"}
        if self.webhook["secret"]:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self.webhook["secret"]

        def accepted(status: int, _: bytes) -> bool:
            if status:
                made.deliveries.append(self.now())
            if 200 <= status < 300:
                made.confirmed_at = made.confirmed_at or self.now()
                self.queue[:] = [each for each in self.queue if each is not made]
                return True
            self.webhook["last_error_date"] = int(self.now())
            wrong = f"Wrong response from the webhook: {status}" if status else "Connection timed out"
            self.webhook["last_error_message"] = wrong
            return self.now() - made.at > 86400  # the update has expired: no more attempts

        body = json.dumps(made.payload, ensure_ascii=False).encode()
        return self.courier.add(Delivery(self.webhook["url"], body, headers, (made.conversation,), accepted))

    # ---- sending ------------------------------------------------------------------------------------------

    def _chat(self, params: Mapping[str, Any]) -> int:
        wanted = params.get("chat_id", "")
        if wanted in ("", None):
            raise Refusal(400, "Bad Request: chat_id is empty")
        try:
            chat_id = int(wanted)
        except (TypeError, ValueError):
            raise Refusal(400, "Bad Request: chat not found") from None
        if chat_id in self.migrated:
            to = self.migrated[chat_id]
            raise Refusal(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=to)
        if chat_id not in self.chats:
            raise Refusal(400, "Bad Request: chat not found")
        if chat_id in self.blocked:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        return chat_id

    def _limit_rate(self, chat_id: int) -> None:
        now, chat = self.now(), str(chat_id)
        left = self._last_sent.get(chat, 0.0) + self.chat_pause - now
        lately = sum(now - sent.at < 1 for sent in self.sent[-self.second_limit :]) if self.second_limit else 0
        if left > 0 or (self.second_limit and lately >= self.second_limit):
            wait = max(1, int(left) + 1)
            raise Refusal(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        self._last_sent[chat] = now

    def _replied(self, chat_id: int, params: Mapping[str, Any]) -> dict[str, Any] | None:
        reply = parsed(params.get("reply_parameters")) or {}
        if not isinstance(reply, dict):
            raise Refusal(400, "Bad Request: can't parse reply parameters JSON object")
        wanted = reply.get("message_id", params.get("reply_to_message_id"))
        if wanted is None:
            return None
        found = self.messages.get((chat_id, int(wanted)))
        if found is None and not reply.get("allow_sending_without_reply"):
            raise Refusal(400, "Bad Request: message to be replied not found")
        return found

    async def _send_message(self, call: Call) -> Any:
        with self.lock:
            chat_id = self._chat(call.params)
            text = str(call.params.get("text", "")).strip()
            if not text:
                raise Refusal(400, "Bad Request: message text is empty")
            if units(text) > TEXT_LIMIT:
                raise Refusal(400, "Bad Request: message is too long")
            return self._deliver(chat_id, call, text, {"text": text}, ())

    async def _send_file(self, call: Call) -> Any:
        kind = CHANNEL_KINDS[call.method]
        with self.lock:
            chat_id = self._chat(call.params)
            upload = self._attached(call, kind)
            caption = str(call.params.get("caption", ""))
            if units(caption) > CAPTION_LIMIT:
                raise Refusal(400, "Bad Request: message caption is too long")
            stored = self.file(upload.content, upload.name, upload.media_type)
            body: Any = self.file_object(stored, file_name=upload.name, mime_type=upload.media_type)
            if kind == "photo":
                body = [self.file_object(stored, width=640, height=480)]
            return self._deliver(chat_id, call, caption, {kind: body, "caption": caption or None}, (upload,))

    def _attached(self, call: Call, kind: str) -> Upload:
        """A file of this request, or one that the platform has."""
        named = str(call.params.get(kind, ""))
        upload = call.files.get(named.removeprefix("attach://")) if named else call.files.get(kind)
        if upload is None and named in self.files:
            stored = self.files[named]
            upload = Upload(stored.name, stored.media_type, stored.content)
        if upload is None:
            raise Refusal(400, f"Bad Request: there is no {kind} in the request")
        if not upload.content:
            raise Refusal(400, "Bad Request: file must be non-empty")
        return upload

    def _deliver(
        self, chat_id: int, call: Call, text: str, content: dict[str, Any], files: tuple[Upload, ...]
    ) -> dict[str, Any]:
        replied = self._replied(chat_id, call.params)
        markup = markup_of(call.params)
        self._limit_rate(chat_id)
        shown = markup if markup is not None and "inline_keyboard" in markup else None
        message = self.compose(chat_id, self.me, **content, reply_to_message=replied, reply_markup=shown)
        native = f"{chat_id}:{message['message_id']}"
        params = {**call.params, **({"reply_markup": markup} if markup is not None else {})}
        self.sent.append(Sent(str(chat_id), text, native, self.now(), params, files))
        self.wake()
        return message

    async def _chat_action(self, call: Call) -> Any:
        with self.lock:
            self._chat(call.params)
        return True

    async def _answer_callback(self, call: Call) -> Any:
        with self.lock:
            if call.params.get("callback_query_id") not in self.callbacks:
                text = "query is too old and response timeout expired or query ID is invalid"
                raise Refusal(400, f"Bad Request: {text}")
            self.callbacks.discard(call.params["callback_query_id"])
        return True

    async def _set_commands(self, call: Call) -> Any:
        commands = parsed(call.params.get("commands"))
        if not isinstance(commands, list) or len(commands) > 100:
            raise Refusal(400, "Bad Request: can't parse commands list")
        for each in commands:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", str(each.get("command", "")).removeprefix("/")):
                raise Refusal(400, "Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(str(each.get("description", ""))) <= 256:
                raise Refusal(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands[language(call)] = commands
        return True

    async def _get_commands(self, call: Call) -> Any:
        return self.commands.get(language(call), [])

    async def _delete_commands(self, call: Call) -> Any:
        self.commands.pop(language(call), None)
        return True

    async def _get_file(self, call: Call) -> Any:
        with self.lock:
            stored = self.files.get(str(call.params.get("file_id", "")))
            if stored is None:
                raise Refusal(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
            if stored.size > FILE_LIMIT:
                raise Refusal(400, "Bad Request: file is too big")
            if stored.linked_at is None or self.now() - stored.linked_at >= LINK_AGE:
                stored.linked_at = self.now()
                self._serial += 1
                ending = stored.name.rpartition(".")[2] if "." in stored.name else "bin"
                stored.path = f"documents/file_{self._serial}.{ending}"
            return {**self.file_object(stored), "file_path": stored.path}
