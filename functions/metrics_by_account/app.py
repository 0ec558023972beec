"""GET /metrics/by_account: a row of figures for each account."""

from trueedge_core.http import api, bound_to, lambda_handler, parameters
from trueedge_core.services import accounts, filters, query
from trueedge_core.wiring import accounts as store
from trueedge_core.wiring import ledger

app = api(scope="read")


@app.get("/metrics/by_account")
def by_account() -> dict[str, object]:
    asked = accounts.with_own_balance(filters.read(parameters(app), query.PAGED, bound_to=bound_to(app)), store())
    return query.groups(ledger(), asked, "account", accounts.own_balances(asked, store()))


handler = lambda_handler(app)
