"""What linking looks at: a part of the ledger in memory, loaded for a batch under the locks of its identities.

`ledger/snapshot.py` loads it and writes it back; `ledger/linking.py` decides on it; neither knows the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from normalizer.message import Message

if TYPE_CHECKING:
    from normalizer.references import References

IdentityKind = Literal["channel", "phone", "email", "inn", "snils"]


@dataclass(frozen=True, slots=True)
class Identity:
    """A way to recognise a person. `vouched`: by the platform, not by the writer."""

    hash: bytes
    kind: IdentityKind
    vouched: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """The windows of the contract's section 5, in seconds."""

    conversation_window: float = 24 * 3600.0
    burst_window: float = 60.0
    repeat_after: float = 24 * 3600.0
    repeat_window: float = 14 * 86400.0
    reopen_window: float = 30 * 86400.0
    number_attempts: int = 10
    number_attempts_window: float = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Case:
    """A message that is to be linked, with all that was understood of it."""

    message: Message
    journal_id: int
    channel: str
    platform_account: str
    conversation: str  # hash
    effective_at: float
    identities: tuple[Identity, ...]  # the channel's own first; what failed authentication is left out
    native_hash: bytes
    base_hash: bytes | None  # of the message that an edit or a deletion concerns
    reply_hashes: tuple[bytes, ...]
    content_hash: bytes | None
    references: References
    likeness: str | None  # normalised text; None when it is too short to be compared
    review: bool = False
    reaction: bool = False  # says nothing by itself: it opens no ticket and reopens none

    @property
    def guesser(self) -> Identity | None:
        """Whom the numbers that he tries are counted for: nobody is charged for what somebody else states of him."""
        return next((one for one in self.identities if one.kind == "channel" or one.vouched), None)


@dataclass(slots=True)
class Ticket:
    """A ticket's row, changed in place while a batch is linked."""

    number: str
    opened_at: float
    last_message_at: float
    state: str = "open"
    closed_at: float | None = None
    person_id: int | None = None
    sequence: int = 0
    repeats: int = 0
    answered_at: float | None = None
    waiting_since: float | None = None
    category: str = "other"
    audience: str = "general"
    desk: str = "other"
    priority: int = 0
    answer_by: float | None = None
    language: str | None = None
    known: frozenset[str] = frozenset()
    asked: bool = False
    why: str | None = None
    erased_at: float | None = None
    is_new: bool = False
    changed: bool = False


@dataclass(slots=True)
class Person:
    """An identity's row: whose it is, and how many foreign numbers it has named lately."""

    person_id: int | None = None
    guesses: int = 0
    guesses_since: float | None = None
    changed: bool = False


@dataclass(slots=True)
class Talk:
    """A conversation's row."""

    ticket: str | None = None
    last_at: float = 0.0
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Base:
    """The accepted message that an edit or a deletion concerns."""

    ticket: str
    revision: int  # the highest so far
    how: str
    certainty: str | None


@dataclass(slots=True)
class Said:
    """The normalised text of an earlier message: sealed until somebody compares with it, which few messages need."""

    at: float
    words: str | Callable[[], str] = field(repr=False)

    def text(self) -> str:
        """The words."""
        if not isinstance(self.words, str):
            self.words = self.words()
        return self.words


@dataclass(slots=True)
class State:
    """The loaded part. Keys are hashes; tickets are shared objects."""

    tickets: dict[str, Ticket] = field(default_factory=dict)
    threads: dict[bytes, tuple[str, bool]] = field(default_factory=dict)  # native id -> ticket, ours
    moved: dict[bytes, str] = field(default_factory=dict)  # of these, what an edit took to another ticket
    talks: dict[str, Talk] = field(default_factory=dict)
    people: dict[bytes, Person] = field(default_factory=dict)
    holds: dict[tuple[bytes, str], bool] = field(default_factory=dict)  # (identity, ticket) -> vouched
    recent: dict[bytes, list[tuple[str, float]]] = field(default_factory=dict)  # identity -> tickets, newest first
    likeness: dict[str, list[Said]] = field(default_factory=dict)  # by ticket
    bases: dict[bytes, Base] = field(default_factory=dict)  # native id -> the accepted message
    contents: dict[bytes, int] = field(default_factory=dict)  # content hash of accepted mail -> its journal row
    erased: set[int] = field(default_factory=set)  # of these rows those whose ticket was erased
    kin: dict[bytes, dict[bytes, Identity]] = field(default_factory=dict)  # channel id -> what a platform vouches for
    vouched: list[tuple[bytes, Identity]] = field(default_factory=list)  # new of these

    def identities(self, case: Case) -> tuple[Identity, ...]:
        """How the sender may be recognised: by what the message shows, and by what his platform showed of him before.

        Only a channel id that the platform vouches for in this very message brings the earlier ones in: a forged
        From stands for nothing but itself.
        """
        found = {identity.hash: identity for identity in case.identities}
        for own in case.identities:
            if own.kind == "channel" and own.vouched:
                for key, other in self.kin.get(own.hash, {}).items():
                    found[key] = other
        return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Link:
    """Where a message belongs, and why. `number` is None for a new ticket."""

    number: str | None
    how: str
    certainty: str | None
    kind: str
    as_written: str | None = None
    related: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    guesses: int = 0  # numbers named that could not be shown to be the sender's
    revision: int = 0
    owner: bool = True  # the sender was shown to be the ticket's citizen: he may be told about it
