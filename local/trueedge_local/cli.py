"""The administrator's one program, `python -m trueedge_local`. What a command needs is imported when it runs."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from trueedge_core.errors import TrueEdgeError
from trueedge_core.settings import DEFAULT_STORE_URL, LOG_LEVELS, VERSION, Settings, flag, networks

F = TypeVar("F", bound=Callable[..., Any])


class Group(click.Group):
    """A command that fails on purpose says so in one line, without a trace."""

    def invoke(self, ctx: click.Context) -> Any:
        from .server import ServerError

        try:
            return super().invoke(ctx)
        except (TrueEdgeError, ServerError) as error:
            raise click.ClickException(getattr(error, "message", str(error))) from None


def store_url(text: str) -> str:
    """A store's URL; a plain path means a SQLite file."""
    return text if "://" in text else f"sqlite:///{Path(text).as_posix()}"


def store_option(default: str = DEFAULT_STORE_URL) -> Callable[[F], F]:
    return click.option(
        "--store",
        envvar="TRUEEDGE_STORE_URL",
        default=default,
        show_default=True,
        metavar="URL",
        help="sqlite:///folder/file.db, or a path. [TRUEEDGE_STORE_URL]",
    )


def server_options(command: F) -> F:
    for option in (
        click.option("--workers", envvar="TRUEEDGE_WORKERS", type=click.IntRange(1, 64), default=2, show_default=True),
        click.option("--port", envvar="TRUEEDGE_PORT", type=click.IntRange(0, 65535), default=9000, show_default=True),
        click.option("--host", envvar="TRUEEDGE_HOST", default="127.0.0.1", show_default=True),
    ):
        command = option(command)
    return command


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="trueedge")
def main() -> None:
    """TRUEEDGE on this machine: serve it, and look after its store."""


def exposure() -> tuple[bool | None, tuple[str, ...]]:
    """Who is let in, by the variables that have no flag: TRUEEDGE_OPEN and TRUEEDGE_ALLOWED_HOSTS."""
    names = (name.strip() for name in os.environ.get("TRUEEDGE_ALLOWED_HOSTS", "").split(","))
    return True if flag(os.environ, "TRUEEDGE_OPEN") else None, tuple(filter(None, names))


@main.command()
@store_option()
@server_options
@click.option(
    "--log-level",
    envvar="TRUEEDGE_LOG_LEVEL",
    type=click.Choice(LOG_LEVELS, case_sensitive=False),
    default="WARNING",
    show_default=True,
    help="INFO: a line per request on standard error.",
)
def serve(store: str, host: str, port: int, workers: int, log_level: str) -> None:
    """Serve the API and the report."""
    from . import server

    is_open, allowed = exposure()
    sys.exit(
        server.serve(
            store_url(store),
            host,
            port,
            workers,
            is_open=is_open,
            allowed_hosts=allowed,
            log_level=log_level.upper(),
            alert_networks=networks(os.environ, "TRUEEDGE_ALERT_NETWORKS"),
        )
    )


@main.command()
@click.option("--store", default="./data/demo.db", show_default=True, metavar="FILE", type=click.Path(path_type=Path))
@server_options
def demo(store: Path, host: str, port: int, workers: int) -> None:
    """Load the simulated demo data into a store of its own, and serve it."""
    from .demo import run

    is_open, allowed = exposure()
    sys.exit(run(store, host, port, workers, is_open=is_open, allowed_hosts=allowed))


