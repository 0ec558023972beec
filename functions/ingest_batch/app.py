"""POST /trade_events: record up to 1,000 trades, each on its own merits."""

from trueedge_core.http import Answer, api, bound_to, exact_body, lambda_handler, parameters
from trueedge_core.services import filters, ingest
from trueedge_core.wiring import ledger, now_us

app = api(scope="ingest")


@app.post("/trade_events")
def record_trades() -> Answer:
    filters.none_but(parameters(app))
    return ingest.record_batch(exact_body(app), now_us(), ledger(), bound_to(app))


handler = lambda_handler(app, ingest.outcomes)
