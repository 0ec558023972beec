"""Small facts about figures and answers, each over HTTP on a store of its own account."""

import gzip
import itertools
import random
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from tests.e2e.harness import Client, Number, Server, pages, segment
from tests.e2e.judge import differences
from tests.e2e.samples import error_of, post_ok, raw_event
from tests.oracle.bruteforce import figures
from tests.oracle.reading import exact, plain, read

pytestmark = pytest.mark.xdist_group("facts")

AS_OF = re.compile(rb'"as_of":\s*\{[^}]*\}')


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Server(tmp_path_factory.mktemp("facts") / "facts.db", workers=2) as server, server.client() as client:
        yield client


@pytest.fixture
def account(request: pytest.FixtureRequest) -> str:
    """An account of the test's own: one store serves all tests of this module, in any order."""
    return f"acc {request.node.name}"[:100].replace("/", "-")


def metrics(client: Client, account: str, **query: Any) -> dict[str, Any]:
    answer = client.get("/metrics/overall", {"account_id": account, **query})
    assert answer.status == 200, answer.body
    got: dict[str, Any] = answer.json()["metrics"]
    return got


def agrees(client: Client, account: str, raws: list[str], balance: str = "0", voided: tuple[str, ...] = ()) -> None:
    answer = client.get("/metrics/overall", {"account_id": account, "starting_balance": balance})
    expected = figures(map(read, raws), Fraction(balance), voided=voided)
    assert not differences(answer.json(), expected, deflated=False)


def test_an_opening_loss_is_a_drawdown_from_the_start(client: Client, account: str) -> None:
    post_ok(client, raw_event(account, -10, account_id=account))
    got = metrics(client, account)
    assert got["max_drawdown"] == got["current_drawdown"] == "10"
    assert got["max_drawdown_peak_at"] is None
    assert got["max_drawdown_trough_at"] == "2024-03-05T10:00:00Z"
    assert got["max_drawdown_pct"] is None  # no balance, nothing to take a percentage of
    assert float(metrics(client, account, starting_balance="40")["max_drawdown_pct"]) == 25.0


def test_open_events_change_no_figure(client: Client, account: str) -> None:
    raws = [raw_event(f"{account} {n}", p, f"2024-03-0{n + 1}T10:00:00Z", account_id=account)
            for n, p in enumerate((5, -7, 3))]  # fmt: skip
    for raw in raws:
        post_ok(client, raw)
    before = client.get("/metrics/overall", {"account_id": account}).json()
    post_ok(client, raw_event(f"{account} open", -1000, "2024-03-02T12:00:00Z", account_id=account, state="open"))
    nothing_yet = {"pnl": None, "price_close": None, "state": "open", "currency": "EUR", "environment": "live"}
    post_ok(client, raw_event(f"{account} open 2", account_id=account, strategy_id="new", **nothing_yet))
    after = client.get("/metrics/overall", {"account_id": account}).json()
    assert after["metrics"] == {**before["metrics"], "open_events": "2"}
    assert {k: after[k] for k in ("edge", "currency", "environments")} == {
        k: before[k] for k in ("edge", "currency", "environments")
    }


def test_a_voided_event_is_out_of_every_figure_and_counted(client: Client, account: str) -> None:
    raws = [raw_event(f"{account} {n}", p, f"2024-03-0{n + 1}T10:00:00Z", account_id=account, currency=c)
            for n, (p, c) in enumerate(((5, "EUR"), (-7, "USD"), (3, "EUR"), (-1, "EUR")))]  # fmt: skip
    for raw in raws:
        post_ok(client, raw)
    agrees(client, account, raws)
    bad = f"{account} 1"
    for _ in range(2):  # a repetition is fine
        answer = client.post(f"/trade_event/{segment(bad)}/void", '{"reason": "typed in twice"}')
        assert answer.status == 200, answer.body
        assert answer.json()["status"] == "ok"
        agrees(client, account, raws, voided=(bad,))
    assert metrics(client, account)["voided"] == "1"
    post_ok(client, raws[1], duplicate=True)  # still known, still void
    agrees(client, account, raws, voided=(bad,))
    late = raw_event(f"{account} late", 4, "2024-03-01T00:00:00Z", account_id=account)
    post_ok(client, late)  # its re-fold must not bring the void one back
    agrees(client, account, [*raws, late], voided=(bad,))


