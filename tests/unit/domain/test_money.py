"""Exact JSON in and out, and batches split by their bytes."""

import contextlib
import decimal
import json
import sys
from decimal import Decimal
from typing import Any

import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from trueedge_core.domain import money
from trueedge_core.domain.money import Item, member_text, read_json, read_one, read_text, split_batch, write_json
from trueedge_core.errors import InvalidJson, TooLarge

# --- reading: what is exact ---


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9.64e-05", Decimal("9.64e-05")),
        ("0.1", Decimal("0.1")),
        ("-0.00", Decimal("-0.00")),
        ("1E400", Decimal("1E400")),
        ("1e999999999", Decimal("1e999999999")),
        ("1e-999999999", Decimal("1e-999999999")),
        ("0.12345678901234567890", Decimal("0.12345678901234567890")),
        ("123456789012345678901234.567890123456", Decimal("123456789012345678901234.567890123456")),
        ("0." + "123456789" * 2000, Decimal("0." + "123456789" * 2000)),
        ("12345678901234567890123", 12345678901234567890123),
        ("9" * 4300, int("9" * 4300)),
        ("-" + "9" * 4300, -int("9" * 4300)),
        ("true", True),
        ("null", None),
        ('""', ""),
        ('"\\u20ac\\ud83d\\ude00"', "€😀"),
        ('"😀 \u2028"', "😀 \u2028"),
        ('"\\\\ud800"', "\\ud800"),  # an escaped backslash and five letters: no surrogate
        ('"\\\\\\u0041"', "\\A"),
        (' \t\r\n{"a" : [ ] } \n', {"a": []}),
        ("[" * 32 + "]" * 32, json.loads("[" * 32 + "]" * 32)),
        ("[" + "{}," * 500 + "[[]]]", [{}] * 500 + [[[]]]),
        ("[{}," + "[" * 31 + "]" * 32, [{}, json.loads("[" * 31 + "]" * 31)]),  # 32 deep, with more brackets than that
    ],
)
def test_a_document_is_read_with_every_digit(text: str, value: Any) -> None:
    for read in (read_json(text), read_json(text.encode()), read_json(b"\xef\xbb\xbf" + text.encode())):
        assert read == value
        assert type(read) is type(value)
        assert str(read) == str(value)  # the spelling of a Decimal too


def test_numbers_do_not_depend_on_the_threads_decimal_context() -> None:
    with decimal.localcontext() as context:
        context.prec, context.capitals = 3, 0
        context.clear_traps()
        assert str(read_json("0.123456789")) == "0.123456789"
        assert write_json(Decimal("1.23456E-7")) == "0.000000123456"
        with pytest.raises(InvalidJson):
            read_json("1e99999999999999999999")


def test_the_c_scanner_does_the_work() -> None:
    """Without it a batch takes twenty times as long, and nothing else would say so."""
    assert type(money._scan).__module__ == "simplejson._speedups"
    assert simplejson.encoder.c_make_encoder is not None


