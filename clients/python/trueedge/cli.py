"""The command line: `trueedge`, or `python -m trueedge`."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import doctor, importing, sending, showing
from .client import DEFAULT_URL, outbox_folder
from .errors import TrueEdgeError, Unreachable
from .transport import Transport
from .version import __version__

EPILOG = """\
examples:
  trueedge doctor --url https://trades.example.com
  trueedge send trades.ndjson
  my-bot | trueedge send -
  trueedge metrics --strategy trend --environment live --starting-balance 10000
  trueedge metrics --by strategy --sort total_pnl --order desc
  trueedge trades --csv --from 2026-01-01 > trades.csv
  trueedge report --account acct-7 -o acct-7.html
  trueedge tail --json | jq .event.pnl

Every command takes --url and --key, else the variables TRUEEDGE_URL and TRUEEDGE_KEY. A key on the command line is
seen by everyone on the machine; a variable or --key-file is not.

exit codes:
  0    done
  1    done, but some trades were refused; doctor: something is wrong
  2    wrong use, or the server refused the request (the key, a filter)
  3    the server cannot be reached, or does not answer as TRUEEDGE does
  130  stopped by Ctrl-C
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    parsed = parser().parse_args(arguments)
    try:
        code = _run(parsed)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # `| head` has seen enough
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Unreachable as error:
        print(f"trueedge: {error}. See: trueedge doctor", file=sys.stderr)
        return 3
    except (TrueEdgeError, OSError) as error:
        print(f"trueedge: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("trueedge: stopped", file=sys.stderr)
        return 130


def _run(parsed: argparse.Namespace) -> int:
    parsed.key = _key(parsed)
    showing.wrong_output(parsed)
    if parsed.command == "import":
        code: int = parsed.run(parsed)
        return code
    transport = Transport(parsed.url, parsed.key, timeout=parsed.timeout, patience=parsed.patience)
    try:
        if parsed.command == "doctor":
            return doctor.run(parsed, transport, outbox_folder(transport.url, parsed.outbox))
        result: int = parsed.run(parsed, transport)
        return result
    finally:
        transport.close()


def _key(parsed: argparse.Namespace) -> str | None:
    if parsed.key_file:
        return Path(parsed.key_file).read_text(encoding="utf-8").strip()
    key: str | None = parsed.key or os.environ.get("TRUEEDGE_KEY")
    return key


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    whole = argparse.ArgumentParser(
        prog="trueedge",
        description="Send trades to TRUEEDGE and read what they are worth.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"trueedge {__version__}")
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", required=True)
    server, question = _server_options(), _question_options()

    def command(name: str, about: str, run: Any, *parents: argparse.ArgumentParser, more: str = "") -> Any:
        made = commands.add_parser(
            name,
            help=about,
            description=about + ".",
            epilog=more,
            parents=[server, *parents],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(run=run)
        return made

    _send(command)
    importing.add_arguments(command("import", "import the history that a trading program exported", importing.run))
    _metrics(command, question)
    _trades(command, question)
    _report(command, question)
    _tail(command, question)
    _doctor(command)
    return whole


def _server_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    group = options.add_argument_group("the server")
    url = os.environ.get("TRUEEDGE_URL") or DEFAULT_URL
    group.add_argument("--url", default=url, help=f"its address ({url}; TRUEEDGE_URL)")
    group.add_argument("--key", help="the API key (TRUEEDGE_KEY)")
    group.add_argument("--key-file", metavar="FILE", help="a file with the key")
    group.add_argument("--timeout", type=_seconds, default=30.0, metavar="S", help="give up one try after this (30)")
    group.add_argument(
        "--patience", type=_seconds, default=60.0, metavar="S", help="go on trying for this long (60; 0: once)"
    )
    return options


def _question_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    group = options.add_argument_group("of which trades")
    group.add_argument("--account", metavar="ID")
    group.add_argument("--strategy", metavar="ID")
    group.add_argument("--environment", choices=("live", "demo"))
    group.add_argument("--from", dest="since", metavar="TIME", help="from this time or date on")
    group.add_argument("--to", dest="until", metavar="TIME", help="before this time or date")
    return options


def _send(command: Any) -> None:
    made = command(
        "send",
        "send events as they are: one JSON object per line, or a JSON document",
        sending.run,
        more="""\
examples:
  trueedge send trades.ndjson
  my-bot | trueedge send -          (each line is sent as it comes)
  trueedge send --outbox DIR        (what a bot that no longer runs left there)

Sending the same events again changes nothing. What is refused is told with its line; the rest goes on.""",
    )
    which = made.add_mutually_exclusive_group()
    which.add_argument("file", nargs="?", default="-", metavar="FILE", help="the file; - is standard input")
    which.add_argument("--outbox", metavar="DIR", help="send what waits in this outbox instead")
    made.add_argument("--json", action="store_true", help="print the result of each event as a line of JSON")


def _metrics(command: Any, question: argparse.ArgumentParser) -> None:
    made = command("metrics", "print the figures", showing.metrics, question)
    made.add_argument("--starting-balance", metavar="AMOUNT", help="what percentages are of")
    made.add_argument("--by", choices=sorted(showing.GROUPS), help="a row for each")
    made.add_argument("--sort", metavar="FIGURE", help="with --by: the figure to sort by")
    made.add_argument("--order", choices=("asc", "desc"), help="with --sort")
    made.add_argument("--json", action="store_true", help="the server's answer; with --by a line of JSON for each row")


def _trades(command: Any, question: argparse.ArgumentParser) -> None:
    made = command("trades", "print every trade, newest first", showing.trades, question)
    form = made.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="as CSV that spreadsheets can open safely")
    form.add_argument("--json", action="store_true", help="as NDJSON, each event as it was sent")
    made.add_argument("--limit", type=_count, metavar="N", help="at most so many")
    made.add_argument("-o", "--output", metavar="FILE", help="write to this file")


def _report(command: Any, question: argparse.ArgumentParser) -> None:
    made = command("report", "write the HTML report to one file that needs nothing else", showing.report, question)
    made.add_argument("--starting-balance", metavar="AMOUNT", help="what percentages are of")
    made.add_argument("-o", "--output", metavar="FILE", default="report.html", help="report.html; - is standard output")


def _tail(command: Any, question: argparse.ArgumentParser) -> None:
    made = command(
        "tail",
        "print trades as they arrive",
        showing.tail,
        question,
        more=f"A trade that arrives later than {showing.LOOK_BACK:,} trades after its own time is not shown.",
    )
    made.add_argument("-n", "--number", type=_count, default=10, metavar="N", help="begin with the newest N (10)")
    made.add_argument("--interval", type=_seconds, default=2.0, metavar="S", help="seconds between looks (2)")
    made.add_argument("--json", action="store_true", help="a line of JSON for each trade")


def _doctor(command: Any) -> None:
    made = command("doctor", "check address, key, clock, versions and outbox, and say what to do", None)
    made.add_argument("--outbox", metavar="DIR", help="the bot's outbox (TRUEEDGE_OUTBOX)")


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= float(text) < 1e6:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not accepted; accepted: seconds, 0 or more")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not accepted; accepted: a whole number, 0 or more")


if __name__ == "__main__":
    sys.exit(main())
