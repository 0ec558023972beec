"""What is asked of a filled store, and what the brute force says to each question."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.e2e.harness import Client, pages, segment
from tests.e2e.judge import differences
from tests.oracle.bruteforce import figures
from tests.oracle.reading import Trade, chosen, count_strategies, read, trade_of

# Five date ranges (and none), by what is hard about each.
RANGES: dict[str, dict[str, str]] = {
    "everything": {},
    "whole days": {"from": "2008-01-01", "to": "2016-07-01"},
    "cuts hours on both sides": {"from": "2014-03-07T10:30:00+02:00", "to": "2022-11-09T15:45:30.25Z"},
    "inside one day": {"from": "2016-08-08T11:00:00Z", "to": "2016-08-08T22:15:00Z"},
    "no trade": {"from": "2003-01-01", "to": "2003-02-01"},
    "open end": {"from": "2022-06-01T12:34:56.789Z"},
}
BALANCE = "10000.50"


@dataclass(frozen=True)
class Question:
    """One figure answer: where it is asked, and which events it is about."""

    path: str
    query: Mapping[str, str]
    scope: Mapping[str, str]  # account_id, strategy_id
    deflated: bool | None  # None: the contract leaves it open, the answer may have it

    @property
    def name(self) -> str:
        return f"GET {self.path} {dict(self.query)}"


@dataclass
class Market:
    """All events of a store, and the brute-force figures of any part of it (kept: several routes show the same)."""

    events: Sequence[Trade]
    voided: frozenset[str] = frozenset()
    known: dict[Any, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, lines: Sequence[str], voided: Sequence[str] = ()) -> "Market":
        return cls([trade_of(read(line)) for line in lines], frozenset(voided))

    def ids(self, name: str) -> list[str]:
        return sorted({getattr(e, name) for e in self.events}, key=str.encode)

    def pairs(self) -> list[tuple[str, str]]:
        return sorted({(e.account_id, e.strategy_id) for e in self.events})

    def select(self, query: Mapping[str, str]) -> list[Trade]:
        names = {"from": "start", "to": "end"}
        filters = {names.get(k, k): v for k, v in query.items() if k != "starting_balance"}
        return chosen(self.events, **filters)

    def figures(self, query: Mapping[str, str], deflated: bool) -> dict[str, Any]:
        key = (tuple(sorted(query.items())), deflated)
        if key not in self.known:
            tried = count_strategies(self.events, self.voided) if deflated else None
            balance = Fraction(query.get("starting_balance", 0))
            self.known[key] = figures(self.select(query), balance, tried, voided=self.voided)
        return self.known[key]


def questions(market: Market, ranges: Sequence[str], environments: Sequence[str | None]) -> Iterator[Question]:
    """Every scope, by every route that shows it, in every environment and range, with and without a balance."""
    for environment in environments:
        for number, name in enumerate(ranges):
            base = dict(RANGES[name]) | ({"environment": environment} if environment else {})
            # both at full length; elsewhere by turns, for the balance changes seven figures and no other
            balances = ({}, {"starting_balance": BALANCE}) if number == 0 else ({"starting_balance": BALANCE},)
            for balance in balances:
                yield from _of_all_scopes(market, base | balance)


def _of_all_scopes(market: Market, query: Mapping[str, str]) -> Iterator[Question]:
    yield Question("/metrics/overall", query, {}, False)
    for strategy in market.ids("strategy_id"):
        only = {"strategy_id": strategy}
        yield Question(f"/metrics/strategy/{segment(strategy)}", query, only, True)
        yield Question("/metrics/overall", {**query, **only}, only, None)
    for account in market.ids("account_id"):
        only = {"account_id": account}
        yield Question(f"/metrics/account/{segment(account)}", query, only, False)
        yield Question("/metrics/overall", {**query, **only}, only, False)
    for account, strategy in market.pairs():
        pair = {"account_id": account, "strategy_id": strategy}
        yield Question("/metrics/overall", {**query, **pair}, pair, None)
        yield Question(f"/metrics/strategy/{segment(strategy)}", {**query, "account_id": account}, pair, True)
        yield Question(f"/metrics/account/{segment(account)}", {**query, "strategy_id": strategy}, pair, None)


def wrong_answers(client: Client, market: Market, asked: Iterator[Question]) -> list[str]:
    """Every difference between the server and the brute force; empty when all agree."""
    found = []
    for question in asked:
        answer = client.get(question.path, question.query)
        if answer.status != 200:
            found.append(f"{question.name}: {answer.status} {answer.body[:300]!r}")
            continue
        got = answer.json()
        deflated = "deflated_sharpe" in got["edge"] if question.deflated is None else question.deflated
        expected = market.figures({**question.query, **question.scope}, deflated)
        found += [f"{question.name}: {complaint}" for complaint in differences(got, expected, deflated)]
    return found


def wrong_groups(client: Client, market: Market, kind: str, query: Mapping[str, str], limit: int) -> list[str]:
    """The same for all rows of by_strategy or by_account, page by page: ordered by id, each once, none missing."""
    path, id_name, rows_name = {
        "strategy": ("/metrics/by_strategy", "strategy_id", "strategies"),
        "account": ("/metrics/by_account", "account_id", "accounts"),
    }[kind]
    rows = [row for page in pages(client, path, query, limit) for row in page[rows_name]]
    got_ids = [row[id_name] for row in rows]
    found = [] if got_ids == sorted(set(got_ids), key=str.encode) else [f"{path} {query}: not in order: {got_ids}"]
    # whether an id without any event inside the filter has a row (of zeros) is left open
    needed = {getattr(e, id_name) for e in market.select(query)}
    if missing := needed - set(got_ids):
        found.append(f"{path} {query}: no row for {sorted(missing)}")
    for row in rows:
        # an account's row of a question about one strategy may be deflated: the contract leaves it open
        deflated = "deflated_sharpe" in row["edge"] if "strategy_id" in query else kind == "strategy"
        expected = market.figures({**query, id_name: row[id_name]}, deflated)
        found += [f"{path} {query} {row[id_name]}: {c}" for c in differences(row, expected, deflated)]
    return found
