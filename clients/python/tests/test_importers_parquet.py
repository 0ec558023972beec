import sys
import unittest
from decimal import Decimal
from unittest import mock

from importing_support import Found, ImportCase

try:
    import pyarrow
    import pyarrow.parquet
except ImportError:
    pyarrow = None

D = Decimal
WHOSE = {"account": "a", "strategy": "s", "environment": "live", "timezone": "UTC", "fees": "signed"}


class Parquet(ImportCase):
    def test_without_pyarrow_it_says_what_to_install(self):
        path = self.file("t.parquet", b"PAR1....PAR1")
        with mock.patch.dict(sys.modules, {"pyarrow": None, "pyarrow.parquet": None}):
            self.assertWhole(path, "pip install 'trueedge[parquet]'", **WHOSE)

    @unittest.skipIf(pyarrow is None, "pyarrow is not installed")
    def test_its_rows_are_trades(self):
        from datetime import datetime, timezone

        table = pyarrow.table(
            {
                "close time": [
                    datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
                    datetime(2024, 1, 3, tzinfo=timezone.utc),
                ],
                "symbol": ["A", "B"],
                "side": ["buy", "sell"],
                "quantity": [1.5, 2.0],
                "entry": pyarrow.array([D("1.10"), D("2.20")], pyarrow.decimal128(20, 2)),
                "exit": [1.2, None],
                "pnl": [0.1, 3.0],
                "note": ["x", None],
            }
        )
        path = self.folder / "t.parquet"
        pyarrow.parquet.write_table(table, path)
        found = Found(path, **WHOSE)
        [event] = found.events
        self.assertEqual(
            (event["timestamp"], event["price_open"], event["pnl"]), ("2024-01-02T03:04:05Z", D("1.1"), D("0.1"))
        )
        self.assertEqual(event["metadata"], {"note": "x"})
        self.assertEqual([(item.line, item.reason) for item in found.unreadable], [(2, "exit is empty")])
        self.assertTrue(any("doubles" in note for note in found.notes))

    @unittest.skipIf(pyarrow is None, "pyarrow is not installed")
    def test_a_broken_file_is_told(self):
        self.assertWhole(self.file("t.parquet", b"PAR1" + b"x" * 100 + b"PAR1"), "no Parquet", **WHOSE)


if __name__ == "__main__":
    unittest.main()
