"""GET and POST /login: a key becomes a cookie of the browser; POST /logout takes it back."""

from trueedge_core.http import Answer, api, exact_body, lambda_handler, parameters, request
from trueedge_core.services import filters, signin
from trueedge_core.wiring import keys, now_us, settings

app = api(scope=None)


@app.get("/login")
def show() -> Answer:
    asked = request(app)
    return signin.show(parameters(app), asked.headers, asked.cookies, keys(), now_us(), is_open=settings().open)


@app.post("/login")
def sign_in() -> Answer:
    filters.none_but(parameters(app))
    return signin.sign_in(exact_body(app), request(app).headers, keys(), now_us())


@app.post("/logout")
def sign_out() -> Answer:
    filters.none_but(parameters(app))
    return signin.sign_out(request(app).headers)


handler = lambda_handler(app)
