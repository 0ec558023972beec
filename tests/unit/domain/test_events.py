"""TRADE_EVENT: every rule in both directions, what a refusal says, and which events are the same one."""

import dataclasses
import itertools
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueedge_core.domain.events import (
    FIELDS,
    MAX_EVENT_BYTES,
    TradeEvent,
    changed_fields,
    conflict_message,
    json_schema,
    parse_event,
    parse_time,
)
from trueedge_core.domain.money import read_json, split_batch, write_json
from trueedge_core.errors import InvalidEvent, TooLarge

NOW = parse_time("2026-11-01T12:00:00Z")
REQUIRED = {
    "event_id": "t-1",
    "account_id": "acc",
    "strategy_id": "trend",
    "venue": "MT5",
    "symbol": "EUR/USD",
    "environment": "live",
    "timestamp": "2026-02-01T10:00:00Z",
    "side": "buy",
    "order_type": "market",
    "quantity": Decimal("0.10"),
    "quantity_type": "lots",
    "price_open": Decimal("1.08250"),
    "price_close": Decimal("1.08400"),
    "fees": Decimal("-0.70"),
    "pnl": Decimal("14.30"),
    "state": "closed",
}
FULL = REQUIRED | {
    "linked_position_id": "p-1",
    "opened_at": "2026-02-01T09:00:00Z",
    "currency": "USD",
    "initial_risk": Decimal("10"),
    "tags": ["a", "b"],
    "metadata": {"n": Decimal("1.10"), "s": "1.1", "list": [1, {"deep": None}]},
    "my_own_key": {"x": Decimal("2.50")},
}


def parse(value: dict[str, Any], now: int = NOW) -> TradeEvent:
    """Through the real reader: what is validated is what was read from the text."""
    raw = write_json(value)
    return parse_event(read_json(raw), raw, now)


def event(**changes: Any) -> TradeEvent:
    return parse(FULL | changes)


def refusals(value: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidEvent) as refused:
        parse(value)
    assert [error.field for error in refused.value.errors] == sorted(error.field for error in refused.value.errors)
    return {error.field: error.message for error in refused.value.errors}


# --- what an event holds ---


def test_an_event_holds_its_values_typed_and_its_text_as_sent() -> None:
    raw = write_json(FULL)
    one = parse_event(read_json(raw), raw, NOW)
    assert one.event_id == "t-1"
    assert one.timestamp == parse_time("2026-02-01T10:00:00Z")
    assert one.opened_at == one.timestamp - 3_600_000_000
    assert (one.quantity, one.price_open, one.price_close) == (Decimal("0.1"), Decimal("1.0825"), Decimal("1.084"))
    assert (one.fees, one.pnl, one.initial_risk) == (Decimal("-0.7"), Decimal("14.3"), Decimal("10"))
    assert one.tags == ("a", "b")
    assert one.metadata == {"n": Decimal("1.10"), "s": "1.1", "list": [1, {"deep": None}]}
    assert one.extra == {"my_own_key": {"x": Decimal("2.50")}}
    assert one.raw == raw
    assert len(one.digest) == 32


def test_an_event_of_the_required_fields_alone_leaves_the_others_empty() -> None:
    one = parse(REQUIRED)
    assert (one.linked_position_id, one.opened_at, one.currency, one.initial_risk, one.metadata) == (None,) * 5
    assert one.tags == ()
    assert one.extra == {}


def test_an_event_has_every_attribute_of_its_class_and_cannot_be_changed() -> None:
    one = event()
    assert set(vars(one)) == {field.name for field in dataclasses.fields(TradeEvent)}
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.pnl = Decimal(1)  # type: ignore[misc]


def test_price_close_and_pnl_may_be_null_or_absent_while_open() -> None:
    for one in (
        event(state="open", price_close=None, pnl=None),
        parse({k: v for k, v in (FULL | {"state": "open"}).items() if k not in ("price_close", "pnl")}),
    ):
        assert (one.state, one.price_close, one.pnl) == ("open", None, None)
    assert event(state="open", pnl=Decimal(5)).pnl == 5


def test_null_is_absent_for_every_optional_field() -> None:
    optional = [field.name for field in FIELDS if field.presence == "optional"]
    assert parse(REQUIRED | dict.fromkeys(optional)) == parse(REQUIRED)


# --- every rule, both directions ---

