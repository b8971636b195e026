"""What every command has: the group, its configuration, the parts, and errors for people: one line, no traceback.

Exit 0: done. 1: something failed. 2: wrong use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from config.settings import ConfigError, Settings, load


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
        try:
            parts = open_parts(settings)
        except OSError as error:  # a folder that cannot be made: of the ledger, the files or the key
            raise Failed(f"{error.filename}: {error.strerror}; see database.url and storage.url") from None
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


as_json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")
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


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
