"""docs/metrics.md as a program reads it: the parts made from the metrics table, and the worked examples.

The examples' notation is explained in the document itself, for its readers; `Example` is that text in code. Rewrite the
generated parts (between the `<!-- table .. -->` and `<!-- end -->` lines) after a change of the metrics table with:

    python -m tests.docs.metrics_doc --write
"""

import ast
import math
import operator
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from statistics import NormalDist
from typing import Any

from trueedge_core.domain.events import TradeEvent, format_time, parse_event
from trueedge_core.domain.metrics import BY_NAME, EDGE, METRICS, Basis, Metric, Value, judge, measure
from trueedge_core.domain.money import plain, read_json, to_scaled, write_json
from trueedge_core.domain.summary import Summary, closed_trade, merge

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
ABSENT = "absent"  # how the page writes "the answer has no such key"

_PART = re.compile(r"<!-- table ([\w ]+) -->\n(.*?)<!-- end -->\n", re.DOTALL)
_EXAMPLE = re.compile(r"^```example\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_TRADES = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\S+)Z)?(?: x(\d+)(?: every (\d+) days)?)?: (.+)")
_TRADE = re.compile(r"(open|-?[\d.]+(?:e-?\d+)?)(?:\*(\d+))?(?:\[(.+?)\])?$")
_CLAIM = re.compile(r"(let )?(\w+) = (.+)")


# --- the generated parts ---------------------------------------------------------------------------------------------


def render(name: str) -> str:
    """The generated text of one part: a metric's own lines, or the overview of a whole table."""
    if name in ("of metrics", "of edge"):
        return _overview(METRICS if name == "of metrics" else EDGE)
    return _lines(BY_NAME[name])


def _lines(metric: Metric) -> str:
    rows = [
        ("Label", metric.label),
        ("Unit", metric.unit),
        ("Definition", _escaped(metric.definition)),
        ("Null when", _escaped(metric.undefined or "never")),
    ]
    if metric.source:
        rows.append(("Source", _escaped(metric.source)))
    return "".join(f"- {name}: {text}\n" for name, text in rows)


def _overview(table: tuple[Metric, ...]) -> str:
    head = "| name | label | unit | null when |\n|---|---|---|---|\n"
    rows = ((f"[`{m.name}`](#{m.name})", m.label, m.unit, _escaped(m.undefined) or "never") for m in table)
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _escaped(text: str) -> str:
    """Markdown would take the stars of a product for emphasis, and bars for columns."""
    return re.sub(r"([*|])", r"\\\1", text)


def parts(page: str) -> list[tuple[str, str]]:
    """(name, text) of every generated part, in order."""
    return _PART.findall(page)


def rewritten(page: str) -> str:
    """The page with every generated part made anew; everything else stays as it is."""
    return _PART.sub(lambda part: f"<!-- table {part[1]} -->\n{render(part[1])}<!-- end -->\n", page)


# --- the examples ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """`name = step = step = value`: every step and the value must be what the product computes.

    `let name = step` names an intermediate result for the steps below it.
    """

    name: str
    steps: tuple[str, ...]
    value: str
    is_let: bool = False


@dataclass(frozen=True)
class Example:
    """One fenced block: trades, settings, claims."""

    text: str
    events: tuple[tuple[TradeEvent, bool], ...]  # with whether it was voided
    claims: tuple[Claim, ...]
    starting_balance: Decimal = Decimal(0)
    strategies_tried: int | None = None

    @property
    def title(self) -> str:
        return ",".join(dict.fromkeys(claim.name for claim in self.claims if not claim.is_let))

    def figures(self) -> dict[str, Value]:
        """Every figure of the example, through the product's own event parser, summary and metrics."""
        basis = Basis(self.summary(), to_scaled(self.starting_balance), self.strategies_tried)
        return measure(basis) | judge(basis)

    def summary(self, cut: int = 0) -> Summary:
        """Of all trades in trade order; merged from the first `cut` of them and the others."""
        ordered = sorted(self.events, key=lambda one: (one[0].timestamp, one[0].event_id.encode()))
        return merge(_fold(ordered[:cut]), _fold(ordered[cut:]))


def _fold(events: list[tuple[TradeEvent, bool]]) -> Summary:
    summary = Summary()
    for event, voided in events:
        if voided:
            summary.voids += 1
        elif event.state == "open":
            summary.opens += 1
        else:
            assert event.pnl is not None
            summary.add(
                closed_trade(
                    event.timestamp, event.pnl, event.fees, event.initial_risk, event.opened_at, event.currency
                )
            )
    return summary


