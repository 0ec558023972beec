"""GET /trade_events and GET /trade_event/{event_id}: the trades as they were sent."""

from trueedge_core.http import Answer, api, bound_to, lambda_handler, parameters
from trueedge_core.services import filters, trades
from trueedge_core.wiring import ledger

app = api(scope="read")


@app.get("/trade_events")
def list_trades() -> Answer:
    return trades.listing(ledger(), filters.read(parameters(app), trades.ACCEPTED, bound_to=bound_to(app)))


@app.get("/trade_event/<event_id>")
def show_trade(event_id: str) -> Answer:
    filters.none_but(parameters(app))
    return trades.one(ledger(), event_id, bound_to(app))


handler = lambda_handler(app)
