"""`trueedge import`: history from the files of trading programs, each trade once however often the file is imported.

Reads and posts at the same time, in batches; holds a batch or two in memory. Nothing has to be remembered between two
runs: ids are made from the file, so the server answers what it has as a duplicate.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TextIO

from .errors import InvalidTrade, ServerRefused, TrueEdgeError, Unreachable
from .events import encode
from .importers import ALSO, FORMATS, FileProblem, Options, Source, read, recognise
from .importers.building import FIXABLE, NUMBERS
from .importers.model import NotCompared, Note, Printed, Raw, Skipped, Trade, Unreadable, Wrong
from .importers.tally import Compared, Tally, compare
from .importers.values import number, to_json
from .terminal import Progress, plain
from .transport import MAX_BATCH_EVENTS, Transport

BATCH_BYTES = 3_500_000  # the server takes 4 MB
SHOWN = 20  # problems of a kind that are printed; --problems has all
POSTED_AHEAD = 2

Post = Callable[[Sequence[bytes]], "list[dict[str, Any]]"]

EXAMPLES = """\
examples:
  trueedge import Statement.htm --strategy manual --environment live --timezone Europe/Athens
  trueedge import ReportHistory-123.xlsx --strategy manual --timezone Europe/Athens --dry-run
  trueedge import trades.csv --account tv --strategy breakout --set symbol=EURUSD --timezone UTC
  trueedge import backtest-result.json --account backtests
  trueedge import my.csv --account a --strategy s --environment live --timezone UTC --map pnl="P/L" --set currency=USD
  trueedge import trades.jsonl

Importing the same file again changes nothing: what is stored already is a duplicate.

exit codes: 0 all taken; 1 a row was unreadable or refused, or a total differs from the one that the file prints;
2 a file, an option or the key cannot be used; 3 the server cannot be reached; 130 stopped by Ctrl-C
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `import`; those that say where the server is are the command line's own."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument("files", nargs="+", metavar="FILE", help="what the program exported; .gz too")
    parser.add_argument(
        "--format", choices=[*FORMATS, *ALSO], metavar="NAME", help=f"{', '.join(FORMATS)}; recognised if not given"
    )
    whose = parser.add_argument_group("whose trades these are")
    whose.add_argument("--account", metavar="ID", help="account_id; needed where the file names none")
    whose.add_argument("--strategy", metavar="ID", help="strategy_id; needed where the file names none")
    whose.add_argument(
        "--environment", choices=("live", "demo"), help="backtests are demo; else needed where the file does not say"
    )
    whose.add_argument(
        "--tag", action="append", default=[], metavar="TEXT", help="put this tag on every trade; may be repeated"
    )
    whose.add_argument("--id-prefix", metavar="TEXT", help="what event_ids begin with, in place of format and account")
    reading = parser.add_argument_group("how to read the file")
    reading.add_argument("--timezone", metavar="TZ", help="of times that do not say theirs: UTC, +02:00, Europe/Athens")
    reading.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="FIELD=COLUMN",
        help="the column that a field is in (csv, fills, parquet)",
    )
    reading.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help=f"the same for every trade: {', '.join(FIXABLE)}",
    )
    reading.add_argument("--fees", choices=("cost", "signed"), help="cost: 1.25 was paid; signed: -1.25 was paid")
    reading.add_argument(
        "--pnl", choices=("net", "gross"), help="whether pnl is net of fees (csv, parquet; default net)"
    )
    reading.add_argument("--decimal", choices=("point", "comma"), help="where 1,234 could be read in two ways")
    reading.add_argument("--date-order", choices=("dmy", "mdy"), help="where 03/04/2025 could be read in two ways")
    reading.add_argument("--encoding", metavar="NAME", help="of the text, where it is guessed wrong")
    reading.add_argument("--closed-only", action="store_true", help="leave out positions that are still open")
    parser.add_argument(
        "--dry-run", action="store_true", help="read and check everything, show three trades, send nothing"
    )
    parser.add_argument(
        "--problems", metavar="PATH", help="write every unreadable and refused row to this file, a JSON object a line"
    )


