"""Examples that cannot rot: a small store is made, its instance is asked, and what it says is what the contract shows.

The requests go the way of every request, to the template's routes and their handlers. Only two things are set: the
clock of the store, and the id of each request.
"""

import itertools
import json
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trueedge_core import wiring
from trueedge_core.domain.alerts import Alert, AlertHook
from trueedge_core.domain.money import read_json
from trueedge_core.domain.ports import Clock
from trueedge_core.domain.times import parse_time
from trueedge_core.services import keys
from trueedge_core.settings import Settings

from ..events import Incoming, Outgoing, from_result, to_event
from ..gateway import Context, load_handler, problem
from ..guard import Guard
from ..template import Route, Routes

REQUEST_ID = "5f0c7a52-2c1e-4f5e-9d6b-8a4b6f0d9e11"
_START, _SECOND = parse_time("2026-01-08T09:00:00Z"), 1_000_000

_TRADE = {
    "account_id": "example",
    "strategy_id": "example",
    "environment": "demo",
    "venue": "example",
    "symbol": "EURUSD",
    "timestamp": "2026-01-05T14:32:10Z",
    "side": "buy",
    "order_type": "market",
    "quantity": "0.10",
    "quantity_type": "lots",
    "price_open": "1.0843",
    "price_close": "1.0861",
    "fees": "-0.70",
    "pnl": "17.30",
    "currency": "USD",
    "state": "closed",
}
_ALERT = Alert(
    "example/daily_loss/2026-01-08T00:00:00Z", "example", "daily_loss", "{}", _START, tries=1, told_at=_START + _SECOND
)
_LOSS = {"side": "sell", "price_open": "1.0861", "price_close": "1.0870", "pnl": "-9.70"}
_SETTINGS = {
    "display_name": "Practice",
    "currency": "USD",
    "starting_balance": "10000",
    "day_cut": {"zone": "America/New_York", "hour": 17},
    "limits": {"daily_loss": 500, "trailing_drawdown": 1000},
}
_SHARE = {"scopes": ["read"], "account_id": "example", "expires": "30d", "name": "for an investor"}
_WRONG_KEY = {"scopes": ["write"], "expires": "soon"}
_WRONG_SETTINGS = {"balance": 10000, "day_cut": {"zone": "New York", "hour": 24}}


@dataclass(frozen=True)
class Example:
    """One request that was made and its answer. `body` and `said` are values where they are JSON, else text."""

    name: str
    summary: str
    route: Route
    target: str
    content_type: str | None
    body: Any
    status: int
    answered_as: str
    said: Any


def _trade(event_id: str, **changes: Any) -> dict[str, Any]:
    return {"event_id": event_id, **_TRADE, **changes}


