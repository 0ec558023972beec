"""`trueedge_local report`: the report as one file that opens from disk."""

from collections.abc import Mapping
from pathlib import Path

import click

from trueedge_core.domain.ports import AccountStore, Ledger
from trueedge_core.services import reports
from trueedge_core.settings import VERSION
from trueedge_core.wiring import now_us


def write(ledger: Ledger, out: Path, parameters: Mapping[str, str], accounts: AccountStore | None = None) -> None:
    """Write the report of these parameters to `out`; nothing is left half-written.

    Raises: InvalidParameter; NotFound when there is nothing to report.
    """
    html = reports.saved(ledger, parameters, VERSION, now_us(), accounts)
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.part")
    unfinished.write_text(html, encoding="utf-8", newline="\n")
    unfinished.replace(out)
    click.echo(f"wrote {out}, {out.stat().st_size:,} bytes")
