"""GET /health: liveness, version and kind of store; needs no key."""

from trueedge_core.http import api, lambda_handler
from trueedge_core.services import status
from trueedge_core.wiring import ledger, settings

app = api(scope=None)


@app.get("/health")
def health() -> dict[str, object]:
    return status.health(ledger(), settings().version, settings().store)


handler = lambda_handler(app)