@main.command()
@store_option()
def rebuild(store: str) -> None:
    """Derive every figure anew from the log."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from trueedge_core.domain.ports import Scope

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    ledger = _existing(store)
    with Progress(*columns) as progress:
        task = progress.add_task("Rebuilding", total=None)
        for done, total in ledger.rebuild():
            progress.update(task, completed=done, total=total)
    entries = reading.as_of.events if (reading := ledger.summary(Scope())) else 0
    ledger.close()
    click.echo(f"rebuilt from {entries} log entries")


@main.command()
@store_option()
def fsck(store: str) -> None:
    """Compare every figure with the log; exit code 1 if anything does not match."""
    from trueedge_core.domain.ports import Scope

    ledger = _existing(store)
    found = 0
    for finding in ledger.fsck():
        found += 1
        click.echo(f"{finding.where}: {finding.message}")
    reading = ledger.summary(Scope())
    ledger.close()
    if found:
        click.echo(
            f"{found} findings; `rebuild` makes anew what is derived; the log itself is only in a backup", err=True
        )
        sys.exit(1)
    if reading is None or not reading.as_of.events:
        click.echo("clean: the log is empty")
        return
    summary = reading.summary
    click.echo(
        f"clean: {reading.as_of.events} log entries; {summary.n} closed trades counted, "
        f"{summary.opens} open, {summary.voids} voided"
    )


@main.command()
@store_option()
def resequence(store: str) -> None:
    """Give positions to trades of a DynamoDB table that its stream has forgotten: after a day or more without it."""
    from trueedge_core import wiring

    wiring.configure(Settings(store_url=store_url(store)))
    found = 0
    for number in wiring.sequencer().resequence():
        found += number
        click.echo(f"  {found} sequenced", err=True)
    wiring.configure(None)
    click.echo(f"{found} entries had no position; now every one has")


@main.command()
@click.option(
    "--store",
    type=click.Choice(["sqlite", "dynamodb"]),
    default="sqlite",
    show_default=True,
    help="dynamodb: a table of an emulator, gone at the end; AWS_ENDPOINT_URL_DYNAMODB may name one that goes on.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Not 5000 to 8999: SAM's own."
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="./data/sam",
    show_default=True,
    help="Where trueedge.db is (sqlite); on Docker Desktop it is in a volume instead.",
)
@click.option("--event", type=click.Path(path_type=Path), help="Invoke the function of this event once, and end.")
@click.option("--key", metavar="KEY", help="Goes along with --event.")
def sam(store: str, host: str, port: int, folder: Path, event: Path | None, key: str | None) -> None:
    """Serve the functions by `sam local`, each in a container."""
    from . import sam as sam_local

    if 5000 <= port <= 8999:
        raise click.ClickException(f"--port {port}: SAM takes 5000 to 8999 for its own; choose one outside")
    if event is not None:
        sys.exit(sam_local.invoke(event, store, folder, key))
    sys.exit(sam_local.start_api(store, folder, host, port))


@main.command()
@click.option("--from", "source", required=True, metavar="URL", help="The store to copy: sqlite:///file.db, a path, ..")
@click.option("--to", "target", required=True, metavar="URL", help="An empty store, or one that an earlier copy began.")
@click.option("--keys/--no-keys", "with_keys", default=True, show_default=True, help="Whether API keys go along.")
def copy(source: str, target: str, with_keys: bool) -> None:
    """Copy a log to another store, each entry at its position, and compare; exit code 1 if anything differs.

    Run it again to go on where it was cut short. Nothing else may write to the target meanwhile.
    """
    from .copying import run

    urls = store_url(source), store_url(target)
    if urls[0].partition("?")[0] == urls[1].partition("?")[0]:
        raise click.ClickException("--from and --to name the same store")
    _refuse_missing(urls[0])
    sys.exit(run(*urls, with_keys=with_keys))


@main.command()
@store_option()
@click.option(
    "--out",
    default="report.html",
    show_default=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write it.",
)
@click.option("--account", "account_id", metavar="ID", help="Only this account.")
@click.option("--strategy", "strategy_id", metavar="ID", help="Only this strategy.")
@click.option(
    "--environment",
    type=click.Choice(["live", "demo", "both"]),
    help="[live if there is any live trade, else demo]",
)
@click.option("--from", "from_", metavar="TIME", help="From this time or date on.")
@click.option("--to", metavar="TIME", help="Up to this time or date, not included.")
@click.option("--starting-balance", metavar="AMOUNT", help="Gives returns and drawdown in percent.")
def report(store: str, out: Path, from_: str | None, **asked: str | None) -> None:
    """Write the report as one file that opens from disk: nothing in it is loaded from anywhere."""
    from trueedge_core import wiring

    from . import report as command

    given = {**asked, "from": from_}
    ledger = _existing(store)
    command.write(ledger, out, {name: text for name, text in given.items() if text is not None}, wiring.accounts())
    wiring.configure(None)


@main.group(cls=Group)
def keys() -> None:
    """Make, list and revoke API keys. The first one ends the open mode of a local server."""


@keys.command("create")
@store_option()
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(["ingest", "read", "admin"]),
    help="What it may do; may be given several times. admin may all.",
)
@click.option("--account", "account_id", metavar="ID", help="Bind it to this account: it writes and sees no other.")
@click.option("--strategy", "strategy_id", metavar="ID", help="Bind it to this strategy.")
@click.option("--expires", metavar="SPAN", help='How long it is good: "90d", "12h", "30m"; or a date. [never ends]')
@click.option("--name", default="", metavar="TEXT", help="What you call it in `keys list`.")
def create_key(
    store: str, scopes: tuple[str, ...], account_id: str | None, strategy_id: str | None, expires: str | None, name: str
) -> None:
    """Make a key; it is printed alone on the last line, this once."""
    from . import keys as command

    command.create(store_url(store), scopes, account_id, strategy_id, expires, name)


@keys.command("list")
@store_option()
def list_keys(store: str) -> None:
    """Show every key by its id; the keys themselves are kept nowhere."""
    from . import keys as command

    command.show(store_url(store))


@keys.command("revoke")
@store_option()
@click.argument("key_id", metavar="ID")
def revoke_key(store: str, key_id: str) -> None:
    """Make a key useless, for good."""
    from . import keys as command

    command.revoke(store_url(store), key_id)


@main.command()
def openapi() -> None:
    """Write the API's description anew from the code."""
    from .openapi import document

    document.FILE.write_text(document.text(), encoding="utf-8", newline="\n")
    click.echo(f"wrote {document.FILE}")


def _existing(store: str) -> Any:
    """The ledger of a store that is there: a typo must not make an empty one and call it clean."""
    from trueedge_core import wiring

    url = store_url(store)
    _refuse_missing(url)
    wiring.configure(Settings(store_url=url))
    return wiring.ledger()


def _refuse_missing(url: str) -> None:
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        raise click.ClickException(f"there is no store at {url}")
