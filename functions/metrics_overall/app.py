"""GET /metrics/overall: every figure of everything the filters name."""

from trueedge_core.http import api, bound_to, lambda_handler, parameters
from trueedge_core.services import accounts, filters, query
from trueedge_core.wiring import accounts as store
from trueedge_core.wiring import ledger

app = api(scope="read")


@app.get("/metrics/overall")
def overall() -> dict[str, object]:
    asked = filters.read(parameters(app), bound_to=bound_to(app))
    return query.overall(ledger(), accounts.with_own_balance(asked, store()))


handler = lambda_handler(app)
