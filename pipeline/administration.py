"""The commands of an administrator: publish again, erase, put back, move to another database, let in."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import click

from ledger.errors import LedgerError
from pipeline.console import Failed, WrongUse, as_json_option, command, counted, opened, settings_of
from pipeline.parameters import Moment, Number


@command()
@click.option("--since", type=Moment(), help="Envelopes staged since this time.")
@click.option("--ticket", "tickets", type=Number(), multiple=True, help="Envelopes of this ticket.")
@as_json_option
def requeue(context: click.Context, since: float | None, tickets: tuple[str, ...], as_json: bool) -> None:
    """Publish again, under the same ids."""
    if (since is None) == (not tickets):
        raise WrongUse("say either --since or --ticket")
    from ledger import outbox

    with opened(context) as parts:
        count = parts.database.run_now(lambda conn: outbox.requeue(conn, parts.clock(), since=since, tickets=tickets))
    click.echo(json.dumps({"requeued": count}) if as_json else f"to go out again: {counted(count, 'envelope')}")


@command()
@click.argument("number", type=Number())
@as_json_option
def forget(context: click.Context, number: str, as_json: bool) -> None:
    """Erase a ticket's personal data, and write the record of it."""
    from pipeline.erase import erase

    with opened(context) as parts:
        record = erase(parts, number, cause="forget")
        if record is None:
            raise Failed(f"no ticket has the number {number!r}")
        click.echo(json.dumps(record, ensure_ascii=False) if as_json else f"{number} is erased: {record['summary']}")


@command()
@as_json_option
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
@as_json_option
def account(context: click.Context, name: str, reset: bool, as_json: bool) -> None:
    """A new one-time password for an account of the board, when its own is lost."""
    from board import sessions

    with opened(context) as parts:
        password = sessions.reset(parts, name)
        if password is None:
            raise Failed(f"no open account has the name {name!r}; the first one is made when the web starts")
    told = {"name": name, "password": password}
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else f"{name}: {password}  (it is shown only now)")


@command("copy-ledger")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@as_json_option
def copy_ledger(context: click.Context, file: Path, as_json: bool) -> None:
    """Copy the SQLite ledger in FILE into the empty PostgreSQL that database.url names."""
    from ledger.copying import NotCopied, copy
    from ledger.database import Database
    from ledger.migrate import migrate
    from pipeline.parts import keys_of

    settings = settings_of(context)
    with (
        closing(Database(f"sqlite:///{file}")) as source,
        closing(Database(settings.database.url.get_secret_value())) as target,
    ):
        try:
            migrate(source)
            keys_of(settings, source)
            rows = copy(source, target, time.time())
        except NotCopied as error:
            raise WrongUse(str(error)) from None
        except (LedgerError, OSError) as error:
            raise Failed(f"nothing was copied: {error}") from None
    told = f"{counted(rows, 'row')} copied; copy the files of storage.url too where that changes"
    click.echo(json.dumps({"rows": rows}) if as_json else told)
