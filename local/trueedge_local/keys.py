"""`keys create`, `keys list`, `keys revoke`: the API keys of a store."""

from pathlib import Path

import click

from trueedge_core import wiring
from trueedge_core.domain.ports import Key, KeyStore
from trueedge_core.domain.times import format_time
from trueedge_core.services import access
from trueedge_core.services import keys as making
from trueedge_core.settings import Settings

HEADS = ("ID", "NAME", "SCOPES", "BOUND TO", "MADE", "LAST USED", "STATE")


def create(
    store_url: str,
    scopes: tuple[str, ...],
    account_id: str | None,
    strategy_id: str | None,
    expires: str | None,
    name: str,
) -> None:
    """Make a key and print it alone on the last line."""
    wiring.configure(Settings(store_url=store_url))
    try:
        keys, now = wiring.keys(), wiring.now_us()
        is_first = not keys.has_any()
        text, key = making.create(
            keys, scopes, now, account_id=account_id, strategy_id=strategy_id, expires=expires, name=name
        )
    finally:
        wiring.configure(None)
    until = "" if key.expires_at is None else f", good until {_to_the_second(key.expires_at)}"
    click.echo(f"key {key.id}: {', '.join(key.scopes)}; bound to {access.binding(key.bound_to)}{until}")
    if is_first:
        click.echo("This is the first key of the store: from now on every request needs one, on loopback too.")
    click.echo("It is shown this once:")
    click.echo(text)


def show(store_url: str) -> None:
    """Print every key, the oldest first; never its text, which is kept nowhere."""
    keys = _existing(store_url)
    try:
        rows, now = [*keys.all()], wiring.now_us()
    finally:
        wiring.configure(None)
    if not rows:
        click.echo("this store has no keys")
        return
    table = [HEADS, *(_cells(key, now) for key in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def revoke(store_url: str, key_id: str) -> None:
    """Make a key useless from now on. The key itself is taken too: one that leaked is known by nothing else."""
    keys = _existing(store_url)
    key_id = key_id.strip()
    try:
        now = wiring.now_us()
        key = keys.revoke(access.digest_of(key_id)[:12] if key_id.startswith("te_") else key_id.lower(), now)
    finally:
        wiring.configure(None)
    if key.revoked_at != now:
        click.echo(f"key {key.id} was revoked before, at {format_time(key.revoked_at or 0)}")
    else:
        click.echo(f"key {key.id} is revoked; a running server takes it for at most 3 more seconds")


def _existing(store_url: str) -> KeyStore:
    """The keys of a store that is there: a typo must not make an empty one."""
    if store_url.startswith("sqlite:///") and not Path(store_url.removeprefix("sqlite:///")).is_file():
        raise click.ClickException(f"there is no store at {store_url}")
    wiring.configure(Settings(store_url=store_url))
    return wiring.keys()


def _cells(key: Key, now: int) -> tuple[str, ...]:
    bound = access.binding(key.bound_to)
    used = "never" if key.last_used_at is None else _to_the_second(key.last_used_at)
    made = _to_the_second(key.created_at)
    return (key.id, key.name or "-", ",".join(key.scopes), bound, made, used, making.state(key, now))


def _to_the_second(us: int) -> str:
    return format_time(us // 1_000_000 * 1_000_000)
