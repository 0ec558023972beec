"""GET and PUT /accounts/{account_id}/alert: where the alerts of an account go; the secret goes in and never out."""

from trueedge_core.http import api, bound_to, exact_body, lambda_handler, parameters
from trueedge_core.services import alerts, filters
from trueedge_core.wiring import alerts as store
from trueedge_core.wiring import now_us

app = api(scope="admin")


@app.get("/accounts/<account_id>/alert")
def show(account_id: str) -> dict[str, object]:
    filters.none_but(parameters(app))
    return alerts.show(account_id, store(), bound_to(app))


@app.put("/accounts/<account_id>/alert")
def put(account_id: str) -> dict[str, object]:
    filters.none_but(parameters(app))
    return alerts.put(exact_body(app), account_id, now_us(), store(), bound_to(app))


handler = lambda_handler(app)
