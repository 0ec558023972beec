import enum
import json
import unittest
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from support import trade

from trueedge import InvalidTrade
from trueedge.events import encode


def sent(**changes):
    return json.loads(encode(trade(**changes))[1])


class Accepted(unittest.TestCase):
    def test_a_float_is_sent_as_the_text_that_python_prints(self):
        self.assertEqual(sent(pnl=0.1)["pnl"], "0.1")
        self.assertEqual(sent(pnl=1e-7)["pnl"], "1e-07")

    def test_a_decimal_keeps_every_digit(self):
        self.assertEqual(sent(pnl=Decimal("1.2300"))["pnl"], "1.2300")

    def test_an_int_is_exact(self):
        self.assertEqual(sent(quantity=10**15)["quantity"], "1000000000000000")

    def test_a_ticket_may_be_a_number(self):
        self.assertEqual(sent(account_id=1001)["account_id"], "1001")

    def test_a_member_of_an_enumeration_is_its_value(self):
        class Side(str, enum.Enum):
            BUY = "buy"

        self.assertEqual(sent(side=Side.BUY)["side"], "buy")

    def test_a_float_that_prints_itself_differently_is_a_number(self):
        class Float64(float):
            def __repr__(self):
                return "np.float64(1.5)"

        self.assertEqual(sent(pnl=Float64(1.5))["pnl"], "1.5")

    def test_an_aware_datetime_is_sent_in_utc(self):
        moment = datetime(2026, 1, 5, 16, 0, 0, 250000, tzinfo=timezone(timedelta(hours=2)))
        self.assertEqual(sent(timestamp=moment)["timestamp"], "2026-01-05T14:00:00.250000Z")

    def test_none_is_absent(self):
        self.assertNotIn("opened_at", sent(opened_at=None))

    def test_an_open_trade_needs_no_close(self):
        self.assertEqual(sent(state="open", price_close=..., pnl=...)["state"], "open")

    def test_metadata_may_hold_decimals_and_times(self):
        moment = datetime(2026, 1, 5, tzinfo=timezone.utc)
        found = sent(metadata={"sl": Decimal("1.08"), "at": moment, "bars": [1, 2.5, None, True]})["metadata"]
        self.assertEqual(found, {"sl": 1.08, "at": "2026-01-05T00:00:00Z", "bars": [1, 2.5, None, True]})

    def test_a_decimal_in_metadata_is_a_number_with_every_digit(self):
        line = encode(trade(metadata={"x": Decimal("1.10"), "y": [Decimal("1E+3"), 10**30]}))[1]
        self.assertIn(b'"metadata":{"x":1.10,"y":[1E+3,1000000000000000000000000000000]}', line)

    def test_an_unknown_key_is_kept(self):
        self.assertEqual(sent(magic=7)["magic"], 7)

    def test_a_line_has_no_line_break(self):
        self.assertNotIn(b"\n", encode(trade(metadata={"note": "a\nb"}))[1])


class Refused(unittest.TestCase):
    def refused(self, field, **changes):
        with self.assertRaises(InvalidTrade) as caught:
            encode(trade(**changes))
        self.assertIn(field, caught.exception.errors)
        self.assertIn(field, str(caught.exception))
        return caught.exception.errors[field]

    def test_every_wrong_field_is_named_at_once(self):
        with self.assertRaises(InvalidTrade) as caught:
            encode(trade(side="long", pnl=..., quantity=0))
        self.assertEqual(set(caught.exception.errors), {"side", "pnl", "quantity"})

    def test_it_is_a_value_error(self):
        with self.assertRaises(ValueError):
            encode({})

    def test_a_missing_id_names_the_helper(self):
        self.assertIn("event_id()", self.refused("event_id", event_id=...))

    def test_numbers(self):
        odd = ["", "1,5", "1_000", " 1", "abc", "0x10", "NaN", "\u0661"]
        odd += [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"), True, [], 10**20, "1e20", "1e-41"]
        odd += ["1" * 41, "1e999999999999999999", 5e-324, Decimal("1E+999999")]
        for value in odd:
            with self.subTest(value=value):
                self.refused("pnl", pnl=value)

    def test_a_quantity_of_nothing(self):
        for value in (0, "0.00", "-1", "0e5", Decimal("-0")):
            with self.subTest(value=value):
                self.refused("quantity", quantity=value)

    def test_a_risk_that_rounds_to_nothing(self):
        self.refused("initial_risk", initial_risk="5e-19")
        self.assertEqual(sent(initial_risk="6e-19")["initial_risk"], "6e-19")

    def test_a_naive_datetime_is_told_how_to_be_aware(self):
        self.assertIn("timezone.utc", self.refused("timestamp", timestamp=datetime(2026, 1, 5)))

    def test_an_epoch_is_told_to_say_its_unit(self):
        self.assertIn("fromtimestamp", self.refused("timestamp", timestamp=1767623530))

    def test_times(self):
        odd = ["", "2026-01-05", "2026-02-30T10:00:00Z", "2026-01-05T24:00:00Z", "1969-12-31T23:59:59Z"]
        odd += ["2026-01-05T14:00:00.0000001Z", "2026-01-05T14:00:00 Z", "0001-01-01T00:00:00+14:00", True, b"x"]
        for value in odd:
            with self.subTest(value=value):
                self.refused("timestamp", timestamp=value)

    def test_an_opening_after_the_close(self):
        self.refused("opened_at", opened_at="2026-01-05T15:32:11+01:00")
        self.assertIn("opened_at", sent(opened_at="2026-01-05T15:32:10+01:00"))

    def test_texts(self):
        for value in ("", " a", "a ", "a\n", "\x00", "é" * 65, 1.5, True, b"a", "\ud800"):
            with self.subTest(value=value):
                self.refused("symbol", symbol=value)

    def test_choices_currency_and_tags(self):
        self.refused("side", side="BUY")
        self.refused("environment", environment="paper")
        self.refused("currency", currency="usd")
        self.refused("tags", tags="trend")
        self.refused("tags", tags=["x"] * 33)
        self.refused("tags", tags=["x" * 65])

    def test_metadata(self):
        deep = value = {}
        for _ in range(40):
            value["x"] = value = {}
        for odd in ({"a": object()}, {1: "a"}, {"a": float("nan")}, {"a": "x" * 17000}, deep, [1], {"a": 10**4400}):
            self.refused("metadata", metadata=odd)

    def test_half_a_surrogate_pair_in_metadata(self):
        self.refused("event", metadata={"a": "\ud800"})

    def test_an_event_over_60_kb(self):
        self.refused("event", note="x" * 61_440)

    def test_a_repr_that_fails_does_not_hide_the_error(self):
        class Odd:
            def __repr__(self):
                raise RuntimeError

        self.refused("symbol", symbol=Odd())


if __name__ == "__main__":
    unittest.main()
