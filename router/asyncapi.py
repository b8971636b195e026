"""The AsyncAPI 3 document of the queues, from the models.

Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0, AMQP bindings 0.3.0.

Channels are the exchanges and queues of contract section 7; `send` and `receive` are said from Priemnaya's side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from normalizer.envelope import Envelope
from router.events import MEANINGS, Event
from router.replies import DeskReply
from router.rules import Rules
from router.topology import Topology, desk_queue, topology

ENVELOPE_TYPE = "priemnaya.envelope.v1"
EVENT_TYPE = "priemnaya.event.v1"
SCHEMAS: Mapping[str, tuple[type[BaseModel], str]] = {
    "envelope": (Envelope, "serialization"),
    "reply": (DeskReply, "validation"),
    "event": (Event, "serialization"),
}


def _headers(kind: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "ticket": {"type": "string", "description": "YYMMDD-NNNNNN-C"},
            "channel": {"type": "string"},
            "kind": {"type": "string", "description": kind},
        },
    }


def envelope_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the envelope."""
    return _schema("envelope")


def reply_schema() -> dict[str, Any]:
    """The JSON Schema of a desk's reply."""
    return _schema("reply")


def event_schema() -> dict[str, Any]:
    """The JSON Schema of an event."""
    return _schema("event")


def _schema(name: str, references: str = "#/$defs/{model}") -> dict[str, Any]:
    model, mode = SCHEMAS[name]
    schema = model.model_json_schema(
        mode="serialization" if mode == "serialization" else "validation", ref_template=references
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def document(rules: Rules, prefix: str, version: str = "1.0.0") -> dict[str, Any]:
    """The whole document, as JSON values."""
    wanted = topology(rules, prefix)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Priemnaya",
            "version": version,
            "description": "Citizens' messages for the desks that answer them, the answers, and what became of both.",
        },
        "defaultContentType": "application/json",
        "channels": _channels(rules, prefix, wanted),
        "operations": _operations(rules),
        "components": {"messages": _messages(), "schemas": _components()},
    }


def _channels(rules: Rules, prefix: str, wanted: Topology) -> dict[str, Any]:
    envelope = {"envelope": {"$ref": "#/components/messages/envelope"}}
    channels: dict[str, Any] = {
        "appeals": {
            "address": "{desk}.{category}.{audience}.{channel}",
            "title": "Envelopes",
            "messages": envelope,
            "parameters": {
                "desk": {"enum": [desk.name for desk in rules.desks]},
                "category": {"enum": list(rules.categories)},
                "audience": {"enum": ["pensioners", "accessibility", "business", "offline", "general"]},
                "channel": {"description": "the kind of the channel, such as telegram"},
            },
            "bindings": _exchange(wanted, f"{prefix}.appeals"),
        },
        "replies": {
            "address": f"{prefix}.replies",
            "title": "Answers of the desks to citizens",
            "messages": {"reply": {"$ref": "#/components/messages/reply"}},
            "bindings": _exchange(wanted, f"{prefix}.replies"),
        },
        "events": {
            "address": "{type}.{channel}",
            "title": "What happened",
            "messages": {"event": {"$ref": "#/components/messages/event"}},
            "parameters": {
                "type": {"enum": list(MEANINGS)},
                "channel": {"description": "the kind of the channel, or -"},
            },
            "bindings": _exchange(wanted, f"{prefix}.events"),
        },
        "dead": {
            "address": f"{prefix}.dead",
            "title": "Dead letters: what a consumer failed on again and again, and replies that cannot be used",
            "messages": envelope | {"reply": {"$ref": "#/components/messages/reply"}},
            "bindings": _queue(f"{prefix}.dead"),
        },
        "unrouted": {
            "address": f"{prefix}.unrouted",
            "title": "Envelopes that no desk's queue is bound to",
            "messages": envelope,
            "bindings": _queue(f"{prefix}.unrouted"),
        },
    }
    for desk in rules.desks:
        channels[f"desk-{desk.name}"] = {
            "address": desk_queue(prefix, desk.name),
            "title": f"{desk.title_en} ({desk.title_ru})",
            "messages": envelope,
            "bindings": _queue(desk_queue(prefix, desk.name)),
        }
    return channels


def _exchange(wanted: Topology, name: str) -> dict[str, Any]:
    kind = next(exchange.type.value for exchange in wanted.exchanges if exchange.name == name)
    return {
        "amqp": {
            "is": "routingKey",
            "exchange": {"name": name, "type": kind, "durable": True, "autoDelete": False, "vhost": "/"},
            "bindingVersion": "0.3.0",
        }
    }


def _queue(name: str) -> dict[str, Any]:
    queue = {"name": name, "durable": True, "exclusive": False, "autoDelete": False, "vhost": "/"}
    return {"amqp": {"is": "queue", "queue": queue, "bindingVersion": "0.3.0"}}


def _operations(rules: Rules) -> dict[str, Any]:
    operations: dict[str, Any] = {
        "sendEnvelope": _operation("send", "appeals", "Put an envelope before the desk that answers", ["envelope"]),
        "receiveReply": _operation("receive", "replies", "Take a desk's answer and send it to the citizen", ["reply"]),
        "sendEvent": _operation("send", "events", "Say what happened", ["event"]),
        "sendDeadReply": _operation("send", "dead", "Set aside a reply that cannot be used", ["reply"]),
    }
    for desk in rules.desks:
        summary = f"What the desk {desk.name} consumes"
        operations[f"deliver-{desk.name}"] = _operation("send", f"desk-{desk.name}", summary, ["envelope"])
    return operations


def _operation(action: str, channel: str, summary: str, messages: list[str]) -> dict[str, Any]:
    reference = f"#/channels/{channel}"
    return {
        "action": action,
        "channel": {"$ref": reference},
        "summary": summary,
        "messages": [{"$ref": f"{reference}/messages/{message}"} for message in messages],
    }


def _messages() -> dict[str, Any]:
    def message(name: str, title: str, amqp_type: str, headers: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": name,
            "title": title,
            "contentType": "application/json",
            "headers": headers,
            "payload": {"$ref": f"#/components/schemas/{name}"},
            "bindings": {"amqp": {"contentEncoding": "utf-8", "messageType": amqp_type, "bindingVersion": "0.3.0"}},
        }

    reason = {"type": "object", "properties": {"x-reason": {"type": "string", "description": "in the dead letters"}}}
    return {
        "envelope": message("envelope", "A citizen's message", ENVELOPE_TYPE, _headers("as in the envelope")),
        "reply": message("reply", "A desk's answer", "priemnaya.reply.v1", reason),
        "event": message("event", "Something happened", EVENT_TYPE, _headers("the type of the event")),
    }


def _components() -> dict[str, Any]:
    """The schemas with their parts lifted beside them, where `$ref` finds them in one document."""
    components: dict[str, Any] = {}
    for name in SCHEMAS:
        schema = _schema(name, f"#/components/schemas/{name}.{{model}}")
        del schema["$schema"]
        parts = schema.pop("$defs", {})
        components[name] = schema
        components |= {f"{name}.{part}": definition for part, definition in parts.items()}
    return components
