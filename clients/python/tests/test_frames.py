import unittest
from decimal import Decimal

from support import trade

from trueedge.frames import curve_frame, figures_frame, trades_frame

try:
    import pandas
except ImportError:
    pandas = None

VOID = {"reason": "by hand", "at": "2026-01-06T00:00:00Z"}


def row(number, void=None, **changes):
    return {
        "event": trade(number, **changes),
        "position": number,
        "received_at": "2026-01-06T00:00:00.5Z",
        "void": void,
    }


@unittest.skipUnless(pandas, "pandas is not installed")
class Frames(unittest.TestCase):
    def test_trades_are_oldest_first_by_time(self):
        rows = [row(2, timestamp="2026-01-05 10:00:00+02:00"), row(1, VOID, timestamp="2026-01-04t10:00:00z", pnl=5)]
        frame = trades_frame(rows, exact=False)
        self.assertEqual(list(frame["event_id"]), ["e-1", "e-2"])
        self.assertEqual(frame.index[1], pandas.Timestamp("2026-01-05T08:00:00Z"))
        self.assertEqual((frame["pnl"].sum(), frame["pnl"].dtype), (22.3, "float64"))
        self.assertEqual(frame["void_reason"].iloc[0], "by hand")

    def test_exact_numbers_are_decimals(self):
        frame = trades_frame([row(1, pnl="0.1"), row(2, pnl="0.2")], exact=True)
        self.assertEqual(frame["pnl"].sum(), Decimal("0.3"))

    def test_no_trades_have_columns(self):
        self.assertEqual(trades_frame([], exact=False)["pnl"].sum(), 0)

    def test_figures_and_curve(self):
        rows = [{"strategy_id": "a", "currency": None, "metrics": {"n": 1}, "edge": {"psr": Decimal("0.5")}}]
        self.assertEqual(figures_frame(rows, "strategy_id", False).loc["a", "psr"], 0.5)
        points = [{"time": "2026-01-05T00:00:00Z", "equity": Decimal("1.5")}]
        self.assertEqual(curve_frame({"points": points}, True)["equity"].iloc[0], Decimal("1.5"))
        self.assertEqual(len(curve_frame({"points": []}, False)["equity"]), 0)


if __name__ == "__main__":
    unittest.main()