def run(
    args: argparse.Namespace, out: TextIO | None = None, err: TextIO | None = None, post: Post | None = None
) -> int:
    """Import `args.files` one after the other; the exit code as `--help` tells it. `post` is for tests."""
    out, err = out or sys.stdout, err or sys.stderr
    transport = None
    # One thread posts, in order, while the next batches are read here.
    with ThreadPoolExecutor(1, "trueedge-import") as poster:
        try:
            options = options_of(args)
            if post is None and not args.dry_run:
                transport = Transport(args.url, args.key, timeout=args.timeout, patience=args.patience)
                post = transport.post_batch
            sending = _Sending(poster, post) if post is not None and not args.dry_run else None
            with _problem_file(args.problems) as problems:
                return _files(args, options, sending, problems, out, err)
        except (FileProblem, TrueEdgeError) as problem:
            _say(err, f"trueedge import: {problem}")
            return 2
        finally:
            if transport is not None:
                poster.submit(transport.close)


class _Sending:
    """Posts on the poster's thread. After a failure no more of it: each batch would wait for the server as long."""

    def __init__(self, poster: ThreadPoolExecutor, post: Post) -> None:
        self._poster, self._post = poster, post
        self._failed: BaseException | None = None

    def submit(self, lines: list[bytes]) -> Future[list[dict[str, Any]]]:
        return self._poster.submit(self._send, lines)

    def _send(self, lines: list[bytes]) -> list[dict[str, Any]]:
        if self._failed is not None:
            raise self._failed
        try:
            return self._post(lines)
        except BaseException as error:
            self._failed = error
            raise


def options_of(args: argparse.Namespace) -> Options:
    """Raises: FileProblem naming the option that is wrong."""
    fixed = _pairs(args.set, "--set")
    for name, value in fixed.items():
        if name not in FIXABLE:
            raise FileProblem(f"--set {name}=..: accepted: {', '.join(FIXABLE)}")
        if name in NUMBERS:
            try:
                fixed[name] = number(value, f"--set {name}")
            except Wrong as wrong:
                raise FileProblem(str(wrong)) from None
    if fixed.pop("environment", args.environment) not in (None, args.environment):
        raise FileProblem("--set environment=..: say --environment")
    if args.encoding is not None:
        try:
            "a".encode(args.encoding)
        except (LookupError, UnicodeError):
            raise FileProblem(
                f"--encoding {args.encoding}: not one that is known; such as utf-8, cp1252, gb18030"
            ) from None
    return Options(
        account=args.account,
        strategy=args.strategy,
        environment=args.environment,
        timezone=args.timezone,
        format=args.format,
        mapping=_pairs(args.map, "--map"),
        fixed=fixed,
        tags=args.tag,
        id_prefix=args.id_prefix,
        encoding=args.encoding,
        decimal={"point": ".", "comma": ",", None: None}[args.decimal],
        date_order=args.date_order,
        fees=args.fees,
        pnl=args.pnl,
    )


def _pairs(given: Sequence[str], option: str) -> dict[str, str]:
    found = {}
    for text in given:
        name, mark, value = text.partition("=")
        if not mark or not name or not value:
            raise FileProblem(f"{option} {text}: accepted: FIELD={'COLUMN' if option == '--map' else 'VALUE'}")
        found[name.strip()] = value
    return found