def test_voiding_everything_leaves_an_empty_account(client: Client, account: str) -> None:
    raws = [raw_event(f"{account} {n}", n - 1, account_id=account) for n in range(3)]
    for raw in raws:
        post_ok(client, raw)
    for n in range(3):
        answer = client.post(f"/trade_event/{segment(f'{account} {n}')}/void", '{"reason": "test"}')
        assert answer.status == 200, answer.body
    agrees(client, account, raws, "50", voided=tuple(f"{account} {n}" for n in range(3)))


def test_equal_times_give_one_answer_whatever_the_order_of_arrival(client: Client, account: str) -> None:
    """Twelve trades in three instants, ids whose order differs in bytes, letters and UTF-16; six orders of arrival."""
    ids = ["a", "B", "é", "z", "10", "9", "\U0001f600", "\uff5e", "aa", "-", "Z", "ß"]
    pnl = [7, -9, 4, -3, 0, 5, -8, 2, -1, 6, -6, 1]
    at = ["2024-03-05T10:00:00Z", "2024-03-05T11:00:00+01:00", "2024-03-05T10:00:00.000001Z"]
    answers = []
    for run, seed in enumerate(range(6)):
        own = f"{account} {run}"
        raws = [raw_event(f"{i} {account} {run}", p, at[n % 3], account_id=own)
                for n, (i, p) in enumerate(zip(ids, pnl, strict=True))]  # fmt: skip
        random.Random(seed).shuffle(raws)
        for raw in raws:
            post_ok(client, raw)
        agrees(client, own, raws, "10")
        got = client.get("/metrics/overall", {"account_id": own}).json()
        answers.append((got["metrics"], got["edge"]))
    assert all(a == answers[0] for a in answers)


DECIMALS = {
    "9.64e-05": Number("9.64e-05"),
    "a string": "0.00000001",
    "20 decimals": Number("0.12345678901234567891"),
    "36 digits": Number("1234567890123456.78901234567890123456"),
    "40 digits": Number("12345678901234567890.12345678901234567890"),
    "minus zero": Number("-0.0"),
    "capital exponent": Number("1.50E+3"),
    "the largest": Number("99999999999999999999.999999999999999999"),
}


@pytest.mark.parametrize("number", DECIMALS.values(), ids=DECIMALS.keys())
def test_exact_decimals_come_back_as_they_were_sent_and_enter_sums_exactly(
    client: Client, account: str, number: str
) -> None:
    raw = raw_event(account, number, account_id=account, price_open=number, fees=number, metadata={"x": number})
    post_ok(client, raw)
    answer = client.get(f"/trade_event/{segment(account)}")
    assert answer.status == 200, answer.body
    assert raw.encode() in answer.body  # the very bytes
    post_ok(client, raw_event(f"{account} 2", "0.1", "2024-03-06T10:00:00Z", account_id=account))
    agrees(client, account, [raw, raw_event(f"{account} 2", "0.1", "2024-03-06T10:00:00Z", account_id=account)], "0.2")


def test_sums_have_no_binary_float_in_them(client: Client, account: str) -> None:
    raws = [raw_event(f"{account} {n}", Number(p), f"2024-03-0{n + 1}T10:00:00Z", account_id=account)
            for n, p in enumerate(("0.1", "0.2", "-0.3", "1e-18", "9" * 20, "-" + "9" * 20))]  # fmt: skip
    for raw in raws:
        post_ok(client, raw)
    got = metrics(client, account)
    assert got["total_pnl"] == "0.000000000000000001"
    assert got["largest_win"] == "99999999999999999999"
    agrees(client, account, raws, "0.000000000000000001")


def test_a_starting_balance_keeps_every_digit_or_is_refused(client: Client, account: str) -> None:
    answer = client.get("/metrics/overall", {"account_id": account, "starting_balance": "0.12345678901234567890123"})
    if answer.status == 400:
        assert [e["field"] for e in error_of(answer, 400)["errors"]] == ["starting_balance"]
    else:
        assert answer.json()["metrics"]["ending_equity"] == "0.12345678901234567890123"


