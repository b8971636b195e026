"""The feedback form at `/`: checked, journalled, and confirmed with the number."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from board import receipts, welcome
from board.bodies import Bodies, NotAForm
from board.captcha import Captcha
from board.front import Front, KeyUsedBefore, Numbers, categories
from board.pages import Pages
from board.safety import BodyTooLarge, RateLimit, SharedLimit, address_of, is_secure
from ledger.errors import LedgerAway
from ledger.storage import StorageError
from normalizer import file_names
from normalizer.payload import line
from normalizer.portal import email_of, phone_of
from pipeline import portal_replies
from pipeline.parts import Parts

log = structlog.get_logger()

LEAST_DESCRIPTION = 100  # characters (mission: the feedback form)
MOST_DESCRIPTION = 10_000
MOST_LINE = 200
MOST_FILES = 10
FIELDS = ("full_name", "email", "phone", "category", "number", "description", "captcha", "question", "answer")
SHOWN = "shown"  # the cookie with the numbers that this browser was shown
# The page waits so long for the number itself; then the browser asks again.
WAIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it was filled in. `files`: name, media type as declared, content."""

    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Sequence[tuple[str, str, bytes]] = field(default=(), repr=False)

    def get(self, name: str) -> str:
        """A field without the spaces around it."""
        return self.fields.get(name, "").strip()


