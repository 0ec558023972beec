"""GET /accounts, /accounts/{account_id} and its /limits: what was said of accounts, and what they used of it."""

from trueedge_core.http import api, bound_to, lambda_handler, parameters
from trueedge_core.services import accounts, filters
from trueedge_core.wiring import accounts as store
from trueedge_core.wiring import ledger, now_us

app = api(scope="read")


@app.get("/accounts")
def list_accounts() -> dict[str, object]:
    filters.none_but(parameters(app))
    return accounts.listing(store(), bound_to(app))


@app.get("/accounts/<account_id>")
def show_account(account_id: str) -> dict[str, object]:
    filters.read(parameters(app), known=("account_id",), bound_to=bound_to(app), account_id=account_id)
    return accounts.one(ledger(), store(), account_id, bound_to(app))


@app.get("/accounts/<account_id>/limits")
def show_limits(account_id: str) -> dict[str, object]:
    asked = filters.read(parameters(app), known=accounts.LIMITS_BY, bound_to=bound_to(app), account_id=account_id)
    return accounts.limits(ledger(), store(), asked, now_us(), bound_to(app))


handler = lambda_handler(app)
