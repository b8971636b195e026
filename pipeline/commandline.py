"""The commands of every day, and the program's entry. Those of an administrator are in `pipeline.administration`.

Exit 0: done. 1: something failed. 2: wrong use.
"""

from __future__ import annotations

import errno
import json
import logging
import sys
from pathlib import Path
from typing import Any

import click

from pipeline import administration as administration  # its commands join the group
from pipeline.console import Failed, WrongUse, as_json_option, cli, command, counted, files_named, opened, settings_of
from pipeline.parameters import Moment, Number, RowId


@command()
@click.argument("names", nargs=-1)
def run(context: click.Context, names: tuple[str, ...]) -> None:
    """Run everything that is configured; with NAMEs, only those channels or the roles web, processor, relay."""
    settings = settings_of(context)
    # structlog imports rich wherever it finds it, for tracebacks in colour: 66 modules and 4 MB in every process.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    from pipeline.supervisor import CannotRun, run_named

    try:
        with files_named(context):
            context.exit(run_named(settings, names, context.obj))
    except CannotRun as error:
        raise WrongUse(str(error)) from None


@command()
@as_json_option
def check(context: click.Context, as_json: bool) -> None:
    """Read the configuration and reach every part for real."""
    settings = settings_of(context)
    from pipeline.checks import check_all

    findings = check_all(settings)
    for finding in findings:
        click.echo(json.dumps(finding.as_dict(), ensure_ascii=False) if as_json else finding.line())
    context.exit(0 if all(finding.ok for finding in findings) else 1)


