"""GET /metrics/equity_curve: how equity went, in few points that lose no drawdown."""

from trueedge_core.http import api, bound_to, lambda_handler, parameters
from trueedge_core.services import accounts, filters, query
from trueedge_core.wiring import accounts as store
from trueedge_core.wiring import ledger

app = api(scope="read")


@app.get("/metrics/equity_curve")
def equity_curve() -> dict[str, object]:
    asked = filters.read(parameters(app), ("points",), bound_to=bound_to(app))
    return query.equity_curve(ledger(), accounts.with_own_balance(asked, store()))


handler = lambda_handler(app)