# --- reading: what is refused ---


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ('{"a":1,"a":1}', 'the key "a" is given twice'),
        ('{"a":{"b":1,"c":2,"b":3}}', 'the key "b" is given twice'),
        ('{"a":1,"\\u0061":2}', 'the key "a" is given twice'),
        ("NaN", "NaN at line 1, column 1"),
        ('{"pnl": NaN}', "NaN at line 1, column 9"),
        ('{"pnl":\n -Infinity}', "-Infinity at line 2, column 2"),
        ("[1, Infinity]", "Infinity at line 1, column 5"),
        ('"\\ud800"', "\\ud800 at line 1, column 2"),
        ('{"\\uDFFF": 1}', "\\uDFFF"),
        ('"\\ude00\\ud83d"', "\\ude00"),
        ('"\\ud83d\\ud83d\\ude00"', "\\ud83d at line 1, column 2"),
        ('"\\ud83dx\\ude00"', "half of a surrogate pair"),
        ('"\\\\\\ud800"', "half of a surrogate pair"),
        ("[" * 33 + "]" * 33, "more than 32 deep"),
        ('{"a":' * 33 + "1" + "}" * 33, "more than 32 deep"),
        ("[{}," + "[" * 32 + "]" * 33, "more than 32 deep"),
        ("[" * 100_000, "more than 32 deep"),
        ('{"a":' * 100_000, "more than 32 deep"),
        ('[{"a":' * 100_000, "more than 32 deep"),
        ("[" * 100_000 + "]" * 100_000, "more than 32 deep"),
        ("9" * 4301, "4300 digits"),
        ('{"a": -' + "9" * 5000 + "}", "line 1, column 7"),
        ("[0." + "1" * 5000 + ",1e99999999999999999999]", "line 1, column 5005"),  # the long fraction is not at fault
        ("1e99999999999999999999", "absurd exponent"),
        ("[-1.5E-99999999999999999999]", "line 1, column 2"),
        ("1e" + "9" * 100_000, "absurd exponent"),
        ("{} {}", "more text follows it at line 1, column 4"),
        ('{"a": 1}\n]', "line 2, column 1"),
        ("01", "more text"),
        ("1.", "more text"),
        ("1.5e", "more text"),
        ("[01]", "line 1, column 3"),
        (".5", "line 1, column 1"),
        ("+1", "line 1, column 1"),
        ("-", "line 1, column 1"),
        ("0x10", "more text"),
        ("1_000", "more text"),
        ("{a:1}", "line 1, column 2"),
        ("{'a':1}", "line 1, column 2"),
        ('{"a":1,}', "line 1"),
        ("[1,]", "line 1"),
        ('{"a" 1}', "line 1"),
        ('{"a":1', "line 1"),
        ('"abc', "line 1"),
        ('"a\tb"', "line 1"),
        ('"a\nb"', "line 1"),
        ('"\\x41"', "line 1"),
        ('"\\u12"', "line 1"),
        ('"\\u+123"', "line 1"),
        ('"\\u1_23"', "line 1"),
        ("nul", "line 1"),
        ("True", "line 1"),
        ("// a\n1", "line 1"),
        ("\x00", "line 1"),
        ("\u00a01", "line 1"),
        ("\ufeff\ufeff1", "line 1"),
    ],
)
def test_what_is_not_one_exact_document_is_refused_in_one_sentence(text: str, says: str) -> None:
    for data in (text, text.encode()):
        with pytest.raises(InvalidJson) as refused:
            read_json(data)
        assert says in refused.value.message
        assert len(refused.value.message) < 300
        assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    "data", [b'"\xff"', b'"\xc3\x28"', b'"\xed\xa0\x80"', b"\xff\xfe{\x00}\x00", b'"\xc0\xaf"', b'{"a":"\xe2\x82']
)
def test_bytes_that_are_not_utf8_are_refused_where_they_stand(data: bytes) -> None:
    with pytest.raises(InvalidJson, match=r"not UTF-8: byte 0x[0-9a-f]{2} at offset \d"):
        read_json(data)


def test_a_lone_surrogate_in_a_str_is_refused() -> None:
    for text in ('"\ud800"', '{"\udfff": 1}'):
        with pytest.raises(InvalidJson, match="surrogate"):
            read_json(text)


def test_a_refusal_cannot_be_made_long_or_unprintable_by_the_sender() -> None:
    key = "\\u0000\\u202e" + "k" * 10_000
    with pytest.raises(InvalidJson) as refused:
        read_json(f'{{"{key}": 1, "{key}": 2}}')
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 200


def test_a_smaller_limit_of_the_interpreter_is_still_a_refusal() -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(700)
    try:
        with pytest.raises(InvalidJson, match="digits"):
            read_json("9" * 701)
    finally:
        sys.set_int_max_str_digits(before)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.decimals(allow_nan=False, allow_infinity=False).map(
        lambda d: Decimal(money.plain(d) if abs(d.adjusted()) < 50 else 0)
    )
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(JSON)
def test_what_is_written_is_read_back_equal(value: Any) -> None:
    assert read_json(write_json(value)) == value


@given(st.text(st.sampled_from('{}[]",:\\ux0123456789.eE+- \ntrufalsn\ud83d\ude00Né'), max_size=30) | st.text())
def test_any_text_is_read_or_refused_and_never_worse(text: str) -> None:
    try:
        value = read_json(text)
    except InvalidJson:
        return
    assert json.loads(text.removeprefix("\ufeff"), parse_float=Decimal) == value  # what we accept is JSON


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_and_never_worse(data: bytes) -> None:
    for read in (read_json, split_batch, read_one, read_text):
        with contextlib.suppress(InvalidJson):
            read(data)


def test_read_one_gives_the_text_without_the_space_around_it() -> None:
    assert read_one(b'\xef\xbb\xbf\r\n {"a": 1.0} \n') == Item('{"a": 1.0}', {"a": Decimal("1.0")})


def test_a_member_is_found_as_it_was_sent() -> None:
    raw = ' { "a" : "\\"metadata\\": 5" , "b":{"metadata":1}, "meta\\u0064ata" : {"x":  1.50 } }'
    assert member_text(raw, "metadata") == '{"x":  1.50 }'
    assert member_text(raw, "a") == '"\\"metadata\\": 5"'
    assert member_text(raw, "c") == ""
    assert member_text("{}", "a") == ""


