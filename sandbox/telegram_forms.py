"""The Bot API's own forms: refusals, and parameters that are JSON or text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.server import Call


class Refusal(Exception):
    """`ok: false`, with the code, the description and the parameters."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


def refused(refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    body: dict[str, Any] = {"ok": False, "error_code": refusal.code, "description": refusal.description}
    if refusal.parameters:
        body["parameters"] = refusal.parameters
    return JSONResponse(body, refusal.code, dict(headers or {}))


def integer(params: Mapping[str, Any], name: str, default: int) -> int:
    try:
        return int(params.get(name, default))
    except (TypeError, ValueError):
        return default


def flag(params: Mapping[str, Any], name: str) -> bool:
    return str(params.get(name, "")).lower() in ("1", "true", "yes")


def parsed(value: Any) -> Any:
    """A parameter that is JSON: parsed already in a JSON body, a string in a form. None when it is neither."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None


def language(call: Call) -> str:
    return str(call.params.get("language_code") or "")


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def markup_of(params: Mapping[str, Any]) -> dict[str, Any] | None:
    if params.get("reply_markup") in (None, ""):
        return None
    markup = parsed(params["reply_markup"])
    if not isinstance(markup, dict):
        raise Refusal(400, "Bad Request: can't parse reply keyboard markup JSON object")
    for button in (button for row in markup.get("inline_keyboard", []) for button in row):
        if not button.get("text"):
            raise Refusal(400, "Bad Request: text buttons are unallowed in the inline keyboard")
        if not 1 <= len(str(button.get("callback_data", "x")).encode()) <= 64:
            raise Refusal(400, "Bad Request: BUTTON_DATA_INVALID")
    return markup
