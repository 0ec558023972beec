import doctest
import unittest
from decimal import Decimal

import support

import trueedge.helpers
from trueedge import cost, decimal, event_id, net_pnl, position_id
from trueedge.events import encode


class Ids(unittest.TestCase):
    def test_the_open_and_the_close_of_a_ticket_differ(self):
        self.assertNotEqual(event_id("mt5", 1, 2, "open"), event_id("mt5", 1, 2, "closed"))

    def test_the_same_ticket_gives_the_same_id(self):
        self.assertEqual(event_id("mt5", 1, 2, "closed"), event_id("mt5", "1", "2", "closed"))

    def test_different_parts_never_give_one_id(self):
        odd = ["a", "b", "a:b", "a~3ab", "~", "a/b", "é", "a b", "x" * 200, "x" * 201]
        made = {event_id(v, a, t, "open") for v in odd for a in odd for t in odd}
        self.assertEqual(len(made), len(odd) ** 3)

    def test_every_id_is_accepted(self):
        for part in ("é\n\x00/?#", "x" * 500, " ", "\ud800"):
            made = event_id("v", part, part, "closed", part=part)
            self.assertEqual(encode(support.trade(event_id=made))[0], made)

    def test_another_state_or_an_empty_part_is_refused(self):
        for wrong in (("v", 1, 2, "close"), ("v", "", 2, "open")):
            with self.assertRaises(ValueError):
                event_id(*wrong)

    def test_a_position_has_one_id_for_all_its_events(self):
        self.assertTrue(event_id("v", 1, 2, "open").startswith(position_id("v", 1, 2)))


class Money(unittest.TestCase):
    def test_a_cost_is_negative_whatever_its_sign(self):
        self.assertEqual(cost("0.7"), Decimal("-0.7"))
        self.assertEqual(cost(-0.7), Decimal("-0.7"))

    def test_a_cost_of_forty_digits_keeps_them(self):
        digits = "0." + "1234567890" * 4
        self.assertEqual(str(cost(digits)), "-" + digits)

    def test_a_float_is_taken_by_its_spelling(self):
        self.assertEqual(decimal(0.1) + decimal(0.2), Decimal("0.3"))

    def test_what_is_no_number_is_refused(self):
        for wrong in (True, None, float("nan"), [], b"1", "abc"):
            with self.assertRaises(ValueError):
                decimal(wrong)

    def test_a_short_gains_when_the_price_falls(self):
        # (100 - 90) * 2 - 1
        self.assertEqual(net_pnl("sell", 2, 100, 90, fees=-1), Decimal(19))

    def test_the_examples_of_the_docstrings(self):
        self.assertEqual(doctest.testmod(trueedge.helpers).failed, 0)
        self.assertEqual(doctest.testmod(trueedge.events).failed, 0)


if __name__ == "__main__":
    unittest.main()
