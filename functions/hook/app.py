"""POST /hook/{key}/trade_event: record one trade of a sender that can set neither headers nor a word of its own."""

from trueedge_core.http import api, bound_to, exact_body, lambda_handler, parameters
from trueedge_core.services import filters, hook, ingest
from trueedge_core.wiring import ledger, now_us

app = api(scope="hook")


@app.post("/hook/<key>/trade_event")
def record_trade(key: str) -> dict[str, object]:  # the access check has read the key
    filters.none_but(parameters(app))
    return ingest.record(hook.as_event(exact_body(app)), now_us(), ledger(), bound_to(app))


handler = lambda_handler(app, ingest.outcomes)