def test_rounding_is_half_even_at_the_18th_decimal(client: Client, account: str) -> None:
    raws = [raw_event(f"{account} {n}", Number(p), account_id=account, fees=Number(p), initial_risk=Number("3e-18"))
            for n, p in enumerate(("5e-19", "15e-19", "-25e-19", "0.00000000000000000350000000000001"))]  # fmt: skip
    for raw in raws:
        post_ok(client, raw)
    assert metrics(client, account)["total_pnl"] == plain(Fraction(0 + 2 - 2 + 4, 10**18))
    agrees(client, account, raws)


def test_a_risk_that_rounds_to_nothing_does_not_break_the_answer(client: Client, account: str) -> None:
    answer = client.post("/trade_event", raw_event(account, 5, account_id=account, initial_risk=Number("1e-30")))
    assert answer.status in (200, 400), answer.body
    if answer.status == 400:
        assert [e["field"] for e in error_of(answer, 400)["errors"]] == ["initial_risk"]
    got = metrics(client, account)
    assert got["r_trades"] == "0"
    assert got["average_r"] is None


def test_r_and_holding_time_count_only_the_trades_that_give_them(client: Client, account: str) -> None:
    raws = [
        raw_event(f"{account} 1", 5, account_id=account, initial_risk="7", opened_at="2024-03-05T09:59:59.5Z"),
        raw_event(f"{account} 2", -2, account_id=account, initial_risk=3),
        raw_event(f"{account} 3", 1, account_id=account, opened_at="2024-03-01 00:00:00-05:00"),
        raw_event(f"{account} 4", 8, account_id=account),
    ]
    for raw in raws:
        post_ok(client, raw)
    assert metrics(client, account)["r_trades"] == "2"
    agrees(client, account, raws)


def test_a_time_has_a_fraction_only_where_it_is_not_zero(client: Client, account: str) -> None:
    post_ok(client, raw_event(f"{account} 1", 5, "2024-03-05T10:00:00.000000+00:00", account_id=account))
    post_ok(client, raw_event(f"{account} 2", 5, "2024-03-05T23:30:00.250000-01:00", account_id=account))
    got = metrics(client, account)
    assert got["first_trade_at"] == "2024-03-05T10:00:00Z"
    assert re.fullmatch(r"2024-03-06T00:30:00\.250*Z", got["last_trade_at"])


def test_days_are_utc_calendar_days(client: Client, account: str) -> None:
    raws = [raw_event(f"{account} 1", 5, "2024-03-05T23:59:59.999999Z", account_id=account),
            raw_event(f"{account} 2", 5, "2024-03-06T00:59:59+01:00", account_id=account),
            raw_event(f"{account} 3", -5, "2024-03-06T00:00:00Z", account_id=account)]  # fmt: skip
    for raw in raws:
        post_ok(client, raw)
    got = metrics(client, account)
    assert (got["calendar_days"], got["trading_days"], got["best_day"], got["worst_day"]) == ("2", "2", "10", "-5")
    agrees(client, account, raws)


def test_from_is_inclusive_and_to_is_exclusive(client: Client, account: str) -> None:
    at = ["2024-03-05T09:59:59.999999Z", "2024-03-05T10:00:00Z", "2024-03-05T10:59:59.999999Z", "2024-03-05T11:00:00Z"]
    for n, time in enumerate(at):
        post_ok(client, raw_event(f"{account} {n}", 10**n, time, account_id=account))
    hour = {"from": "2024-03-05T10:00:00Z", "to": "2024-03-05T11:00:00Z"}
    assert metrics(client, account, **hour)["total_pnl"] == "110"
    assert metrics(client, account, **{"from": at[1], "to": at[1]})["total_pnl"] == "0"
    assert metrics(client, account, **{"from": at[2]})["total_pnl"] == "1100"
    assert metrics(client, account, to=at[2])["total_pnl"] == "11"
    assert metrics(client, account, **{"from": "2024-03-05", "to": "2024-03-06"})["total_pnl"] == "1111"
    assert metrics(client, account, to="2024-03-05")["total_pnl"] == "0"


