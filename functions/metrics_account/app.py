"""GET /metrics/account/{account_id}: every figure of one account."""

from trueedge_core.http import api, bound_to, lambda_handler, parameters
from trueedge_core.services import accounts, filters, query
from trueedge_core.wiring import accounts as store
from trueedge_core.wiring import ledger

app = api(scope="read")


@app.get("/metrics/account/<account_id>")
def one_account(account_id: str) -> dict[str, object]:
    asked = filters.read(parameters(app), bound_to=bound_to(app), account_id=account_id)
    return query.one(ledger(), accounts.with_own_balance(asked, store()), "account")


handler = lambda_handler(app)
