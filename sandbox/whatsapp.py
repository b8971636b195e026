"""The Graph API for one WhatsApp number over real HTTP, the media host beside it, and the sender of webhooks.

From developers.facebook.com: Cloud API messages, media, error codes, webhooks (verification, signature, retries).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Coroutine
from typing import Any, Self

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.delivery import Courier, Delivery
from sandbox.faults import Fault
from sandbox.server import Call, Sent, StandIn, Upload, Written
from sandbox.whatsapp_people import Person, Spread, WhatsAppPeople

WINDOW = 86400  # seconds after the citizen's last message in which anything but a template may be sent
LINK_AGE = 300  # seconds that a media URL is good for
MEDIA_AGE = 30 * 86400
TEXT_LIMIT, BODY_LIMIT, BUTTONS, TITLE_LIMIT = 4096, 1024, 3, 20
ERRORS = {  # code: (HTTP status, title)
    1: (500, "API Unknown"),
    2: (503, "API Service"),
    4: (429, "Application request limit reached"),
    100: (400, "Invalid parameter"),
    190: (401, "Error validating access token: Session has expired"),
    80007: (429, "Rate limit issues"),
    130429: (429, "Rate limit hit"),
    131000: (500, "Something went wrong"),
    131009: (400, "Parameter value is not valid"),
    131016: (503, "Service unavailable"),
    131026: (400, "Message undeliverable"),
    131047: (400, "Re-engagement message"),
    131056: (429, "(Business Account, Consumer Account) pair rate limit hit"),
}


class Refusal(Exception):
    """An error in Graph's form."""

    def __init__(self, code: int, details: str = "", **more: Any) -> None:
        super().__init__(code)
        self.status, title = ERRORS.get(code, (400, "Error"))
        message = title if code == 190 else f"(#{code}) {title}"
        self.error: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code, **more}
        if details:
            self.error["error_data"] = {"messaging_product": "whatsapp", "details": details}
        self.error["fbtrace_id"] = "AStandInTrace00000000"

    @property
    def response(self) -> Response:
        return JSONResponse({"error": self.error}, self.status)


class MediaHost(StandIn):
    """The other host, where media are fetched from with the same bearer. Faults by the name `media`."""

    def __init__(self, owner: WhatsAppStandIn, **options: Any) -> None:
        super().__init__(**options)
        self._owner = owner

    def app(self) -> ASGIApp:
        return Starlette(routes=[Route("/whatsapp_business/attachments/", self._get, methods=["GET"])])

    def fault_response(self, fault: Fault) -> Response:
        return Response(fault.body or b"", fault.status or 500, dict(fault.headers))

    def link(self, media_id: str) -> str:
        expires = int(self._owner.now()) + LINK_AGE
        path = f"/whatsapp_business/attachments/?mid={media_id}&ext={expires}&hash="
        return f"{self.url}{path}{self._sign(media_id, expires)}"

    def _sign(self, media_id: str, expires: int) -> str:
        return hmac.new(b"stand-in", f"{media_id}:{expires}".encode(), hashlib.sha256).hexdigest()[:20]

    async def _get(self, request: Request) -> Response:
        async def act(call: Call) -> Response:
            if not self._owner.authorised(request):
                return Response(status_code=401)
            media_id, expires = call.params.get("mid", ""), str(call.params.get("ext", "0"))
            media = self._owner.media_files.get(media_id)
            right = expires.isdigit() and call.params.get("hash") == self._sign(media_id, int(expires))
            if media is None or media.deleted or not right or int(expires) < self._owner.now():
                return Response(status_code=404)
            return Response(media.content, media_type=media.media_type)

        return await self.serve(request, "media", act)


