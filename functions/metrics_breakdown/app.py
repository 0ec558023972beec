"""GET /metrics/by_month, by_weekday, by_hour, by_symbol, by_venue and by_side: a row of figures for each."""

from trueedge_core.http import api, bound_to, lambda_handler, parameters
from trueedge_core.services import accounts, breakdowns, filters
from trueedge_core.services.breakdowns import Kind
from trueedge_core.wiring import accounts as store
from trueedge_core.wiring import ledger, months

app = api(scope="read")


def _by(kind: Kind) -> dict[str, object]:
    asked = filters.read(parameters(app), breakdowns.accepted(kind), bound_to=bound_to(app))
    return breakdowns.by(ledger(), accounts.with_own_balance(asked, store()), kind, months())


@app.get("/metrics/by_month")
def by_month() -> dict[str, object]:
    return _by("month")


@app.get("/metrics/by_weekday")
def by_weekday() -> dict[str, object]:
    return _by("weekday")


@app.get("/metrics/by_hour")
def by_hour() -> dict[str, object]:
    return _by("hour")


@app.get("/metrics/by_symbol")
def by_symbol() -> dict[str, object]:
    return _by("symbol")


@app.get("/metrics/by_venue")
def by_venue() -> dict[str, object]:
    return _by("venue")


@app.get("/metrics/by_side")
def by_side() -> dict[str, object]:
    return _by("side")


handler = lambda_handler(app)
