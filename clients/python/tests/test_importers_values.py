import unittest
from datetime import timedelta, timezone
from decimal import Decimal

from importing_support import ImportCase

from trueedge.importers.model import FileProblem, Printed, Wrong
from trueedge.importers.tally import Tally, compare
from trueedge.importers.values import Clock, Number, add, exact, multiply, number, plain, to_json, zone_of


class Numbers(unittest.TestCase):
    def test_a_number_stays_the_text_that_it_was(self):
        for text in ("1.10", "-0.00000511", "9.64e-05", "0", "4.82375000001"):
            self.assertEqual(number(text, "x"), text)

    def test_separators_of_thousands_go(self):
        for text in (
            "1 234.50",
            "1\u00a0234.50",
            "1\u202f234.50",
            "1'234.50",
            "1,234.50",
            "1.234,50",
            "1 234,50",
            "+1234.50",
        ):
            self.assertEqual(number(text, "x"), "1234.50", text)

    def test_a_lone_comma_is_decimal_where_it_cannot_be_thousands(self):
        self.assertEqual(number("0,15", "x"), "0.15")
        self.assertEqual(number("1,09345", "x"), "1.09345")
        self.assertEqual(number("1,234,567", "x"), "1234567")

    def test_a_number_that_can_be_read_in_two_ways_is_not_guessed(self):
        with self.assertRaisesRegex(Wrong, "--decimal"):
            number("1,234", "x")
        self.assertEqual(number("1,234", "x", ","), "1.234")
        self.assertEqual(number("1,234", "x", "."), "1234")

    def test_with_a_decimal_comma_a_point_is_for_thousands(self):
        self.assertEqual(number("1.234", "x", ","), "1234")
        with self.assertRaises(Wrong):
            number("1.23", "x", ",")

    def test_every_kind_of_minus_is_one(self):
        for text in ("-7.5", "\u22127.5", "(7.5)", "7.5-", "\u20137.5"):
            self.assertEqual(exact(number(text, "x")), Decimal("-7.5"), text)

    def test_what_is_no_number_says_so(self):
        for text in ("", "abc", "1.2.3", "--1", "0x10", "1e", "NaN", "Infinity", "1,2,3", "٣", "=1+1", "=SUM(A1)"):
            with self.assertRaises(Wrong, msg=text):
                number(text, "x")

    def test_a_number_beyond_reason_is_refused_before_any_arithmetic(self):
        for text in ("1e9999", "1e-9999", "0e999", "9" * 300, "0." + "1" * 90):
            with self.assertRaises(Wrong, msg=text[:20]):
                number(text, "x")

    def test_json_knows_no_leading_zeros_points_or_plus(self):
        for text, written in (
            ("007.50", "7.50"),
            (".5", "0.5"),
            ("5.", "5"),
            ("+3", "3"),
            ("-.25", "-0.25"),
            ("00", "0"),
        ):
            self.assertEqual(number(text, "x"), written)

    def test_arithmetic_loses_no_digit(self):
        self.assertEqual(multiply(Decimal("0.11374999999"), Decimal(697)), Decimal("79.28374999303"))
        self.assertEqual(str(add(Decimal("1e20"), Decimal("1e-40")))[:3], "100")
        self.assertEqual(plain(Decimal("-0.00")), "0.00")

    def test_numbers_are_written_bare_and_texts_are_escaped(self):
        self.assertEqual(
            to_json({"a": Number("9.64e-05"), "b": 'q"\\\n\u2028\x01', "c": None, "d": [True, 3]}),
            '{"a":9.64e-05,"b":"q\\"\\\\\\n\\u2028\\u0001","c":null,"d":[true,3]}',
        )


