"""`TrueEdge`: what a bot uses. Recording goes to the disk and returns; reading asks the server."""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from . import outbox
from .errors import InvalidTrade, TrueEdgeError
from .events import NAMES, encode
from .outbox import Refusal
from .sender import Sender
from .transport import Transport

if TYPE_CHECKING:
    from .frames import DataFrame

DEFAULT_URL = "http://127.0.0.1:9000"
FILTERS = ("account_id", "strategy_id", "environment", "from_", "to", "starting_balance")

logger = logging.getLogger("trueedge")


class TrueEdge:
    """A bot's connection to TRUEEDGE. One for the whole process; threads may share it, and it survives a fork.

        edge = TrueEdge("http://127.0.0.1:9000", key, defaults={"account_id": "acct-7", "environment": "live"})
        edge.record(event_id=.., strategy_id=.., ..)    # on disk when it returns; never waits for the network
        edge.flush(10)                                  # True: the server has everything
        edge.metrics(strategy_id="trend")["metrics"]["total_pnl"]

    `url`, `key`: else the variables TRUEEDGE_URL and TRUEEDGE_KEY, else http://127.0.0.1:9000 without a key.
    `outbox`: the folder that trades wait in; else TRUEEDGE_OUTBOX, else one of this user's, per server. It must be on a
    local disk that outlives the process (in a container: a volume). Processes may share it.
    `defaults`: fields for every trade that does not have them itself.
    `on_refused`: called with a `Refusal`, in the sending thread, for each trade that will not be sent again.
    `raise_invalid`: False sends a trade that breaks a rule to `refused.ndjson` instead of raising InvalidTrade.
    `exit_timeout`: seconds that the end of the program waits for what is on its way, unless the server is out of reach.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        outbox: str | os.PathLike[str] | None = None,
        defaults: Mapping[str, Any] | None = None,
        on_refused: Callable[[Refusal], object] | None = None,
        raise_invalid: bool = True,
        timeout: float = 30.0,
        ca_file: str | os.PathLike[str] | None = None,
        exit_timeout: float = 5.0,
    ) -> None:
        url = url or os.environ.get("TRUEEDGE_URL") or DEFAULT_URL
        key = key if key is not None else os.environ.get("TRUEEDGE_KEY")
        self._reading = Transport(url, key, timeout=timeout, patience=timeout, ca_file=ca_file)
        self.url = self._reading.url
        self.outbox = outbox_folder(self.url, outbox)
        self._defaults = _checked_defaults(defaults)
        self._raise_invalid = raise_invalid
        self._unknown_told: set[str] = set()
        sending = Transport(url, key, timeout=timeout, patience=0, ca_file=ca_file)
        self._sender = Sender(self.outbox, sending, on_refused or _nothing, exit_timeout)
        if self._sender.has_leftovers():
            self._sender.start()

    def __repr__(self) -> str:
        return f"TrueEdge({self.url!r}, outbox={str(self.outbox)!r})"

    def __enter__(self) -> TrueEdge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- recording --------------------------------------------------------------------------------------------------

    def record(self, trade: Mapping[str, Any] | None = None, /, **fields: Any) -> str:
        """Write one trade to the outbox; its event_id. It is sent in the background, again and again until answered.

        `trade`, `fields`: the fields of TRADE_EVENT (docs/client.md); `fields` win over `trade`, both over `defaults`.
        When this returns the trade survives the end of the process, however it comes (kill -9). It is synced to the
        disk within about a second, or acknowledged by the server sooner; `flush` waits for it.

        Raises: InvalidTrade naming each wrong field; OutboxFull or OutboxError when the disk does not take it. The
        trade is not recorded then. Nothing else, and never for want of the network.
        """
        given: Any = trade
        if given is not None and not isinstance(given, Mapping):
            message = f"a trade is a dict of fields, not a {type(given).__name__}"
            raise InvalidTrade(message, {"trade": message})
        whole = {**self._defaults, **(trade or {}), **fields}
        try:
            event_id, line = encode(whole)
        except InvalidTrade as error:
            if self._raise_invalid:
                raise
            return self._refuse(whole, error)
        if not NAMES.issuperset(whole):
            self._tell_unknown(whole)
        self._sender.put(line)
        return event_id

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until the server has answered for all that was recorded: it survives a power cut, here and there.

        What was refused is answered for too (`refused.ndjson`). So is what earlier processes left in this outbox.
        Returns: False when `timeout` seconds were not enough; everything is synced to this disk then.
        Raises: OutboxError when the disk does not sync.
        """
        return self._sender.flush(timeout)

    def sync(self) -> None:
        """Have everything recorded on this disk, synced, without waiting for the server. Raises: OutboxError."""
        self._sender.sync()

    def close(self, timeout: float | None = 5.0) -> bool:
        """Flush for up to `timeout` seconds and stop. What is left waits in the outbox for the next process."""
        self._reading.close()
        return self._sender.close(timeout)

    @property
    def trouble(self) -> str | None:
        """Why trades cannot be sent just now, in a sentence; None when all is well."""
        return self._sender.trouble

    def waiting(self) -> int:
        """How many trades wait in the outbox, those of other processes too. Reads the files."""
        return sum(one.events for one in outbox.look(self.outbox))

    def _refuse(self, trade: Mapping[str, Any], error: InvalidTrade) -> str:
        event_id = trade.get("event_id")
        errors = [{"field": name, "message": message} for name, message in error.errors.items()]
        text = repr(dict(trade))
        refusal = Refusal(None if event_id is None else str(event_id), "unsendable", str(error), errors, text)
        try:
            outbox.keep_refused(self.outbox, [refusal])
        except OSError as full:
            raise outbox.failed(f"{self.outbox}/refused.ndjson cannot be written", full) from full
        self._sender.tell_refused(refusal)
        return refusal.event_id or ""

    def _tell_unknown(self, trade: Mapping[str, Any]) -> None:
        """A misspelt optional field would be kept and never used: say so, once for each name."""
        for name in trade.keys() - NAMES - self._unknown_told:
            self._unknown_told.add(name)
            like = difflib.get_close_matches(name, NAMES - trade.keys(), 1, 0.8)
            if like:
                logger.warning("the field %r is kept with the trade but not used; is %r meant?", name, like[0])

    # --- reading ----------------------------------------------------------------------------------------------------
    #
    # Answers are those of docs/api.md, numbers exact: int and Decimal. `filters`, everywhere: account_id, strategy_id,
    # environment, from_ (included), to (not included), starting_balance; times as datetime, date or text.

    def metrics(self, **filters: Any) -> dict[str, Any]:
        """Every figure of what the filters name: `answer["metrics"]`, `["edge"]`, `["currency"]`, `["as_of"]`, ..

        Raises: ServerRefused (a filter, the key), Unreachable.
        """
        return self._json("/metrics/overall", filters)

    def strategies(self, sort: str | None = None, order: str | None = None, **filters: Any) -> list[dict[str, Any]]:
        """A row for each strategy: `strategy_id`, `metrics`, `edge`, ..; all pages. `sort`: the name of a figure."""
        return list(self._rows("/metrics/by_strategy", "strategies", filters, sort=sort, order=order))

    def accounts(self, sort: str | None = None, order: str | None = None, **filters: Any) -> list[dict[str, Any]]:
        """A row for each account: `account_id`, `metrics`, `edge`, ..; all pages. `sort`: the name of a figure."""
        return list(self._rows("/metrics/by_account", "accounts", filters, sort=sort, order=order))

    def trades(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Every trade, newest first, over all pages: `event` as it was sent, `position`, `received_at`, `void`."""
        return self._rows("/trade_events", "trades", filters)

    def trade(self, event_id: str) -> dict[str, Any]:
        """One trade, as a row of `trades`. Raises: ServerRefused (404) when the server does not have it."""
        rows = self._json("/trade_events", {}, event_id=event_id)["trades"]
        if rows:
            found: dict[str, Any] = rows[0]
            return found
        return dict(self._reading.get(f"/trade_event/{quote(event_id, safe='')}").json())

    def equity_curve(self, points: int = 500, **filters: Any) -> dict[str, Any]:
        """The curve in at most that many `points`: time, trades, equity, high, low, drawdown; and `step`."""
        return self._json("/metrics/equity_curve", filters, points=points)

    def report(self, **filters: Any) -> str:
        """The HTML report. `environment` may be "both" here."""
        return self._reading.get("/report", _query(filters)).body.decode("utf-8")

    def void(self, event_id: str, reason: str) -> dict[str, Any]:
        """Take a trade out of the figures, for good and visibly; twice is once. Raises: ServerRefused, Unreachable."""
        path = f"/trade_event/{quote(event_id, safe='')}/void"
        return dict(self._reading.post_json(path, {"reason": reason}))

    # --- the same as pandas frames ----------------------------------------------------------------------------------

    def trades_frame(self, exact: bool = False, **filters: Any) -> DataFrame:
        """`trades` as a frame, oldest first, indexed by time. Numbers are float64, or Decimal if `exact`."""
        from .frames import trades_frame

        return trades_frame(self.trades(**filters), exact)

    def strategies_frame(self, exact: bool = False, **filters: Any) -> DataFrame:
        """`strategies` as a frame: a row for each strategy, a column for each figure."""
        from .frames import figures_frame

        return figures_frame(self.strategies(**filters), "strategy_id", exact)

    def equity_curve_frame(self, points: int = 500, exact: bool = False, **filters: Any) -> DataFrame:
        """`equity_curve` as a frame indexed by time."""
        from .frames import curve_frame

        return curve_frame(self.equity_curve(points, **filters), exact)

    # --- asking -----------------------------------------------------------------------------------------------------

    def _json(self, path: str, filters: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        return dict(self._reading.get(path, {**_query(filters), **more}).json())

    def _rows(self, path: str, name: str, filters: Mapping[str, Any], **more: Any) -> Iterator[dict[str, Any]]:
        query = {**_query(filters), **more, "limit": 1000}  # a wrong filter is told here, not at the first row
        return self._pages(path, name, query)

    def _pages(self, path: str, name: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        while True:
            page = self._reading.get(path, query).json()
            yield from page[name]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]


def outbox_folder(url: str, given: str | os.PathLike[str] | None) -> Path:
    """The folder that trades for `url` wait in: the given one, TRUEEDGE_OUTBOX, or this user's own for that server."""
    named = given or os.environ.get("TRUEEDGE_OUTBOX")
    try:
        return Path(named).expanduser() if named else outbox.default_folder(url)
    except RuntimeError as error:
        raise TrueEdgeError(f"outbox: {error}; give a folder as outbox, or in TRUEEDGE_OUTBOX") from None


def _query(filters: Mapping[str, Any]) -> dict[str, Any]:
    query = {}
    for name, value in filters.items():
        if name not in FILTERS:
            raise TypeError(f"{name!r} is no filter; there are {', '.join(FILTERS)}")
        query[name.rstrip("_")] = _query_text(name, value)
    return query


def _query_text(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise TrueEdgeError(f"{name}: {value!r} has no time zone; accepted: a datetime with one, a date, or text")
        return value.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"
    return value.isoformat() if isinstance(value, date) else value


def _checked_defaults(defaults: Mapping[str, Any] | None) -> dict[str, Any]:
    found = dict(defaults or {})
    wrong = [str(name) for name in found if name not in NAMES or name == "event_id"]
    if wrong:
        known = ", ".join(sorted(NAMES - {"event_id"}))
        raise TrueEdgeError(f"defaults: {', '.join(wrong)} cannot be a default; accepted: {known}")
    return found


def _nothing(_: Refusal) -> None:
    """The log has it, and refused.ndjson."""
