"""The OpenAPI 3.1 document of the intake API, and the same in pieces for the page that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from board.api_models import Accepted, Appeal, Comment, Mark, Problem, State
from board.problems import MEDIA_TYPE, PROBLEMS

MODELS = (Appeal, Comment, Mark, Accepted, State, Problem)
_NUMBER = {
    "name": "number",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "maxLength": 100},
    "description": "YYMMDD-NNNNNN-C, in any usual spelling",
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 150, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    "description": "The sender's own; the same for every try of one request. Sent again, it gives the same number.",
}
_CITIZEN = {
    "name": "Citizen-Id",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "`sign_in.id` of the signed-in citizen; needed of cabinet and mobile: they see his requests only.",
}

_READ = ("unauthorized", "not-found", "too-many", "broken", "away")


def document(base_url: str, categories: Sequence[str]) -> dict[str, Any]:
    """The document. `base_url`: where the API is reached."""
    schemas: dict[str, Any] = {}
    for model in MODELS:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    category = schemas["Appeal"]["properties"]["category"]
    category["anyOf"] = [{"type": "string", "enum": list(categories)}, {"type": "null"}]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Priemnaya: intake of the portal",
            "version": "1",
            "description": "Requests of citizens from the personal cabinet, the mobile app, the hotline and service"
            " centres. What is answered with 201 or 202 is durable. Errors are problem details (RFC 9457).",
        },
        "servers": [{"url": base_url}],
        "security": [{"key": []}],
        "paths": {
            "/api/v1/appeals": {"post": _write("Send a request", "sendAppeal", "Appeal", [_KEY], files=True)},
            "/api/v1/appeals/{number}": {
                "get": {
                    "summary": "The state of a request",
                    "description": "Of requests that this source has entered, or that its signed-in citizen holds.",
                    "operationId": "getAppeal",
                    "parameters": [_NUMBER, _CITIZEN],
                    "responses": {"200": _json("The state", "State"), **_problems(*_READ)},
                }
            },
            "/api/v1/appeals/{number}/comments": {
                "post": _write("Add to a request", "commentAppeal", "Comment", [_NUMBER, _KEY], files=True)
            },
            "/api/v1/appeals/{number}/mark": {
                "post": _write("Rate the support", "markAppeal", "Mark", [_NUMBER, _KEY], files=False)
            },
            "/api/v1/receipts/{receipt}": {
                "get": {
                    "summary": "What became of what was sent",
                    "operationId": "getReceipt",
                    "parameters": [{"name": "receipt", "in": "path", "required": True, "schema": {"type": "string"}}],
                    "responses": {
                        "201": _json("It was processed", "Accepted"),
                        "202": _json("It is being processed; ask again", "Accepted"),
                        **_problems(*_READ),
                    },
                }
            },
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "The API key of the source."}
            },
        },
    }


def _write(summary: str, name: str, model: str, parameters: list[Any], *, files: bool) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{model}"}
    content: dict[str, Any] = {"application/json": {"schema": reference}}
    if files:
        content["multipart/form-data"] = {
            "schema": {
                "type": "object",
                "required": ["appeal"],
                "properties": {
                    "appeal": reference,
                    "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                },
            },
            "encoding": {"appeal": {"contentType": "application/json"}},
        }
    found = () if model == "Appeal" else ("not-found",)
    return {
        "summary": summary,
        "operationId": name,
        "parameters": parameters,
        "requestBody": {"required": True, "content": content},
        "responses": {
            "201": _json("It is in the journal, and was processed", "Accepted"),
            "202": _json("It is in the journal; ask for its number by the receipt", "Accepted"),
            **_problems(
                *("invalid", "not-json", "no-idempotency-key", "unauthorized", *found, "key-used-before"),
                *("too-large", "media-type", "too-many", "broken", "away"),
            ),
        },
    }


def _json(description: str, model: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problems(*names: str) -> dict[str, Any]:
    by_status: dict[str, list[str]] = {}
    for name in names:
        status, title = PROBLEMS[name]
        by_status.setdefault(str(status), []).append(title)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": "; ".join(titles), "content": {MEDIA_TYPE: {"schema": schema}}}
        for status, titles in sorted(by_status.items())
    }


def readable(found: Mapping[str, Any]) -> dict[str, Any]:
    """The document in pieces: operations with their parameters and answers, shapes with their fields, problems."""
    operations = [
        {
            "id": operation["operationId"],
            "method": method.upper(),
            "path": path,
            "summary": operation["summary"],
            "description": operation.get("description", ""),
            "parameters": operation["parameters"],
            "body": _named(operation),
            "answers": [(status, answer["description"]) for status, answer in operation["responses"].items()],
        }
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = found["components"]["schemas"]
    shapes = [
        {
            "name": name,
            "about": schema.get("description", ""),
            "fields": [
                (field, _type(about), field in schema.get("required", ()), about.get("description", ""))
                for field, about in schema.get("properties", {}).items()
            ],
        }
        for name, schema in schemas.items()
    ]
    problems = [(name, status, title) for name, (status, title) in PROBLEMS.items()]
    return {"info": found["info"], "operations": operations, "shapes": shapes, "problems": problems}


def _named(operation: Mapping[str, Any]) -> str | None:
    body = operation.get("requestBody")
    return str(body["content"]["application/json"]["schema"]["$ref"]).rpartition("/")[2] if body else None


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("format") or schema.get("type", "any")
    most = schema.get("maxLength")
    return f"{kind}, at most {most}" if most else str(kind)
