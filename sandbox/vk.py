"""The VK API 5.199 over real HTTP: `/method/<name>`, the Bots Long Poll server, uploads and the Callback API.

From dev.vk.com: API errors stand inside a 200; messages.send with random_id; Bots Long Poll (failed 1, 2, 3);
Callback API (confirmation, secret, `ok`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Literal

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.delivery import Courier, Delivery
from sandbox.faults import Fault
from sandbox.server import Call, Written
from sandbox.vk_messages import Refusal, VkMessages, integer


class VkStandIn(VkMessages):
    """VK with one community.

    Scripting: `faults` (by method name, `code=` for an API error; `a_check` for the long poll; `files`, `upload`),
    `revoke()`/`restore()`, `deny()`, `private`, `closed`, `outage()`, `expire_key()` (failed 2),
    `lose_session()` (failed 3), `lose_history()` (failed 1), `ts_as`, `per_second` (error 6; 0: no limit).
    Record: `written`, `sent`, `swallowed` (dropped for a random_id seen before), `calls`, `callback.log`.
    """

    def __init__(
        self, *, token: str = "vk1.a.standin", group_id: int = 200001, name: str = "Приёмная", per_second: int = 20,
        ts_as: Literal["string", "number", "mixed"] = "string", long_poll: bool = True, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(group_id=group_id, **options)
        self.token, self.name, self.per_second, self.ts_as, self.long_poll = token, name, per_second, ts_as, long_poll
        self.revoked = False
        self.keys: set[str] = set()
        self.lost_keys: set[str] = set()
        self.callback = Courier(self, first=1.0, longest=3600.0, give_up=86400.0)
        self.callback_url = self.callback_secret = ""
        self.confirmation = "a1b2c3d4"
        self._ts_answers = 0

    def revoke(self) -> None:
        self.revoked = True

    def restore(self) -> None:
        self.revoked = False

    # ---- HTTP ---------------------------------------------------------------------------------------------

    def app(self) -> ASGIApp:
        return Starlette(
            routes=[
                Route("/method/{method}", self._api, methods=["GET", "POST"]),
                Route("/longpoll/{group}", self._long_poll, methods=["GET", "POST"]),
                Route("/upload/{kind}", self._upload, methods=["POST"]),
                Route("/files/{name}", self._download, methods=["GET"]),
            ]
        )

    def background(self) -> list[Coroutine[Any, Any, None]]:
        return [self.callback.run()]

    def fault_response(self, fault: Fault) -> Response:
        if fault.code is None:
            return Response(b"", fault.status or 500, dict(fault.headers))
        captcha = {"captcha_sid": "239633676097", "captcha_img": f"{self.url}/captcha"} if fault.code == 14 else {}
        return JSONResponse({"error": Refusal(fault.code, fault.description, **captcha).error})

    async def _api(self, request: Request) -> Response:
        method = request.path_params["method"]

        async def act(call: Call) -> Response:
            if not call.params.get("access_token"):  # also as a bearer, as the documentation allows
                call.params["access_token"] = request.headers.get("authorization", "").removeprefix("Bearer ")
            token = call.params.pop("access_token")
            try:
                with self.lock:
                    self._authorise(token, call)
                    act = self._methods().get(method)
                    if act is None:
                        raise Refusal(3)
                    return JSONResponse({"response": act(call.params)})
            except Refusal as refusal:
                asked = [{"key": "method", "value": method}, {"key": "oauth", "value": "1"}]
                asked += [{"key": name, "value": str(value)} for name, value in call.params.items()]
                return JSONResponse({"error": {**refusal.error, "request_params": asked}})

        return await self.serve(request, method, act)

    def _authorise(self, token: str, call: Call) -> None:
        if token != self.token or self.revoked:
            raise Refusal(5)
        if not call.params.get("v"):
            raise Refusal(8, "v is required")
        if self.per_second:
            lately = [each for each in self.calls[-2 * self.per_second :] if "." in each.method]
            if sum(call.at - each.at < 1 for each in lately if each is not call) >= self.per_second:
                raise Refusal(6)

    def _methods(self) -> Mapping[str, Callable[[dict[str, Any]], Any]]:
        return {
            "groups.getById": self._group, "groups.getLongPollServer": self._server_of_events,
            "groups.getLongPollSettings": self._settings, "groups.setLongPollSettings": self._set_settings,
            "groups.getCallbackConfirmationCode": lambda _: {"code": self.confirmation},
            "messages.send": self.send, "messages.getConversations": self.get_conversations,
            "messages.getHistory": self.get_history, "messages.getById": self.get_by_id,
            "messages.getByConversationMessageId": self.get_by_conversation_message_id,
            "messages.markAsRead": lambda _: 1, "messages.setActivity": lambda _: 1,
            "messages.sendMessageEventAnswer": lambda _: 1,
            "users.get": self.get_users, "docs.getMessagesUploadServer": self.upload_server("doc"),
            "photos.getMessagesUploadServer": self.upload_server("photo"), "docs.save": self.save_doc,
            "photos.saveMessagesPhoto": self.save_photo,
        }  # fmt: skip

    # ---- the community and its events ---------------------------------------------------------------------

    def _group(self, params: dict[str, Any]) -> Any:
        group = {"id": self.group_id, "name": self.name, "screen_name": f"club{self.group_id}", "is_closed": 0}
        return {"groups": [{**group, "type": "group"}], "profiles": []}

    def _own(self, params: dict[str, Any]) -> None:
        if str(params.get("group_id", "")) != str(self.group_id):
            raise Refusal(100 if not params.get("group_id") else 15, "group_id")

    def _server_of_events(self, params: dict[str, Any]) -> Any:
        self._own(params)
        if not self.long_poll:
            raise Refusal(100, "longpoll for this group is not enabled")
        key = f"{self.random.getrandbits(80):020x}"
        self.keys.add(key)
        return {"key": key, "server": f"{self.url}/longpoll/{self.group_id}", "ts": self._ts(self.ts)}

    def _ts(self, value: int) -> str | int:
        self._ts_answers += 1
        number = self.ts_as == "number" or (self.ts_as == "mixed" and self._ts_answers % 2 == 0)
        return value if number else str(value)

    def _settings(self, params: dict[str, Any]) -> Any:
        self._own(params)
        kinds = ("message_new", "message_reply", "message_edit", "message_allow", "message_deny", "message_event")
        events = {kind: int(kind in self.listening) for kind in {*kinds, *self.listening}}
        return {"api_version": "5.199", "is_enabled": self.long_poll, "events": events}

    def _set_settings(self, params: dict[str, Any]) -> Any:
        self._own(params)
        if "enabled" in params:
            self.long_poll = str(params["enabled"]) in ("1", "true", "True")
        for name, value in params.items():
            if name not in ("enabled", "group_id", "api_version", "v"):
                (self.listening.add if str(value) in ("1", "true", "True") else self.listening.discard)(name)
        return 1

    def expire_key(self) -> None:
        """The session's key ends: `failed: 2`."""
        self.keys.clear()
        self.wake()

    def lose_session(self) -> None:
        """The server has lost key and ts: `failed: 3`. Events not yet fetched are gone."""
        with self.lock:
            self.lost_keys |= self.keys
            self.keys.clear()
            self.lose_history()

    def lose_history(self) -> None:
        """Events that were not fetched are gone: an older ts gets `failed: 1` with a new one."""
        with self.lock:
            for made in self.events:
                if made.confirmed_at is None:
                    made.withheld = "history lost"
            self.events.clear()
            self.ts += 100
            self.first_ts = self.ts
        self.wake()

    async def _long_poll(self, request: Request) -> Response:
        async def act(call: Call) -> Response:
            if str(self.group_id) != request.path_params["group"] or call.params.get("act") != "a_check":
                return JSONResponse({"failed": 4})
            key, ts = str(call.params.get("key", "")), str(call.params.get("ts", ""))
            wait = min(max(integer(call.params.get("wait"), 25), 0), 90)

            def over() -> bool:
                at = int(ts) if ts.isdigit() else -1
                return key not in self.keys or not self.first_ts <= at <= self.ts or self.ts > at

            with self.lock:
                self._confirm_before(key, ts)  # asking does it, not the answer
            await self.until(over, wait)
            with self.lock:
                return JSONResponse(self._events_after(key, ts, call))

        return await self.serve(request, "a_check", act)

    def _events_after(self, key: str, ts: str, call: Call) -> dict[str, Any]:
        if key not in self.keys:
            return {"failed": 3 if key in self.lost_keys else 2}
        if not self._is_kept(ts):
            return {"failed": 1, "ts": self._ts(self.ts)}
        fresh = self.events[self._place(ts) :]
        for made in fresh if not call.gone else ():
            made.deliveries.append(self.now())
        return {"ts": self._ts(self.ts), "updates": [made.payload for made in fresh]}

    def _is_kept(self, ts: str) -> bool:
        return ts.isdigit() and self.first_ts <= int(ts) <= self.ts

    def _place(self, ts: str) -> int:
        """How many of the kept events come before this moment."""
        return max(0, int(ts) - (self.ts - len(self.events)))

    def _confirm_before(self, key: str, ts: str) -> None:
        if key in self.keys and self._is_kept(ts):
            for made in self.events[: self._place(ts)]:
                made.confirmed_at = made.confirmed_at or self.now()

    # ---- files ---------------------------------------------------------------------------------------------

    async def _upload(self, request: Request) -> Response:
        async def act(call: Call) -> Response:
            kind = request.path_params["kind"]
            upload = next(iter(call.files.values()), None)  # `file`, `photo`, `file0`: the real one takes any
            if upload is None or not upload.content:
                return JSONResponse({"error": "no_file"})
            with self.lock:
                ticket = f"{self.group_id}|0|{len(self.uploads)}"
                self.uploads[ticket] = upload
            if kind == "doc":
                return JSONResponse({"file": ticket})
            return JSONResponse({"server": 857, "photo": json.dumps([{"photo": ticket}]), "hash": "deadbeef"})

        return await self.serve(request, "upload", act)

    async def _download(self, request: Request) -> Response:
        async def act(_: Call) -> Response:
            content = self.files.get(request.path_params["name"])
            return Response(status_code=404) if content is None else Response(content)

        return await self.serve(request, "files", act)

    # ---- Callback API -------------------------------------------------------------------------------------

    def callback_to(self, url: str, *, secret: str = "", confirmation: str = "") -> bool:
        """Point the Callback API at a server: True when it answered with the confirmation string."""
        self.confirmation = confirmation or self.confirmation
        body = {"type": "confirmation", "group_id": self.group_id, "event_id": "0" * 40, "v": "5.199"}
        try:
            answer = httpx.post(url, json={**body, **({"secret": secret} if secret else {})}, trust_env=False)
        except httpx.TransportError:  # nobody listens yet
            return False
        if answer.status_code != 200 or answer.text.strip() != self.confirmation:
            return False
        self.callback_url, self.callback_secret = url, secret
        return True

    def dispatch(self, made: Written) -> None:
        if self.callback_url:
            self.redeliver(made)
        else:
            super().dispatch(made)

    def redeliver(self, made: Written) -> Delivery:
        """Send the event (again): the same body, the same event_id."""
        secret = {"secret": self.callback_secret} if self.callback_secret else {}
        body = json.dumps({**made.payload, **secret}, ensure_ascii=False).encode()

        def accepted(status: int, answer: bytes) -> bool:
            if status:
                made.deliveries.append(self.now())
            if status != 200 or answer.strip() != b"ok":
                return False
            made.confirmed_at = made.confirmed_at or self.now()
            return True

        headers = {"Content-Type": "application/json"}
        return self.callback.add(Delivery(self.callback_url, body, headers, (made.conversation,), accepted))
