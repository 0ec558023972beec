"""POST /trade_event/{event_id}/void: take a trade out of the figures, with a reason that stays visible."""

from trueedge_core.http import api, bound_to, exact_body, lambda_handler, parameters
from trueedge_core.services import filters, ingest
from trueedge_core.wiring import ledger

app = api(scope="void")


@app.post("/trade_event/<event_id>/void")
def void_trade(event_id: str) -> dict[str, object]:
    filters.none_but(parameters(app))
    return ingest.void(exact_body(app), event_id, ledger(), bound_to(app))


handler = lambda_handler(app)
