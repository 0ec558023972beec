"""GET /metrics/account/{account_id}: every figure of one account."""

from trueedge_core.http import api, lambda_handler, parameters
from trueedge_core.services import filters, query
from trueedge_core.wiring import ledger

app = api(scope="read")


@app.get("/metrics/account/<account_id>")
def one_account(account_id: str) -> dict[str, object]:
    return query.one(ledger(), filters.read(parameters(app), account_id=account_id), "account")


handler = lambda_handler(app)
