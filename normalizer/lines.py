"""A line of a letter and whose words it holds: the shape between HTML, plain text and the splitting of quotes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Mark(Enum):
    """Whose words a line holds, as far as is known."""

    OWN = "own"
    QUOTED = "quoted"
    SIGNATURE = "signature"
    INDENTED = "indented"  # in a blockquote that says nothing of itself: a quote or a person's own list


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its line end."""

    text: str
    mark: Mark = Mark.OWN
