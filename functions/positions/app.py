"""GET /positions: the open events that no close answers."""

from trueedge_core.http import Answer, api, bound_to, lambda_handler, parameters
from trueedge_core.services import filters, positions
from trueedge_core.wiring import ledger

app = api(scope="read")


@app.get("/positions")
def list_positions() -> Answer:
    asked = filters.read(parameters(app), positions.PAGED, known=positions.FILTERS, bound_to=bound_to(app))
    return positions.listing(ledger(), asked)


handler = lambda_handler(app)
