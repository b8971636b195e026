"""Golden payloads by name, and payloads as nobody would send them."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import strategies as st

from normalizer import telegram, vk, whatsapp
from normalizer.message import Account, Identity, Message, Reading

GOLDEN = Path(__file__).parent.parent / "golden"
ACCOUNTS = {"telegram": "7000000001", "vk": "220000001", "whatsapp": "106540352242922"}
MODULES: dict[str, ModuleType] = {"telegram": telegram, "vk": vk, "whatsapp": whatsapp}


def account(kind: str) -> Account:
    return Account(kind=kind, platform_account=ACCOUNTS[kind])


def names(kind: str) -> list[str]:
    halves = (".envelope", ".outcome")  # the other half of each golden pair
    return sorted(path.stem for path in (GOLDEN / kind).glob("*.json") if not path.stem.endswith(halves))


def golden(kind: str, name: str) -> Any:
    return json.loads((GOLDEN / kind / f"{name}.json").read_bytes())


def read(kind: str, payload: Any) -> Reading:
    reading: Reading = MODULES[kind].read(json.dumps(payload).encode(), account(kind))
    return reading


def message(kind: str, payload: Any) -> Message:
    reading = read(kind, payload)
    assert isinstance(reading, Message), reading
    return reading


def identify(kind: str, payload: Any) -> Identity:
    identity: Identity = MODULES[kind].identify(json.dumps(payload).encode())
    return identity


_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, -1, 2**31, 2**63, 10**30, 1e300])
    | st.floats(allow_nan=False, allow_infinity=False)  # those make a payload unreadable as a whole
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["", " ", "\x00", "\ud83d", "\ude00", "\u202e", "12", "-5", "9" * 40, "{", "RU.1", "messages"])
)
anything = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(found for key, item in below for found in _places(item, (*place, key)))]


def _changed(value: Any, place: tuple[Any, ...], new: Any, delete: bool) -> Any:
    if not place:
        return new
    key, *rest = place
    copy = dict(value) if isinstance(value, dict) else list(value)
    if delete and not rest:
        del copy[key]
    else:
        copy[key] = _changed(copy[key], tuple(rest), new, delete)
    return copy


@st.composite
def mutated(draw: st.DrawFn, kind: str) -> bytes:
    """A golden payload with up to three values replaced by any JSON value, or deleted."""
    payload = golden(kind, draw(st.sampled_from(names(kind))))
    for _ in range(draw(st.integers(1, 3))):
        deepest_first = sorted(_places(payload)[1:], key=len, reverse=True) or [()]
        place = draw(st.sampled_from(deepest_first))
        payload = _changed(payload, place, draw(anything), draw(st.booleans()))
    return json.dumps(payload).encode()


def check_promises(kind: str, payload: bytes) -> None:
    """What holds for every payload: nothing is raised, and what comes out can be stored and published."""
    module = MODULES[kind]
    for unit in [payload, *module.split(payload)]:
        identity, reading = module.identify(unit), module.read(unit, account(kind))
        assert identity == module.identify(unit)
        _encodes(identity.key, identity.conversation, identity.group)
        assert identity.key and identity.conversation
        if isinstance(reading, Message):
            _check_message(reading, identity)


def _check_message(reading: Message, identity: Identity) -> None:
    assert reading.conversation_id == identity.conversation
    sender = reading.sender
    _encodes(reading.native_id, reading.revises, reading.text, reading.quoted, reading.button, *reading.links)
    _encodes(*reading.reply_to, sender.id, sender.display_name, sender.username, sender.phone, *sender.aliases)
    assert len(reading.text.encode()) <= 64 * 1024 and len((reading.quoted or "").encode()) <= 64 * 1024
    assert (reading.change == "message") == (reading.revises is None)
    assert reading.sent_at is None or reading.sent_at.utcoffset() is not None
    for part in reading.attachments:
        _encodes(part.part, part.name, part.media_type)
        _encodes(json.dumps([part.data, part.fetch], allow_nan=False, ensure_ascii=False))
        assert part.size is None or part.size >= 0
        assert part.fetch or part.data is not None or part.refused


def _encodes(*values: str | None) -> None:
    for value in values:
        assert value is None or "\x00" not in value
        if value is not None:
            value.encode()