# --- batches ---

A, B = '{"event_id": "a",  "pnl": 1.10}', '{"event_id":"b","note":"\u2028 x"}'
PAIR = [Item(A, {"event_id": "a", "pnl": Decimal("1.10")}), Item(B, {"event_id": "b", "note": "\u2028 x"})]


@pytest.mark.parametrize(
    "body",
    [
        f"[{A},{B}]",
        f" [ {A} ,\n {B} ]\n",
        f'{{"events":[{A},{B}]}}',
        f'\n{{ "events" : [ {A} , {B} ] }} \n',
        f'{{"\\u0065vents":[{A},{B}]}}',
        f"{A}\n{B}",
        f"{A}\n{B}\n",
        f"\n\n{A}\r\n\n \t\r\n  {B}  \r\n\n",
    ],
)
def test_the_three_forms_of_a_batch_are_told_apart_by_their_bytes(body: str) -> None:
    assert split_batch(body) == PAIR
    assert split_batch(body.encode()) == PAIR
    assert split_batch(b"\xef\xbb\xbf" + body.encode()) == PAIR


@pytest.mark.parametrize(
    "body",
    [A, f"{A}\n", f"\n{A}", '{\n  "event_id": "a",\n  "pnl": 1.10\n}\n', '{"event_id": "a",\n"pnl": 1.10}\r\n\r\n'],
)
def test_one_object_is_a_batch_of_one_on_one_line_or_many(body: str) -> None:
    [item] = split_batch(body)
    assert item == Item(body.strip(), PAIR[0].value)


@pytest.mark.parametrize("body", ["[]", " [ ] ", '{"events": []}'])
def test_an_empty_batch_has_no_events(body: str) -> None:
    assert split_batch(body) == []


def test_elements_that_are_no_objects_are_left_to_the_validation() -> None:
    assert [item.value for item in split_batch('[1, "a", null, [2]]')] == [1, "a", None, [2]]
    assert [item.value for item in split_batch('1\n"a"\nnull')] == [1, "a", None]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "empty"),
        ("\n \r\n", "empty"),
        (f"[{A},{B}", '"," or "]" is expected after event 2'),
        (f"[{A} {B}]", '"," or "]" is expected after event 1, at line 1, column 34'),
        (f"[{A},]", "line 1"),
        ("[", "line 1"),
        (f"[{A}] {B}", "more text follows"),
        (f"[{A}]\n[{B}]", "line 2, column 1"),
        ('[{"a":1},{"b":1,"b":2}]', '"b" is given twice'),
        ('[{"a":1},{"b":NaN}]', "NaN"),
        ('[{"a":"\\ud800"}]', "surrogate"),
        ("[" * 34 + "]" * 34, "32 deep"),
        ("[" * 100_000, "32 deep"),
        ('{"events":' + "[" * 100_000, "32 deep"),
        (f'{{"events":[{A}],"source":"x"}}', '"source" is not known beside "events"'),
        (f'{{"source":"x","events":[{A}]}}', '"source" is not known beside "events"'),
        (f'{{"events":[{A}],"events":[]}}', '"events" is given twice'),
        (f'{{"events":[{A}],}}', '"}" is expected'),
        (f'{{"events":[{A}]', '"}" is expected'),
        (f'{{"events":[{A}]}} x', "more text follows"),
        ('{"events":[{]}', "line 1, column 13"),
        ('{"events": {}}', "not an array"),
        ('{"events": null}', "not an array"),
        ('{\n "event_id": NaN\n}', "NaN at line 2, column 14"),
        ('{\n "event_id": 1\n}\n{\n "event_id": 2\n}', "more text follows"),
    ],
)
def test_an_unreadable_batch_is_refused_whole(body: str, says: str) -> None:
    for data in (body, body.encode()):
        with pytest.raises(InvalidJson) as refused:
            split_batch(data)
        assert says in refused.value.message


