"""`route`: which desk a text would go to, and why."""

from __future__ import annotations

import json
from pathlib import Path

import click

from config.settings import Settings
from router.route_command import SampleError, as_table, route_file, route_text
from router.rules import load


def route_all(settings: Settings, text: str, file: Path | None, *, as_json: bool) -> None:
    """Print the decision on a text, or on each line of a file and the confusion table. Raises `RulesError`."""
    rules = load(settings.routing.path)
    if file is None:
        result = route_text(rules, text)
        click.echo(json.dumps(result, ensure_ascii=False) if as_json else as_table(result))
        return
    try:
        report = route_file(rules, file.read_bytes().splitlines())
    except SampleError as error:
        raise click.ClickException(f"{file}: {error}") from None
    if as_json:
        for line in report.as_json_lines():
            click.echo(line)
    else:
        click.echo(report.as_text())
