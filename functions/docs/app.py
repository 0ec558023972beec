"""GET /openapi.json: the contract; GET /docs: a page to read and try it. Both need no key: they tell of no trade."""

from trueedge_core.http import Answer, api, lambda_handler, parameters, request
from trueedge_core.services import docs, filters, reports

app = api(scope=None)


@app.get("/openapi.json")
def contract() -> Answer:
    filters.none_but(parameters(app))
    return docs.contract()


@app.get("/docs")
def page() -> Answer:
    filters.none_but(parameters(app))
    return docs.page(reports.base_url(request(app).headers))


handler = lambda_handler(app)