@pytest.mark.parametrize("body", [b'[{"a":"\xff"}]', b'{"events":[{"a":"\xff"}]}', b'\xef\xbb\xbf [\n{"a":"\xff"}]'])
def test_an_array_with_bytes_that_are_not_utf8_is_refused_whole(body: bytes) -> None:
    with pytest.raises(InvalidJson, match="0xff"):
        split_batch(body)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"garbage", "line 2 of the batch: this is not JSON"),
        (b'{"a":1', "column 7"),
        (b'{"a":1} {"b":2}', "line 2 of the batch: one JSON value is expected, but more text follows it at column 9"),
        (b'{"a":1,"a":2}', '"a" is given twice'),
        (b'{"a":Infinity}', "Infinity"),
        (b'{"a":"\\udc00"}', "surrogate"),
        (b'{"a":"\xff"}', "0xff at offset 6"),
        (b"9" * 4301, "4300 digits"),
        (b"[" * 33 + b"]" * 33, "32 deep"),
        (b"[" * 100_000, "32 deep"),
        (b"1e99999999999999999999", "absurd exponent"),
        (b'{"a":"x\x00"}', "line 2 of the batch"),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_an_unreadable_line_is_one_bad_row_and_takes_no_other_with_it(line: bytes, says: str, end: bytes) -> None:
    first, bad, last = split_batch(end.join([A.encode(), line, B.encode()]))
    assert [first, last] == PAIR
    assert bad.value is None
    assert bad.error is not None
    assert says in bad.error.message
    assert bad.raw == line.decode(errors="replace")


def test_a_bad_first_or_only_line_is_a_bad_row_too() -> None:
    assert [item.error is None for item in split_batch(f"garbage\n{A}")] == [False, True]
    assert [item.error is None for item in split_batch(f'{{"a":1\n{A}')] == [False, True]
    assert [item.error is None for item in split_batch('{"a":1')] == [False]


def test_an_event_may_have_a_key_of_its_own_named_events() -> None:
    line = '{"event_id": "a", "events": ["x"]}'
    assert [item.raw for item in split_batch(line)] == [line]
    assert [item.raw for item in split_batch(f"{line}\n{line}")] == [line, line]


def test_a_batch_of_more_events_than_allowed_is_refused_before_it_is_read() -> None:
    assert len(split_batch("[" + ",".join(["1"] * 1000) + "]")) == 1000
    assert len(split_batch("1\n" * 1000)) == 1000
    for body in (
        "[" + ",".join(["1"] * 1000) + ", what follows is not even JSON",
        "1\n" * 1001,
        '{"events":[1,2,3' + ",4" * 1000,
    ):
        with pytest.raises(TooLarge, match="at most 1000 events"):
            split_batch(body)
    with pytest.raises(TooLarge, match="at most 2 events"):
        split_batch("[1,2,3]", limit=2)


@given(
    st.lists(st.dictionaries(st.text(), JSON, max_size=4).filter(lambda d: "events" not in d), min_size=1, max_size=5)
)
def test_all_forms_of_a_batch_say_the_same(events: list[dict[str, Any]]) -> None:
    texts = [write_json(event) for event in events]
    expected = [Item(text, event) for text, event in zip(texts, events, strict=True)]
    for body in (f"[{','.join(texts)}]", f'{{"events":[{", ".join(texts)}]}}', "\n".join(texts)):
        assert split_batch(body.encode()) == expected


# --- writing ---


class Pair(tuple):
    pass


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1E-8"), "0.00000001"),
        (Decimal("-0.0"), "0"),
        (Decimal("1E+3"), "1000"),
        (Decimal("123456789012345678901234.567890123450"), "123456789012345678901234.56789012345"),
        (Decimal("1e999999999"), "1E+999999999"),  # nobody's money: exact and short rather than a gigabyte
        (10**40, "1" + "0" * 40),
        (0.1, "0.1"),
        (1e-07, "1e-07"),
        (True, "true"),
        (None, "null"),
        ((1, [2, Pair((3,))]), "[1,[2,[3]]]"),
        (Item("a", 1, None), '["a",1,null]'),
        ({"b": Decimal("2.50"), "a": {"c": []}}, '{"b":2.5,"a":{"c":[]}}'),
        ('é😀"\\\n\x00</script>', '"é😀\\"\\\\\\n\\u0000</script>"'),
        ("lone \ud800 x", '"lone \ufffd x"'),
    ],
)
def test_an_answer_is_compact_plain_and_exact(value: Any, text: str) -> None:
    assert write_json(value) == text
    assert write_json(value).encode()
    json.loads(text)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), [-float("inf")], {"a": Decimal("NaN")}, Decimal("-Infinity")]
)
def test_what_is_not_finite_is_never_written(value: Any) -> None:
    with pytest.raises(ValueError, match=r"[Nn]ot (JSON|a finite)|[Oo]ut of range"):
        write_json(value)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes"])
def test_what_json_does_not_have_is_never_written(value: Any) -> None:
    with pytest.raises(TypeError):
        write_json([value])
