"""The web application: routes of every part, and the headers that keep a browser safe."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from board.account_pages import AccountPages
from board.api import Api
from board.bodies import Bodies
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
from board.safety import SafeHeaders
from board.sessions import Sessions
from board.status import Status
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
        if request.url.path.startswith("/api/v1/"):
            return ApiError("method" if status == 405 else "not-found").response()
        return pages.page(request, "missing.html", status)

    public_url = parts.settings.http.public_url or ""
    return Starlette(
        routes=[
            *Health(parts).routes(),
            Hooks(parts).route(),
            *pages.routes(),
            *Form(parts, pages, front, Captcha(parts.keys, parts.clock), bodies).routes(),
            *Status(parts, pages).routes(),
            *Api(parts, pages, fronts, bodies).routes(),
            *Files(parts, sessions).routes(),
            *QueuePages(guard, stop or asyncio.Event()).routes(),
            *CarePages(guard).routes(),
            *AccountPages(guard).routes(),
        ],
        middleware=[Middleware(SafeHeaders, secure=public_url.startswith("https://"))],
        exception_handlers={404: not_found, 405: not_found},
    )