def test_every_verdict_is_given_by_its_own_rule(client: Client, account: str) -> None:
    records = {
        "significant": [5, 5, -1] * 14,
        "insufficient": [5, 5, -1] * 9,
        "losing": [1, 1, -2] * 14,
        "unproven": [30, -29] * 20,
    }
    for verdict, record in records.items():
        own = f"{account} {verdict}"
        raws = [raw_event(f"{own} {n}", p, f"2024-{1 + n // 28:02}-{1 + n % 28:02}T10:00:00Z", account_id=own)
                for n, p in enumerate(record)]  # fmt: skip
        assert client.post("/trade_events", "\n".join(raws)).status == 200
        assert client.get("/metrics/overall", {"account_id": own}).json()["edge"]["verdict"] == verdict
        agrees(client, own, raws, "1000")


def test_a_new_strategy_deflates_all_others_and_changes_no_overall_of_another_account(
    client: Client, account: str
) -> None:
    raws = [raw_event(f"{account} {n}", p, f"2024-03-{1 + n:02}T10:00:00Z", account_id=account, strategy_id=account)
            for n, p in enumerate([8, -5] * 14)]  # fmt: skip
    assert client.post("/trade_events", "\n".join(raws)).status == 200
    path = f"/metrics/strategy/{segment(account)}"
    first = client.get(path).json()
    overall = client.get("/metrics/overall", {"account_id": account})
    tried = int(first["edge"]["strategies_tried"])
    assert not differences(first, figures(map(read, raws), 0, tried), deflated=True)
    post_ok(client, raw_event(f"{account} new", account_id=f"{account} other", strategy_id=f"{account} other"))
    second = client.get(path).json()
    assert second["edge"]["strategies_tried"] == str(tried + 1)
    assert not differences(second, figures(map(read, raws), 0, tried + 1), deflated=True)
    again = client.get("/metrics/overall", {"account_id": account})
    assert (again.body, again.headers["etag"]) == (overall.body, overall.headers["etag"])


def test_ids_with_every_kind_of_character_are_reached(client: Client, account: str) -> None:
    names = [
        "plain", "with space", "SMA (5,20) @H1", "50% & more; +x=y!", "ünïcode 漢字", "a/b", 'q"uote', "back\\slash",
        "what?", "#1", "..", "%2F", "<script>alert(1)</script>", "'; DROP TABLE trades; --",
    ]  # fmt: skip
    for n, name in enumerate(names):
        post_ok(client, raw_event(f"{account} {n}", n + 1, account_id=account, strategy_id=name))
    for n, name in enumerate(names):
        got = client.get("/metrics/overall", {"account_id": account, "strategy_id": name})
        assert got.status == 200, (name, got.body)
        assert got.json()["metrics"]["total_pnl"] == str(n + 1), name
    for name in names[:4]:
        assert client.get(f"/metrics/strategy/{segment(name)}").status == 200, name
    listed = client.get("/metrics/by_strategy", {"account_id": account, "limit": 1000}).json()["strategies"]
    assert {row["strategy_id"] for row in listed} >= set(names)


# --- answers ----------------------------------------------------------------------------------------------------------


def test_an_unchanged_answer_is_304_until_something_of_it_changes(client: Client, account: str) -> None:
    post_ok(client, raw_event(account, 5, account_id=account))
    query = {"account_id": account}
    for path in ("/metrics/overall", "/metrics/equity_curve", "/trade_events", "/metrics/by_strategy"):
        first = client.get(path, query)
        tag = first.headers["etag"]
        same = client.get(path, query, If_None_Match=tag)
        assert (same.status, same.body) == (304, b"")
        assert same.headers["etag"] == tag
        assert client.get(path, query, If_None_Match='"other"').status == 200
        assert client.get(path, query, If_None_Match=f'"other", {tag}').status == 304
    tag = client.get("/metrics/overall", query).headers["etag"]
    post_ok(client, raw_event(f"{account} elsewhere", 5, account_id=f"{account} other", strategy_id="elsewhere"))
    assert client.get("/metrics/overall", query, If_None_Match=tag).status == 304
    post_ok(client, raw_event(f"{account} 2", 5, "2024-03-05T10:00:01Z", account_id=account))
    assert client.get("/metrics/overall", query, If_None_Match=tag).status == 200


