"""GET /metrics/overall: every figure of everything the filters name."""

from trueedge_core.http import api, bound_to, lambda_handler, parameters
from trueedge_core.services import filters, query
from trueedge_core.wiring import ledger

app = api(scope="read")


@app.get("/metrics/overall")
def overall() -> dict[str, object]:
    return query.overall(ledger(), filters.read(parameters(app), bound_to=bound_to(app)))


handler = lambda_handler(app)