@command()
@click.option("--kind", required=True, help="The kind of the payloads: email, telegram, vk, whatsapp, …")
@click.option("--account", help="The channel's NAME; else the only channel of the kind.")
@click.option("--acknowledge", is_flag=True, help="Owe citizens an acknowledgement, as for messages that arrive.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@as_json_option
def ingest(
    context: click.Context, kind: str, account: str | None, acknowledge: bool, paths: tuple[Path, ...], as_json: bool
) -> None:
    """Take payloads from disk the same way as from the platforms."""
    from dataclasses import asdict

    from pipeline.ingest import NoSuchChannel
    from pipeline.ingest import ingest as take
    from pipeline.kinds import kinds
    from pipeline.payloads import PayloadError
    from pipeline.progress import progress

    if kind not in kinds():
        raise WrongUse(f"there is no kind {kind!r}; there are {', '.join(kinds())}")
    with opened(context) as parts, progress("taking in") as show:
        try:
            tally = take(parts, kind, list(paths), account=account, acknowledge=acknowledge, progress=show)
        except NoSuchChannel as error:
            raise WrongUse(str(error)) from None
        except PayloadError as error:
            raise Failed(str(error)) from None
        except OSError as error:
            raise Failed(f"{error.filename}: {error.strerror}") from None
    if as_json:
        click.echo(json.dumps(asdict(tally)))
    else:
        click.echo("\n".join(tally.lines()))


@command()
@click.option("--ticket", type=Number(), help="Only of this ticket.")
@click.option("--since", type=Moment(), help="Only staged since this time.")
@click.option("--follow", is_flag=True, help="Go on with those that come.")
def envelopes(context: click.Context, ticket: str | None, since: float | None, follow: bool) -> None:
    """The envelopes as JSON Lines, in the order staged."""
    from pipeline.inspect import each_envelope

    with opened(context) as parts:
        out = sys.stdout.buffer
        for body in each_envelope(parts, ticket=ticket, since=since, follow=follow):
            out.write(body + b"\n")
            out.flush()


@command()
@as_json_option
def queues(context: click.Context, as_json: bool) -> None:
    """The unified queue: what waits at each desk."""
    from pipeline.inspect import queue_rows, queue_table

    with opened(context) as parts:
        rows = queue_rows(parts)
        if as_json:
            click.echo(json.dumps(rows, ensure_ascii=False))
        else:
            queue_table(rows)


@command()
@click.argument("number", type=Number())
@as_json_option
def show(context: click.Context, number: str, as_json: bool) -> None:
    """One ticket: its messages, links, acknowledgements, replies, deliveries."""
    from pipeline.inspect import describe, ticket_view

    with opened(context) as parts:
        view = ticket_view(parts, number)
        if view is None:
            raise Failed(f"no ticket has the number {number!r}")
        click.echo(json.dumps(view, ensure_ascii=False) if as_json else describe(view))


@cli.group()
def quarantine() -> None:
    """What could not be read, with its raw bytes."""


@quarantine.command("list")
@as_json_option
@click.pass_context
def quarantine_list(context: click.Context, as_json: bool) -> None:
    """The rows, oldest first."""
    from pipeline.quarantine import rows, table

    with opened(context) as parts:
        found = rows(parts)
        if as_json:
            click.echo(json.dumps(found, ensure_ascii=False))
        else:
            table(found)


@quarantine.command("show")
@click.argument("row_id", type=RowId)
@as_json_option
@click.pass_context
def quarantine_show(context: click.Context, row_id: int, as_json: bool) -> None:
    """One row, with its bytes as text."""
    from pipeline.quarantine import describe, view

    with opened(context) as parts:
        found = view(parts, row_id)
        if found is None:
            raise Failed(f"the quarantine holds no row {row_id}; see `quarantine list`")
        click.echo(json.dumps(found, ensure_ascii=False) if as_json else describe(found))


def _all_there(lacking: list[int]) -> None:
    if lacking:
        raise Failed(f"the quarantine holds no row {lacking[0]}; see `quarantine list`")


@quarantine.command("retry")
@click.argument("row_ids", type=RowId, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every row of the quarantine.")
@click.option("--file", "replacement", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Bytes to take instead, for one row that was mended by hand.")  # fmt: skip
@as_json_option
@click.pass_context
def quarantine_retry(
    context: click.Context, row_ids: tuple[int, ...], everything: bool, replacement: Path | None, as_json: bool
) -> None:
    """Process rows again, after the cause was mended."""
    from pipeline.quarantine import lacking, retry

    if bool(row_ids) == everything:
        raise WrongUse("name the rows to try again, or --all")
    if replacement is not None and len(row_ids) != 1:
        raise WrongUse("--file goes with one row")
    with opened(context) as parts:
        _all_there(lacking(parts, row_ids))
        outcome = retry(parts, row_ids, replacement.read_bytes() if replacement else None)
        told = ", ".join(f"{k}: {v}" for k, v in outcome.items()) or "the quarantine is empty"
        click.echo(json.dumps(outcome) if as_json else told)


@quarantine.command("dismiss")
@click.argument("row_ids", type=int, nargs=-1, required=True)
@click.pass_context
def quarantine_dismiss(context: click.Context, row_ids: tuple[int, ...]) -> None:
    """Take rows out that are nobody's request; their bytes are erased after `retention.raw`."""
    from pipeline.quarantine import dismiss, lacking

    with opened(context) as parts:
        _all_there(lacking(parts, row_ids))
        click.echo(f"{counted(len(dismiss(parts, row_ids)), 'row')} dismissed")


@quarantine.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("row_ids", type=RowId, nargs=-1)
@click.pass_context
def quarantine_export(context: click.Context, folder: Path, row_ids: tuple[int, ...]) -> None:
    """Write the raw bytes to FOLDER, a file for each row."""
    from pipeline.quarantine import export, lacking

    with opened(context) as parts:
        _all_there(lacking(parts, row_ids))
        try:
            click.echo(f"{counted(export(parts, folder, row_ids), 'file')} written to {folder}")
        except OSError as error:
            raise Failed(f"{folder}: {error.strerror}") from None


@command()
@click.option("--asyncapi", is_flag=True, help="The AsyncAPI document of the queues.")
def schema(context: click.Context, asyncapi: bool) -> None:
    """The JSON Schema of the envelope."""
    if asyncapi:
        settings = settings_of(context)
        from router.asyncapi import document
        from router.rules import load as load_rules

        with files_named(context):
            found = document(load_rules(settings.routing.path), settings.broker.prefix)
    else:
        from router.asyncapi import envelope_schema

        found = envelope_schema()
    click.echo(json.dumps(found, ensure_ascii=False, indent=2))


@command()
@click.argument("text", nargs=-1)
@click.option("--file", "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="JSON Lines.")
@as_json_option
def route(context: click.Context, text: tuple[str, ...], file: Path | None, as_json: bool) -> None:
    """Which desk a text would go to, and why. Sends nothing."""
    settings = settings_of(context)
    from pipeline.routing import route_all

    if bool(text) == (file is not None):
        raise WrongUse("give a text or --file")
    with files_named(context):
        route_all(settings, " ".join(text), file, as_json=as_json)


@command()
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), default=Path("data/demo"), show_default=True
)
@click.option("--port", type=int, default=8080, show_default=True, help="Of the web pages.")
@click.option("--pace", type=float, default=4.0, show_default=True, help="How much faster than people they write.")
@click.option("--citizens", type=int, default=48, show_default=True, help="How many.")
@click.option("--seconds", type=float, help="Stop after so long; else by Ctrl-C.")
@click.option("--broker", default="", help="A RabbitMQ (amqp://…); without one, envelopes wait in the outbox.")
def demo(context: click.Context, **options: Any) -> None:
    """Stand-ins of all platforms with citizens writing, to see the whole thing work."""
    from pipeline.demo import demo as play

    context.exit(play(**options))


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    # What a library logs where no log is set up would be printed as it is, secrets and all.
    logging.lastResort = logging.NullHandler()
    try:
        result = cli.main(arguments, prog_name="priemnaya", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        where = f" (try `{error.ctx.command_path} --help`)" if error.ctx else ""
        click.echo(f"priemnaya: {error.format_message()}{where}", err=True)
        return 2
    except click.ClickException as error:
        click.echo(f"priemnaya: {error.format_message()}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        click.echo("priemnaya: the disk that the output goes to is full", err=True)
        sys.stdout = None  # else what is still in it fails once more when Python ends
        return 1
    return result if isinstance(result, int) else 0
