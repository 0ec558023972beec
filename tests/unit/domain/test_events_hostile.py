"""What nobody honest sends: it is refused with a sentence, or kept exactly; nothing else ever happens."""

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueedge_core.domain.events import FIELDS, TradeEvent, changed_fields, conflict_message, parse_event, parse_time
from trueedge_core.domain.money import read_json, read_one, split_batch, write_json
from trueedge_core.errors import InvalidEvent, InvalidJson, TooLarge, TrueEdgeError

NOW = parse_time("2026-11-01T12:00:00Z")
VALID = (
    '{"event_id":"t-1","account_id":"acc","strategy_id":"trend","venue":"MT5","symbol":"EURUSD","environment":"live",'
    '"timestamp":"2026-02-01T10:00:00Z","side":"buy","order_type":"market","quantity":0.1,"quantity_type":"lots",'
    '"price_open":1.0825,"price_close":1.084,"fees":-0.7,"pnl":14.3,"state":"closed"'
)


def event_text(members: str) -> str:
    return f"{VALID},{members}}}"


def take(body: bytes) -> TradeEvent:
    item = read_one(body)
    return parse_event(item.value, item.raw, NOW)


def refusal_of(body: bytes) -> TrueEdgeError:
    with pytest.raises(TrueEdgeError) as refused:
        take(body)
    error = refused.value
    for message in (error.message, *(one.message for one in error.errors)):
        assert message.isprintable()
        assert len(message) < 600
    write_json([error.message, [one.field for one in error.errors]]).encode()  # it can be answered
    return error


# --- any value, any text ---

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text()
    | st.sampled_from(["\ud800", "\x00", "1e999999999", "9" * 5000, 10**4290, Decimal("1e999999999"), Decimal("sNaN")])
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)
NAMES = st.sampled_from([field.name for field in FIELDS])


@given(VALUES | st.dictionaries(NAMES | st.text(), VALUES), st.text())
def test_any_value_is_an_event_or_refused_with_a_trueedge_error(value: Any, raw: str) -> None:
    with contextlib.suppress(InvalidEvent, TooLarge):  # whatever else is raised fails the test
        assert len(parse_event(value, raw, NOW).digest) == 32


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), st.dictionaries(st.text(), VALUES, max_size=2))
def test_a_valid_event_with_any_value_in_any_field_is_taken_or_that_field_is_named(
    changes: dict[str, Any], more: dict[str, Any]
) -> None:
    valid = json.loads(VALID + "}", parse_float=Decimal)
    try:
        one = parse_event(more | valid | changes, "", NOW)
    except InvalidEvent as error:
        named = {one.field for one in error.errors}
        assert named
        assert named <= {*changes, "price_close", "pnl", "opened_at"}  # these three are judged beside other fields
        return
    assert len(one.digest) == 32
    other = parse_event(valid, "", NOW)
    assert bool(changed_fields(one, other)) == (one != other)
    assert conflict_message(one, other).isprintable()


CUTS = st.integers(0, len(VALID) + 1)


@given(CUTS, CUTS, st.binary(max_size=6))
def test_a_damaged_event_is_read_or_refused_and_never_worse(start: int, end: int, instead: bytes) -> None:
    body = (VALID + "}").encode()
    body = body[:start] + instead + body[end:]
    with contextlib.suppress(InvalidJson, InvalidEvent):
        assert len(take(body).digest) == 32
    for batch in (body, b"[" + body + b"," + body + b"]"):
        with contextlib.suppress(InvalidJson):
            split_batch(batch)