def examples(page: str) -> list[Example]:
    """Every example of the page. Raises: ValueError for a line that the notation does not know."""
    return [parse_example(text) for text in _EXAMPLE.findall(page)]


def parse_example(text: str) -> Example:
    events: list[tuple[TradeEvent, bool]] = []
    claims: list[Claim] = []
    settings: dict[str, Any] = {}
    for line in text.splitlines():
        line = line.partition("#")[0].strip()
        if not line:
            continue
        if found := _TRADES.fullmatch(line):
            for at, word in _dealt(found):
                events += _events(at, word, len(events) + 1)
        elif found := _CLAIM.fullmatch(line):
            *steps, value = (step.strip() for step in found[3].split(" = "))
            claims.append(Claim(found[2], tuple(steps), value, is_let=bool(found[1])))
        else:
            name, _, value = line.partition(" ")
            if name not in ("starting_balance", "strategies_tried"):
                raise ValueError(f"not in the notation of examples: {line!r}")
            settings[name] = Decimal(value) if name == "starting_balance" else int(value)
    return Example(text, tuple(events), tuple(claims), **settings)


def _dealt(line: re.Match[str]) -> Iterator[tuple[datetime, str]]:
    """(instant, trade) of a line of trades: the first at the given time, else at noon, each other a minute later."""
    start = datetime.fromisoformat(f"{line[1]}T{line[2] or '12:00:00'}+00:00")
    for day in range(int(line[3] or 1)):
        minute = 0
        for word in line[5].split():
            found = _TRADE.fullmatch(word)
            if not found:
                raise ValueError(f"not a trade: {word!r}")
            for _ in range(int(found[2] or 1)):
                yield start + timedelta(days=day * int(line[4] or 1), minutes=minute), f"{found[1]}[{found[3] or ''}]"
                minute += 1


def _events(at: datetime, word: str, number: int) -> list[tuple[TradeEvent, bool]]:
    """A TRADE_EVENT with the given pnl and whatever else is said in brackets; all other fields are the same in all."""
    pnl, _, rest = word.removesuffix("]").partition("[")
    said = dict(pair.partition("=")[::2] for pair in rest.split(",") if pair)
    voided = said.pop("voided", None) is not None
    value: dict[str, object] = {
        "event_id": said.pop("id", f"t{number:04d}"),
        "account_id": "a",
        "strategy_id": "s",
        "venue": "v",
        "symbol": "EURUSD",
        "environment": "live",
        "timestamp": at.isoformat(),
        "side": "buy",
        "order_type": "market",
        "quantity": 1,
        "quantity_type": "units",
        "price_open": 1,
        "price_close": None if pnl == "open" else 1,
        "fees": Decimal(said.pop("fees", "0")),
        "pnl": None if pnl == "open" else Decimal(pnl),
        "state": "open" if pnl == "open" else "closed",
    }
    if "risk" in said:
        value["initial_risk"] = Decimal(said.pop("risk"))
    if "opened" in said:
        value["opened_at"] = said.pop("opened")
    if "currency" in said:
        value["currency"] = said.pop("currency")
    if said:
        raise ValueError(f"not in the notation of examples: {sorted(said)}")
    raw = write_json(value)
    return [(parse_event(read_json(raw), raw, int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000), voided)]


def wrong_values(example: Example) -> list[str]:
    """Every claim of the example that is not, to the letter, what an answer would show."""
    figures = example.figures()
    return [
        f"{claim.name} is {shown(claim.name, figures)}, not {claim.value}"
        for claim in example.claims
        if not claim.is_let and shown(claim.name, figures) != claim.value
    ]


def shown(name: str, figures: Mapping[str, Value]) -> str:
    """A figure as an answer's JSON has it, strings without their quotes."""
    if name not in figures:
        return ABSENT
    value = figures[name]
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return f"[{write_json(value[0])}, {write_json(value[1])}]"
    if isinstance(value, str):
        return value
    if BY_NAME[name].unit == "time":
        assert isinstance(value, int)
        return format_time(value)
    return plain(value) if isinstance(value, Decimal) else write_json(value)


# --- the arithmetic between ------------------------------------------------------------------------------------------

