"""What the report shows, as data: every number already formatted, every link already made. The template only places it.

`build` is pure: it is given what the ledger said and returns a `ReportView`; `services.reports` asks the ledger.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..domain.days import Days
from ..domain.metrics import Basis
from ..domain.ports import Account, AsOf, Environment, Reading
from ..domain.summary import MIXED, Summary
from ..domain.times import DAY_US, format_time
from . import breakdown, calendar, chart, text, verdict
from .breakdown import Breakdown, FallRow, Streak
from .calendar import Calendar
from .figures import Figure, headline, real, sections
from .parts import ASKED_ABOVE, PARTS, PartName
from .parts import href as part_href
from .selection import Selection
from .tables import MAX_ROWS, Group, Table, table
from .text import NBSP
from .verdict import Verdict

PAGE_OF_TRADES = 1000  # as many as a listing gives at once


@dataclass(frozen=True, slots=True)
class Link:
    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Switch:
    """One of live, demo, both; `trades` says how many are behind it."""

    label: str
    href: str
    current: bool
    trades: str


@dataclass(frozen=True, slots=True)
class Notice:
    """`loud` ones say that a figure does not mean what it seems to mean."""

    title: str
    sentence: str
    loud: bool = False


@dataclass(frozen=True, slots=True)
class LiveCurve:
    """What the script draws the same curve from: `url` has the points, `page` is the address of this report.

    Amounts are as the API prints them, times too ("" where the peak is the start); `voids` is a JSON list of seconds.
    """

    url: str
    page: str
    what: str
    start: str
    peak_at: str
    peak: str
    trough_at: str
    trough: str
    voids: str


@dataclass(frozen=True, slots=True)
class CurveView:
    drawing: chart.Chart
    live: LiveCurve
    title: str
    description: str
    equity_label: str
    drawdown_label: str
    fall: str
    peak: str
    trough: str
    step: str
    voided: str


@dataclass(frozen=True, slots=True)
class Later:
    """A part that is asked for afterwards: by the script, or by a reader who follows the link.

    `cost`: why only the reader may ask for it, "" where the script does so by itself.
    """

    name: PartName
    title: str
    href: str
    link: str
    cost: str


@dataclass(frozen=True, slots=True)
class FormField:
    name: str
    label: str
    value: str
    kind: Literal["date", "text", "hidden"]
    hint: str = ""
    placeholder: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportView:
    """The whole page. `subject` is an id from outside, "" for overall: text, whatever it holds.

    `account` and `strategy`: what a share link of this page is bound to, "" for none.
    `poll`: where the script asks whether there is more than `events`, the log entries these figures have taken in.
    """

    kind: Literal["overall", "strategy", "account", "pair"]
    subject: str
    of_account: str
    account: str
    strategy: str
    display_name: str
    crumbs: tuple[Link, ...]
    period: str
    balance: str
    as_of: str
    switches: tuple[Switch, ...]
    notices: tuple[Notice, ...]
    has_trades: bool
    nothing: str
    verdict: Verdict
    headline: tuple[Figure, ...]
    curve: CurveView | None
    calendar: Calendar | None
    weekdays: Breakdown | None
    falls: tuple[FallRow, ...]
    streaks: tuple[Streak, ...]
    tables: tuple[Table, ...]
    sections: tuple[tuple[str, tuple[Figure, ...]], ...]
    form: tuple[FormField, ...]
    reset: str
    data_links: tuple[Link, ...]
    later: tuple[Later, ...]
    poll: str
    events: int

    @property
    def asks(self) -> tuple[str, ...]:
        """The addresses of the API that the page's script asks for its charts."""
        rows = [row for table in self.tables for row in table.rows]
        curves = () if self.curve is None else (self.curve.live.url,)
        return (*curves, *(row.spark for row in rows), *(row.curve for row in rows))

    @property
    def title(self) -> str:
        """For the browser's tab."""
        named = {"overall": "Overall", "strategy": "Strategy ", "account": "Account ", "pair": ""}[self.kind]
        if self.kind == "pair":
            return f"{self.subject} on {self.of_account} · TRUEEDGE"
        return f"{named}{self.subject} · TRUEEDGE"