IDS = ["event_id", "account_id", "strategy_id", "venue", "symbol", "linked_position_id"]
GOOD_TEXTS = [
    "x",
    "a b",
    "x" * 128,
    "é" * 64,
    "😀" * 32,
    "BTC/USDT:USDT",
    "<script>alert(1)</script>",
    "=1+1",
    "日本",
    '"',
    "../x",
]
BAD_TEXTS = [
    "",
    " ",
    " x",
    "x ",
    "x\n",
    "a\tb",
    "x" * 129,
    "é" * 65,
    "😀" * 33,
    "\u00a0x",
    "a\u200bb",
    "a\u2028b",
    "\x00",
    "\x7f",
    5,
]
BAD_KINDS = [True, False, 5, Decimal("1.5"), [], ["x"], {}, {"a": 1}]
GOOD_NUMBERS = [
    (0, "0"),
    (-5, "-5"),
    (10**20 - 1, "99999999999999999999"),
    (Decimal("9.64e-05"), "0.0000964"),
    (Decimal("-0.0"), "0"),
    (Decimal("1e19"), "1e19"),
    (Decimal("1E-40"), "1e-40"),
    (Decimal("0.12345678901234567890"), "0.1234567890123456789"),
    (Decimal("0.123456789012345678901234567890123456"), "0.123456789012345678901234567890123456"),
    (Decimal("12345678901234567890.12345678901234567891"), "12345678901234567890.12345678901234567891"),
    ("0.00000001", "1e-8"),
    ("1E-8", "1e-8"),
    ("1e-8", "1e-8"),
    ("+1.50", "1.5"),
    ("-1.50", "-1.5"),
    ("100000.00", "100000"),
    ("100E+3", "100000"),
    ("99999999999999999999.99999999999999999999", "99999999999999999999.99999999999999999999"),
    ("1." + "0" * 5000, "1"),  # zeros at the end are no significant digits
    ("0." + "0" * 39 + "1", "1e-40"),
    ("0e999999999", "0"),
    ("0.000", "0"),
]
BAD_NUMBERS = [
    10**20,
    -(10**20),
    10**4000,
    Decimal("1e20"),
    Decimal("-1e20"),
    Decimal("1e999999999"),
    Decimal("-1e999999999"),
    Decimal("1e-41"),
    Decimal("1e-999999999"),
    "1e999999999",
    "1e99999999999999999999",
    "1e-99999999999999999999",
    "0." + "0" * 40 + "1",
    "1." + "1" * 40,
    "1" * 41,
    "100000000000000000000",
    "",
    " ",
    " 1",
    "1 ",
    "1\n",
    "1,5",
    "1_000",
    "1.",
    ".5",
    "01",
    "-",
    "+-1",
    "0x10",
    "NaN",
    "nan",
    "sNaN1",
    "Infinity",
    "-inf",
    "1e",
    "1e+",
    "one",
    "\u0661",  # an Arabic digit one
    "\uff11",  # a fullwidth digit one
    "\u22121",  # a minus sign that is not a hyphen
    "$1",
    "1%",
    True,
    False,
    [],
    [1],
    {},
]
NUMBERS = ["quantity", "price_open", "price_close", "fees", "pnl", "initial_risk"]
SIGNED = ["price_open", "price_close", "fees", "pnl"]


def cases(*tables: tuple[list[str], list[Any]]) -> list[tuple[str, Any]]:
    return [case for fields, values in tables for case in itertools.product(fields, values)]


@pytest.mark.parametrize(
    ("field", "value"),
    cases(
        (IDS, GOOD_TEXTS),
        (["environment"], ["live", "demo"]),
        (["side"], ["buy", "sell"]),
        (["quantity_type"], ["lots", "units"]),
        (["state"], ["open", "closed"]),
        (["order_type"], ["market", "limit", "stop", "stop_limit", "x" * 32, "Buy Stop"]),
        (["currency"], ["USD", "USDT", "1INCH", "A" * 12]),
    ),
)
def test_a_text_that_the_rules_allow_is_kept_as_it_is(field: str, value: str) -> None:
    assert getattr(event(**{field: value}), field) == value