Exact = Fraction | Decimal  # Fraction: exact; Decimal: 60 digits, once a root or a distribution was in it
Known = Mapping[str, Value | Exact]

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def wrong_steps(example: Example) -> list[str]:
    """Every step of the example whose arithmetic does not give the figure it stands for."""
    figures = example.figures()
    known: dict[str, Value | Exact] = {**figures, "starting_balance": example.starting_balance}
    if example.strategies_tried is not None:
        known["strategies_tried"] = example.strategies_tried
    found = []
    for claim in example.claims:
        if claim.is_let:
            known[claim.name] = evaluate(claim.value, known)
        found += [f"{claim.name} = {step}" for step in claim.steps if not _agrees(step, figures[claim.name], known)]
    return found


def _agrees(step: str, value: Value, known: Known) -> bool:
    """Plain arithmetic must give money and counts exactly, and a ratio that is the nearest double to it.

    With a root or a distribution in it, or a ratio by name, 11 digits must agree.
    """
    if isinstance(value, tuple):
        low, high = step.removeprefix("[").removesuffix("]").split(", ")
        return _agrees(low, value[0], known) and _agrees(high, value[1], known)
    assert isinstance(value, int | float | Decimal), f"{value!r} has no arithmetic"
    found = evaluate(step, known)
    if isinstance(found, Fraction):
        return float(found) == value if isinstance(value, float) else found == Fraction(value)
    with localcontext(prec=60):
        return abs(found - Decimal(value)) <= abs(Decimal(value)) * Decimal("1e-11")


def evaluate(step: str, known: Known) -> Exact:
    """The value of an expression; a Fraction while it is exact."""

    def walk(node: ast.expr) -> Exact:
        match node:
            case ast.Constant():
                return Fraction(ast.get_source_segment(step, node) or "")
            case ast.Name(id=name):
                value = known[name]
                assert isinstance(value, int | float | Decimal | Fraction), f"{name} is {value!r}"
                # A double is a rounded ratio and a Decimal that was computed a rounded root: neither is exact.
                is_exact = isinstance(value, int | Fraction) or name in BY_NAME or name == "starting_balance"
                return Fraction(value) if is_exact and not isinstance(value, float) else Decimal(value)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -walk(operand)
            case ast.BinOp(left=left, op=op, right=right):
                return _combine(_OPERATORS[type(op)], walk(left), walk(right))
            case ast.Call(func=ast.Name(id=name), args=args):
                return _FUNCTIONS[name](*map(walk, args))
        raise ValueError(f"not in the notation of examples: {ast.unparse(node)}")

    with localcontext(prec=60):
        return walk(ast.parse(step, mode="eval").body)


def _decimal(x: Exact) -> Decimal:
    return Decimal(x.numerator) / Decimal(x.denominator) if isinstance(x, Fraction) else x


def _combine(apply: Callable[[Any, Any], Any], a: Exact, b: Exact) -> Exact:
    if isinstance(a, Fraction) and isinstance(b, Fraction) and not (apply is operator.pow and b.denominator != 1):
        return Fraction(apply(a, int(b) if apply is operator.pow else b))
    return Decimal(apply(_decimal(a), _decimal(b)))


def _mean(*xs: Exact) -> Exact:
    return Fraction(sum(xs), len(xs))  # type: ignore[arg-type]


def _stdev(*xs: Exact) -> Exact:
    middle = _mean(*xs)
    return _decimal(sum((x - middle) ** 2 for x in xs) / (len(xs) - 1)).sqrt()  # type: ignore[operator]


_FUNCTIONS: dict[str, Callable[..., Exact]] = {
    "abs": abs,
    "ceil": lambda x: Fraction(math.ceil(x)),
    "max": max,
    "mean": _mean,
    "min": min,
    "Phi": lambda x: Decimal(math.erfc(-float(x) / math.sqrt(2)) / 2),
    "quantile": lambda p: Decimal(NormalDist().inv_cdf(float(p))),
    "sqrt": lambda x: _decimal(x).sqrt(),
    "stdev": _stdev,
}


def main(arguments: list[str]) -> int:
    page = PAGE.read_text(encoding="utf-8")
    fresh = rewritten(page)
    if "--write" in arguments:
        PAGE.write_text(fresh, encoding="utf-8")
        return 0
    print("as the table says" if fresh == page else "differs from the table: run it again with --write")
    return int(fresh != page)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
