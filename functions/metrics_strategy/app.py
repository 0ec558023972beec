"""GET /metrics/strategy/{strategy_id}: every figure of one strategy."""

from trueedge_core.http import api, bound_to, lambda_handler, parameters
from trueedge_core.services import filters, query
from trueedge_core.wiring import ledger

app = api(scope="read")


@app.get("/metrics/strategy/<strategy_id>")
def one_strategy(strategy_id: str) -> dict[str, object]:
    asked = filters.read(parameters(app), bound_to=bound_to(app), strategy_id=strategy_id)
    return query.one(ledger(), asked, "strategy")


handler = lambda_handler(app)
