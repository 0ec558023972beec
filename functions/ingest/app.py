"""POST /trade_event: record one trade; the same event twice is one trade."""

from trueedge_core.http import api, bound_to, exact_body, lambda_handler, parameters
from trueedge_core.services import filters, ingest
from trueedge_core.wiring import ledger, now_us

app = api(scope="ingest")


@app.post("/trade_event")
def record_trade() -> dict[str, object]:
    filters.none_but(parameters(app))
    return ingest.record(exact_body(app), now_us(), ledger(), bound_to(app))


handler = lambda_handler(app, ingest.outcomes)