@contextmanager
def _problem_file(path: str | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Every row that did not get through, as JSON lines; nothing where no path was given."""
    if path is None:
        yield lambda problem: None
        return
    try:
        file = open(path, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - closed below, errors told here
    except OSError as error:
        raise FileProblem(f"--problems {path}: {error.strerror}") from None
    with file:
        yield lambda problem: print(json.dumps(problem, ensure_ascii=False), file=file)


def _say(stream: TextIO, text: str) -> None:
    """A line, without what a terminal would obey, and with escapes where the stream's encoding lacks a letter."""
    text = plain(text)
    print(text.encode(stream.encoding or "utf-8", "backslashreplace").decode(stream.encoding or "utf-8"), file=stream)


def _files(
    args: argparse.Namespace,
    options: Options,
    sending: _Sending | None,
    problems: Callable[[dict[str, Any]], None],
    out: TextIO,
    err: TextIO,
) -> int:
    worst = 0
    for path in args.files:
        work = _Import(path, options, args, sending, problems, err)
        failed, end, said = 0, False, ""
        try:
            work.run()
        except FileProblem as problem:
            failed, said = 2, str(problem)
        except ServerRefused as error:
            failed, end, said = 2, True, f"the server refused it: {error}"
        except Unreachable as error:
            failed, end, said = 3, True, f"{error}. Nothing is lost or doubled: run the same command again"
        except KeyboardInterrupt:
            failed, end, said = 130, True, "stopped. Nothing is lost or doubled: run the same command again"
        work.progress.clear()
        worst = max(worst, failed, work.report(out, complete=not failed))
        if said:
            _say(err, f"{path}: {said}")
        if end:  # the next file would fare no better
            break
    return worst


class _Import:
    """One file on its way in."""

    def __init__(
        self,
        path: str,
        options: Options,
        args: argparse.Namespace,
        sending: _Sending | None,
        problems: Callable[[dict[str, Any]], None],
        err: TextIO,
    ) -> None:
        self.path, self.options, self.sending, self.problems, self.err = path, options, sending, problems, err
        self.dry_run, self.closed_only = args.dry_run, args.closed_only
        self.title = ""
        self.counts = dict.fromkeys(("read", "stored", "duplicate", "refused", "unreadable", "left_out"), 0)
        self.skipped: dict[str, int] = {}
        self.notes: list[str] = []
        self.printed: list[Printed] = []
        self.not_compared: list[NotCompared] = []
        self.tally = Tally()
        self.samples: list[str] = []
        self.progress = Progress("trades", None, err)
        self.done = self.reached = 0

    def run(self) -> None:
        source = Source(self.path, self.options.encoding)
        options = self.options
        if options.format is None:
            module = recognise(source)
            options.format = module.NAME
            try:
                self._read(source, module.TITLE)
            finally:
                options.format = None
        else:
            self._read(source, FORMATS[ALSO.get(options.format, options.format)].TITLE)

    def _read(self, source: Source, title: str) -> None:
        self.title = title
        self.progress.size = source.size
        source.on_bytes = self._show
        batches = self._batches(read(source, self.options))
        if self.sending is None:
            for lines, _ in batches:
                self.counts["read"] += len(lines)
        else:
            self._post_all(self.sending, batches)
        if source.note:
            self.notes.append(source.note)

    def _post_all(self, sending: _Sending, batches: Iterator[tuple[list[bytes], list[int]]]) -> None:
        waiting: deque[tuple[Future[list[dict[str, Any]]], list[int]]] = deque()
        try:
            try:
                for lines, numbers in batches:
                    self.counts["read"] += len(lines)
                    waiting.append((sending.submit(lines), numbers))
                    if len(waiting) > POSTED_AHEAD:
                        self._settle(*waiting.popleft())
            except FileProblem:  # of a file that breaks in the middle, what was read before still counts
                self._settle_all(waiting)
                raise
            self._settle_all(waiting)
        finally:
            for future, _ in waiting:
                future.cancel()

    def _settle_all(self, waiting: deque[tuple[Future[list[dict[str, Any]]], list[int]]]) -> None:
        while waiting:
            self._settle(*waiting.popleft())

    def _settle(self, future: Future[list[dict[str, Any]]], numbers: list[int]) -> None:
        for row, line in zip(future.result(), numbers):
            outcome = row.get("result")
            if outcome == "stored" or outcome == "duplicate":
                self.counts[outcome] += 1
            else:
                message = str(row.get("message") or outcome)
                self._problem("refused", line, message, row.get("event_id"))
        self.done += len(numbers)
        self._show(self.reached)

    def _show(self, reached: int) -> None:
        self.reached = reached
        bad = self.counts["refused"] + self.counts["unreadable"]
        self.progress.show(self.done, reached, f"{bad:,} refused or unreadable" if bad else "")

    def _batches(self, items: Iterator[object]) -> Iterator[tuple[list[bytes], list[int]]]:
        lines: list[bytes] = []
        numbers: list[int] = []
        size = 0
        try:
            for item in items:
                data = self._line(item)
                if data is None:
                    continue
                if lines and (len(lines) >= MAX_BATCH_EVENTS or size + len(data) >= BATCH_BYTES):
                    yield lines, numbers
                    lines, numbers, size = [], [], 0
                lines.append(data)
                numbers.append(item.line)  # type: ignore[attr-defined]
                size += len(data) + 1
        except FileProblem:
            if lines:
                yield lines, numbers
            raise
        if lines:
            yield lines, numbers

    def _line(self, item: object) -> bytes | None:
        """What is to be sent of an item; the rest is kept for the report."""
        if isinstance(item, Raw):
            return self._raw(item)
        if isinstance(item, Trade):
            return self._trade(item)
        if isinstance(item, Unreadable):
            self._problem("unreadable", item.line, item.reason)
        elif isinstance(item, Skipped):
            self.skipped[item.kind] = self.skipped.get(item.kind, 0) + 1
        elif isinstance(item, Note):
            self.notes.append(item.text)
        elif isinstance(item, Printed):
            self.printed.append(item)
        elif isinstance(item, NotCompared):
            self.not_compared.append(item)
        return None

    def _raw(self, item: Raw) -> bytes | None:
        data = item.data
        # A body is told apart by its bytes: these would make the whole batch something else than events by line.
        if not data.startswith(b"{") or data.startswith(b'{"events"'):
            self._problem("unreadable", item.line, "is no JSON object with an event")
            return None
        if self.dry_run:
            try:
                event = json.loads(data, parse_float=str, parse_int=str)
            except (ValueError, RecursionError) as error:
                self._problem("unreadable", item.line, f"is no JSON: {error}")
                return None
            if not self._is_sound(event, item.line):
                return None
            self._sample(data.decode("utf-8", "replace"))
        return data

    def _trade(self, item: Trade) -> bytes | None:
        event = item.event
        if event["state"] == "open" and self.closed_only:
            self.counts["left_out"] += 1
            return None
        if not self._is_sound(event, item.line):
            return None
        self.tally.add(event)
        text = to_json(event)
        if self.dry_run:
            self._sample(text)
        return text.encode("utf-8", "surrogatepass")

    def _is_sound(self, event: dict[str, Any], line: int) -> bool:
        """By the client's own copy of the rules: a refusal then names the line before anything is sent."""
        try:
            encode(event)
        except InvalidTrade as wrong:
            self._problem(
                "refused", line, "; ".join(f"{name}: {text}" for name, text in wrong.errors.items()) or str(wrong)
            )
            return False
        return True

    def _sample(self, text: str) -> None:
        if len(self.samples) < 3:
            self.samples.append(text)

    def _problem(self, kind: str, line: int, reason: str, event_id: object = None) -> None:
        self.counts[kind] += 1
        said = {"file": self.path, "line": line, "kind": kind, "reason": reason}
        if event_id:
            said["event_id"] = str(event_id)
        self.problems(said)
        if self.counts[kind] <= SHOWN:
            self.progress.clear()
            _say(self.err, f"{self.path}:{line}: {kind}: {reason[:500]}")
        elif self.counts[kind] == SHOWN + 1:
            self.progress.clear()
            _say(self.err, f"{self.path}: more {kind} rows follow; --problems PATH writes them all")

    def report(self, out: TextIO, complete: bool) -> int:
        """Prints what became of the file; 1 if anything of it did not get through or does not add up."""
        counts = self.counts
        if not self.title:
            return 0
        _say(out, f"{self.path}: {self.title}")
        if self.dry_run:
            _say(out, f"  dry run: {counts['read']:,} would be sent, {_rest(counts)}")
        else:
            _say(out, f"  stored {counts['stored']:,}, duplicate {counts['duplicate']:,}, {_rest(counts)}")
        if self.skipped:
            kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.skipped.items()))
            _say(out, f"  no trades: {kinds}")
        if counts["left_out"]:
            _say(out, f"  open positions left out: {counts['left_out']:,}")
        for text in self.notes:
            _say(out, f"  note: {text}")
        differ = False
        if complete:
            results = [result for item in self.printed if (result := compare(item, self.tally))]
            differ = any(not result.agrees for result in results)
            _table(results, out)
            for item in self.not_compared:
                _say(out, f"  not compared: {item.names}: {item.reason}")
        for text in self.samples:
            _say(out, text)
        return int(bool(counts["refused"] or counts["unreadable"] or differ))


def _rest(counts: dict[str, int]) -> str:
    return f"refused {counts['refused']:,}, unreadable {counts['unreadable']:,}"


def _table(results: list[Compared], out: TextIO) -> None:
    if not results:
        return
    _say(out, "  totals that the file prints:")
    widths = [
        max(map(len, texts))
        for texts in ([r.name for r in results], [r.ours for r in results], [r.theirs for r in results])
    ]
    for name, ours, theirs, verdict, _ in results:
        _say(out, f"    {name:<{widths[0]}}  file {theirs:>{widths[2]}}  imported {ours:>{widths[1]}}  {verdict}")
