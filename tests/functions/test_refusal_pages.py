"""Where a program gets an error in JSON, a person at a browser gets a page: same status, said in words."""

import pytest

from tests.functions.calling import Caller, trade
from trueedge_core import wiring
from trueedge_core.domain.ports import Ledger
from trueedge_core.errors import Unavailable

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.mark.parametrize(
    ("target", "status", "said"),
    [
        ("/report?strategy_id=nobody", 404, "The strategy &#34;nobody&#34; has no event in the log."),
        ("/report/account/%3Cb%3E", 404, "The account &#34;&lt;b&gt;&#34; has no event"),
        (
            "/report?from=%3Cscript%3E",
            400,
            "From: &#34;&lt;script&gt;&#34; is not accepted; accepted: an ISO 8601 time",
        ),
        ("/report?strategy=trend", 400, "strategy"),
    ],
)
def test_it_says_what_is_wrong_as_text_and_leads_back(call: Caller, target: str, status: int, said: str) -> None:
    call.store([trade("t-1")])
    page, answer = call.get(target, accept=BROWSER), call.get(target, accept="application/json")
    assert (page.status, answer.status) == (status, status)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert said in page.text
    assert '<a href="/report">' in page.text
    assert "<script" not in page.text
    assert answer.json["status"] == "error"


def test_a_store_that_is_busy_is_said_with_when_to_come_again(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> None:
        raise Unavailable("the store is busy", retry_after=7)

    ledger: Ledger = wiring.ledger()
    monkeypatch.setattr(type(ledger), "summary", busy)
    page = call.get("/report", accept=BROWSER)
    assert (page.status, page.headers["retry-after"]) == (503, "7")
    assert "Not just now." in page.text
    assert "The store is busy." in page.text


@pytest.mark.parametrize("target", ["/metrics/overall?from=yesterday", "/metrics/strategy/nobody"])
def test_answers_that_are_no_pages_stay_json(call: Caller, target: str) -> None:
    assert call.get(target, accept=BROWSER).json["status"] == "error"
