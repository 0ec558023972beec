"""What senders that take no code say, as a TRADE_EVENT."""

import doctest
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.functions.calling import trade
from trueedge_core.domain.money import read_json, write_json
from trueedge_core.errors import InvalidJson, TooLarge
from trueedge_core.services import hook
from trueedge_core.services.hook import as_event

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=20)


def test_the_examples_in_the_docstring_are_true() -> None:
    assert doctest.testmod(hook).failed == 0


@pytest.mark.parametrize("side", ["long", "Long", "LONG", "buy", "Buy", "BUY"])
def test_a_long_position_is_a_buy_in_any_case(side: str) -> None:
    assert read_json(as_event(write_json({"side": side}).encode())) == {"side": "buy"}


@pytest.mark.parametrize("side", ["short", "Short", "sell", "SELL"])
def test_a_short_position_is_a_sell_in_any_case(side: str) -> None:
    assert read_json(as_event(write_json({"side": side}).encode())) == {"side": "sell"}


@pytest.mark.parametrize("side", ["flat", "", None, 1, ["long"], {"long": 1}])
def test_any_other_side_is_left_to_the_check_of_the_event(side: object) -> None:
    body = write_json({"side": side}).encode()
    assert as_event(body) is body


def test_a_side_that_is_not_the_events_is_left_alone() -> None:
    body = b'{"metadata": {"side": "long"}, "side": "buy", "note": "\\"side\\": \\"long\\""}'
    assert as_event(body) is body


def test_every_digit_of_a_number_survives_the_new_side() -> None:
    event = as_event(b'{"side": "long", "pnl": 0.1000000000000000000000000000000000000001, "n": 1e-30}')
    assert read_json(event) == read_json(
        b'{"side": "buy", "pnl": 0.1000000000000000000000000000000000000001, "n": 1e-30}'
    )


@given(st.dictionaries(WORDS.filter(bool), WORDS.filter(bool), min_size=1, max_size=20))
def test_a_form_and_the_json_of_its_texts_are_the_same_event(fields: dict[str, str]) -> None:
    form = urlencode(fields).encode()
    assert read_json(as_event(form)) == read_json(as_event(write_json(fields).encode()))


def test_what_a_form_leaves_empty_is_absent() -> None:
    assert read_json(as_event(b"a=1&b=&c=2")) == {"a": "1", "c": "2"}


@pytest.mark.parametrize(
    "body",
    [
        b"a=1&a=2",
        b"a=%FF",
        b"a=1&b",
        b"a=1&&b=2",
        b"&".join(b"f%d=1" % n for n in range(101)),
        b"hello",
        b"",
        b" ",
    ],
)
def test_what_is_neither_json_nor_a_form_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidJson):
        read_json(as_event(body))


def test_a_body_that_no_event_can_be_is_not_read() -> None:
    with pytest.raises(TooLarge):
        as_event(b"[" * 5_000_000)


def test_a_trade_in_our_own_words_is_kept_byte_for_byte() -> None:
    body = write_json(trade()).encode()
    assert as_event(body) is body
