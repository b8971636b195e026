"""The published descriptions: complete, consistent, and true of what the models take."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from router.asyncapi import document, envelope_schema, event_schema, reply_schema
from router.events import MEANINGS, Event, new_event, routing_key
from router.rules import load
from router.topology import topology

RULES = load(Path(__file__).parents[2] / "config" / "routing.toml")
DOCUMENT = document(RULES, "priemnaya")


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > 20
    for reference in found:
        node: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_every_exchange_and_queue_is_described() -> None:
    wanted = topology(RULES, "priemnaya")
    text = json.dumps(DOCUMENT)
    for name in [queue.name for queue in wanted.queues] + [f"priemnaya.{name}" for name in ("appeals", "events")]:
        assert f'"{name}"' in text, name


def test_every_operation_is_of_a_message_of_its_channel() -> None:
    for name, operation in DOCUMENT["operations"].items():
        channel = operation["channel"]["$ref"]
        assert operation["messages"], name
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"]), name


@pytest.mark.parametrize("schema", [envelope_schema(), reply_schema(), event_schema()])
def test_a_schema_describes_every_field(schema: dict[str, Any]) -> None:
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["additionalProperties"] is False
    assert json.loads(json.dumps(schema)) == schema


def objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield node
        for child in node.values():
            yield from objects(child)
    elif isinstance(node, list):
        for child in node:
            yield from objects(child)


@pytest.mark.parametrize("schema", [envelope_schema(), event_schema()], ids=["envelope", "event"])
def test_a_schema_of_what_is_published_lets_no_field_be_missing(schema: dict[str, Any]) -> None:
    found = list(objects(schema))
    assert found
    for node in found:
        assert set(node["required"]) == set(node["properties"]), node["title"]


def test_times_are_said_to_be_rfc_3339() -> None:
    source = envelope_schema()["$defs"]["Source"]["properties"]
    assert source["received_at"]["format"] == "date-time"
    assert source["sent_at"]["anyOf"][0]["format"] == "date-time"
    assert event_schema()["properties"]["at"]["format"] == "date-time"


def test_the_parser_of_asyncapi_accepts_it(tmp_path: Path) -> None:
    """With Node.js and `npm install --global @asyncapi/parser`; the structure is checked above without them."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("no Node.js")
    modules = subprocess.run([npm, "root", "-g"], capture_output=True, text=True, check=True).stdout.strip()
    if not (Path(modules) / "@asyncapi" / "parser").is_dir():
        pytest.skip("no @asyncapi/parser")
    (tmp_path / "document.json").write_text(json.dumps(DOCUMENT), encoding="utf-8")
    script = """
      const { Parser } = require(process.argv[1] + '/@asyncapi/parser');
      new Parser().parse(require('fs').readFileSync(process.argv[2], 'utf8')).then(({ document, diagnostics }) => {
        const errors = diagnostics.filter((one) => one.severity < 2);  // 0 error, 1 warning
        errors.forEach((one) => console.log(one.code, one.message, one.path.join('.')));
        process.exit(document && !errors.length ? 0 : 1);
      });
    """
    done = subprocess.run(
        [node, "-e", script, modules, str(tmp_path / "document.json")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_kind_of_event_can_be_said_and_has_an_id_of_its_own() -> None:
    moment = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    events = [new_event(kind, moment, ticket="261122-000001-5", channel="vk") for kind in MEANINGS]
    assert len({event.id for event in events}) == len(MEANINGS) == 10
    for event in events:
        assert Event.model_validate_json(event.model_dump_json()) == event
        assert json.loads(event.model_dump_json())["at"] == "2026-11-22T09:00:00Z"
        assert routing_key(event) == f"{event.type}.vk"