class WhatsAppStandIn(WhatsAppPeople):
    """WhatsApp with one business number.

    Scripting: `faults` (`messages`, `node`, `upload`, with `code=130429` …), `media.faults`, `expire_token()`/
    `restore()`, `batch()`, `redeliver()`, `courier.ordered = False`, `person(hidden=True)`, `advance(86400)`.
    Record: `written`, `sent` (what reached people), `failed` (accepted, then refused), `statuses`, `calls`,
    `courier.log`.
    """

    def __init__(
        self, *, token: str = "EAAstandin", phone_number_id: str = "106540352242922", app_secret: str = "app-secret",
        verify_token: str = "verify-me", business_id: str = "102290129340398", display_phone: str = "74950000000",
        media_port: int = 0, report_statuses: bool = True, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            phone_number_id=phone_number_id, business_id=business_id, display_phone=display_phone, **options
        )
        self.token, self.app_secret, self.verify_token = token, app_secret, verify_token
        self.report_statuses = report_statuses
        self.token_expired = False
        self.failed: list[tuple[Sent, int]] = []
        self.callback_url = ""
        self.courier = Courier(self, first=1.0, longest=3600.0, give_up=7 * 86400.0)
        self.media = MediaHost(self, host=self.host, port=media_port)

    def start(self) -> Self:
        self.media.start()
        return super().start()

    def stop(self) -> None:
        super().stop()
        self.media.stop()

    @property
    def graph_url(self) -> str:
        return f"{self.url}/v25.0"

    def expire_token(self) -> None:
        """The access token has ended: 401 with code 190 from now on."""
        self.token_expired = True

    def restore(self) -> None:
        self.token_expired = False

    # ---- HTTP ---------------------------------------------------------------------------------------------

    def app(self) -> ASGIApp:
        return Starlette(
            routes=[
                Route("/{version}/{node}/messages", self._messages, methods=["POST"]),
                Route("/{version}/{node}/media", self._upload, methods=["POST"]),
                Route("/{version}/{node}", self._node, methods=["GET", "DELETE"]),
            ]
        )

    def background(self) -> list[Coroutine[Any, Any, None]]:
        return [self.courier.run()]

    def fault_response(self, fault: Fault) -> Response:
        if fault.code is None:
            return Response(b"", fault.status or 500, dict(fault.headers))
        answer = Refusal(fault.code, fault.description).response
        answer.headers.update(fault.headers)
        return answer

    def authorised(self, request: Request) -> bool:
        return not self.token_expired and request.headers.get("authorization") == f"Bearer {self.token}"

    def _authorise(self, request: Request, *, own_number: bool) -> None:
        if not re.fullmatch(r"v\d+\.\d+", request.path_params["version"]):
            raise Refusal(2500, "Unknown path components")
        if not self.authorised(request):
            raise Refusal(190, error_subcode=463)
        if own_number and request.path_params["node"] != self.phone_number_id:
            raise Refusal(100, "Object does not exist", error_subcode=33)

    async def _node(self, request: Request) -> Response:
        async def act(call: Call) -> Response:
            try:
                self._authorise(request, own_number=False)
                return JSONResponse(self._describe(request.path_params["node"], request.method == "DELETE"))
            except Refusal as refusal:
                return refusal.response

        return await self.serve(request, "node", act)

    def _describe(self, node: str, delete: bool) -> dict[str, Any]:
        if node == self.phone_number_id:
            named = {"verified_name": "Приёмная", "display_phone_number": f"+{self.display_phone}"}
            return {**named, "quality_rating": "GREEN", "code_verification_status": "VERIFIED", "id": node}
        media = self.media_files.get(node)
        if media is None or media.deleted or self.now() - media.made_at > MEDIA_AGE:
            raise Refusal(100, f"Object with ID '{node}' does not exist", error_subcode=33)
        if delete:
            media.deleted = True
            return {"success": True}
        facts = {"mime_type": media.media_type, "sha256": hashlib.sha256(media.content).hexdigest()}
        size = len(media.content)
        return {"messaging_product": "whatsapp", "url": self.media.link(node), **facts, "file_size": size, "id": node}

    async def _upload(self, request: Request) -> Response:
        async def act(call: Call) -> Response:
            try:
                self._authorise(request, own_number=True)
                upload = call.files.get("file")
                if call.params.get("messaging_product") != "whatsapp" or upload is None:
                    raise Refusal(100, "The parameters messaging_product and file are required.")
                media_type = str(call.params.get("type") or upload.media_type)
                return JSONResponse({"id": self.media_file(upload.content, media_type, upload.name).media_id})
            except Refusal as refusal:
                return refusal.response

        return await self.serve(request, "upload", act)

    # ---- sending ------------------------------------------------------------------------------------------

    async def _messages(self, request: Request) -> Response:
        async def act(call: Call) -> Response:
            try:
                self._authorise(request, own_number=True)
                if call.params.get("messaging_product") != "whatsapp":
                    raise Refusal(100, "The parameter messaging_product is required.")
                if call.params.get("status") == "read":
                    return JSONResponse({"success": True})
                with self.lock:
                    return JSONResponse(self._send(call.params))
            except Refusal as refusal:
                return refusal.response

        return await self.serve(request, "messages", act)

    def _send(self, params: dict[str, Any]) -> dict[str, Any]:
        person, contact = self._recipient(params)
        kind = str(params.get("type", "text"))
        text, files = self._content(kind, params)
        wamid = self.wamid()
        conversation = person.user_id if person else "unknown"
        sent = Sent(conversation, text, wamid, self.now(), params, files)
        code = 0
        if person is None or not person.has_whatsapp:
            code = 131026
        elif kind != "template" and (person.wrote_at is None or self.now() - person.wrote_at > WINDOW):
            code = 131047  # accepted with 200; the refusal comes as a status
        if code:
            self.failed.append((sent, code))
        else:
            self.sent.append(sent)
        self._report(wamid, person, str(params.get("to") or ""), code)
        return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": wamid}]}

    def _recipient(self, params: dict[str, Any]) -> tuple[Person | None, dict[str, Any]]:
        """By phone (`to`, which wins) or by business-scoped id (`recipient`)."""
        phone, user_id = re.sub(r"\D", "", str(params.get("to") or "")), str(params.get("recipient") or "")
        if phone:
            return self.people.get(phone), {"input": str(params["to"]), "wa_id": phone}
        if not user_id:
            raise Refusal(100, "The parameter to is required.")
        found = next((each for each in self.people.values() if each.user_id == user_id), None)
        if found is None:
            raise Refusal(131009, "Recipient is not a valid user id.")
        return found, {"input": user_id, "user_id": user_id}

    def _content(self, kind: str, params: dict[str, Any]) -> tuple[str, tuple[Upload, ...]]:
        content = params.get(kind)
        if not isinstance(content, dict):
            raise Refusal(100, f"The parameter {kind} is required.")
        if kind == "text":
            text = str(content.get("body", ""))
            if not text.strip():
                raise Refusal(100, "The parameter text['body'] is required.")
            if len(text) > TEXT_LIMIT:
                raise Refusal(100, f"Param text['body'] must be at most {TEXT_LIMIT} characters long.")
            return text, ()
        if kind in ("document", "image", "audio", "video"):
            media = self.media_files.get(str(content.get("id", "")))
            if media is None or media.deleted:
                raise Refusal(131009, "Media ID is not valid.")
            name = str(content.get("filename") or media.name)
            return str(content.get("caption", "")), (Upload(name, media.media_type, media.content),)
        if kind == "interactive":
            return self._interactive(content), ()
        return "", ()

    def _interactive(self, content: dict[str, Any]) -> str:
        text = str((content.get("body") or {}).get("text", ""))
        if not 1 <= len(text) <= BODY_LIMIT:
            raise Refusal(131009, f"Body text length invalid. Min length: 1, Max length: {BODY_LIMIT}")
        if content.get("type") == "button":
            buttons = [each.get("reply", {}) for each in (content.get("action") or {}).get("buttons", [])]
            titles = [str(each.get("title", "")) for each in buttons]
            if not 1 <= len(buttons) <= BUTTONS or len({each.get("id") for each in buttons}) != len(buttons):
                raise Refusal(131009, "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3")
            if len(set(titles)) != len(titles) or any(not 1 <= len(title) <= TITLE_LIMIT for title in titles):
                raise Refusal(131009, f"Button title length invalid. Min length: 1, Max length: {TITLE_LIMIT}")
        return text

    def _report(self, wamid: str, person: Person | None, to: str, code: int) -> None:
        """The statuses that follow: sent and delivered, or failed."""
        if not self.report_statuses:
            return
        for name in ("failed",) if code else ("sent", "delivered"):
            status: dict[str, Any] = {"id": wamid, "status": name, "timestamp": str(int(self.now()))}
            if person is not None:
                status["recipient_user_id"] = person.user_id
            if person is None or not person.hidden:
                status["recipient_id"] = re.sub(r"\D", "", to) or (person.phone if person else "")
            if code:
                title = ERRORS[code][1]
                error = {"code": code, "title": title, "message": title, "error_data": {"details": title}}
                status["errors"] = [error]
            conversation = person.user_id if person else wamid
            made = Written(f"{wamid}:{name}", wamid, conversation, "status", {"statuses": [status]}, self.now())
            self.statuses.append(made)
            self.pass_on(made, {"statuses": [status]})

    # ---- webhook ------------------------------------------------------------------------------------------

    def subscribe(self, url: str) -> bool:
        """Verify the webhook with a challenge, as saving it in the app's settings does; True when it is taken."""
        challenge = str(self.random.randrange(10**9, 10**10))
        query = {"hub.mode": "subscribe", "hub.verify_token": self.verify_token, "hub.challenge": challenge}
        try:
            answer = httpx.get(url, params=query, trust_env=False)
        except httpx.TransportError:  # nobody listens yet
            return False
        if answer.status_code != 200 or answer.text != challenge:
            return False
        self.callback_url = url
        return True

    def signature(self, body: bytes) -> str:
        return "sha256=" + hmac.new(self.app_secret.encode(), body, hashlib.sha256).hexdigest()

    def dispatch(self, held: list[tuple[Written, dict[str, Any]]], spread: Spread) -> None:
        if not self.callback_url:
            for made, _ in held:
                made.withheld = "not subscribed"
            return
        self.post([made for made, _ in held], self.body([value for _, value in held], spread))

    def post(self, items: list[Written], body: bytes, headers: dict[str, str] | None = None) -> Delivery:
        """Send these bytes, signed (or with other `headers`), again and again until a 200."""

        def accepted(status: int, _: bytes) -> bool:
            for made in items if status else ():
                made.deliveries.append(self.now())
                if status == 200:
                    made.confirmed_at = made.confirmed_at or self.now()
            return status == 200

        signed = {"Content-Type": "application/json", "X-Hub-Signature-256": self.signature(body), **(headers or {})}
        conversations = tuple(dict.fromkeys(made.conversation for made in items))
        return self.courier.add(Delivery(self.callback_url, body, signed, conversations, accepted))

    def redeliver(self, delivery: Delivery, times: int = 1) -> list[Delivery]:
        """The same bytes again, `times` at once, as when Meta believes that none has arrived."""
        again = [
            Delivery(delivery.url, delivery.body, delivery.headers, (f"again-{at}-{id(delivery)}",), delivery.accepted)
            for at in range(times)
        ]
        with self.lock:
            self.courier.parallel = max(self.courier.parallel, times)
            return [self.courier.add(each) for each in again]

    def last_body(self) -> dict[str, Any]:
        """The body of the newest delivery, parsed."""
        body: dict[str, Any] = json.loads(self.courier.log[-1].body)
        return body