@pytest.mark.parametrize(
    ("field", "value"),
    cases(
        (IDS, [*BAD_TEXTS, *BAD_KINDS]),
        (["environment"], ["prod", "LIVE", "Live", "", "paper", *BAD_KINDS]),
        (["side"], ["long", "BUY", "", *BAD_KINDS]),
        (["quantity_type"], ["lot", "contracts", *BAD_KINDS]),
        (["state"], ["close", "Open", *BAD_KINDS]),
        (["order_type"], ["", " market", "x" * 33, "é" * 17, "a\nb", *BAD_KINDS]),
        (["currency"], ["US", "usd", "A" * 13, "US D", "€UR", "USD\n", "", "\u0661\u0661\u0661", *BAD_KINDS]),
        (NUMBERS, BAD_NUMBERS),
        (["quantity", "initial_risk"], [0, -1, Decimal("0.00"), Decimal("-0.1"), "0", "-0.1", "0e5"]),
        (["timestamp", "opened_at"], [1700000000, "1700000000", Decimal("1.5"), "2026-02-01", "now", "", True, [], {}]),
        (
            ["timestamp", "opened_at"],
            ["1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00+00:01", "2026-11-02T12:00:00.000001Z"],
        ),
        (["tags"], ["a", {}, 5, True, [1], ["a", None], [["a"]], ["x" * 65], ["x"] * 33]),
        (["metadata"], ["a", [], 5, True]),
    ),
)
def test_a_value_that_the_rules_forbid_is_refused_by_name(field: str, value: Any) -> None:
    wrong = refusals(FULL | {field: value})
    assert list(wrong) == [field]
    assert "accepted: " in wrong[field]
    assert wrong[field].isprintable()
    assert len(wrong[field]) < 500


@pytest.mark.parametrize(("field", "value", "exact"), [(f, v, e) for f in SIGNED for v, e in GOOD_NUMBERS])
def test_a_number_keeps_its_value_to_the_last_digit(field: str, value: Any, exact: str) -> None:
    assert Fraction(getattr(event(**{field: value}), field)) == Fraction(exact)


def test_a_quantity_of_one_satoshi_and_less_is_more_than_zero() -> None:
    assert event(quantity="0.00000001").quantity == Decimal("1e-8")
    assert event(quantity=Decimal("1e-40")).quantity == Decimal("1e-40")


def test_an_initial_risk_that_rounds_to_zero_is_refused_and_the_next_one_is_not() -> None:
    wrong = refusals(FULL | {"initial_risk": Decimal("0.0000000000000000005")})  # half a unit: to the even 0
    assert "is 0 when rounded to 18 decimals" in wrong["initial_risk"]
    assert event(initial_risk=Decimal("0.00000000000000000051")).initial_risk == Decimal("5.1e-19")


@pytest.mark.parametrize(
    "timestamp",
    ["1970-01-01T00:00:00Z", "2026-11-02T12:00:00Z", "2026-11-02T13:00:00+01:00", "2026-11-02 12:00:00.000000"],
)
def test_a_time_from_1970_to_a_day_ahead_is_accepted(timestamp: str) -> None:
    assert event(timestamp=timestamp, opened_at=None).timestamp == parse_time(timestamp)


def test_a_position_cannot_be_opened_after_its_trade() -> None:
    assert event(opened_at="2026-02-01T11:00:00+01:00").opened_at == event().timestamp
    wrong = refusals(FULL | {"opened_at": "2026-02-01T10:00:00.000001Z"})
    assert "later than timestamp" in wrong["opened_at"]


