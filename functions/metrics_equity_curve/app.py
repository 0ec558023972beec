"""GET /metrics/equity_curve: how equity went, in few points that lose no drawdown."""

from trueedge_core.http import api, bound_to, lambda_handler, parameters
from trueedge_core.services import filters, query
from trueedge_core.wiring import ledger

app = api(scope="read")


@app.get("/metrics/equity_curve")
def equity_curve() -> dict[str, object]:
    return query.equity_curve(ledger(), filters.read(parameters(app), ("points",), bound_to=bound_to(app)))


handler = lambda_handler(app)
