"""The web application: routes of every part, and the headers that keep a browser safe."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from board.account_pages import AccountPages
from board.api import Api
from board.bodies import Bodies, NotAForm
from board.captcha import Captcha
from board.care_pages import CarePages
from board.files import Files
from board.form import Form
from board.front import KIND, Front
from board.guard import Guard
from board.health import Health
from board.hooks import Hooks
from board.pages import Pages
from board.problems import ApiError
from board.queue_pages import QueuePages
from board.safety import SafeHeaders, StrangeProxy
from board.sessions import Sessions
from board.status import Status
from ledger.errors import LedgerAway
from pipeline.parts import Parts


def create_app(parts: Parts, stop: asyncio.Event | None = None) -> Starlette:
    """The ASGI application over these parts; streams end when `stop` is set. Raises `TextsError` for wrong words."""
    pages = Pages(parts.settings)
    bodies = Bodies()
    front = Front(parts)
    channels = [name for name, channel in parts.settings.channels.items() if channel.kind == KIND]
    fronts = [front if name == front.name else Front(parts, name) for name in channels]

    sessions = Sessions(parts)
    guard = Guard(parts, pages, sessions, bodies)

    async def not_found(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        headers = dict(getattr(error, "headers", None) or {})  # of a method that is not known: which ones are
        if request.url.path.startswith("/api/v1/"):
            return ApiError("method" if status == 405 else "not-found", headers=headers).response()
        response = pages.page(request, "missing.html", status)
        response.headers.update(headers)
        return response

    async def broken(request: Request, _error: Exception) -> Response:
        """An error of ours. Starlette raises it again behind the answer: so it is logged with its place, and uvicorn
        ends the connection, which the answer should say.
        """
        api = request.url.path.startswith("/api/v1/")
        response = ApiError("broken").response() if api else pages.page(request, "broken.html", 500)
        response.headers["connection"] = "close"
        return response

    async def unread(_request: Request, error: Exception) -> Response:
        return PlainTextResponse("too slow" if isinstance(error, TimeoutError) else "not a form", 400)

    async def away(request: Request, _error: Exception) -> Response:
        return pages.page(request, "board_away.html", 503)

    public_url = parts.settings.http.public_url or ""
    return Starlette(
        routes=[
            *Health(parts).routes(),
            Hooks(parts).route(),
            *pages.routes(),
            *Form(parts, pages, front, Captcha(parts.keys, parts.clock), bodies).routes(),
            *Status(parts, pages, bodies).routes(),
            *Api(parts, pages, fronts, bodies).routes(),
            *Files(parts, sessions).routes(),
            *QueuePages(guard, stop or asyncio.Event()).routes(),
            *CarePages(guard).routes(),
            *AccountPages(guard).routes(),
        ],
        middleware=[Middleware(SafeHeaders, secure=public_url.startswith("https://")), Middleware(StrangeProxy)],
        exception_handlers={
            404: not_found,
            405: not_found,
            # What a page does not answer by itself in words of its own:
            NotAForm: unread,
            ClientDisconnect: unread,
            TimeoutError: unread,
            LedgerAway: away,
            Exception: broken,
        },
    )
