"""GET and POST /keys, POST /keys/{key_id}/revoke: an administrator's keys; a share link is one that may only read."""

from trueedge_core.http import api, bound_to, exact_body, lambda_handler, parameters
from trueedge_core.services import filters, keys
from trueedge_core.wiring import keys as store
from trueedge_core.wiring import now_us

app = api(scope="admin")


@app.get("/keys")
def show() -> dict[str, object]:
    filters.none_but(parameters(app))
    return keys.listing(store(), now_us(), bound_to(app))


@app.post("/keys")
def make() -> dict[str, object]:
    filters.none_but(parameters(app))
    return keys.make(exact_body(app), store(), now_us(), bound_to(app))


@app.post("/keys/<key_id>/revoke")
def revoke(key_id: str) -> dict[str, object]:
    filters.none_but(parameters(app))
    return keys.revoke(key_id, store(), now_us(), bound_to(app))


handler = lambda_handler(app)
