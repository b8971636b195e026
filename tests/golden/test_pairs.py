"""Each payload beside its envelope: what a message of each kind means, as the desks see it."""

import json
from pathlib import Path

import pytest

from normalizer.envelope import Envelope
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


def test_every_golden_envelope_is_valid() -> None:
    for path in sorted(FOLDER.glob("*/*.envelope.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        found["id"] = "01900000-0000-7000-8000-000000000000"
        Envelope.model_validate(found)
