"""GET /report and its two path forms: the HTML report; GET /assets/{file}: its stylesheet, fonts and mark."""

from trueedge_core.http import Answer, api, bound_to, lambda_handler, parameters, request
from trueedge_core.services import access, reports
from trueedge_core.wiring import accounts, ledger, months, now_us, settings

app = api(scope="read", is_page=True, public="/assets/")


def _page(**path: str) -> Answer:
    asked = request(app)
    return reports.page(
        ledger(),
        parameters(app),
        base_url=reports.base_url(asked.headers),
        now=now_us(),
        accounts=accounts(),
        months=months(),
        bound_to=bound_to(app),
        may_share=access.may_share(asked.seen["key"]),
        version=settings().version,
        signed_in=access.cookie(asked.headers, asked.cookies) is not None,
        **path,
    )


@app.get("/report")
def overall() -> Answer:
    return _page()


@app.get("/report/strategy/<strategy_id>")
def strategy(strategy_id: str) -> Answer:
    return _page(strategy_id=strategy_id)


@app.get("/report/account/<account_id>")
def account(account_id: str) -> Answer:
    return _page(account_id=account_id)


@app.get("/assets/<file>")
def asset(file: str) -> Answer:
    return reports.asset(file)


handler = lambda_handler(app)