# --- the corpus ---


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ('"pnl":1', InvalidJson),  # the key is there already
        ('"\\u0070nl":1', InvalidJson),
        ('"metadata":{"a":1,"a":2}', InvalidJson),
        ('"initial_risk":NaN', InvalidJson),
        ('"initial_risk":Infinity', InvalidJson),
        ('"initial_risk":-Infinity', InvalidJson),
        ('"initial_risk":"NaN"', InvalidEvent),
        ('"initial_risk":1e999999999', InvalidEvent),
        ('"initial_risk":"1e999999999"', InvalidEvent),
        ('"initial_risk":1e-999999999', InvalidEvent),
        ('"initial_risk":1e99999999999999999999', InvalidJson),
        ('"initial_risk":' + "9" * 4300, InvalidEvent),
        ('"initial_risk":' + "9" * 4301, InvalidJson),
        ('"initial_risk":"' + "9" * 50_000 + '"', InvalidEvent),
        ('"initial_risk":"1e' + "9" * 50_000 + '"', InvalidEvent),
        ('"initial_risk":1.' + "1" * 50_000, InvalidEvent),
        ('"initial_risk":true', InvalidEvent),
        ('"x":' + "[" * 31 + "]" * 31 + ',"y":' + "[" * 32 + "]" * 32, InvalidJson),
        ('"x":' + "[" * 100_000, InvalidJson),
        ('"x":"\\ud800"', InvalidJson),
        ('"\\udc00":1', InvalidJson),
        ('"x":"' + "a" * 62_000 + '"', TooLarge),
        ('"metadata":{"a":"' + "a" * 17_000 + '"}', InvalidEvent),
        ('"metadata":{"a":"' + "\\u0061" * 2_731 + '"}', InvalidEvent),  # 16 KB is what was sent, not what it says
        ('"metadata":[[]]', InvalidEvent),
        ('"tags":"a"', InvalidEvent),
        ('"tags":["a",null]', InvalidEvent),
        ('"currency":"usd"', InvalidEvent),
        ('"opened_at":"2026-02-01T10:00:01Z"', InvalidEvent),
        ('"opened_at":-1', InvalidEvent),
        ('"linked_position_id":""', InvalidEvent),
        ('"x":0x10', InvalidJson),
        ('"x":01', InvalidJson),
        ('"x":undefined', InvalidJson),
        ('"x":"\t"', InvalidJson),
        ('"x":1} {"y":2', InvalidJson),
    ],
)
def test_a_hostile_member_is_refused(members: str, kind: type[TrueEdgeError]) -> None:
    assert type(refusal_of(event_text(members).encode())) is kind


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\xff\xfe" + VALID.encode("utf-16-le"),
        VALID.encode("utf-16"),
        VALID.encode("utf-32"),
        (VALID + ',"x":"\u00e9"}').encode("latin-1"),
        (VALID + ',"x":"').encode() + b"\xed\xa0\x80" + b'"}',  # a surrogate in bytes
        (VALID + ',"x":"').encode() + b"\xc0\x80" + b'"}',  # an overlong NUL
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\x1f\x8b\x08\x00",
        b"event_id=t-1&side=buy",
        b"<xml/>",
    ],
)
def test_a_hostile_body_is_invalid_json(body: bytes) -> None:
    assert isinstance(refusal_of(body), InvalidJson)


def test_a_number_in_metadata_may_be_absurd_and_is_kept_and_told_apart() -> None:
    texts = [
        event_text(f'"metadata":{{"a":{n}}}') for n in ("1e999999999", "1e999999998", "1e-999999999", "9" * 4300, 0)
    ]
    events = [parse_event(read_json(text), text, NOW) for text in texts]
    assert len({one.digest for one in events}) == len(texts)
    again = event_text('"metadata":{"a":10.0e999999998}')
    assert parse_event(read_json(again), again, NOW).digest == events[0].digest


def test_many_absurd_exponents_in_one_event_stay_small() -> None:
    """Written out in plain notation for the digest, these 60 KB would be gigabytes."""
    text = event_text('"x":[' + ",".join(["1e999999"] * 6000) + "]")
    assert len(parse_event(read_json(text), text, NOW).digest) == 32


def test_ids_that_look_like_markup_paths_or_formulas_are_just_text() -> None:
    for name in (
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "=cmd|' /C calc'!A0",
        "'; DROP TABLE trades;--",
        "%00",
        "{{7*7}}",
    ):
        text = VALID.replace('"t-1"', json.dumps(name)) + "}"
        assert parse_event(read_json(text), text, NOW).event_id == name


def test_a_batch_tells_hostile_rows_from_good_ones() -> None:
    good = VALID + "}"
    lines = [good, event_text('"x":NaN'), "", good, "[" * 5000, event_text('"a":1,"a":2'), '"text"', good]
    items = split_batch("\n".join(lines))
    assert [item.error is None for item in items] == [True, False, True, False, False, True, True]
    assert [item.raw for item in items] == [line for line in lines if line]
    with pytest.raises(InvalidEvent, match="an event is a JSON object"):
        parse_event(items[5].value, items[5].raw, NOW)


@pytest.mark.parametrize(
    "body",
    [
        "[" + ("1" * 4300 + ",") * 900 + "1e99999999999999999999]",
        "[0." + "1" * 3_000_000 + ",1e99999999999999999999]",
        '["' + "\\\\" * 1_000_000 + '\\ud800"]',
        '["' + "\\ud83d\\ude00" * 200_000 + '\\ud800"]',
        '{"events":[' + "[[]," * 500_000,
        "{" + " " * 3_000_000,
        "\n" * 3_000_000 + "x{",
        '{"a":' + '{"b":[],' * 30 + '"' + "[" * 2_000_000,
    ],
)
def test_no_text_makes_the_search_for_its_fault_quadratic(body: str) -> None:
    """Each takes a moment; one that goes over the text again for every character would take hours."""
    try:
        items = split_batch(body)
    except (InvalidJson, TooLarge):
        return
    assert all(item.error for item in items)
