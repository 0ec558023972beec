"""GET /metrics/by_strategy: a row of figures for each strategy."""

from trueedge_core.http import api, bound_to, lambda_handler, parameters
from trueedge_core.services import filters, query
from trueedge_core.wiring import ledger

app = api(scope="read")


@app.get("/metrics/by_strategy")
def by_strategy() -> dict[str, object]:
    return query.groups(ledger(), filters.read(parameters(app), query.PAGED, bound_to=bound_to(app)), "strategy")


handler = lambda_handler(app)
