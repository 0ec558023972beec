"""GET /positions: what stands open, and to whom it is shown."""

from tests.functions.calling import Answered, Caller, trade
from trueedge_core import wiring
from trueedge_core.services import keys as making
from trueedge_core.settings import Settings


def opened(event_id: str, **changes: object) -> dict[str, object]:
    return trade(event_id, state="open", pnl=None, price_close=None, **changes)


def ids(answer: Answered) -> list[str]:
    assert answer.status == 200, answer.text
    return [row["event"]["event_id"] for row in answer.json["positions"]]


def test_a_position_is_shown_as_it_was_sent_until_it_is_closed(call: Caller) -> None:
    call.store([opened("o-1", linked_position_id="7", symbol="<script>"), trade("t-1")])
    answer = call.get("/positions").json
    assert (answer["status"], answer["filters"], answer["next_cursor"]) == ("ok", {}, None)
    assert answer["as_of"]["events"] == 2
    [row] = answer["positions"]
    assert row == {name: value for name, value in call.get("/trade_event/o-1").json.items() if name != "status"}
    call.store([trade("t-2", linked_position_id="7")])
    assert ids(call.get("/positions")) == []
    call("POST", "/trade_event/t-2/void", {"reason": "was another"})
    assert ids(call.get("/positions")) == ["o-1"]


def test_positions_are_filtered_and_paged(call: Caller) -> None:
    call.store([opened(f"o-{n}", account_id=f"a{n % 2}", environment="live" if n < 3 else "demo") for n in range(7)])
    assert ids(call.get("/positions?account_id=a1")) == ["o-5", "o-3", "o-1"]
    assert ids(call.get("/positions?environment=live&account_id=a0")) == ["o-2", "o-0"]
    assert ids(call.get("/positions?strategy_id=other")) == []
    first = call.get("/positions?limit=4")
    rest = call.get(f"/positions?limit=4&cursor={first.json['next_cursor']}")
    assert ids(first) + ids(rest) == [f"o-{n}" for n in range(6, -1, -1)]
    assert rest.json["next_cursor"] is None


def test_a_page_that_would_be_too_large_for_an_answer_is_cut(call: Caller) -> None:
    note = {"note": "x" * 16_000}
    call.store([opened(f"o-{n:03d}", metadata=note) for n in range(200)])
    call.store([opened(f"p-{n:03d}", metadata=note) for n in range(150)])
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        page = call.get(f"/positions?limit=1000{cursor and f'&cursor={cursor}'}")
        assert len(page.body) < 4_200_000
        seen += ids(page)
        cursor, pages = page.json["next_cursor"], pages + 1
    assert (len(seen), len(set(seen)), pages) == (350, 350, 2)


def test_dates_and_a_balance_are_not_taken(call: Caller) -> None:
    for name in ("from=2026-01-01", "starting_balance=5", "sort=total_pnl", "format=csv"):
        answer = call.get(f"/positions?{name}")
        assert (answer.status, answer.json["errors"][0]["field"]) == (400, name.partition("=")[0])


def test_an_unchanged_list_is_304(call: Caller) -> None:
    call.store([opened("o-1")])
    tag = call.get("/positions").headers["etag"]
    assert call.get("/positions", if_none_match=tag).status == 304


def test_a_bound_key_sees_its_own_positions_alone(settings: Settings, call: Caller) -> None:
    call.store([opened(f"{a}-{s}", account_id=a, strategy_id=s) for a in ("mine", "FOREIGN") for s in ("s", "OTHER")])
    wiring.configure(Settings(store_url=settings.store_url))

    def key(**binding: str) -> str:
        return making.create(wiring.keys(), ["read"], wiring.now_us(), **binding)[0]

    assert sorted(ids(call.get("/positions", x_api_key=key()))) == [
        "FOREIGN-OTHER",
        "FOREIGN-s",
        "mine-OTHER",
        "mine-s",
    ]
    for binding, seen in (
        ({"account_id": "mine"}, ["mine-OTHER", "mine-s"]),
        ({"strategy_id": "s"}, ["FOREIGN-s", "mine-s"]),
        ({"account_id": "mine", "strategy_id": "s"}, ["mine-s"]),
    ):
        bound = key(**binding)
        assert sorted(ids(call.get("/positions", x_api_key=bound))) == seen
        assert call.get("/positions?account_id=nobody&strategy_id=none", x_api_key=bound).status == 403
