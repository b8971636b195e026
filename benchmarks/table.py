"""A measurement and the table of all of them."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `ours` over the runs, the floor of the same runs where there is one, and what was aimed at."""

    name: str
    unit: str
    ours: Sequence[float]
    floor: Sequence[float] = ()
    goal: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours to the floor's, by the medians: speed to speed, so 1 is as fast as the floor."""
        if not self.floor:
            return None
        ours, floor = statistics.median(self.ours), statistics.median(self.floor)
        return ours / floor if self.unit.endswith("/s") else floor / ours

    def as_json(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "name": self.name, "unit": self.unit, "ours": list(self.ours), "floor": list(self.floor),
            "ratio": self.ratio, "goal": self.goal, "note": self.note,
        }  # fmt: skip


def machine() -> str:
    """What it was measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    return f"{os.cpu_count()} × {model}, {memory:.0f} GB, {system}"


def show(rows: Sequence[Row]) -> None:
    """The table."""
    table = Table(title=machine())
    for column in ("what", "ours", "spread", "floor", "ratio", "goal", ""):
        table.add_column(column, justify="left" if column in ("what", "goal", "") else "right")
    for row in rows:
        spread = f"{_number(min(row.ours))}–{_number(max(row.ours))}" if len(row.ours) > 1 else ""
        table.add_row(
            row.name,
            f"{_number(statistics.median(row.ours))} {row.unit}",
            spread,
            _number(statistics.median(row.floor)) if row.floor else "",
            f"{row.ratio:.2f}" if row.ratio is not None else "",
            row.goal,
            row.note,
        )
    Console(width=160).print(table)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
