"""GET /metrics/strategy/{strategy_id}: every figure of one strategy."""

from trueedge_core.http import api, lambda_handler, parameters
from trueedge_core.services import filters, query
from trueedge_core.wiring import ledger

app = api(scope="read")


@app.get("/metrics/strategy/<strategy_id>")
def one_strategy(strategy_id: str) -> dict[str, object]:
    return query.one(ledger(), filters.read(parameters(app), strategy_id=strategy_id), "strategy")


handler = lambda_handler(app)
