"""What stands open: the open events that no close answers."""

from ..domain.money import write_json
from ..domain.ports import Ledger
from .answers import Answer
from .filters import Filters
from .query import EMPTY, as_of
from .trades import fitting, row

FILTERS = ("account_id", "strategy_id", "environment")
PAGED = ("cursor", "limit")


def listing(ledger: Ledger, filters: Filters) -> Answer:
    """GET /positions: one page, newest first; rows are those of GET /trade_events."""
    with ledger.snapshot():
        page = fitting(lambda limit: ledger.positions(filters.scope, filters.cursor, limit), filters.limit)
        reading = ledger.summary(filters.scope) or EMPTY
    head = write_json({"status": "ok", "filters": filters.asked, "as_of": as_of(reading)})
    rows = ",".join(row(trade) for trade in page.items)
    return Answer(f'{head[:-1]},"positions":[{rows}],"next_cursor":{write_json(page.cursor)}}}')
