"""Each payload beside its envelope: what a message of each kind means, as the desks see it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner

from normalizer.envelope import FLAGS, Envelope
from pipeline.commandline import cli
from pipeline.kinds import kinds
from tests.golden.pairs import FOLDER, expected, payloads, read

PAIRS = list(payloads())


@pytest.mark.parametrize(("kind", "path"), PAIRS, ids=[f"{kind}-{path.stem}" for kind, path in PAIRS])
def test_the_payload_gives_the_envelope_beside_it(kind: str, path: Path) -> None:
    other = expected(path)
    assert other.exists(), f"{path.name} has no other half: python -m tests.golden.pairs writes it; then read it"
    assert read(kind, path) == json.loads(other.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", kinds())
def test_every_channel_has_golden_pairs(kind: str) -> None:
    assert [path for of, path in PAIRS if of == kind], f"tests/golden/{kind} holds no payload"


def envelopes() -> Iterator[tuple[str, Any]]:
    for path in sorted(FOLDER.glob("*/*.envelope.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        found["id"] = "01900000-0000-7000-8000-000000000000"
        yield path.name, found


def published() -> jsonschema_rs.Validator:
    """What `schema` prints, read by a validator that knows nothing of our model."""
    printed = CliRunner().invoke(cli, ["schema"], catch_exceptions=False).output
    return jsonschema_rs.validator_for(json.loads(printed), validate_formats=True)


def test_every_golden_envelope_is_as_the_model_and_the_published_schema_say() -> None:
    schema = published()
    for name, found in envelopes():
        Envelope.model_validate(found)
        assert set(found["flags"]) <= set(FLAGS), name
        assert not [f"{name}: {error.message}" for error in schema.iter_errors(found)]


def test_the_published_schema_wants_every_field_and_knows_no_other() -> None:
    schema = published()
    _, found = next(envelopes())
    for part in (found, found["ticket"], found["ticket"]["link"], found["source"], found["citizen"], found["route"]):
        for field in list(part):
            value = part.pop(field)
            assert not schema.is_valid(found), f"{field} may be missing"
            part[field] = value
        part["another"] = 1
        assert not schema.is_valid(found)
        del part["another"]
    assert schema.is_valid(found)
    for field, wrong in (("spec", "priemnaya/2"), ("kind", "complaint"), ("text", 5)):
        assert not schema.is_valid({**found, field: wrong}), field
