"""From a payload to all that is understood of it, before any ticket is known: pure, never raises on any input."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from normalizer import chatter, citizen, completeness, details, language, likeness, moments, references, review, secrets
from normalizer.envelope import Details, Review
from normalizer.message import Message, Part

# Of what a portal's form states beside the text: where a citizen writes freely.
_STATED_WORDS = frozenset({"error_text", "review"})


@dataclass(frozen=True, slots=True)
class Understood:
    """A message with everything that its words say. Secrets are gone from every text of `message`."""

    message: Message
    references: references.References
    facts: citizen.Facts
    details: Details
    review: Review | None
    language: str | None
    described: bool
    likeness: str | None = field(repr=False)
    flags: tuple[str, ...] = ()
    command: chatter.Command | None = None
    anew: bool = False  # a request that came together with `/new`: the conversation's ticket is not its own
    greeting: bool = False

    @property
    def secret_removed(self) -> bool:
        """Whether the citizen must be warned."""
        return "secret_removed" in self.flags


def understand(
    message: Message, *, first_day: date, last_day: date, timezone: str, own_addresses: Collection[str] = ()
) -> Understood:
    """What the message says. `first_day` and `last_day` bound the dates of ticket numbers."""
    message, flags = _without_secrets(message)
    message, command, anew = _command(message)
    found = references.find(
        references.Places(
            own=_own_words(message),
            subject=message.subject,
            quoted=message.quoted,
            file_names=tuple(part.name for part in message.attachments if part.name),
            links=message.links,
        ),
        first_day=first_day,
        last_day=last_day,
    )
    facts = citizen.facts(
        _without_numbers(message.text, found),
        subject=message.subject,
        signature=_without_numbers(message.signature or "", found),
        display_name=message.sender.display_name if message.machine is None else None,
        own_addresses=own_addresses,
    )
    today = moments.day_of(message.sent_at, ZoneInfo(timezone))
    phishing = secrets.asks_for_secrets(message.text) or secrets.asks_for_secrets(message.quoted or "")
    if phishing and message.machine is None:
        flags = (*flags, "suspected_phishing")
    return Understood(
        message=message,
        references=found,
        facts=facts,
        details=details.find(
            message.text,
            sent_at=message.sent_at,
            timezone=timezone,
            ticket_numbers=[name for reference in found.found for name in (reference.number, reference.as_written)],
        ),
        review=review.read(message.subject, message.text, today) if message.machine is None else None,
        language=language.detect(message.text or message.subject or ""),
        # «Не приходит код» as the subject of an empty letter is all that its writer has to say.
        described=completeness.describes(message.text.strip() or message.subject or "", facts.full_name),
        likeness=_likeness(message),
        flags=_distinct((*message.flags, *_machine_flags(message), *flags)),
        command=command,
        anew=anew,
        greeting=message.chat and message.change != "deletion" and _only_a_greeting(message),
    )


def _command(message: Message) -> tuple[Message, chatter.Command | None, bool]:
    """The message, the command that it is, and whether `/new` stands before a request: what comes together with a
    command (words behind it, files, a forwarded message) is no command but the citizen's message."""
    if not message.chat or message.change != "message" or message.machine is not None:
        return message, None, False
    command = chatter.command(message.text, message.button)
    if command is None:
        return _with_button(message), None, False
    if not (command.words or message.attachments or "forwarded" in message.flags):
        return message, command, False
    typed = message.text.lstrip().startswith("/")
    text = command.argument or "" if typed else message.text
    return replace(message, text=text), None, command.name == "new"


def _with_button(message: Message) -> Message:
    """A pressed button without a label says what it says by its payload only."""
    if not message.button or message.text:
        return message
    pressed = Part(part=message.native_id, kind="other", data={"button": message.button})
    return replace(message, attachments=(*message.attachments, pressed))


def says_nothing(message: Message) -> bool:
    """A reaction, or a «👍» that was typed: it belongs to what it answers, and is no request by itself."""
    if not message.chat or message.change == "deletion" or message.quoted or message.button:
        return False
    if any(character.isalnum() for character in message.text):
        return False
    return all(part.kind == "other" and "reaction" in (part.data or ()) for part in message.attachments)


def opens(message: Message) -> bool:
    """Whether a greeting just before may belong to it: to a request, no «👍», and no change of what was said before."""
    return message.change == "message" and not says_nothing(message)


def _own_words(message: Message) -> str:
    """All that the citizen himself wrote: the earlier number in a field of the form first, and last what stands under
    his name («С уважением, Иванов. Обращение 261122-000123-0»)."""
    number = message.stated.get("number")
    return "\n\n".join(filter(None, (f"№ {number}" if number else "", message.text, message.signature)))


def _without_numbers(text: str, found: references.References) -> str:
    """The text without ticket numbers: a phone ends where one begins («…00-11. 261122-000001-2»)."""
    for reference in found.found:
        text = text.replace(reference.as_written, " ; ")
    return text


def _likeness(message: Message) -> str | None:
    if message.machine is not None or message.change != "message":
        return None
    return likeness.content_words(message.text)


def _machine_flags(message: Message) -> tuple[str, ...]:
    failed = ("authentication_failed",) if message.authentication == "fail" else ()
    return (*failed, message.machine) if message.machine else failed


def _only_a_greeting(message: Message) -> bool:
    bare = not message.attachments and not message.quoted and not message.button
    return bare and chatter.is_greeting(message.text)


def _without_secrets(message: Message) -> tuple[Message, tuple[str, ...]]:
    """The message with passwords, codes and cards taken out of everything that a person will read."""
    removed = False

    def clean(text: str | None) -> str | None:
        nonlocal removed
        if not text:
            return text
        cleaned = secrets.remove(text)
        removed = removed or bool(cleaned.removed)
        return cleaned.text

    changed: dict[str, Any] = {
        "text": clean(message.text),
        "subject": clean(message.subject),
        "quoted": clean(message.quoted),
        "signature": clean(message.signature),
        "attachments": tuple(_clean_part(part, clean) for part in message.attachments),
        "stated": {
            name: _clean_data(value, clean) if name in _STATED_WORDS else value
            for name, value in message.stated.items()
        },
    }
    return (replace(message, **changed), ("secret_removed",)) if removed else (message, ())


def _clean_part(part: Part, clean: Callable[[str | None], str | None]) -> Part:
    name, data = clean(part.name), _clean_data(part.data, clean)
    return part if name == part.name and data == part.data else replace(part, name=name, data=data)


def _clean_data(value: Any, clean: Callable[[str | None], str | None]) -> Any:
    """Every text in the answers of a form, a poll or a contact; the normalizers bound how deep and large they are.

    An answer is judged together with its question, which says what it is («Пароль: …»).
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list | tuple):
        return [_clean_data(item, clean) for item in value]
    if isinstance(value, Mapping):
        return {key: _clean_answer(f"{key}: ", item, clean) for key, item in value.items()}
    return value


def _clean_answer(question: str, answer: Any, clean: Callable[[str | None], str | None]) -> Any:
    if not isinstance(answer, str):
        return _clean_data(answer, clean)
    asked = clean(question + answer) or ""
    return clean(answer) if asked == question + answer else asked.removeprefix(question)


def _distinct(flags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(flags))
