"""`python -m benchmarks`: every measurement beside its floor, one table. See `benchmarks/floor.py` for the floor."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks import board, flows, house
from benchmarks.flows import Bench
from benchmarks.table import Row, machine, show
from tests.services.postgres import PostgresServer
from tests.services.rabbitmq import RabbitNode

MEASUREMENTS: dict[str, Callable[[Bench], Row | list[Row]]] = {
    "chat-sqlite": lambda bench: flows.chat(bench, "sqlite"),
    "chat-postgres": lambda bench: flows.chat(bench, "postgres"),
    "latency-sqlite": lambda bench: flows.latency(bench, "sqlite"),
    "latency-postgres": lambda bench: flows.latency(bench, "postgres"),
    "webhooks": flows.webhooks,
    "letters-6": lambda bench: flows.letters(bench, 6_000),
    "letters-39": lambda bench: flows.letters(bench, 39_000),
    "letters-500": lambda bench: flows.letters(bench, 500_000),
    "steps": house.steps,
    "drain": flows.drain,
    "backlog-sqlite": lambda bench: flows.backlog(bench, "sqlite"),
    "backlog-postgres": lambda bench: flows.backlog(bench, "postgres"),
    "growth-sqlite": lambda bench: flows.growth(bench, "sqlite"),
    "growth-postgres": lambda bench: flows.growth(bench, "postgres"),
    "two-processors": flows.two_processors,
    "board-sqlite": lambda bench: board.first_page(bench, "sqlite"),
    "board-postgres": lambda bench: board.first_page(bench, "postgres"),
    "start": house.first_message,
    "memory": house.memory_and_idle,
}


@click.command()
@click.option("--rows", default=4_000, show_default=True, help="Messages of a run.")
@click.option("--runs", default=1, show_default=True, help="How often: floor and ours in turn.")
@click.option("--large", is_flag=True, help="A million messages in the ledger, an outbox and a backlog of 100,000.")
@click.option("--only", multiple=True, help=f"Measure only these: {', '.join(MEASUREMENTS)}.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here too.")
def main(rows: int, runs: int, large: bool, only: tuple[str, ...], file: Path | None) -> None:
    """Measure, and print the table."""
    found: list[Row] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the services are stopped, and what was measured is shown
    rabbit, postgres = RabbitNode(), PostgresServer()
    try:
        bench = Bench(rabbit.start(), postgres.start(), rows, runs, large)
        for name, measure in MEASUREMENTS.items():
            if only and name not in only:
                continue
            click.echo(f"{name} …", err=True)
            result = measure(bench)
            found += [result] if isinstance(result, Row) else result
    finally:
        rabbit.close()
        postgres.close()
        show(found)
        if file is not None:
            document = {"machine": machine(), "rows": [row.as_json() for row in found]}
            file.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