def test_tags_and_metadata_are_accepted_up_to_their_limits() -> None:
    assert len(event(tags=["é" * 64] * 32).tags) == 32
    text = "x" * (16 * 1024 - len('{"k":""}'))
    assert event(metadata={"k": text}).metadata == {"k": text}
    assert "16385 bytes" in refusals(FULL | {"metadata": {"k": text + "x"}})["metadata"]
    euros = "€" * ((16 * 1024 - len('{"k":""}')) // 3)  # bytes are counted, not characters
    assert event(metadata={"k": euros}).metadata == {"k": euros}
    assert list(refusals(FULL | {"metadata": {"k": euros + "€€"}})) == ["metadata"]


def test_an_event_is_at_most_60_kb_of_utf8() -> None:
    spare = MAX_EVENT_BYTES - len(write_json(REQUIRED | {"note": ""}).encode())
    assert parse(REQUIRED | {"note": "x" * spare}).extra == {"note": "x" * spare}
    for note in ("x" * (spare + 1), "€" * (spare // 3 + 1)):
        with pytest.raises(TooLarge, match="61440"):
            parse(REQUIRED | {"note": note})


# --- what a refusal says ---


def test_one_wrong_field_is_the_whole_sentence() -> None:
    with pytest.raises(InvalidEvent) as refused:
        event(environment="prod")
    assert refused.value.message == 'environment: "prod" is not accepted; accepted: "live" or "demo"'
    assert [(e.field, e.message) for e in refused.value.errors] == [
        ("environment", '"prod" is not accepted; accepted: "live" or "demo"')
    ]


def test_all_wrong_fields_are_told_at_once() -> None:
    with pytest.raises(InvalidEvent) as refused:
        event(timestamp="yesterday", side="long", pnl="12,5")
    assert refused.value.message == "3 fields are wrong: pnl, side, timestamp"
    assert [error.field for error in refused.value.errors] == ["pnl", "side", "timestamp"]


def test_of_an_empty_event_every_required_field_is_missing() -> None:
    wrong = refusals({})
    assert set(wrong) == set(REQUIRED)
    assert wrong["side"] == 'required, but missing; accepted: "buy" or "sell"'
    assert wrong["pnl"].startswith('required unless state is "open", but missing; accepted: a number')
    assert refusals(FULL | {"side": None})["side"].startswith("required, but null; accepted:")
    assert refusals(FULL | {"price_close": None})["price_close"].startswith('required unless state is "open", but null')


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("event_id", 5, "the number 5 is not accepted"),
        ("event_id", True, "true (a boolean) is not accepted"),
        ("event_id", ["x"], "an array of 1 is not accepted"),
        ("event_id", {"a": 1, "b": 2}, "an object of 2 keys is not accepted"),
        ("event_id", "é" * 65, "has 130 bytes"),
        ("event_id", "a\u202eb", '"a\\u202eb" has a character that cannot be printed'),
        ("event_id", "x ", '"x " begins or ends with a space'),
        ("event_id", "y" * 5000, '"' + "y" * 40 + '..." (5000 characters) has 5000 bytes'),
        ("pnl", "12,5", '"12,5" is not accepted; accepted: a number, or a text with one'),
        ("pnl", Decimal("1e999999999"), "the number 1E+999999999 is not below 1e20"),
        ("pnl", Decimal("1e-41"), "has digits beyond 1e-40"),
        ("pnl", "1." + "1" * 40, "has 41 significant digits"),
        ("pnl", "1e99999999999999999999", "has an absurd exponent"),
        ("pnl", 10**300, "(301 characters) is not below 1e20"),
        (
            "quantity",
            Decimal("-1.50"),
            "the number -1.5 is not accepted; accepted: a number, or a text with one, below",
        ),
        ("quantity", 0, "greater than 0"),
        ("timestamp", 1700000000, "the number 1700000000 is not accepted; accepted: an ISO 8601 time such as"),
        ("timestamp", "2026-02-01", "is a date without a time"),
        ("timestamp", "2026-02-30T00:00:00Z", "is no time that exists"),
        ("timestamp", "2026-02-01T10:00:00.123456789Z", "finer than a microsecond"),
        ("timestamp", "1969-01-01T00:00:00Z", "is before 1970"),
        ("timestamp", "2026-11-05T00:00:00Z", "more than 24 h in the future (it is 2026-11-01T12:00:00Z here)"),
        ("tags", ["a", 5], "has the number 5 at place 1"),
        ("tags", ["a", "x" * 65], "has a text of 65 characters at place 1"),
        ("tags", ["x"] * 33, "an array of 33 is not accepted; accepted: an array of at most 32 texts"),
    ],
)
def test_a_refusal_names_what_was_found_and_what_is_accepted(field: str, value: Any, says: str) -> None:
    message = refusals(FULL | {field: value})[field]
    assert says in message
    assert "accepted: " in message


@pytest.mark.parametrize(
    ("text", "kind"), [("[1,2]", "an array of 2"), ('"x"', '"x"'), ("5", "the number 5"), ("null", "null")]
)
def test_an_event_that_is_no_object_is_refused_in_words(text: str, kind: str) -> None:
    with pytest.raises(InvalidEvent, match=f"an event is a JSON object, but {kind} was found"):
        parse_event(read_json(text), text, NOW)


# --- identity ---

LIVE_EVENTS = st.fixed_dictionaries(
    {
        "pnl": st.decimals(-(10**6), 10**6, allow_nan=False, allow_infinity=False, places=9),
        "price_open": st.integers(1, 10**12).map(lambda n: Decimal(n).scaleb(-20)),
        "timestamp": st.integers(0, NOW // 1_000_000).map(lambda s: _iso(s * 1_000_000 + 1, 0)),
        "opened_at": st.none(),
        "tags": st.lists(st.text(max_size=5), max_size=3),
        "metadata": st.dictionaries(
            st.text(max_size=5), st.decimals(-9, 9, places=12) | st.text(max_size=5), max_size=4
        ),
    }
)


def _iso(us: int, minutes: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    return moment.astimezone(timezone(timedelta(minutes=minutes))).isoformat()


def respelled(value: Any, random: Random) -> str:
    """The JSON text of the same content, in other words."""
    if isinstance(value, dict):
        keys = random.sample(list(value), len(value))
        return "{ " + " ,\n".join(f"{respelled(key, random)} : {respelled(value[key], random)}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + " , ".join(respelled(one, random) for one in value) + "]"
    if isinstance(value, Decimal):
        sign, digits, exponent = value.as_tuple()
        assert isinstance(exponent, int)
        zeros, stripped = random.randint(0, 12), "".join(map(str, digits)).lstrip("0")
        return f"{'-' * sign}{stripped + '0' * zeros if stripped else '0'}{random.choice('eE')}{exponent - zeros}"
    return json.dumps(value, ensure_ascii=random.random() < 0.5)


@given(LIVE_EVENTS, st.randoms(use_true_random=False))
def test_an_event_in_another_spelling_is_the_same_event(changes: dict[str, Any], random: Random) -> None:
    value = FULL | changes
    other = dict(value)
    other["timestamp"] = _iso(parse_time(value["timestamp"]), random.randint(-720, 840))
    if random.random() < 0.5:
        del other["opened_at"]  # null in the first one
    if random.random() < 0.5:
        other["pnl"] = respelled(other["pnl"], random)  # as a text
    text = respelled(other, random)
    again = parse_event(read_json(text), text, NOW)
    first = parse(value)
    assert again.digest == first.digest
    assert again == first
    assert changed_fields(first, again) == []


@pytest.mark.parametrize(
    "other",
    [
        {"pnl": "14.30"},
        {"pnl": "1430e-2"},
        {"quantity": "0.1"},
        {"initial_risk": "1e1"},
        {"timestamp": "2026-02-01 12:00:00.000000+02:00"},
        {"timestamp": "2026-02-01T10:00"},
        {"opened_at": "2026-02-01T09:00:00-00:00"},
        {"metadata": {"list": [Decimal("1.0"), {"deep": None}], "s": "1.1", "n": Decimal("1.1")}},
        {"my_own_key": {"x": Decimal("25e-1")}},
    ],
)
def test_these_spellings_are_the_same_event(other: dict[str, Any]) -> None:
    assert event(**other).digest == event().digest


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        *(({name: "other"}, [name]) for name in IDS),
        ({"environment": "demo"}, ["environment"]),
        ({"timestamp": "2026-02-01T10:00:00.000001Z"}, ["timestamp"]),
        ({"side": "sell"}, ["side"]),
        ({"order_type": "limit"}, ["order_type"]),
        ({"quantity": Decimal("0.1000000000000000000000000000000000000001")}, ["quantity"]),
        ({"quantity_type": "units"}, ["quantity_type"]),
        ({"price_open": Decimal("1.082499999999999999999999999999999999999")}, ["price_open"]),
        ({"price_close": Decimal("1.084000000000000000000000000000000000001")}, ["price_close"]),
        ({"fees": Decimal("0.70")}, ["fees"]),
        ({"pnl": Decimal("14.30000000000000000001")}, ["pnl"]),
        ({"state": "open"}, ["state"]),
        ({"opened_at": "2026-02-01T09:00:00.000001Z"}, ["opened_at"]),
        ({"currency": "EUR"}, ["currency"]),
        ({"initial_risk": Decimal("10.000000000000000000000000000000000001")}, ["initial_risk"]),
        ({"tags": ["b", "a"]}, ["tags"]),
        ({"tags": ["a", "b", "b"]}, ["tags"]),
        ({"tags": ["a,b"]}, ["tags"]),
        ({"tags": ['a","b']}, ["tags"]),
        ({"metadata": {"n": "1.10", "s": "1.1", "list": [1, {"deep": None}]}}, ["metadata"]),
        ({"metadata": {"n": Decimal("1.10"), "s": "1.1", "list": [1, {}]}}, ["metadata"]),
        ({"metadata": {"n": Decimal("1.10"), "s": "1.1", "list": [{"deep": None}, 1]}}, ["metadata"]),
        ({"metadata": {"n": Decimal("1.10"), "s": "1.1", "list": [True, {"deep": None}]}}, ["metadata"]),
        ({"metadata": {}}, ["metadata"]),
        ({"my_own_key": {"x": "2.50"}}, ["my_own_key"]),
        ({"my_own_key": None}, ["my_own_key"]),
        ({"another": None}, ["another"]),
        ({"side": "sell", "pnl": 1, "b_key": 1, "a_key": 1}, ["side", "pnl", "a_key", "b_key"]),
        *(
            ({name: None}, [name])
            for name in ("linked_position_id", "opened_at", "currency", "initial_risk", "tags", "metadata")
        ),
    ],
)
def test_any_other_content_is_another_event_and_the_fields_are_named(changes: dict[str, Any], named: list[str]) -> None:
    first, other = event(), event(**changes)
    assert first.digest != other.digest
    assert first != other
    assert changed_fields(first, other) == named
    assert changed_fields(other, first) == named


def test_a_value_that_moves_to_the_next_field_is_another_event() -> None:
    """The parts of the digest cannot flow into each other."""
    variants = [
        event(linked_position_id="x", currency=None),
        event(linked_position_id=None, currency="XXX"),
        event(venue="a", symbol="b c"),
        event(venue="a b", symbol="c"),
        event(opened_at=None),
        event(metadata=None, my_own_key={"n": 1}),
        event(metadata={"n": 1}),
        event(tags=[], metadata=None),
    ]
    assert len({variant.digest for variant in variants}) == len(variants)


def test_36_digit_numbers_that_differ_in_the_last_one_are_two_events() -> None:
    a, b = Decimal("0.123456789012345678901234567890123456"), Decimal("0.123456789012345678901234567890123457")
    for field in ("pnl", "price_open", "initial_risk"):
        assert event(**{field: a}).digest != event(**{field: b}).digest
    assert event(metadata={"x": a}).digest != event(metadata={"x": b}).digest
    assert event(unknown=[a]).digest != event(unknown=[b]).digest


def test_the_digest_of_an_event_never_changes_between_versions() -> None:
    """Stores hold it: another form of it would turn every re-send into a conflict."""
    assert event().digest.hex() == "b396784c49a6aff48922f9a879bac51cf0945adbaa31a3faacd2b79a70568485"
    assert parse(REQUIRED).digest.hex() == "3f335cd152a4dc7860a7cdb4ded217d573abef5364a1b35b23cdbb87811e1a35"


def test_a_conflict_says_what_differs_and_how_an_open_and_its_close_are_sent() -> None:
    assert conflict_message(event(), event(pnl=1, side="sell")) == (
        'the event_id "t-1" is already stored with other content (side, pnl)'
    )
    assert conflict_message(event(state="open", pnl=None), event()) == (
        'the event_id "t-1" is already stored with other content (pnl, state): '
        "an open and its later close are two events with two ids and one linked_position_id"
    )
    many = conflict_message(event(), event(**{"\u202e" + "k" * 500 + str(n): n for n in range(50)}))
    assert many.isprintable()
    assert "and 38 more" in many
    assert len(many) < 1200


# --- the schema ---


def test_the_schema_lists_every_field_and_what_is_required() -> None:
    schema = json_schema()
    assert list(schema["properties"]) == [field.name for field in FIELDS]
    assert set(schema["required"]) == set(REQUIRED) - {"price_close", "pnl"}
    assert set(schema["then"]["required"]) == {"price_close", "pnl"}
    assert all(one["description"] for one in schema["properties"].values())
    write_json(schema)  # it is JSON


def test_the_table_of_fields_and_the_event_have_the_same_names() -> None:
    assert [field.name for field in FIELDS] + ["extra", "raw"] == [
        field.name for field in dataclasses.fields(TradeEvent)
    ]


# --- real trades ---


def test_all_real_trades_are_events_and_every_one_is_its_own(shared_data: Path) -> None:
    digests: set[bytes] = set()
    count = 0
    for name in ("trades.jsonl", "open_positions.jsonl"):
        for file in sorted(shared_data.glob(f"*/{name}")):
            body = file.read_bytes()
            lines = body.decode().splitlines()
            items = split_batch(body, limit=10**6)
            assert [item.raw for item in items] == lines
            for item in items:
                one = parse_event(item.value, item.raw, NOW)
                digests.add(one.digest)
                sent = json.loads(item.raw, parse_float=Fraction, parse_int=Fraction)
                for field in ("quantity", "price_open", "price_close", "fees", "pnl"):
                    assert Fraction(getattr(one, field)) == sent[field]
                moment = datetime.fromisoformat(sent["timestamp"])
                assert one.timestamp == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
            count += len(items) if name == "trades.jsonl" else 0
    assert count == 16_350
    assert len(digests) >= count
