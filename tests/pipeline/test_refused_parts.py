"""Why an attachment is not kept, and which flag says so."""

from typing import Any

import pytest

from normalizer.message import Message, Part
from pipeline.effects import cut_flags, state_of


def message(*parts: Part) -> Message:
    return Message(native_id="1:1", conversation_id="1", attachments=parts)


@pytest.mark.parametrize("reason", ["without an address", "not base64"])
def test_what_is_refused_for_no_limit_is_not_called_too_large(reason: str) -> None:
    assert cut_flags(message(Part(refused=reason)), {}) == ()


def test_what_the_storage_refuses_is_called_too_large() -> None:
    part = Part(content=b"a little over the limit")
    kept: dict[int, Any] = {1: None}
    assert state_of(part, None) == ("refused", "larger than the limit")
    assert cut_flags(message(part, Part(content=b"small")), kept) == ("too_large",)
