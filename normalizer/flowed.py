"""format=flowed (RFC 3676): lines that the sender's program wrapped are joined again, quotes kept as quotes."""

from __future__ import annotations

import re

_PREFIX = re.compile(r"^(>*)( ?)(.*)$", re.S)


def unflow(text: str, delsp: bool = False) -> str:
    """The paragraphs of a flowed text, each on one line; quoted ones with their `>`."""
    out: list[str] = []
    pieces: list[str] = []  # of the paragraph that goes on
    depth = 0

    def flush() -> None:
        if pieces:
            out.append((">" * depth + " " if depth else "") + "".join(pieces))
            pieces.clear()

    for line in text.split("\n"):
        found = _PREFIX.match(line)
        assert found  # every group may be empty
        level, content = len(found.group(1)), found.group(3)
        if pieces and (level != depth or content == "-- "):
            flush()
        depth = level
        if content.endswith(" ") and content != "-- ":
            pieces.append(content[:-1] if delsp else content)
            continue
        pieces.append(content)
        flush()
    flush()
    return "\n".join(out)