class Form:
    """The pages of the form."""

    def __init__(self, parts: Parts, pages: Pages, front: Front, captcha: Captcha, bodies: Bodies) -> None:
        self.parts = parts
        self.pages = pages
        self.front = front
        self.captcha = captcha
        self.bodies = bodies
        self.numbers = Numbers(parts)
        self._by_mail = portal_replies.way(parts.settings, front.name) is not None  # else no answer is promised by it
        self._sent = SharedLimit(parts, "form", 30, 3600.0)
        self._without_work = SharedLimit(parts, "form by question", 5, 3600.0)  # the question is easy for a robot
        self._challenges = RateLimit(240, 3600.0)

    def routes(self) -> list[Route]:
        """All of it."""
        return [
            Route("/", self.show, methods=["GET"]),
            Route("/", self.send, methods=["POST"]),
            Route("/captcha", self.give_challenge, methods=["GET"]),
            Route("/sent/{receipt}", self.sent, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """The empty form."""
        return self._page(request, Filled(), {})

    async def give_challenge(self, request: Request) -> Response:
        """A challenge for the browser's JavaScript."""
        if not self._challenges.allow(address_of(request)):
            return JSONResponse({"title": "too many requests"}, 429)
        return JSONResponse(self.captcha.challenge())

    async def send(self, request: Request) -> Response:
        """Check and journal a filled form."""
        words = self.pages.words[self.pages.language(request)]
        try:
            filled = await self._read(request)
        except BodyTooLarge:
            return self._refused(request, Filled(), {"files": words["form.files_too_large"]}, 413)
        except (NotAForm, ClientDisconnect, TimeoutError):
            return self._refused(request, Filled(), {"form": words["form.broken"]}, 400)
        try:
            errors, number = await self._errors(filled, words)
        except LedgerAway:  # whether the earlier number can be one
            return self._refused(request, filled, {"form": words["form.away"]}, 503)
        nonce = self.captcha.nonce(filled.get("captcha"), filled.get("question"), filled.get("answer"))
        if nonce is None:
            errors["captcha"] = words["form.captcha_wrong"]
        if errors or nonce is None:
            return self._refused(request, filled, errors, 422)
        by_question = nonce.startswith("q") and not await self._without_work.allow(address_of(request))
        if by_question or not await self._sent.allow(address_of(request)):
            return self._refused(request, filled, {"form": words["form.too_many"]}, 429)
        return await self._journal(request, filled, nonce, number, words)

    async def _journal(
        self, request: Request, filled: Filled, nonce: str, number: str | None, words: Mapping[str, str]
    ) -> Response:
        try:
            value = await asyncio.to_thread(self._value, filled, nonce, number, self.pages.language(request))
            receipt = await self.front.submit(value)
        except KeyUsedBefore:  # the citizen went back and wrote something else
            return self._refused(request, filled, {"captcha": words["form.captcha_again"]}, 409)
        except (LedgerAway, StorageError, TimeoutError) as error:
            log.error("a form could not be journalled; the citizen was told to send it again", error=error)
            return self._refused(request, filled, {"form": words["form.away"]}, 503)
        await self.front.outcome(receipt.journal_id, WAIT_SECONDS)
        where = f"/sent/{receipts.seal(self.parts, receipt.journal_id, 'form')}"
        language = request.query_params.get("lang")
        if language in self.pages.words:
            where += f"?lang={language}"
        if _wants_json(request):
            return JSONResponse({"location": where})
        return RedirectResponse(where, 303)

    async def sent(self, request: Request) -> Response:
        """The confirmation. Its address holds a sealed receipt and no number."""
        journal_id = receipts.unseal(self.parts, request.path_params["receipt"], "form")
        if journal_id is None:
            return self.pages.page(request, "gone.html", 404)
        try:
            outcome = await self.front.outcome(journal_id, WAIT_SECONDS if not _wants_json(request) else 0.0)
        except LedgerAway:
            outcome = None
        shown = receipts.shown(self.parts, request.cookies.get(SHOWN, ""))
        # Who only stated a contact is not told which request it joined, unless his browser was shown the number before.
        told = outcome is not None and (outcome.told or outcome.number in shown)
        number = outcome.number if outcome is not None and told else None
        if outcome is None:
            state = "waiting"
        elif number is not None:
            state = "numbered"
        else:
            state = "added" if outcome.number else "kept"
        if _wants_json(request):
            return JSONResponse({"state": state})
        response = self.pages.page(
            request, "sent.html", state=state, number=number, outcome=outcome, by_mail=self._by_mail
        )
        if number is not None:
            self._remember(request, response, receipts.remember(self.parts, shown, number))
        return response

    def _remember(self, request: Request, response: Response, numbers: str) -> None:
        """In the browser, for as long as the same text counts as a repeat; read by nobody but the confirmation."""
        seconds = int(self.parts.policy.repeat_window)
        secure = is_secure(request, self.parts.settings.http.public_url)
        response.set_cookie(
            SHOWN, numbers, max_age=seconds, path="/sent", httponly=True, samesite="strict", secure=secure
        )

    async def _read(self, request: Request) -> Filled:
        sent = await self.bodies.form(request, self.parts.settings.limits.mail, MOST_FILES)
        return Filled({name: sent.fields.get(name, "") for name in FIELDS}, sent.files)

    async def _errors(self, filled: Filled, words: Mapping[str, str]) -> tuple[dict[str, str], str | None]:
        """What is wrong, by field, and the earlier number as it is stored."""
        errors: dict[str, str] = {}

        def wrong(name: str, key: str) -> None:
            errors.setdefault(name, words[f"form.{key}"])

        if len((line(filled.get("full_name")) or "").split()) < 2 or len(filled.get("full_name")) > MOST_LINE:
            wrong("full_name", "full_name_wrong")
        if email_of({"email": filled.get("email")}) is None:
            wrong("email", "email_wrong")
        if filled.get("phone") and phone_of({"phone": filled.get("phone")}) is None:
            wrong("phone", "phone_wrong")
        if filled.get("category") not in self.parts.rules.categories:
            wrong("category", "category_wrong")
        length = len(line(filled.get("description"), MOST_DESCRIPTION) or "")  # without what nobody sees
        if length < LEAST_DESCRIPTION:
            errors["description"] = words["form.description_short"].replace("{count}", str(LEAST_DESCRIPTION - length))
        elif len(filled.get("description")) > MOST_DESCRIPTION:
            wrong("description", "description_long")
        number = await self.numbers.read(filled.get("number")) if filled.get("number") else None
        if filled.get("number") and number is None:
            wrong("number", "number_wrong")
        if len(filled.files) > MOST_FILES:
            wrong("files", "files_many")
        if any(len(content) > self.parts.limits.attachment for _, _, content in filled.files):
            wrong("files", "files_too_large")
        if any(not content for _, _, content in filled.files):
            wrong("files", "files_empty")
        return errors, number

    def _value(self, filled: Filled, nonce: str, number: str | None, language: str) -> dict[str, Any]:
        """The payload; see `normalizer.portal`."""
        return {
            "source": "form",
            "kind": "appeal",
            "idempotency_key": nonce,
            "sent_at": datetime.fromtimestamp(self.parts.clock(), UTC).isoformat(timespec="milliseconds"),
            "number": number,
            "text": filled.get("description"),
            "category": filled.get("category"),
            "citizen": {
                "full_name": filled.get("full_name"),
                "email": filled.get("email"),
                "phone": filled.get("phone") or None,
                "language": language,
            },
            "attachments": [
                {
                    "name": file_names.clean(name) or "file",
                    "media_type": media_type,
                    "content": base64.b64encode(content).decode(),
                }
                for name, media_type, content in filled.files
            ],
        }

    def _page(self, request: Request, filled: Filled, errors: Mapping[str, str], status: int = 200) -> Response:
        language = self.pages.language(request)
        return self.pages.page(
            request,
            "form.html",
            status,
            filled=filled,
            errors=errors,
            categories=categories(self.parts.rules, language),
            by_mail=self._by_mail,
            question=self.captcha.question(),
            least=LEAST_DESCRIPTION,
            most=MOST_DESCRIPTION,
            most_files=MOST_FILES,
            most_file_bytes=self.parts.limits.attachment,
            most_bytes=self.parts.settings.limits.mail,
            first_steps=welcome.steps(self.parts.settings) if not self.parts.settings.channels else None,
        )

    def _refused(self, request: Request, filled: Filled, errors: Mapping[str, str], status: int) -> Response:
        if _wants_json(request):
            return JSONResponse({"errors": dict(errors)}, status)
        if filled.files:  # a page cannot give them back, and whoever does not notice sends without them
            errors = {"files": self.pages.words[self.pages.language(request)]["form.files_again"], **errors}
        return self._page(request, filled, errors, status)


def _wants_json(request: Request) -> bool:
    return request.headers.get("accept", "").startswith("application/json")
