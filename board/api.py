"""The intake API: what cabinet, mobile app, hotline and service centres send. Journalled first, like every payload."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from board import openapi, receipts
from board.api_models import MOST_ATTACHMENTS, Accepted, Appeal, Comment, Mark, Shape, State
from board.bodies import Bodies, NotAForm, media_type
from board.front import Front, KeyUsedBefore, Numbers, identity_hashes, ticket_state
from board.pages import Pages
from board.problems import ApiError, invalid
from board.safety import BodyTooLarge, RateLimit, address_of
from ledger import portal
from ledger.errors import LedgerAway
from ledger.storage import StorageError
from pipeline.parts import Parts

log = structlog.get_logger()

M = TypeVar("M", bound=Shape)
WAIT_SECONDS = 2.0
MOST_KEY = 150
MOST_COMMAS = 100_000  # of a body of the API: more than the longest text (64 K) can hold, beside what else there is
SIGNED_IN = ("cabinet", "mobile")  # whose citizens see only their own requests


class Api:
    """The endpoints. `fronts`: one for each configured portal channel."""

    def __init__(self, parts: Parts, pages: Pages, fronts: list[Front], bodies: Bodies) -> None:
        self.parts = parts
        self.pages = pages
        self.fronts = fronts
        self.bodies = bodies
        self.numbers = Numbers(parts)
        self._wrong_keys = RateLimit(20, 600.0)
        self._document = openapi.document(parts.settings.http.base_url, parts.rules.categories)

    def routes(self) -> list[Route]:
        """All of it."""
        return [
            Route("/api/v1/appeals", self._guarded(self.appeal), methods=["POST"]),
            Route("/api/v1/appeals/{number}", self._guarded(self.state), methods=["GET"]),
            Route("/api/v1/appeals/{number}/comments", self._guarded(self.comment), methods=["POST"]),
            Route("/api/v1/appeals/{number}/mark", self._guarded(self.mark), methods=["POST"]),
            Route("/api/v1/receipts/{receipt}", self._guarded(self.receipt), methods=["GET"]),
            Route("/api/openapi.json", self.openapi, methods=["GET"]),
            Route("/api/docs", self.docs, methods=["GET"]),
        ]

    async def openapi(self, _request: Request) -> Response:
        """The OpenAPI document."""
        return JSONResponse(self._document)

    async def docs(self, request: Request) -> Response:
        """The same for people."""
        return self.pages.page(request, "api.html", api=openapi.readable(self._document), language="en")

    async def appeal(self, request: Request, front: Front, source: str) -> Response:
        """A new request, or one that names an earlier number."""
        given, files = await self._given(request, Appeal)
        if given.category is not None and given.category not in self.parts.rules.categories:
            raise ApiError("invalid", errors=[{"pointer": "#/category", "detail": "there is no such category"}])
        value = {
            **self._value(given, source, "appeal", self._key(request), files),
            "number": given.number,
            "subject": given.subject,
            "category": given.category,
            "audience": given.audience or self._audience(given.line, front),
            "details": given.details.model_dump(mode="json", exclude_none=True),
        }
        return await self._submit(front, source, value)

    async def comment(self, request: Request, front: Front, source: str) -> Response:
        """An addition to a request."""
        number = await self._number(request)
        given, files = await self._given(request, Comment)
        value = self._value(given, source, "comment", self._key(request), files)
        return await self._submit(front, source, {**value, "number": number})

    async def mark(self, request: Request, front: Front, source: str) -> Response:
        """A rating."""
        number = await self._number(request)
        given, _ = await self._given(request, Mark)
        review = given.model_dump(mode="json", include={"mark", "about", "suggestions"}, exclude_none=True)
        value = self._value(given, source, "mark", self._key(request), [])
        return await self._submit(front, source, {**value, "number": number, "review": review})

    async def receipt(self, request: Request, front: Front, source: str) -> Response:
        """What became of what was sent."""
        journal_id = receipts.unseal(self.parts, request.path_params["receipt"], f"{front.name}:{source}")
        if journal_id is None:
            raise ApiError("not-found")
        return await self._outcome(front, source, journal_id, 0.0, again=False)

    async def state(self, request: Request, front: Front, source: str) -> Response:
        """The state of a request that this source has entered, or that its signed-in citizen holds."""
        number = await self._number(request)
        row = await self.parts.database.look(lambda conn: portal.ticket(conn, number))
        citizen = request.headers.get("citizen-id", "")[:200]
        if citizen or source in SIGNED_IN:
            hashes = identity_hashes(self.parts, [("channel", f"portal:{source}:{citizen}")])
            mine = await self.parts.database.look(lambda conn: portal.state(conn, number, hashes)) is not None
        else:
            bodies = await self.parts.database.look(lambda conn: portal.entered_by(conn, number, front.name))
            mine = any(json.loads(body)["source"]["via"] == source for body in bodies)
        if row is None or not mine or row["erased_at"] is not None:
            raise ApiError("not-found")
        times = ("opened_at", "answer_by", "answered_at", "closed_at")
        found = State(
            number=number,
            state=ticket_state(dict(row)),  # type: ignore[arg-type]
            category=row["category"],
            repeats=row["repeats"],
            **{name: datetime.fromtimestamp(row[name], UTC) if row[name] else None for name in times},  # type: ignore[arg-type]
        )
        return JSONResponse(found.model_dump(mode="json"))

    def _guarded(
        self, work: Callable[[Request, Front, str], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """The key decides which channel and source it is; what goes wrong becomes a problem."""

        async def endpoint(request: Request) -> Response:
            try:
                front, source = self._caller(request)
                return await work(request, front, source)
            except ApiError as error:
                return error.response()
            except (LedgerAway, StorageError, TimeoutError) as error:
                log.error("a request of the API could not be stored", error=error)
                return ApiError("away", headers={"Retry-After": "5"}).response()
            except BodyTooLarge:
                return ApiError("too-large").response()
            except ClientDisconnect:
                return Response(status_code=400)

        return endpoint

    def _caller(self, request: Request) -> tuple[Front, str]:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        for front in self.fronts if scheme.lower() == "bearer" else ():
            source = front.settings.source_of(key.strip())
            if source is not None:
                return front, source
        if not self._wrong_keys.allow(address_of(request)):
            raise ApiError("too-many", headers={"Retry-After": "60"})
        raise ApiError("unauthorized", headers={"WWW-Authenticate": 'Bearer realm="priemnaya"'})

    def _key(self, request: Request) -> str:
        key = request.headers.get("idempotency-key", "")
        if not 0 < len(key) <= MOST_KEY or not key.isascii() or not key.isprintable():
            raise ApiError("no-idempotency-key")
        return key

    async def _number(self, request: Request) -> str:
        number = await self.numbers.read(request.path_params["number"])
        if number is None:
            raise ApiError("not-found")
        return number

    async def _given(self, request: Request, model: type[M]) -> tuple[M, list[dict[str, str]]]:
        """The body as the model, and the files of a multipart body."""
        most = self.parts.settings.limits.mail * 4 // 3 + 1024 * 1024
        kind = media_type(request)
        try:
            if kind == "application/json":
                return _read(model, await self.bodies.raw(request, most)), []
            if kind == "multipart/form-data":
                sent = await self.bodies.form(request, most, MOST_ATTACHMENTS, most_field=most)
                given = _read(model, sent.fields.get("appeal", "").encode())
                if len(sent.files) > MOST_ATTACHMENTS:
                    raise ApiError("invalid", errors=[{"pointer": "#/files", "detail": "too many files"}])
                return given, [_file(name, declared, content) for name, declared, content in sent.files]
        except ValidationError as error:
            raise invalid(error) from None
        except NotAForm as error:
            raise ApiError("invalid", detail=str(error)) from None
        raise ApiError("media-type")

    def _value(
        self, given: Comment | Mark, source: str, kind: str, key: str, files: list[dict[str, str]]
    ) -> dict[str, Any]:
        """The payload; see `normalizer.portal`."""
        said_at = given.sent_at or datetime.fromtimestamp(self.parts.clock(), UTC)
        value: dict[str, Any] = {
            "source": source,
            "kind": kind,
            "idempotency_key": key,
            "sent_at": said_at.isoformat(timespec="milliseconds"),
            "citizen": given.citizen.model_dump(mode="json", exclude_none=True),
            "sign_in": given.sign_in.model_dump(mode="json") if given.sign_in else None,
        }
        if isinstance(given, Comment):
            attachments = [part.model_dump(mode="json") for part in given.attachments]
            value |= {"text": given.text, "attachments": [*attachments, *files]}
        return value

    def _audience(self, line: str | None, front: Front) -> str | None:
        if line is None:
            return None
        lines: Mapping[str, str] = {_digits(known): audience for known, audience in front.settings.lines.items()}
        audience = lines.get(_digits(line))
        if audience is None:
            raise ApiError("invalid", errors=[{"pointer": "#/line", "detail": "no line of the channel's `lines`"}])
        return audience

    async def _submit(self, front: Front, source: str, value: Mapping[str, Any]) -> Response:
        try:
            receipt = await front.submit(value)
        except KeyUsedBefore:
            raise ApiError("key-used-before") from None
        return await self._outcome(front, source, receipt.journal_id, WAIT_SECONDS, again=receipt.again)

    async def _outcome(self, front: Front, source: str, journal_id: int, seconds: float, *, again: bool) -> Response:
        found = await front.outcome(journal_id, seconds)
        receipt = receipts.seal(self.parts, journal_id, f"{front.name}:{source}")
        headers = {"Idempotent-Replayed": "true"} if again else {}
        if found is None:
            pending = Accepted(receipt=receipt, state="processing")
            headers["Location"] = f"/api/v1/receipts/{receipt}"
            return JSONResponse(pending.model_dump(mode="json"), 202, headers=headers)
        number = found.number if found.told else None
        state = "numbered" if number else "added" if found.number else "kept"
        done = Accepted(receipt=receipt, state=state, number=number, kind=found.kind)  # type: ignore[arg-type]
        if number:
            headers["Location"] = f"/api/v1/appeals/{number}"
        return JSONResponse(done.model_dump(mode="json"), 201, headers=headers)


def _read(model: type[M], body: bytes) -> M:
    """Raises ValidationError, or `ApiError` for millions of values: each would be an error of its own in memory."""
    if body.count(b",") > MOST_COMMAS:
        raise ApiError("too-large")
    return model.model_validate_json(body)


def _file(name: str, declared: str, content: bytes) -> dict[str, str]:
    return {"name": name or "file", "media_type": declared, "content": base64.b64encode(content).decode()}


def _digits(line: str) -> str:
    digits = "".join(char for char in line if char.isdigit())
    return digits or line.strip().lower()