def _ndjson(*events: dict[str, Any]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


# Name, what it shows, method, target, and the body: a value is sent as JSON, text as NDJSON.
_ASKED: tuple[tuple[str, str, str, str, Any], ...] = (
    ("stored", "A trade", "POST", "/trade_event", _trade("example-1")),
    ("duplicate", "The same again", "POST", "/trade_event", _trade("example-1")),
    ("conflict", "Another trade under its id", "POST", "/trade_event", _trade("example-1", pnl="71.30")),
    ("invalid", "Two wrong fields", "POST", "/trade_event", _trade("example-2", side="long", pnl="12,50")),
    (
        "stored",
        "An array of two",
        "POST",
        "/trade_events",
        [
            _trade("example-2", timestamp="2026-01-06T09:15:00Z", **_LOSS),
            _trade("example-3", strategy_id="other", timestamp="2026-01-06T11:00:00Z", **_LOSS),
        ],
    ),
    ("envelope", "In an envelope", "POST", "/trade_events", {"events": [_trade("example-1")]}),
    (
        "partial",
        "One per line; the last is no trade",
        "POST",
        "/trade_events",
        _ndjson(_trade("example-4", timestamp="2026-01-07T16:00:00Z"), {"event_id": "example-5"}),
    ),
    ("refused", "No event in it", "POST", "/trade_events", []),
    ("voided", "A reason", "POST", "/trade_event/example-3/void", {"reason": "entered twice by hand"}),
    ("unknown", "No such trade", "POST", "/trade_event/nothing/void", {"reason": "entered twice by hand"}),
    ("invalid", "Another key", "POST", "/trade_event/example-3/void", {"why": "typo"}),
    ("too_large", "A body over the limit", "POST", "/trade_event/example-3/void", {"reason": 70_000 * "a"}),
    ("page", "The newest of one strategy", "GET", "/trade_events?strategy_id=example&limit=1", None),
    ("ndjson", "One per line", "GET", "/trade_events?event_id=example-3&format=ndjson", None),
    ("csv", "For a spreadsheet", "GET", "/trade_events?event_id=example-3&format=csv", None),
    ("invalid", "A limit out of range", "GET", "/trade_events?limit=5000", None),
    ("voided", "A trade that was voided", "GET", "/trade_event/example-3", None),
    ("unknown", "No such trade", "GET", "/trade_event/nothing", None),
    ("figures", "With a starting balance", "GET", "/metrics/overall?environment=demo&starting_balance=10000", None),
    ("typo", "A parameter that is not known", "GET", "/metrics/overall?strategy=example", None),
    ("page", "The best one", "GET", "/metrics/by_strategy?sort=total_pnl&order=desc&limit=1", None),
    ("invalid", "No such figure", "GET", "/metrics/by_strategy?sort=profit", None),
    ("page", "Accounts of one strategy", "GET", "/metrics/by_account?strategy_id=example", None),
    ("figures", "One strategy", "GET", "/metrics/strategy/example?starting_balance=10000", None),
    ("unknown", "No such strategy", "GET", "/metrics/strategy/nothing", None),
    ("figures", "One account, since a day", "GET", "/metrics/account/example?from=2026-01-06", None),
    ("unknown", "No such account", "GET", "/metrics/account/nothing", None),
    ("curve", "Every trade a point", "GET", "/metrics/equity_curve?strategy_id=example&starting_balance=10000", None),
    ("invalid", "Too few points", "GET", "/metrics/equity_curve?points=1", None),
    ("rows", "Month by month", "GET", "/metrics/by_month?starting_balance=10000", None),
    ("rows", "Monday to Sunday", "GET", "/metrics/by_weekday", None),
    ("rows", "Hour by hour", "GET", "/metrics/by_hour?strategy_id=example", None),
    ("page", "The worst first", "GET", "/metrics/by_symbol?sort=total_pnl", None),
    ("invalid", "No such figure", "GET", "/metrics/by_symbol?sort=profit", None),
    ("page", "Each venue", "GET", "/metrics/by_venue", None),
    ("page", "Both sides", "GET", "/metrics/by_side", None),
    (
        "open",
        "A position is opened",
        "POST",
        "/trade_event",
        _trade("example-7", timestamp="2026-01-08T08:00:00Z", state="open", price_close=None, pnl=None),
    ),
    ("page", "What is open on one account", "GET", "/positions?account_id=example", None),
    ("invalid", "It takes no dates", "GET", "/positions?from=2026-01-06", None),
    ("put", "All there is to say", "PUT", "/accounts/example", _SETTINGS),
    ("invalid", "Three wrong keys", "PUT", "/accounts/example", _WRONG_SETTINGS),
    ("settings", "One account", "GET", "/accounts/example", None),
    ("unknown", "No such account", "GET", "/accounts/nothing", None),
    ("settings", "Every account with settings", "GET", "/accounts", None),
    ("limits", "What was used of them", "GET", "/accounts/example/limits", None),
    ("unknown", "No such account", "GET", "/accounts/nothing/limits", None),
    ("unknown", "No such asset", "GET", "/assets/nothing.css", None),
    ("alive", "Alive", "GET", "/health", None),
    ("unknown", "No such path", "GET", "/metrics", None),
    ("stored", "A trade", "POST", "/hook/te_key/trade_event", _trade("hook-1")),
    ("invalid", "A word that is no number", "POST", "/hook/te_key/trade_event", _trade("hook-2", pnl="{{profit}}")),
    ("shown", "One that was told", "GET", "/accounts/example/alert", None),
    (
        "kept",
        "With a secret of one's own",
        "PUT",
        "/accounts/example/alert",
        {"url": "https://desk.example/alerts", "secret": "correct-horse-battery"},
    ),
    ("invalid", "An address without a host", "PUT", "/accounts/example/alert", {"url": "https:///alerts"}),
    ("unknown", "None is set", "GET", "/accounts/other/alert", None),
    ("wrong_method", "A path that takes other methods", "DELETE", "/trade_event/example-1", None),
)


def given(routes: Routes) -> list[Example]:
    """Every example, from a store that holds nothing but what they post."""
    with _instance(is_open=True, clock=lambda: _START):
        ticks = itertools.count()
        wiring.ledger().clock = lambda: _START + next(ticks) * _SECOND  # type: ignore[attr-defined]
        wiring.alerts().put_hook(AlertHook("example", "https://desk.example/alerts", "correct-horse-battery", _START))
        wiring.alerts().add(_ALERT)
        found = [_ask(routes, *asked) for asked in _ASKED]
        found.append(_ask(routes, "busy", "The store is busy", "POST", "/trade_event", _trade("example-6"), busy=True))
    with _instance(is_open=False, clock=lambda: _START):
        admin, _ = keys.create(wiring.keys(), ["admin"], _START - _SECOND, name="mine")
        found.append(_ask(routes, "made", "To share an account for a month", "POST", "/keys", _SHARE, key=admin))
        found.append(_ask(routes, "invalid", "Two wrong fields", "POST", "/keys", _WRONG_KEY, key=admin))
        found.append(_ask(routes, "keys", "Both", "GET", "/keys", None, key=admin))
        shared = next(one.id for one in wiring.keys().all() if one.name == _SHARE["name"])
        found.append(_ask(routes, "revoked", "No use any more", "POST", f"/keys/{shared}/revoke", None, key=admin))
        found.append(_ask(routes, "unknown", "No such key", "POST", "/keys/0123456789ab/revoke", None, key=admin))
    with _instance(is_open=False):
        bound, _ = keys.create(wiring.keys(), ["ingest"], _START, account_id="mine")
        found.append(_ask(routes, "no_key", "Without a key", "GET", "/metrics/overall", None))
        found.append(_ask(routes, "scope", "A key that may not", "GET", "/metrics/overall", None, key=bound))
        foreign = [_trade("example-1")]
        found.append(_ask(routes, "bound", "A key of another account", "POST", "/trade_events", foreign, key=bound))
        found.append(_failed(routes))
    found.append(_foreign(routes))
    return found


@contextmanager
def _instance(*, is_open: bool, clock: Clock = wiring.wall_clock) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{Path(folder).as_posix()}/trueedge.db"
        wiring.configure(Settings(store_url=store, open=is_open, log_level="CRITICAL"), clock)  # a fault is asked for
        try:
            yield
        finally:
            wiring.configure(None)


def _ask(
    routes: Routes, name: str, summary: str, method: str, target: str, body: Any, *, key: str = "", busy: bool = False
) -> Example:
    path, _, query = target.partition("?")
    content_type = None if body is None else "application/x-ndjson" if isinstance(body, str) else "application/json"
    raw = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    headers = [("host", "127.0.0.1:9000")] + ([("content-type", content_type)] if content_type else [])
    headers += [("x-api-key", key)] if key else []
    incoming = Incoming(method, path.encode(), query.encode(), tuple(headers), raw)
    route, parameters = routes.find(method, path)
    event = to_event(incoming, route.key, path, parameters, REQUEST_ID)
    with _locked() if busy else closing(sqlite3.connect(":memory:")):
        answer = from_result(load_handler(route.folder)(event, Context(route.function, REQUEST_ID)))
    if route.path.startswith("/keys"):
        answer = replace(answer, body=_scrubbed(answer.body))
        target = f"/keys/{_ID}/revoke" if route.path.endswith("/revoke") else target
    return _example(name, summary, route, target, content_type, body, answer)


_ID = "348511f45207"


def _scrubbed(body: bytes) -> bytes:
    """Keys are random; the description is the same at every build."""
    text = re.sub(r"te_[A-Za-z0-9_-]{32}", "te_" + "0123456789abcdef" * 2, body.decode())
    return re.sub(r'"id":"[0-9a-f]{12}"', f'"id":"{_ID}"', text).encode()


@contextmanager
def _locked() -> Iterator[None]:
    """Another writer has the store, and nobody waits for it."""
    db: sqlite3.Connection = wiring.ledger().db  # type: ignore[attr-defined]
    db.execute("PRAGMA busy_timeout = 0")
    file = db.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()[0]
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def _foreign(routes: Routes) -> Example:
    """What the gateway answers before it reads a body."""
    route, _ = routes.find("POST", "/trade_event")
    why = Guard("127.0.0.1").refusal("POST", "127.0.0.1:9000", "https://elsewhere.example", None)
    assert why is not None
    answer = problem(403, "forbidden", why, REQUEST_ID)
    return _example("foreign", "A page of another site posts", route, "/trade_event", None, None, answer)


def _failed(routes: Routes) -> Example:
    """A fault of ours: an event without a request in it."""
    route, _ = routes.find("GET", "/metrics/overall")
    answer = from_result(load_handler(route.folder)({"requestContext": {"requestId": REQUEST_ID}}, None))
    return _example("fault", "A fault of ours", route, "/metrics/overall", None, None, answer)


def _example(
    name: str, summary: str, route: Route, target: str, content_type: str | None, body: Any, answer: Outgoing
) -> Example:
    answered_as = next(value.decode() for key, value in answer.headers if key == b"content-type")
    said = read_json(answer.body) if answered_as == "application/json" else answer.body.decode()
    return Example(name, summary, route, target, content_type, body, answer.status, answered_as, said)
