"""The script of what goes wrong with a stand-in."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request. Times in seconds.

    `after`: the platform has acted, only its answer is lost or spoilt (else the request never reached it).
    `drop`: the connection is closed without an answer; `cut`: after so many bytes of the answer's body.
    `hang`: nothing is said for that long, then the connection is closed. `delay` alone: slow, but right.
    `code`, `retry_after`, `description`: an error in the platform's own form.
    """

    status: int | None = None
    html: bool = False
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False
    cut: int | None = None
    hang: float = 0.0
    after: bool = False
    code: int | None = None
    retry_after: float | None = None
    description: str = ""

    @property
    def spoils(self) -> bool:
        """False for a mere delay."""
        return bool(
            self.status or self.html or self.body is not None or self.drop or self.hang or self.cut is not None
        ) or (self.code is not None)


class Faults:
    """The script of what goes wrong. A method's name, or `*` for any; first come, first served."""

    def __init__(self, seed: int = 0) -> None:
        self.fired: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._next: list[tuple[str, list[int], Fault]] = []  # method, [to skip, left], what
        self._odds: list[tuple[str, float, Fault]] = []
        self._lock = threading.Lock()

    def next(self, method: str, *, times: int = 1, skip: int = 0, **what: Any) -> None:
        """The next `times` requests of the method fail so, after `skip` good ones. `what` are the fields of Fault."""
        with self._lock:
            self._next.append((method, [skip, times], Fault(**what)))

    def sometimes(self, method: str, probability: float, **what: Any) -> None:
        """Each request of the method fails so with this probability, from the stand-in's seed."""
        with self._lock:
            self._odds.append((method, probability, Fault(**what)))

    def clear(self) -> None:
        """From now on everything goes well."""
        with self._lock:
            self._next.clear()
            self._odds.clear()

    def take(self, method: str) -> Fault | None:
        """What happens to this request; counts in `fired`."""
        with self._lock:
            for at, (name, left, fault) in enumerate(self._next):
                if name not in (method, "*"):
                    continue
                if left[0]:
                    left[0] -= 1
                    continue
                left[1] -= 1
                if left[1] <= 0:
                    del self._next[at]
                self.fired[method] += 1
                return fault
            for name, probability, fault in self._odds:
                if name in (method, "*") and self._random.random() < probability:
                    self.fired[method] += 1
                    return fault
        return None
