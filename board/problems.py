"""Errors of the API as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

MEDIA_TYPE = "application/problem+json"
# Name -> status and title. The name is the end of `type`, which leads to the documentation.
PROBLEMS: dict[str, tuple[int, str]] = {
    "invalid": (422, "The request is not valid"),
    "not-json": (400, "The body is not JSON"),
    "no-idempotency-key": (400, "The header Idempotency-Key is missing or not 1 to 150 printable characters"),
    "unauthorized": (401, "The API key is missing or wrong"),
    "not-found": (404, "There is no such request for this source"),
    "method": (405, "This method is not known here"),
    "key-used-before": (422, "Another request was sent under this Idempotency-Key"),
    "too-large": (413, "The body is too large"),
    "media-type": (415, "The body should be application/json or multipart/form-data"),
    "too-many": (429, "Too many requests"),
    "broken": (500, "An error of ours; send the request again under the same Idempotency-Key"),
    "away": (503, "The request could not be stored; send it again under the same Idempotency-Key"),
}


@dataclass
class ApiError(Exception):
    """Ends a request of the API."""

    name: str
    detail: str | None = None
    errors: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """The answer."""
        status, title = PROBLEMS[self.name]
        body: dict[str, Any] = {"type": f"/api/docs#{self.name}", "title": title, "status": status}
        if self.detail:
            body["detail"] = self.detail
        if self.errors:
            body["errors"] = [dict(error) for error in self.errors]
        return JSONResponse(body, status, headers=dict(self.headers), media_type=MEDIA_TYPE)


def invalid(error: ValidationError) -> ApiError:
    """The fields that are wrong; nothing of what stood in them."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)[:20]
    if any(problem["type"] == "json_invalid" for problem in problems):
        return ApiError("not-json")
    return ApiError(
        "invalid",
        errors=[
            {"pointer": "#/" + "/".join(str(step) for step in problem["loc"]), "detail": problem["msg"]}
            for problem in problems
        ],
    )
