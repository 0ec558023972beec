"""The HTML report: asks the ledger, at a cost that does not grow with history, and hands the answers to `report`.

Two summaries (both environments for the switch, the shown one for the page), one series for the curve, one page of
groups per table, whatever the store holds.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

from ..domain.breakdowns import Months
from ..domain.curve import Point, choose_step, curve, thin
from ..domain.days import to_days
from ..domain.money import write_json
from ..domain.ports import EVERYTHING, Account, AccountStore, GroupKind, Ledger, Reading, Scope
from ..domain.summary import Summary
from ..domain.times import format_time
from ..domain.wording import shorten
from ..errors import NotFound
from ..report import render
from ..report.parts import PartView
from ..report.selection import Selection
from ..report.tables import Group
from ..report.view import EmptyView, Found, build
from . import filters, parts, query
from .accounts import with_own_balance
from .answers import HTML, Answer
from .query import EMPTY

POINTS = 500
GROUPS = 1000
MOST_VOIDS = 200  # days with a voided event that are marked in the curve

_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
# What a form sends for a field that was left empty: nothing was asked.
FORM_FIELDS = ("account_id", "strategy_id", "from", "to", "starting_balance", "environment")


def page(
    ledger: Ledger,
    parameters: Mapping[str, str],
    *,
    base_url: str,
    now: int,
    accounts: AccountStore | None = None,
    months: Months | None = None,
    bound_to: Scope = EVERYTHING,
    signed_in: bool = False,
    may_share: bool = False,
    version: str = "",
    **path: str,
) -> Answer:
    """GET /report: the page for these query parameters; ids of the path join the scope, `bound_to` limits it.

    `accounts`: what people say of theirs; `months`: what is known of them already. `signed_in`: by a cookie, so the
    page has a way to sign out. `may_share`: by an administrator, who may give others a link. `version`: of the release.
    Raises: InvalidParameter; Forbidden; NotFound when the log has no event of the account or strategy asked for.
    """
    asked, selection = _selection(parameters, bound_to, path, accounts)
    with ledger.snapshot():
        opened = _opened(ledger, selection)
        if opened is None:
            return _html(render.empty(_empty(base_url, now, signed_in), signed_in))
        selection, counts, reading = opened
        if asked.part == "file":
            text = _saved(ledger, selection, counts, reading, accounts, now, version, bound_to)
            kept = {"Content-Disposition": 'attachment; filename="report.html"'}
            return Answer(text, content_type=HTML, headers={**render.PAGE_HEADERS, **kept})
        if asked.part is not None:
            sources = parts.Sources(ledger, selection, reading, months or Months(), accounts, now, bound_to)
            return _html(render.part(parts.part(sources, asked.part), signed_in))
        found = _found(ledger, selection, counts, reading, accounts)
    return _html(render.report(build(selection, found), signed_in, may_share))


def saved(
    ledger: Ledger, parameters: Mapping[str, str], version: str, now: int, accounts: AccountStore | None = None
) -> str:
    """The same page as one file that opens from disk, with everything in it that the page asks for afterwards.

    Raises: InvalidParameter; NotFound as `page`, and when there is no event at all.
    """
    _, selection = _selection(parameters, EVERYTHING, {}, accounts)
    with ledger.snapshot():
        opened = _opened(ledger, selection)
        if opened is None:
            raise NotFound("the log is empty: there is nothing to report")
        selection, counts, reading = opened
        return _saved(ledger, selection, counts, reading, accounts, now, version)


def _saved(
    ledger: Ledger,
    selection: Selection,
    counts: Reading,
    reading: Reading,
    accounts: AccountStore | None,
    now: int,
    version: str,
    bound_to: Scope = EVERYTHING,
) -> str:
    view = build(selection, _found(ledger, selection, counts, reading, accounts))
    sources = parts.Sources(ledger, selection, reading, Months(), accounts, now, bound_to)
    found: dict[str, PartView] = {name: parts.part(sources, name) for name in (one.name for one in view.later)}
    answers = {url: write_json(query.equity_curve(ledger, _asked(url))) for url in view.asks}
    return render.saved(view, answers, found, version)


def _asked(url: str) -> filters.Filters:
    return filters.read(dict(parse_qsl(urlsplit(url).query)), ("points",))


def _opened(ledger: Ledger, selection: Selection) -> tuple[Selection, Reading, Reading] | None:
    """The selection with the environment that is shown, its readings of both and of that; None for an empty store."""
    scope, period = selection.scope, selection.period
    counts = ledger.summary(replace(scope, environment=None), period)
    if counts is None:
        raise NotFound(f"{_named(scope)} has no event in the log")
    if scope == Scope(environment=scope.environment) and counts.as_of.events == 0:
        return None
    if not selection.chosen and (counts.live or counts.demo):
        selection = replace(selection, environment="live" if counts.live else "demo")
        scope = selection.scope
    return selection, counts, counts if scope.environment is None else ledger.summary(scope, period) or EMPTY


def _found(
    ledger: Ledger, selection: Selection, counts: Reading, reading: Reading, accounts: AccountStore | None
) -> Found:
    """What the log says beside the readings, for the page."""
    points, days = _course(ledger, selection, reading)
    return Found(
        reading=reading,
        counts=counts,
        points=points,
        groups=tuple(_group(ledger, selection, kind) for kind in _kinds(selection.scope)),
        strategies_tried=ledger.strategies_tried(),
        days=days,
        voids=_voids(ledger, selection, reading),
        account=_account(selection, accounts),
    )


def asset(name: str) -> Answer:
    """GET /assets/{file}. Raises: NotFound for any name but those of this release."""
    found = render.asset(name)
    if found is None:
        raise NotFound(f"there is no asset {shorten(name)}")
    return Answer(found.content, content_type=found.content_type, headers=render.ASSET_HEADERS)


def base_url(headers: Mapping[str, str]) -> str:
    """Where the reader's browser found us, for the line to paste; no Host that a shell would act on.

    >>> base_url({"host": "127.0.0.1:9000"}), base_url({"host": "a.example", "x-forwarded-proto": "https"})
    ('http://127.0.0.1:9000', 'https://a.example')
    >>> base_url({"host": "x$(reboot)"})
    'http://127.0.0.1:9000'
    """
    host = headers.get("host", "")
    scheme = "https" if headers.get("x-forwarded-proto", "").strip().lower() == "https" else "http"
    return f"{scheme}://{host}" if _HOST.fullmatch(host) else "http://127.0.0.1:9000"


def _html(text: str) -> Answer:
    return Answer(text, content_type=HTML, headers=render.SCRIPTED_HEADERS)


def _selection(
    parameters: Mapping[str, str], bound_to: Scope, path: Mapping[str, str], accounts: AccountStore | None
) -> tuple[filters.Filters, Selection]:
    """What is asked for, with the account's own starting balance where none is named.

    The report knows one word more than the API: environment=both, which is what no environment means there.
    """
    given = {name: text for name, text in parameters.items() if text or name not in FORM_FIELDS}
    both = given.get("environment") == "both"
    if both:
        del given["environment"]
    asked = filters.read(given, ("part",), bound_to=bound_to, **path)
    if accounts is not None:
        asked = with_own_balance(asked, accounts)
    return asked, Selection(
        account_id=asked.scope.account_id,
        strategy_id=asked.scope.strategy_id,
        environment=asked.scope.environment,
        chosen=both or asked.scope.environment is not None,
        start=asked.period.start,
        end=asked.period.end,
        balance=asked.starting_balance,
    )


def _named(scope: Scope) -> str:
    parts = [("strategy", scope.strategy_id), ("account", scope.account_id)]
    return " on ".join(f"the {kind} {shorten(name, 128)}" for kind, name in parts if name is not None)


def _kinds(scope: Scope) -> tuple[GroupKind, ...]:
    """What a scope is made of: an account has strategies, a strategy has accounts, a pair has neither."""
    kinds: list[GroupKind] = []
    if scope.strategy_id is None:
        kinds.append("strategy")
    if scope.account_id is None:
        kinds.append("account")
    return tuple(kinds)


def _group(ledger: Ledger, selection: Selection, kind: GroupKind) -> Group:
    listed = ledger.groups(kind, selection.scope, selection.period, None, GROUPS)
    return Group(kind, listed.items, listed.cursor is not None)


def _course(ledger: Ledger, selection: Selection, reading: Reading) -> tuple[list[Point], list[tuple[int, Summary]]]:
    """The points of the curve and the days, from one and the same series."""
    if reading.summary.n == 0:
        return [], []
    step = choose_step(reading.summary, POINTS)
    series = ledger.series(selection.scope, selection.period, step)
    return curve(thin(series, step, POINTS), selection.balance), to_days(series)


def _account(selection: Selection, accounts: AccountStore | None) -> Account | None:
    """What is said of the account that is shown as a whole: a reader of one strategy on it is told nothing of it."""
    if accounts is None or selection.account_id is None or selection.strategy_id is not None:
        return None
    return accounts.get(selection.account_id)


def _voids(ledger: Ledger, selection: Selection, reading: Reading) -> list[int]:
    """The days of voided events. Rare, so they are asked for only where there are any."""
    if not reading.summary.voids:
        return []
    return [start for start, day in ledger.series(selection.scope, selection.period, "day") if day.voids][:MOST_VOIDS]


def _empty(base_url: str, now: int, signed_in: bool = False) -> EmptyView:
    """A line for a shell: one trade, in the environment and under the name that the README uses for examples."""
    event = {
        "event_id": f"example-{now}",
        "account_id": "example",
        "strategy_id": "example",
        "environment": "demo",
        "venue": "example",
        "timestamp": format_time(now // 1_000_000 * 1_000_000),
        "symbol": "EURUSD",
        "side": "buy",
        "order_type": "market",
        "quantity": Decimal("0.10"),
        "quantity_type": "lots",
        "price_open": Decimal("1.0843"),
        "price_close": Decimal("1.0861"),
        "fees": Decimal("-0.70"),
        "pnl": Decimal("17.30"),
        "currency": "USD",
        "state": "closed",
    }
    # No apostrophe can be in it, so single quotes hold it in every shell; the spaces let a narrow page break the line.
    text = write_json(event).replace(',"', ', "').replace('":', '": ')
    url = f"{base_url}/trade_event"
    key = " -H 'X-API-Key: te_...'" if signed_in else ""
    return EmptyView(curl=f"curl -sS {url}{key} -H 'Content-Type: application/json' -d '{text}'", url=url)