def test_a_large_answer_is_compressed_where_that_is_accepted(client: Client, account: str) -> None:
    raws = [raw_event(f"{account} {n}", n, account_id=account, strategy_id=f"{account} {n}") for n in range(20)]
    assert client.post("/trade_events", "\n".join(raws)).status == 200
    query = {"account_id": account}
    for path in ("/metrics/by_strategy", "/trade_events", "/report"):
        plainly, packed = client.get(path, query), client.get(path, query, Accept_Encoding="gzip, deflate")
        assert "content-encoding" not in plainly.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert len(packed.body) < len(plainly.body)
        assert gzip.decompress(packed.body) == plainly.body
        assert "accept-encoding" in packed.headers.get("vary", "").lower()
    unwanted = client.get("/metrics/by_strategy", query, Accept_Encoding="gzip;q=0, identity")
    assert "content-encoding" not in unwanted.headers


def test_numbers_are_spelled_plainly_and_undefined_is_null(client: Client, account: str) -> None:
    post_ok(client, raw_event(account, Number("1e-18"), account_id=account, fees=Number("-1E+2")))
    body = client.get("/metrics/overall", {"account_id": account, "starting_balance": "1e3"}).body
    assert b'"total_pnl":0.000000000000000001' in body.replace(b" ", b"")
    assert b'"total_fees":-100,' in body.replace(b" ", b"")
    for word in (b"NaN", b"Infinity", b"-0,", b"-0.0,"):
        assert word not in body


def test_as_of_follows_the_scope_that_is_asked_for(client: Client, account: str) -> None:
    def as_of(own: str) -> Any:
        return client.get("/metrics/overall", {"account_id": own}).json()["as_of"]

    post_ok(client, raw_event(f"{account} 1", account_id=account))
    first = as_of(account)
    assert set(first) >= {"events", "at"}
    post_ok(client, raw_event(f"{account} 2", account_id=f"{account} b"))
    assert as_of(account) == first
    assert int(as_of(f"{account} b")["events"]) > int(first["events"])
    whole = client.get("/metrics/overall").json()["as_of"]
    assert int(whole["events"]) >= int(as_of(f"{account} b")["events"])


def test_an_empty_question_is_answered_with_zeros_and_nulls(client: Client, account: str) -> None:
    agrees(client, account, [], "123.450")
    curve = client.get("/metrics/equity_curve", {"account_id": account})
    assert curve.status == 200, curve.body


def test_filters_are_repeated_in_the_answer(client: Client) -> None:
    query = {"account_id": "x", "environment": "demo", "from": "2024-01-01", "starting_balance": "10.50"}
    filters = client.get("/metrics/overall", query).json()["filters"]
    assert filters["account_id"] == "x"
    assert filters["environment"] == "demo"
    assert exact(filters["starting_balance"]) == exact("10.5")
    assert str(filters["from"]).startswith("2024-01-01")


def test_one_record_late_by_any_amount_gives_the_figures_of_the_sorted_record(client: Client, account: str) -> None:
    """All 120 orders of arrival of five trades in two hours, two days, two months and a tie."""
    at = ["2024-01-31T22:10:00Z", "2024-01-31T22:50:00Z", "2024-01-31T23:00:00Z", "2024-02-01T00:00:00Z",
          "2024-02-01T00:00:00Z"]  # fmt: skip
    pnl = ["-4.5", "3", "-2", "6.25", "-7"]
    expected, batch = None, []
    for run, order in enumerate(itertools.permutations(range(5))):
        for n in order:
            batch.append(raw_event(f"{n} {account} {run}", pnl[n], at[n], account_id=f"{account} {run}"))
    for start in range(0, len(batch), 60):  # one by one within a batch; the batches cut some orders in two
        assert client.post("/trade_events", "\n".join(batch[start : start + 60])).status == 200
    for run in range(120):
        got = client.get("/metrics/overall", {"account_id": f"{account} {run}"}).json()
        expected = expected or figures((read(raw_event(f"{n} x", pnl[n], at[n])) for n in range(5)), 0)
        assert not differences(got, expected, deflated=False), run
    rows = [r for page in pages(client, "/metrics/by_account", {}, 1000) for r in page["accounts"]]
    assert sum(r["account_id"].startswith(f"{account} ") for r in rows) == 120
