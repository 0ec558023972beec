"""PUT /accounts/{account_id}: say of an account what its figures and limits are held to."""

from trueedge_core.http import api, bound_to, exact_body, lambda_handler, parameters
from trueedge_core.services import accounts, filters
from trueedge_core.wiring import accounts as store
from trueedge_core.wiring import now_us

app = api(scope="admin")


@app.put("/accounts/<account_id>")
def put_account(account_id: str) -> dict[str, object]:
    filters.read(parameters(app), known=("account_id",), bound_to=bound_to(app), account_id=account_id)
    return accounts.put(exact_body(app), account_id, now_us(), store(), bound_to(app))


handler = lambda_handler(app)
