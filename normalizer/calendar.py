"""What an invitation (RFC 5545) says in words, for a letter that holds nothing else."""

from __future__ import annotations

import re

_FIELD = re.compile(r"^(SUMMARY|DTSTART|DTEND|LOCATION|DESCRIPTION)(?:;[^:\n]{0,200})?:(.*)$", re.M)


def summary(text: str) -> str:
    """Summary, time, place and description of the first event, a line each; empty when there is none."""
    text = re.sub(r"\r?\n[ \t]", "", text).replace("\r\n", "\n")
    _, found, event = text.partition("BEGIN:VEVENT")
    if not found:
        return ""
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(event.partition("END:VEVENT")[0]):
        fields.setdefault(name, re.sub(r"\\([\\;,])", r"\1", re.sub(r"\\[nN]", "\n", value)).strip())
    order = ("SUMMARY", "DTSTART", "LOCATION", "DESCRIPTION")
    return "\n".join(fields[name] for name in order if fields.get(name))