@dataclass(frozen=True, slots=True)
class EmptyView:
    """An empty store: a line that can be pasted into a terminal as it is."""

    curl: str
    url: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the ledger said. `counts` is the reading of both environments, for the switch; `days` have a closed trade.

    `voids`: the days (us) of voided events. `account`: what is said of the account that is shown.
    """

    reading: Reading
    counts: Reading
    points: Sequence[chart.Point]
    groups: tuple[Group, ...]
    strategies_tried: int
    days: Days = ()
    voids: Sequence[int] = ()
    account: Account | None = None


def build(selection: Selection, found: Found) -> ReportView:
    """The report of one selection."""
    s = found.reading.summary
    currency = s.currency if s.currency not in (None, MIXED) else ""
    assert currency is not None
    tried = found.strategies_tried if selection.strategy_id is not None else None
    basis = Basis(s, selection.balance, tried)
    kind = _kind(selection)
    return ReportView(
        kind=kind,
        subject=selection.strategy_id if selection.strategy_id is not None else selection.account_id or "",
        of_account=(selection.account_id or "") if kind == "pair" else "",
        account=selection.account_id or "",
        strategy=selection.strategy_id or "",
        display_name=(found.account.display_name or "") if found.account else "",
        crumbs=_crumbs(selection),
        period=_period(selection),
        balance=f"Starting balance {text.money(selection.balance)}" if selection.balance else "",
        as_of=_as_of(found.reading.as_of),
        switches=_switches(selection, found.counts),
        notices=tuple(_notices(selection, found.reading)),
        has_trades=s.n > 0,
        nothing="" if s.n else _nothing(selection, found),
        verdict=verdict.explain(basis, currency),
        headline=headline(basis, currency),
        curve=_curve(selection, basis, found, currency),
        calendar=calendar.build(selection, found.days, currency),
        weekdays=breakdown.by_weekday(found.days, currency),
        falls=breakdown.falls(found.days, basis.start, s.last_at),
        streaks=breakdown.streaks(basis, found.days) if s.n else (),
        tables=tuple(table(selection, group, found.strategies_tried) for group in found.groups if group.items),
        sections=sections(basis, currency),
        form=_form(selection, found.groups),
        reset=_reset(selection),
        data_links=_data_links(selection, s.n + s.opens + s.voids),
        later=tuple(_later(selection, name, s) for name in _parts(kind)) if s.n or s.opens else (),
        poll=selection.api("/metrics/overall"),
        events=found.reading.as_of.events,
    )


def _kind(selection: Selection) -> Literal["overall", "strategy", "account", "pair"]:
    if selection.strategy_id is not None:
        return "pair" if selection.account_id is not None else "strategy"
    return "account" if selection.account_id is not None else "overall"


def _crumbs(selection: Selection) -> tuple[Link, ...]:
    if selection.account_id is None and selection.strategy_id is None:
        return ()
    overall = Link("Overall", replace(selection, account_id=None, strategy_id=None).href())
    if selection.account_id is not None and selection.strategy_id is not None:
        return overall, Link(selection.account_id, replace(selection, strategy_id=None).href())
    return (overall,)


def _period(selection: Selection) -> str:
    if selection.start is None and selection.end is None:
        return "All time"
    first = "" if selection.start is None else f"from {_when(selection.start)}"
    last = "" if selection.end is None else f"to before {_when(selection.end)}"
    words = " ".join(filter(None, (first, last)))
    return words[0].upper() + words[1:]


def _when(us: int) -> str:
    return text.date(us) if us % DAY_US == 0 else f"{text.date_time(us)} UTC"


def _as_of(as_of: AsOf) -> str:
    if as_of.at is None:
        return "No event recorded"
    return f"As of log entry {text.count(as_of.events)}, received {text.date_time(as_of.at)}{NBSP}UTC"


def _switches(selection: Selection, counts: Reading) -> tuple[Switch, ...]:
    choices: tuple[tuple[str, Environment | None, int], ...] = (
        ("Live", "live", counts.live),
        ("Demo", "demo", counts.demo),
        ("Both", None, counts.live + counts.demo),
    )
    return tuple(
        Switch(
            label,
            replace(selection, environment=environment, chosen=True).href(),
            environment == selection.environment,
            text.count(trades),
        )
        for label, environment, trades in choices
    )


def _notices(selection: Selection, reading: Reading) -> list[Notice]:
    s = reading.summary
    notices = []
    if selection.environment is None and reading.live and reading.demo:
        notices.append(
            Notice(
                "Live and demo are mixed.",
                f"{text.plural(reading.live, 'live trade')} and {text.plural(reading.demo, 'demo trade')} are counted "
                "together: this is the record of no real account.",
                loud=True,
            )
        )
    if s.currency == MIXED:
        notices.append(
            Notice(
                "Currencies are mixed.",
                "The trades carry different currencies: money totals are sums of unlike things, and the "
                "curve and the verdict rest on them. Look at one account at a time.",
                loud=True,
            )
        )
    if s.n and s.currency is None:
        notices.append(
            Notice("No currency is stated.", "No trade carries a currency, so amounts are shown without one.")
        )
    if s.opens:
        has = "event is" if s.opens == 1 else "events are"
        notices.append(Notice(f"{text.count(s.opens)} open {has} not in the figures.", "Only closed trades count."))
    if s.voids:
        was = "event was" if s.voids == 1 else "events were"
        notices.append(
            Notice(
                f"{text.count(s.voids)} {was} voided.",
                "They stay visible in the log, with the reason, and are in no figure.",
            )
        )
    return notices


def _nothing(selection: Selection, found: Found) -> str:
    if selection.start is not None or selection.end is not None:
        return "No closed trade lies in this period."
    if selection.environment is not None and found.counts.summary.n:
        return f"There is no closed {selection.environment} trade here."
    return "There is no closed trade here yet: figures begin with the first one."


# --- the curve -------------------------------------------------------------------------------------------------------


def _curve(selection: Selection, b: Basis, found: Found, currency: str) -> CurveView | None:
    s, points = b.s, found.points
    if not s.n or not points:
        return None
    fall = None
    if s.dd and s.dd_at is not None:
        fall = chart.Fall(s.dd, b.start + s.dd_peak, s.dd_peak_at, s.dd_at)
    drawing = chart.draw(points, b.start, fall, s.last_at, found.voids)
    if drawing is None:
        return None
    unit = f", {currency}" if currency else ""
    what = "Equity" if b.start else "Cumulative P&L"
    highest, lowest = max(b.start, *(p.high for p in points)), min(b.start, *(p.low for p in points))
    description = (
        f"{what} from {text.money(b.start)} on {text.date(s.first_at)} to {text.money(b.start + s.pnl)} "
        f"on {text.date(s.last_at)}. Highest {text.money(highest)}, lowest {text.money(lowest)}."
    )
    fall_text = peak = trough = ""
    if fall is not None:
        share = real("max_drawdown_pct", b)
        fall_text = text.money(fall.size) + (f" ({text.percent(share)})" if share is not None else "")
        peak = "the start" if fall.peak_at is None else text.date(fall.peak_at)
        trough = text.date(fall.trough_at)
        description += f" The largest drawdown is {fall_text}, from {peak} to {trough}."
    return CurveView(
        drawing=drawing,
        live=_live(selection, what, b.start, fall, found.voids),
        title=f"{what} and drawdown{unit}",
        description=description,
        equity_label=f"{what}{unit}",
        drawdown_label=f"Drawdown{unit}",
        fall=fall_text,
        peak=peak,
        trough=trough,
        step=text.plural(len(points), "step"),
        voided=_voided(found.voids),
    )


def _voided(days: Sequence[int]) -> str:
    if not days:
        return ""
    named = [text.date(day) for day in days[:3]]
    return "events were voided on " + ", ".join(named) + (f" and {len(days) - 3} more days" if len(days) > 3 else "")


def _live(selection: Selection, what: str, start: int, fall: chart.Fall | None, voids: Sequence[int]) -> LiveCurve:
    peak_at = "" if fall is None or fall.peak_at is None else format_time(fall.peak_at)
    return LiveCurve(
        url=selection.api("/metrics/equity_curve"),
        page=selection.href(),
        what=what,
        start=text.exact(start),
        peak_at=peak_at,
        peak="" if fall is None else text.exact(fall.peak),
        trough_at="" if fall is None else format_time(fall.trough_at),
        trough="" if fall is None else text.exact(fall.peak - fall.size),
        voids=json.dumps([us / 1_000_000 for us in voids]),
    )


# --- the form and the links ------------------------------------------------------------------------------------------


def _form(selection: Selection, groups: Sequence[Group]) -> tuple[FormField, ...]:
    """Every filter; which accounts and strategies there are is offered, as far as the page knows them."""
    listed = {group.kind: tuple(id_ for id_, _ in group.items[:MAX_ROWS]) for group in groups}
    environment = dict(selection.parameters()).get("environment") if selection.chosen else None
    return (
        *((FormField("environment", "", environment, "hidden"),) if environment else ()),
        FormField(
            "account_id", "Account", selection.account_id or "", "text", "empty: all", options=listed.get("account", ())
        ),
        FormField(
            "strategy_id",
            "Strategy",
            selection.strategy_id or "",
            "text",
            "empty: all",
            options=listed.get("strategy", ()),
        ),
        FormField("from", "From", _date_value(selection.start), "date", "this day included"),
        FormField("to", "To", _date_value(selection.end), "date", "this day not included"),
        FormField(
            "starting_balance",
            "Starting balance",
            text.exact(selection.balance) if selection.balance else "",
            "text",
            "gives returns and drawdown in percent",
            "10000",
        ),
    )


def _reset(selection: Selection) -> str:
    """The same without period and balance; "" where neither is asked for."""
    plain = replace(selection, start=None, end=None, balance=0)
    return "" if plain == selection else plain.href()


def _date_value(us: int | None) -> str:
    return "" if us is None else text.moment(us).date().isoformat()


def _data_links(selection: Selection, events: int) -> tuple[Link, ...]:
    # A page of a listing has an end; the header X-Next-Cursor names the next one.
    trades = "trades (CSV)" if events <= PAGE_OF_TRADES else f"newest {text.count(PAGE_OF_TRADES)} trades (CSV)"
    return (
        Link("figures (JSON)", selection.api("/metrics/overall")),
        Link("curve (JSON)", selection.api("/metrics/equity_curve")),
        Link(trades, _trades(selection)),
    )


def _parts(kind: str) -> list[PartName]:
    """Limits are those of a whole account."""
    return [name for name in PARTS if name != "limits" or kind == "account"]


def _later(selection: Selection, name: PartName, s: Summary) -> Later:
    title, link = PARTS[name]
    events, most = s.n + s.opens + s.voids, ASKED_ABOVE.get(name)
    cost = ""
    if most is not None and events > most:
        cost = f"It looks at {text.count(events)} events: the first time this may take a minute."
    return Later(name, title, part_href(selection, name), link, cost)


def _trades(selection: Selection) -> str:
    href = replace(selection, balance=0).api("/trade_events")
    return f"{href}{'&' if '?' in href else '?'}format=csv&limit={PAGE_OF_TRADES}"