class Times(unittest.TestCase):
    def utc(self, text, zone=timezone.utc, **said):
        return Clock(zone, **said).utc(text, "time")

    def test_each_spelling_of_one_moment_is_that_moment(self):
        for text in (
            "2024.03.09 16:05:07",
            "2024-03-09 16:05:07",
            "2024/03/09 16:05:07",
            "2024-03-09T16:05:07Z",
            "2024-03-09T16:05:07+0000",
            "2024-03-09 11:05:07-05:00",
            "20240309;160507",
            "2024-03-09, 16:05:07",
            "09.03.2024 16:05:07",
            "2024-03-09 04:05:07 PM",
            "1710000307",
            "1710000307000",
            "2024-03-09T16:05:07.000",
        ):
            self.assertEqual(self.utc(text), "2024-03-09T16:05:07Z", text)

    def test_a_fraction_is_kept_to_microseconds(self):
        self.assertEqual(self.utc("2024-03-09 16:05:07.250"), "2024-03-09T16:05:07.25Z")
        self.assertEqual(self.utc("2024-03-09 16:05:07.123456789"), "2024-03-09T16:05:07.123456Z")

    def test_a_time_without_a_zone_needs_one_to_be_said(self):
        with self.assertRaisesRegex(FileProblem, "--timezone"):
            self.utc("2024-03-09 16:05:07", None)
        self.assertEqual(self.utc("2024-03-09 16:05:07+02:00", None), "2024-03-09T14:05:07Z")

    def test_a_named_zone_knows_summer(self):
        athens = zone_of("Europe/Athens")
        self.assertEqual(self.utc("2024.01.15 12:00", athens), "2024-01-15T10:00:00Z")
        self.assertEqual(self.utc("2024.07.15 12:00", athens), "2024-07-15T09:00:00Z")

    def test_an_hour_that_clocks_repeat_or_leave_out_is_told(self):
        clock = Clock(zone_of("Europe/Berlin"))
        self.assertEqual(clock.utc("2024-10-27 02:30", "time"), "2024-10-27T00:30:00Z")
        clock.utc("2024-03-31 02:30", "time")
        self.assertEqual((clock.twice, clock.never, len(clock.notes())), (1, 1, 2))

    def test_offsets_are_zones(self):
        self.assertEqual(zone_of("+02:30").utcoffset(None), timedelta(hours=2, minutes=30))
        self.assertEqual(zone_of("UTC-5").utcoffset(None), timedelta(hours=-5))
        for name in ("Mars/Olympus", "+99:00", "../etc/passwd", ""):
            with self.assertRaises(FileProblem, msg=name):
                zone_of(name)

    def test_a_date_that_can_be_read_in_two_ways_is_not_guessed(self):
        with self.assertRaisesRegex(Wrong, "--date-order"):
            self.utc("03/04/2024")
        self.assertEqual(self.utc("03/04/2024", date_order="dmy"), "2024-04-03T00:00:00Z")
        self.assertEqual(self.utc("03/04/2024", date_order="mdy"), "2024-03-04T00:00:00Z")
        self.assertEqual(self.utc("13/04/2024"), "2024-04-13T00:00:00Z")
        self.assertEqual(self.utc("04/13/2024"), "2024-04-13T00:00:00Z")

    def test_what_is_no_time_says_so(self):
        for text in (
            "",
            "yesterday",
            "2024-13-01",
            "2024-02-30",
            "24:00",
            "2024-01-01 25:00",
            "2024.01-01",
            "0000-01-01",
        ):
            with self.assertRaises(Wrong, msg=text):
                self.utc(text)


class Totals(ImportCase):
    def tally(self, *pnl, side="buy"):
        tally = Tally()
        for one in pnl:
            tally.add({"state": "closed", "pnl": one, "side": side})
        return tally

    def test_equal_totals_agree_and_others_do_not(self):
        tally = self.tally("10.00", "-4.00")
        self.assertTrue(compare(Printed("total_net_profit", "6.00"), tally).agrees)
        self.assertFalse(compare(Printed("total_net_profit", "6.01"), tally).agrees)
        self.assertFalse(compare(Printed("total_trades", "3"), tally).agrees)

    def test_a_quotient_agrees_to_its_printed_digits(self):
        tally = self.tally("10", "-3")  # 3.333..
        self.assertTrue(compare(Printed("profit_factor", "3.33"), tally).agrees)
        self.assertFalse(compare(Printed("profit_factor", "3.34"), tally).agrees)

    def test_rounding_is_allowed_for_only_as_far_as_it_can_reach(self):
        tally = self.tally("10.00", "5.00")  # two rows, each rounded by at most 0.005
        self.assertTrue(compare(Printed("total_pnl", "15.01", Decimal("0.005")), tally).agrees)
        self.assertFalse(compare(Printed("total_pnl", "15.02", Decimal("0.005")), tally).agrees)

    def test_streaks_and_drawdown_follow_the_order_of_the_file(self):
        tally = self.tally("1", "2", "0", "3", "-4", "-5", "-6", "1")
        self.assertEqual(tally.figure("max_consecutive_wins"), 2)
        self.assertEqual(tally.figure("max_consecutive_losses"), 3)
        self.assertEqual(tally.figure("max_drawdown"), 15)

    def test_what_is_undefined_is_not_compared(self):
        self.assertIsNone(compare(Printed("profit_factor", "0.00"), self.tally("1")))


if __name__ == "__main__":
    unittest.main()
