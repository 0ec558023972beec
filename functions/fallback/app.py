"""$default: what no route takes is answered 404, or 405 with the methods that the path does take."""

from trueedge_core.http import Answer, api, lambda_handler, request
from trueedge_core.services import routes

app = api(scope=None)

_GET, _POST, _PUT = ("GET", "HEAD"), ("POST",), ("PUT",)

# The template is not there at run time; a test holds this to it.
ROUTES = {
    "/trade_event": _POST,
    "/trade_events": (*_GET, *_POST),
    "/trade_event/{event_id}": _GET,
    "/trade_event/{event_id}/void": _POST,
    "/hook/{key}/trade_event": _POST,
    "/metrics/overall": _GET,
    "/metrics/by_strategy": _GET,
    "/metrics/by_account": _GET,
    "/metrics/strategy/{strategy_id}": _GET,
    "/metrics/account/{account_id}": _GET,
    "/metrics/equity_curve": _GET,
    "/metrics/by_month": _GET,
    "/metrics/by_weekday": _GET,
    "/metrics/by_hour": _GET,
    "/metrics/by_symbol": _GET,
    "/metrics/by_venue": _GET,
    "/metrics/by_side": _GET,
    "/positions": _GET,
    "/accounts": _GET,
    "/accounts/{account_id}": (*_GET, "PUT"),
    "/accounts/{account_id}/limits": _GET,
    "/keys": (*_GET, *_POST),
    "/keys/{key_id}/revoke": _POST,
    "/report": _GET,
    "/report/strategy/{strategy_id}": _GET,
    "/report/account/{account_id}": _GET,
    "/assets/{file}": _GET,
    "/accounts/{account_id}/alert": (*_GET, *_PUT),
    "/login": (*_GET, *_POST),
    "/logout": _POST,
    "/openapi.json": _GET,
    "/docs": _GET,
    "/health": _GET,
}


@app.not_found
def unknown(_: Exception) -> Answer:
    asked = request(app)
    return routes.unknown(asked.method, asked.path, ROUTES)


handler = lambda_handler(app)
