"""Small records whose figures can be worked out by hand, and a small store with everything the report has to say."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trueedge_core.domain.decimals import SCALE
from trueedge_core.domain.events import TradeEvent, parse_event
from trueedge_core.domain.metrics import Basis
from trueedge_core.domain.money import read_json
from trueedge_core.domain.ports import AsOf, Reading
from trueedge_core.domain.summary import DAY_US, Closed, Summary
from trueedge_core.storage.sqlite.ledger import SqliteLedger

FIRST_DAY = 19_358 * DAY_US  # 2023-01-01
NOW = 20_454 * DAY_US  # 2026-01-01

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></svg></style><b>bold",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "a/b\\c?d#e&f=g%00+h",
    "&lt;already&amp;escaped",
    "مرحبا بالعالم",
    "\U0001f680\U0001f680 to the moon",
    "x" * 128,
)


def summary(pnl: Sequence[int | float], start: int = FIRST_DAY, currency: str | None = None) -> Summary:
    """One trade a day, from `start` on."""
    made = Summary()
    for day, amount in enumerate(pnl):
        made.add(Closed(start + day * DAY_US, round(amount * 10**6) * SCALE // 10**6, 0, currency=currency))
    return made


def basis(pnl: Sequence[int | float], balance: int = 0, tried: int | None = None) -> Basis:
    return Basis(summary(pnl), balance * SCALE, tried)


def reading(s: Summary, live: int | None = None, demo: int = 0) -> Reading:
    return Reading(s, s.n if live is None else live, demo, AsOf(s.n, NOW))


def event(event_id: str, day: int, pnl: str | None, **fields: Any) -> TradeEvent:
    """A trade that closed `day` days after 2023-01-01; `pnl` None = still open."""
    sent = {
        "event_id": event_id,
        "account_id": "IB-1",
        "strategy_id": "Meridian",
        "environment": "live",
        "venue": "IB",
        "timestamp": f"{2023 + day // 365:04d}-{day % 365 // 31 + 1:02d}-{day % 365 % 31 % 28 + 1:02d}T12:00:00Z",
        "symbol": "EURUSD",
        "side": "buy",
        "order_type": "market",
        "quantity": 1,
        "quantity_type": "lots",
        "price_open": 1,
        "price_close": None if pnl is None else 1,
        "fees": "-0.10",
        "pnl": pnl,
        "state": "open" if pnl is None else "closed",
        "currency": "USD",
        **fields,
    }
    raw = json.dumps({name: value for name, value in sent.items() if value != ""}, ensure_ascii=False)
    return parse_event(read_json(raw), raw, NOW)


def ledger(path: Path, events: Sequence[TradeEvent] = ()) -> SqliteLedger:
    """A real store with a clock that stands still."""
    made = SqliteLedger(str(path / "report.db"), clock=lambda: NOW)
    for start in range(0, len(events), 500):
        made.append(events[start : start + 500])
    return made


def desk() -> list[TradeEvent]:
    """Two live strategies on two accounts, one demo strategy, one open position: 181 events, the same every time."""
    events = []
    for i in range(120):
        events.append(
            event(
                f"m{i}",
                3 * i,
                str((i * 37 % 23 - 9) * 11) + ".25",
                strategy_id=("Meridian", "Breakwater")[i % 2],
                account_id=("IB-1", "IB-2")[i % 4 // 2],
            )
        )
    for i in range(60):
        events.append(event(f"d{i}", 5 * i, str(i * 13 % 17 - 9), strategy_id="Lodestar", environment="demo"))
    events.append(event("open-1", 400, None))
    return events
