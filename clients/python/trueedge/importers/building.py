"""From what an importer found in a row to a TRADE_EVENT, and the ids that make importing twice the same as once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from .model import FileProblem, Note, Options, Trade
from .values import Clock, Number, to_json, zone_of

# The order in which an event is written.
FIELDS = [
    "event_id",
    "account_id",
    "strategy_id",
    "environment",
    "venue",
    "timestamp",
    "opened_at",
    "symbol",
    "side",
    "order_type",
    "quantity",
    "quantity_type",
    "price_open",
    "price_close",
    "fees",
    "pnl",
    "currency",
    "state",
    "initial_risk",
    "linked_position_id",
    "tags",
    "metadata",
]
NUMBERS = ("quantity", "price_open", "price_close", "fees", "pnl", "initial_risk")
FIXABLE = tuple(name for name in FIELDS if name not in ("event_id", "tags", "metadata"))


class Builder:
    """Fills in what is the same for every trade of a file: first what the user said, then what the file says.

    Raises: FileProblem where neither says whose trades these are.
    """

    def __init__(
        self,
        options: Options,
        kind: str,
        *,
        account: str = "",
        strategy: str = "",
        backtest: bool = False,
        environment: str = "",
        tags: list[str],
        **facts: str,
    ):
        self.kind, self.tags = kind, [*tags, *(tag for tag in options.tags if tag not in tags)]
        self.notes: list[str] = []
        fixed = {name: Number(value) if name in NUMBERS else value for name, value in options.fixed.items()}
        self.account = self._said("account", options.account or fixed.pop("account_id", None), account)
        self.strategy = self._said("strategy", options.strategy or fixed.pop("strategy_id", None), strategy)
        self.environment = self._environment(options.environment, environment, backtest)
        self._facts = {name: value for name, value in facts.items() if value}
        self._fixed = fixed
        self.prefix = options.id_prefix if options.id_prefix is not None else _prefix(kind, self.account)
        self._seen: set[int] = set()
        self._repeats: dict[int, int] = {}
        self.repeated = 0

    def _said(self, what: str, given: str | None, found: str) -> str:
        if given:
            return given
        if found:
            self.notes.append(f"{what} {found}: named by the file")
            return found
        raise FileProblem(f"it does not name the {what}: say --{what}")

    def _environment(self, given: str | None, found: str, backtest: bool) -> str:
        if backtest:
            if given == "live":
                raise FileProblem(
                    "it is a backtest: --environment live would mix it with real trades; say demo, or nothing"
                )
            return "demo"
        if given:
            if found and found != given:
                self.notes.append(f"the file says that this is a {found} account, --environment says {given}")
            return given
        if found:
            self.notes.append(f"environment {found}: named by the file")
            return found
        raise FileProblem("it does not say whether this was real money: say --environment live or --environment demo")

    def trade(
        self,
        found: dict[str, Any],
        line: int,
        native: str | None = None,
        *,
        basis: Iterable[object] = (),
        tags: list[str] | None = None,
    ) -> Trade:
        """The whole event.

        `native`: an id that the source never gives to another trade of this account. Where there is none the id is
        made of `basis`, the text of the source, and of no option: imported again with another time zone or another
        tag, a trade is a conflict that is told, and not a second trade.
        """
        event: dict[str, Any] = {
            "event_id": "",
            "account_id": self.account,
            "strategy_id": self.strategy,
            "environment": self.environment,
            "order_type": "market",
            "state": "closed",
            **self._facts,
            **{name: value for name, value in found.items() if value is not None and value != ""},
            **self._fixed,
        }
        for name in ("price_close", "pnl"):
            if event["state"] == "open" and name in found:
                event.setdefault(name, None)
        event["tags"] = [*self.tags, *(tags or [])]
        event = {name: event[name] for name in FIELDS if name in event}
        if not event.get("metadata", True):
            del event["metadata"]
        event["event_id"] = self.prefix + native if native is not None else self._digest_id(basis)
        return Trade(event, line)

    def _digest_id(self, basis: Iterable[object]) -> str:
        """The same text again in one file is another trade, told apart by its number."""
        text = to_json([self.account, self.strategy, *map(str, basis)])
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]
        place = int(digest[:15], 16)
        if place not in self._seen:
            self._seen.add(place)
            return self.prefix + digest
        self.repeated += 1
        self._repeats[place] = self._repeats.get(place, 1) + 1
        return f"{self.prefix}{digest}-{self._repeats[place]}"

    def said(self) -> Iterator[Note]:
        for text in self.notes:
            yield Note(text)
        if self.repeated:
            yield Note(
                f"{self.repeated} rows are the same as an earlier one in every field: counted as trades of their own"
            )


def _prefix(kind: str, account: str) -> str:
    """Short enough to leave room for any id of a source."""
    if len(account.encode()) > 48 or not account.isprintable():
        account = hashlib.sha256(account.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{kind}-{account}-"


def clock(options: Options, own_zone: str = "", hint: str = "") -> Clock:
    """`own_zone`: what the file itself says its times are in; it wins."""
    name = own_zone or options.timezone
    return Clock(zone_of(name) if name else None, options.date_order, hint)
