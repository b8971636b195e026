"""Commands, their options, and errors for people: one line, what is wrong and what to do; no traceback.

Exit 0: done. 1: something failed. 2: wrong use.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from config.settings import ConfigError, Settings, load
from pipeline.parameters import Moment, Number


class Failed(click.ClickException):
    """A command could not do what it was asked to."""

    exit_code = 1


class WrongUse(Failed):
    """The words of the command, or the configuration, are off."""

    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="The configuration file (TOML).")
@click.version_option(package_name="priemnaya", prog_name="priemnaya")
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Takes what citizens write, exactly once, numbers it, and queues it for the right desk."""
    context.obj = config


def settings_of(context: click.Context) -> Settings:
    """The settings. Ends the command where they are wrong: each problem on its line."""
    try:
        return load(context.obj)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(f"priemnaya: {problem}", err=True)
        context.exit(2)


@contextmanager
def files_named(context: click.Context) -> Iterator[None]:
    """Rules or texts that the block finds wrong end the command, as a wrong configuration does."""
    from config.texts import TextsError
    from router.rules import RulesError

    try:
        yield
    except RulesError as error:
        problems = [f"routing.file: {error}"]
    except TextsError as error:
        problems = [f"texts.folder: {problem}" for problem in error.problems]
    else:
        return
    for problem in problems:
        click.echo(f"priemnaya: {problem}", err=True)
    context.exit(2)


@contextmanager
def opened(context: click.Context) -> Iterator[Any]:
    """The parts, opened; what goes wrong in the block becomes one line."""
    from ledger.errors import LedgerAway, LedgerUnusable
    from ledger.storage import StorageError

    settings = settings_of(context)
    from config.log import configure

    configure(settings)
    from pipeline.parts import open_parts

    parts = None
    try:
        parts = open_parts(settings)
        with files_named(context):
            yield parts
    except LedgerAway as error:
        raise Failed(f"the database cannot be used: {error}; see database.url") from None
    except LedgerUnusable as error:
        raise Failed(str(error)) from None
    except StorageError as error:
        raise Failed(f"the storage cannot be used: {error}; see storage.url") from None
    finally:
        if parts is not None:
            parts.close()


_as_json = click.option("--json", "as_json", is_flag=True, help="For machines.")
_config = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    expose_value=False,
    callback=lambda context, _param, value: setattr(context, "obj", value or context.obj),
    help="The configuration file (TOML).",
)


def command(*args: Any, **kwargs: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of the group; `--config` may stand behind its name too."""

    def wrap(function: Callable[..., Any]) -> click.Command:
        made: click.Command = cli.command(*args, **kwargs)(_config(click.pass_context(function)))
        return made

    return wrap


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


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
@_as_json
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
@_as_json
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
@_as_json
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
@_as_json
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
@_as_json
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
@click.argument("row_id", type=int)
@_as_json
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
@click.argument("row_ids", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every row of the quarantine.")
@click.option("--file", "replacement", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Bytes to take instead, for one row that was mended by hand.")  # fmt: skip
@_as_json
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


@quarantine.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("row_ids", type=int, nargs=-1)
@click.pass_context
def quarantine_export(context: click.Context, folder: Path, row_ids: tuple[int, ...]) -> None:
    """Write the raw bytes to FOLDER, a file for each row."""
    from pipeline.quarantine import export, lacking

    with opened(context) as parts:
        _all_there(lacking(parts, row_ids))
        try:
            click.echo(f"{_counted(export(parts, folder, row_ids), 'file')} written to {folder}")
        except OSError as error:
            raise Failed(f"{folder}: {error.strerror}") from None


@command()
@click.option("--since", type=Moment(), help="Envelopes staged since this time.")
@click.option("--ticket", "tickets", type=Number(), multiple=True, help="Envelopes of this ticket.")
@_as_json
def requeue(context: click.Context, since: float | None, tickets: tuple[str, ...], as_json: bool) -> None:
    """Publish again, under the same ids."""
    if (since is None) == (not tickets):
        raise WrongUse("say either --since or --ticket")
    from ledger import outbox

    with opened(context) as parts:
        count = parts.database.run_now(lambda conn: outbox.requeue(conn, parts.clock(), since=since, tickets=tickets))
    click.echo(json.dumps({"requeued": count}) if as_json else f"to go out again: {_counted(count, 'envelope')}")


@command()
@click.argument("number", type=Number())
@_as_json
def forget(context: click.Context, number: str, as_json: bool) -> None:
    """Erase a ticket's personal data, and write the record of it."""
    from pipeline.erase import erase

    with opened(context) as parts:
        record = erase(parts, number, cause="forget")
        if record is None:
            raise Failed(f"no ticket has the number {number!r}")
        click.echo(json.dumps(record, ensure_ascii=False) if as_json else f"{number} is erased: {record['summary']}")


@command()
@_as_json
def restored(context: click.Context, as_json: bool) -> None:
    """After a backup of the ledger was put back: what was given out since then is not given again."""
    from pipeline.restored import restored as tell

    with opened(context) as parts:
        following = tell(parts)
    told = {"next_number": following}
    click.echo(json.dumps(told) if as_json else f"numbers go on with {following}; VK's message ids are drawn anew")


@command()
@click.argument("name")
@click.option("--reset", is_flag=True, required=True, help="Give it a new password, which is shown once.")
@_as_json
def account(context: click.Context, name: str, reset: bool, as_json: bool) -> None:
    """A new one-time password for an account of the board, when its own is lost."""
    from board import sessions

    with opened(context) as parts:
        password = sessions.reset(parts, name)
        if password is None:
            raise Failed(f"no open account has the name {name!r}; the first one is made when the web starts")
    told = {"name": name, "password": password}
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else f"{name}: {password}  (it is shown only now)")


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
@_as_json
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
    return result if isinstance(result, int) else 0
