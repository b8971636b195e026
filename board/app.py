"""The web application: routes of every part, and the headers that keep a browser safe."""

from __future__ import annotations

from starlette.applications import Starlette

from board.health import Health
from board.hooks import Hooks
from pipeline.parts import Parts


def create_app(parts: Parts) -> Starlette:
    """The ASGI application over these parts."""
    return Starlette(routes=[*Health(parts).routes(), Hooks(parts).route()])
