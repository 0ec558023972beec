"""What each format's files become; the samples are small and made by hand, after what the programs write."""

import gzip
import json
import sqlite3
import unittest
import zipfile
from decimal import Decimal

from importing_support import SAMPLES, Found, ImportCase, workbook

D = Decimal
WHOSE = {"account": "a", "strategy": "s", "environment": "live"}
MT5_ROWS = [
    ["Trade History Report"],
    ["Account:", None, None, "5012345 (EUR, Example-Live, real, Hedge)"],
    ["Positions"],
    [
        "Time",
        "Position",
        "Symbol",
        "Type",
        "Volume",
        "Price",
        "S / L",
        "T / P",
        "Time",
        "Price",
        "Commission",
        "Swap",
        "Profit",
    ],
    [
        "2024.03.28 10:15:02",
        "700001",
        "EURUSD",
        "buy",
        "0.50",
        1.0785,
        1.075,
        None,
        "2024.03.29 11:00:00",
        1.0801,
        -3.5,
        -0.42,
        74.07,
    ],
    [
        "2024.04.02 09:00:00",
        "700002",
        "XAUUSD",
        "sell",
        "0.1",
        2264.1,
        None,
        None,
        "2024.04.02 15:30:11",
        2271.35,
        -0.7,
        0,
        -67.2,
    ],
]


class MetaTrader5(ImportCase):
    def test_a_history_report_gives_one_trade_a_position(self):
        found = Found(SAMPLES / "mt5_history.html", strategy="s", timezone="Europe/Athens")
        self.assertEqual([event["event_id"] for event in found.closed], [f"mt5-5012345-70000{n}" for n in (1, 2, 3)])
        first = found.closed[0]
        self.assertEqual((first["pnl"], first["fees"]), (D("70.15"), D("-3.92")))  # 74.07 - 3.50 - 0.42
        self.assertEqual((first["opened_at"], first["timestamp"]), ("2024-03-28T08:15:02Z", "2024-03-29T09:00:00Z"))
        self.assertEqual((first["environment"], first["currency"], first["venue"]), ("live", "EUR", "Example-Live-MT5"))

    def test_its_printed_totals_are_those_of_its_trades(self):
        found = Found(SAMPLES / "mt5_history.html", strategy="s", timezone="UTC")
        self.assertEqual(len(found.totals), 10)
        self.assertTrue(all(result.agrees for result in found.totals.values()), found.totals)

    def test_the_language_of_the_labels_changes_nothing(self):
        plain = Found(SAMPLES / "mt5_history.html", strategy="s", timezone="UTC")
        russian = Found(SAMPLES / "mt5_history_ru.html", strategy="s", timezone="UTC")
        self.assertEqual(russian.events, plain.events)
        self.assertEqual(russian.totals["total net profit"], plain.totals["total net profit"])

    def test_utf_16_with_or_without_its_mark_is_the_same(self):
        said = {"strategy": "s", "timezone": "UTC"}
        plain = Found(SAMPLES / "mt5_history_ru.html", **said).events
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1251"):
            path = self.file(f"{encoding}.html", self.sample("mt5_history_ru.html"), encoding)
            self.assertEqual(Found(path, **said).events, plain, encoding)

    def test_what_is_no_trade_is_counted_by_kind(self):
        found = Found(SAMPLES / "mt5_history.html", strategy="s", timezone="UTC")
        self.assertEqual(
            {kind: found.skipped.count(kind) for kind in found.skipped},
            {"order": 1, "balance": 1, "deal (its position is counted)": 2},
        )

    def test_a_position_that_is_still_open_is_an_open_event_with_an_id_of_its_own(self):
        [event] = [
            event
            for event in Found(SAMPLES / "mt5_history.html", strategy="s", timezone="UTC").events
            if event["state"] == "open"
        ]
        self.assertEqual(event["event_id"], "mt5-5012345-700004-open")
        self.assertEqual(event["linked_position_id"], "mt5-5012345-order-700004")

    def test_a_sheet_has_the_trades_of_the_page(self):
        path = workbook(self.folder / "ReportHistory.xlsx", MT5_ROWS)
        found = Found(path, strategy="s", timezone="Europe/Athens")
        page = Found(SAMPLES / "mt5_history.html", strategy="s", timezone="Europe/Athens")
        self.assertEqual(found.events, page.closed[:2])

    def test_the_double_that_a_sheet_keeps_is_its_shortest_text(self):
        rows = [*MT5_ROWS[:-1]]
        row = list(rows[-1])
        row[12] = 74.07000000000001
        path = workbook(self.folder / "a.xlsx", [*rows[:-1], row])
        self.assertEqual(
            Found(path, strategy="s", timezone="UTC").events[0]["metadata"]["gross_profit"], D("74.07000000000001")
        )
        with zipfile.ZipFile(path) as packed:
            sheet = packed.read("xl/worksheets/sheet1.xml").decode()
        path = workbook(
            self.folder / "b.xlsx",
            [],
            **{
                "xl/worksheets/sheet1.xml": sheet.replace("74.07000000000001", "74.069999999999993"),
                "xl/sharedStrings.xml": _part(path, "xl/sharedStrings.xml"),
            },
        )
        self.assertEqual(Found(path, strategy="s", timezone="UTC").events[0]["metadata"]["gross_profit"], D("74.07"))

    def test_a_date_that_a_sheet_keeps_as_a_number_is_that_date(self):
        rows = [list(row) for row in MT5_ROWS]
        rows[4][0] = ("date", "45379.427106481482")  # 2024-03-28 10:15:02
        path = workbook(self.folder / "a.xlsx", rows)
        self.assertEqual(Found(path, strategy="s", timezone="UTC").events[0]["opened_at"], "2024-03-28T10:15:02Z")

    def test_a_formula_in_a_sheet_is_no_value(self):
        rows = [list(row) for row in MT5_ROWS]
        rows[4][12] = ("f", "1000000", "74.07")
        found = Found(workbook(self.folder / "a.xlsx", rows), strategy="s", timezone="UTC")
        self.assertEqual([(item.line, "formula" in item.reason) for item in found.unreadable], [(5, True)])
        self.assertEqual(len(found.events), 1)

    def test_deals_of_a_netting_account_close_the_oldest_first(self):
        found = Found(SAMPLES / "mt5_deals_netting.csv", account="a", strategy="s", environment="demo", timezone="UTC")
        rows = [
            (e["side"], e["quantity"], e["price_open"], e["price_close"], e["fees"], e["pnl"]) for e in found.closed
        ]
        self.assertEqual(
            rows,
            [
                # 200 of 300 bought at 10.10: two thirds of that deal's commission of 3, and 2 for the sale
                ("buy", D(200), D("10.10"), D("10.80"), D(-4), D(136)),
                # the other 100 and 100 at 10.50: on average 10.30; 1 + 1, and half of 4.50
                ("buy", D(200), D("10.3"), D("10.20"), D("-4.25"), D("-14.25")),
                # the other half of the deal that turned the position round, and 2
                ("sell", D(200), D("10.20"), D("10.00"), D("-4.25"), D("35.75")),
            ],
        )

    def test_no_money_is_lost_between_deals_and_trades(self):
        found = Found(SAMPLES / "mt5_deals_netting.csv", account="a", strategy="s", environment="demo", timezone="UTC")
        self.assertEqual(sum(found.column("pnl")), D("5157.50") - D("5000.00"))

    def test_a_tester_report_may_not_be_called_live(self):
        text = self.sample("mt5_history.html").replace("Trade History Report", "Strategy Tester Report")
        self.assertWhole(self.file("t.html", text), "backtest", strategy="s", timezone="UTC", environment="live")


def _part(path, name):
    with zipfile.ZipFile(path) as packed:
        return packed.read(name).decode()


MT4_STATEMENT = (SAMPLES / "mt4_statement_de.htm").read_text(encoding="utf-8")


class MetaTrader4(ImportCase):
    SAID = {"strategy": "s", "environment": "live", "timezone": "UTC"}

    def test_a_statement_in_another_language_gives_its_trades(self):
        found = Found(self.file("s.htm", MT4_STATEMENT), **self.SAID)
        rows = [(e["event_id"], e["symbol"], e["fees"], e["pnl"]) for e in found.events]
        self.assertEqual(
            rows,
            [("mt4-77-1001", "EURUSD", D("-6.20"), D("1493.80")), ("mt4-77-1002", "GBPUSD", D("-2.40"), D("-52.40"))],
        )
        self.assertEqual(found.skipped, ["sell limit"])

    def test_the_comment_of_a_ticket_is_kept(self):
        found = Found(self.file("s.htm", MT4_STATEMENT), **self.SAID)
        self.assertEqual(found.events[0]["metadata"]["comment"], "[tp]")
        self.assertEqual(found.events[0]["metadata"]["raw_symbol"], "eurusd")

    def test_a_statement_says_its_account_and_currency(self):
        found = Found(self.file("s.htm", MT4_STATEMENT), **self.SAID)
        self.assertEqual((found.events[0]["account_id"], found.events[0]["currency"]), ("77", "EUR"))

    def test_without_a_time_zone_nothing_is_guessed(self):
        self.assertWhole(self.file("s.htm", MT4_STATEMENT), "--timezone", strategy="s", environment="live")

    def test_without_an_environment_nothing_is_guessed(self):
        self.assertWhole(self.file("s.htm", MT4_STATEMENT), "--environment", strategy="s", timezone="UTC")

    def test_a_row_that_cannot_be_read_does_not_stop_the_next(self):
        text = MT4_STATEMENT.replace("<td>1.00</td>", "<td>one</td>")
        found = Found(self.file("s.htm", text), **self.SAID)
        self.assertEqual([item.reason for item in found.unreadable], ["ticket 1001: Size is not a number: 'one'"])
        self.assertEqual([item.line for item in found.unreadable], [6])
        self.assertEqual(len(found.events), 1)

    def test_a_page_that_was_cut_off_is_said_to_be(self):
        cut = MT4_STATEMENT[: MT4_STATEMENT.index("-2.50")]
        found = Found(self.file("s.htm", cut), **self.SAID)
        self.assertEqual(len(found.events), 1)
        self.assertIn("cut off", found.unreadable[0].reason)
        self.assertTrue(any("</html>" in note for note in found.notes), found.notes)

    def test_a_tester_report_gives_its_trades_and_totals(self):
        found = Found(SAMPLES / "mt4_tester.htm", account="a", timezone="UTC")
        rows = [(e["strategy_id"], e["symbol"], e["side"], e["pnl"], e["tags"][-1]) for e in found.events]
        self.assertEqual(rows, [("Grid", "GBPUSD", "buy", D(10), "tp"), ("Grid", "GBPUSD", "sell", D("-15.5"), "sl")])
        self.assertEqual(found.skipped, ["pending order"])
        self.assertEqual(len(found.totals), 10)
        self.assertTrue(all(result.agrees for result in found.totals.values()), found.totals)

    def test_a_closing_whose_order_is_not_above_it_is_told(self):
        text = (
            (SAMPLES / "mt4_tester.htm")
            .read_text(encoding="utf-8")
            .replace("<td>buy</td><td>1</td>", "<td>buy</td><td>9</td>")
        )
        found = Found(self.file("t.htm", text), account="a", timezone="UTC")
        self.assertIn("closes order 1, which was not opened above it", found.unreadable[0].reason)
        self.assertFalse(found.totals["total net profit"].agrees)


class TradingView(ImportCase):
    SAID = {"account": "a", "strategy": "s", "timezone": "America/New_York", "fixed": {"symbol": "X"}}

    def test_the_exit_may_stand_before_the_entry(self):
        found = Found(SAMPLES / "tradingview_2025.csv", **self.SAID)
        self.assertEqual([(e["side"], e["pnl"]) for e in found.closed], [("buy", D("212.625")), ("sell", D("-5.025"))])
        self.assertTrue(found.totals["total pnl"].agrees)

    def test_a_zone_is_summer_time_from_the_day_on_that_it_is(self):
        times = Found(SAMPLES / "tradingview_2025.csv", **self.SAID).closed[0]
        self.assertEqual((times["opened_at"], times["timestamp"]), ("2025-03-08T15:30:00Z", "2025-03-09T18:00:00Z"))

    def test_the_headings_of_2022_are_known(self):
        found = Found(SAMPLES / "tradingview_2022.csv", **self.SAID)
        self.assertEqual([(e["quantity"], e["pnl"]) for e in found.closed], [(D(10), D(15)), (D(10), D("-7.5"))])

    def test_a_trade_of_which_one_row_is_missing_is_told(self):
        lines = self.sample("tradingview_2025.csv").splitlines()
        found = Found(self.file("t.csv", "\n".join(lines[:-2])), **self.SAID)
        self.assertEqual(len(found.unreadable), 0)
        found = Found(self.file("t.csv", "\n".join(lines[:-1])), **self.SAID)
        self.assertIn("trade 3: only one of its two rows", found.unreadable[0].reason)

    def test_without_a_symbol_it_says_how_to_give_one(self):
        self.assertWhole(SAMPLES / "tradingview_2025.csv", "--set symbol", account="a", strategy="s", timezone="UTC")

    def test_a_longer_chart_gives_the_old_trades_their_old_ids(self):
        head, *rest = self.sample("tradingview_2022.csv").splitlines()
        older = [
            "1,Entry Long,L,2022-05-01 09:30,1,1,1,0,1,0,0,0,0,0",
            "1,Exit Long,L,2022-05-01 10:30,2,1,1,0,1,0,0,0,0,0",
        ]
        shifted = [
            f"{int(line[0]) + 1}{line[1:]}".replace(",15,0.15", ",16,0.16").replace(",7.5,0.08", ",8.5,0.09")
            for line in rest
        ]
        before = Found(SAMPLES / "tradingview_2022.csv", **self.SAID).column("event_id")
        after = Found(self.file("t.csv", "\n".join([head, *older, *shifted])), **self.SAID).column("event_id")
        self.assertEqual(after[1:], before)


class Freqtrade(ImportCase):
    TRADE = {
        "pair": "ETH/USDT",
        "stake_amount": 100.0,
        "amount": 0.05,
        "open_date": "2024-01-01 00:00:00+00:00",
        "close_date": "2024-01-01 04:00:00+00:00",
        "open_rate": 2000.0,
        "close_rate": 2100.0,
        "fee_open": 0.001,
        "fee_close": 0.001,
        "profit_ratio": 0.04795,
        "profit_abs": 4.795,
        "exit_reason": "roi",
        "is_open": False,
        "is_short": False,
        "enter_tag": "dip",
        "leverage": 1.0,
    }

    def result(self, *trades, **facts):
        block = {"trades": list(trades), "stake_currency": "USDT", "stake_currency_decimals": 8, **facts}
        return json.dumps({"metadata": {"S1": {"run_id": "x"}}, "strategy": {"S1": block}, "strategy_comparison": []})

    def test_profit_that_is_net_is_taken_as_it_is(self):
        path = self.file("backtest-result.json", self.result(self.TRADE, profit_total_abs=4.795, total_trades=1))
        found = Found(path, account="a")
        [event] = found.events
        # 0.05 * 100 = 5 less 0.05 * 2000 * 0.001 + 0.05 * 2100 * 0.001 = 0.205
        self.assertEqual((event["pnl"], event["fees"]), (D("4.795"), D("-0.205")))
        self.assertEqual((event["environment"], event["tags"]), ("demo", ["freqtrade", "backtest", "roi", "dip"]))
        self.assertTrue(all(result.agrees for result in found.totals.values()))

    def test_the_zip_that_it_writes_is_read_in_place(self):
        path = self.folder / "backtest-result-2024-01-01.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("backtest-result-2024-01-01_config.json", "{}")
            packed.writestr("backtest-result-2024-01-01.json", self.result(self.TRADE))
            packed.writestr("backtest-result-2024-01-01_market_change.feather", b"x")
        self.assertEqual([event["pnl"] for event in Found(path, account="a").events], [D("4.795")])

    def test_statistics_that_are_no_json_numbers_do_not_stop_it(self):
        text = self.result(self.TRADE).replace(
            '"stake_currency":', '"sortino": NaN, "calmar": Infinity, "stake_currency":'
        )
        self.assertEqual(len(Found(self.file("backtest-result.json", text), account="a").events), 1)

    def test_a_trade_with_a_number_that_is_none_is_told(self):
        text = self.result(self.TRADE, {**self.TRADE, "amount": None}, {**self.TRADE, "open_date": "soon"})
        found = Found(self.file("backtest-result.json", text), account="a")
        self.assertEqual(len(found.events), 1)
        self.assertEqual(
            [item.reason for item in found.unreadable],
            ["trade of S1: amount is missing", "trade of S1: open_date is not a time: 'soon'"],
        )

    def test_a_file_that_was_cut_off_is_told_and_nothing_is_taken(self):
        text = self.result(self.TRADE, self.TRADE)
        self.assertWhole(self.file("backtest-result.json", text[: len(text) * 2 // 3]), "JSON", account="a")

    def database(self, rows):
        path = self.folder / "tradesv3.sqlite"
        db = sqlite3.connect(path)
        db.execute(
            "CREATE TABLE trades (id INTEGER PRIMARY KEY, exchange TEXT, pair TEXT, is_open BOOLEAN, fee_open FLOAT,"
            " fee_close FLOAT, open_rate FLOAT, close_rate FLOAT, close_profit FLOAT, close_profit_abs FLOAT,"
            " stake_amount FLOAT, amount FLOAT, open_date DATETIME, close_date DATETIME, exit_reason TEXT,"
            " strategy TEXT, enter_tag TEXT, leverage FLOAT, is_short BOOLEAN, funding_fees FLOAT, stake_currency TEXT)"
        )
        db.executemany(f"INSERT INTO trades VALUES ({', '.join('?' * 21)})", rows)
        db.commit()
        db.close()
        return path

    CLOSED = (
        1,
        "binance",
        "ETH/USDT:USDT",
        0,
        0.001,
        0.001,
        2000.0,
        1900.0,
        0.048,
        4.805,
        100.0,
        0.05,
        "2024-01-01 00:00:00.123456",
        "2024-01-01 04:00:00",
        "roi",
        "S1",
        "dip",
        3.0,
        1,
        -0.01,
        "USDT",
    )
    OPEN = (
        2,
        "binance",
        "BTC/USDT",
        1,
        0.001,
        None,
        40000.1,
        None,
        None,
        None,
        100.0,
        0.0025,
        "2024-01-02 00:00:00",
        None,
        None,
        "S1",
        None,
        1.0,
        0,
        0.0,
        "USDT",
    )

    def test_its_database_gives_closed_and_open_trades(self):
        found = Found(self.database([self.CLOSED, self.OPEN]), account="a", environment="live")
        closed, still = found.events
        # 0.05 * (2000 + 1900) * 0.001 = 0.195 paid, and 0.01 of funding
        self.assertEqual((closed["side"], closed["pnl"], closed["fees"]), ("sell", D("4.805"), D("-0.205")))
        self.assertEqual((closed["venue"], closed["strategy_id"], closed["currency"]), ("binance", "S1", "USDT"))
        self.assertEqual(
            (closed["opened_at"], closed["timestamp"]), ("2024-01-01T00:00:00.123456Z", "2024-01-01T04:00:00Z")
        )
        self.assertEqual((still["state"], still["pnl"], still["price_open"]), ("open", None, D("40000.1")))

    def test_a_database_that_began_anew_gives_other_ids(self):
        first = Found(self.database([self.CLOSED]), account="a", environment="live").column("event_id")
        (self.folder / "tradesv3.sqlite").unlink()
        again = list(self.CLOSED)
        again[12] = "2025-06-01 00:00:00"
        second = Found(self.database([tuple(again)]), account="a", environment="live").column("event_id")
        self.assertNotEqual(first, second)

    def test_a_live_database_is_not_written_to(self):
        path = self.database([self.CLOSED])
        before = path.read_bytes()
        Found(path, account="a", environment="live")
        self.assertEqual(path.read_bytes(), before)
        self.assertEqual([one.name for one in self.folder.iterdir()], [path.name])

    def test_a_view_in_place_of_the_table_is_not_asked(self):
        path = self.folder / "view.sqlite"
        db = sqlite3.connect(path)
        db.execute(
            "CREATE VIEW trades AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n)"
            " SELECT id, 1 AS close_profit FROM n"
        )
        db.commit()
        db.close()
        self.assertWhole(path, "not of freqtrade", account="a", environment="live")

    def test_a_row_of_a_database_that_holds_nonsense_is_told(self):
        odd = list(self.CLOSED)
        odd[0], odd[2], odd[11] = 2, b"\xff", "many"
        found = Found(self.database([self.CLOSED, tuple(odd)]), account="a", environment="live")
        self.assertEqual((len(found.events), [item.line for item in found.unreadable]), (1, [2]))

    def test_another_database_is_told_apart(self):
        path = self.folder / "other.sqlite"
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE notes (x)")
        db.commit()
        db.close()
        self.assertWhole(path, "not of freqtrade", account="a", environment="live")


class Fills(ImportCase):
    def fills(self, *lines, head="time,symbol,side,quantity,price,fee", **said):
        path = self.file("fills.csv", "\n".join([head, *lines]))
        return Found(path, **{**WHOSE, "timezone": "UTC", "fees": "cost", **said})

    def test_a_sale_closes_the_oldest_purchase_first(self):
        found = self.fills(
            "2024-01-01 10:00,A,buy,10,100,0", "2024-01-01 11:00,A,buy,10,110,0", "2024-01-01 12:00,A,sell,15,120,0"
        )
        self.assertEqual(
            [(e["quantity"], e["price_open"], e["pnl"]) for e in found.events],
            [(D(10), D(100), D(200)), (D(5), D(110), D(50))],
        )
        self.assertIn("1 lots stay open at the end: left out", found.notes)

    def test_fees_are_shared_by_quantity_and_none_is_lost(self):
        found = self.fills(
            "2024-01-01 10:00,A,buy,3,100,1.00",
            "2024-01-01 11:00,A,sell,1,100,0.10",
            "2024-01-01 12:00,A,sell,1,100,0.10",
            "2024-01-01 13:00,A,sell,1,100,0.10",
        )
        self.assertEqual(found.column("fees")[0], D("-0.4333333333"))
        self.assertEqual(sum(found.column("fees")), D("-1.30"))

    def test_a_sale_beyond_what_is_held_opens_a_short(self):
        found = self.fills(
            "2024-01-01 10:00,A,buy,1,100,0", "2024-01-01 11:00,A,sell,3,110,0", "2024-01-01 12:00,A,buy,2,90,0"
        )
        self.assertEqual(
            [(e["side"], e["quantity"], e["pnl"]) for e in found.events], [("buy", D(1), D(10)), ("sell", D(2), D(40))]
        )

    def test_symbols_do_not_mix(self):
        found = self.fills("2024-01-01 10:00,A,buy,1,100,0", "2024-01-01 11:00,B,sell,1,110,0")
        self.assertEqual(found.events, [])

    def test_an_export_that_stands_newest_first_is_put_in_order(self):
        found = Found(SAMPLES / "fills_newest_first.csv", **WHOSE, fees="cost")
        # 10 at 150 for 1.50, sold at 160, that fee in BNB: 100 - 1.50
        # 5 of the 10 at 151 for 1.51, sold at 155: 20 - 0.755 - 0.775
        self.assertEqual(found.column("pnl"), [D("98.50"), D("18.470")])
        self.assertTrue(any("BNB" in note for note in found.notes))

    def test_the_sign_of_fees_is_not_guessed(self):
        self.assertWhole(SAMPLES / "fills_newest_first.csv", "--fees cost", **WHOSE)

    def test_a_signed_quantity_needs_no_side(self):
        found = self.fills("2024-01-01,A,5,10", "2024-01-02,A,-5,12", head="date,symbol,quantity,price", format="fills")
        self.assertEqual(found.column("pnl"), [D(10)])

    def test_a_multiplier_counts_in_the_profit(self):
        found = self.fills(
            "2024-01-01,ES,1,4700.25,50",
            "2024-01-02,ES,-1,4710.75,50",
            head="date,symbol,quantity,price,multiplier",
            format="fills",
        )
        self.assertEqual(found.column("pnl"), [D(525)])

    def test_a_row_without_a_price_is_told_and_the_next_is_read(self):
        found = self.fills(
            "2024-01-01 10:00,A,buy,1,100,0", "2024-01-01 10:30,A,buy,1,,0", "2024-01-01 11:00,A,sell,1,110,0"
        )
        self.assertEqual([(item.line, item.reason) for item in found.unreadable], [(3, "price is empty")])
        self.assertEqual(found.column("pnl"), [D(10)])


class Exchanges(ImportCase):
    def test_binance_positions_become_trades_and_part_closed_ones_wait(self):
        found = Found(SAMPLES / "binance_positions.csv", **WHOSE, timezone="UTC")
        self.assertEqual(
            [(e["symbol"], e["side"], e["pnl"], e["currency"]) for e in found.events],
            [("XYZUSDT", "sell", D("5.12235"), "USDT"), ("BTCUSDT", "buy", D("-499.95"), "USDT")],
        )
        self.assertEqual(found.skipped, ["partially closed position: import again when it is closed"])
        self.assertEqual([item.line for item in found.unreadable], [5])

    def test_bybit_names_what_closed_the_position(self):
        found = Found(SAMPLES / "bybit_closed_pnl.csv", **WHOSE)
        self.assertEqual(found.column("side"), ["buy", "sell", "buy", "buy"])

    def test_bybit_fees_are_what_its_net_profit_leaves(self):
        found = Found(SAMPLES / "bybit_closed_pnl.csv", **WHOSE)
        # 0.5 * (63200 - 64000) = -400, and -400.25 was booked; an inverse contract says nothing of its fees
        self.assertEqual(found.column("fees")[2:], [D("-0.25"), D(0)])

    def test_the_zone_in_a_heading_is_used(self):
        self.assertEqual(
            Found(SAMPLES / "bybit_closed_pnl.csv", **WHOSE).events[0]["timestamp"], "2025-06-05T10:05:40Z"
        )
        text = self.sample("bybit_closed_pnl.csv").replace("UTC+0", "UTC+8")
        self.assertEqual(Found(self.file("b.csv", text), **WHOSE).events[0]["timestamp"], "2025-06-05T02:05:40Z")


class InteractiveBrokers(ImportCase):
    SAID = {"strategy": "s", "environment": "live", "timezone": "America/New_York"}

    def test_a_flex_query_gives_its_closing_executions(self):
        found = Found(SAMPLES / "ibkr_flex.xml", **self.SAID)
        stock, option = found.events
        self.assertEqual(stock["event_id"], "ibkr-U1234567-5002")
        self.assertEqual((stock["side"], stock["price_open"], stock["pnl"]), ("buy", D("185.25"), D("148.35")))
        self.assertEqual(stock["fees"], D("-1.65"))  # 60 of 100 of the purchase's 1.00, and 1.05
        self.assertEqual(stock["opened_at"], "2024-01-10T14:35:00Z")
        self.assertEqual((option["side"], option["price_open"]), ("sell", D("5.2")))  # 1040 / (2 * 100)

    def test_an_execution_and_its_order_are_one_trade(self):
        found = Found(SAMPLES / "ibkr_flex.xml", **self.SAID)
        self.assertIn("order (already counted as execution)", found.skipped)
        self.assertEqual(len(found.events), 2)

    def test_its_csv_gives_the_same_kind_of_trade(self):
        found = Found(SAMPLES / "ibkr_flex.csv", **self.SAID)
        [event] = found.events
        self.assertEqual((event["symbol"], event["pnl"], event["metadata"]["multiplier"]), ("ESH4", D("520.5"), D(50)))
        self.assertEqual([item.line for item in found.unreadable], [4])

    def test_an_activity_statement_adds_up_to_its_own_totals(self):
        found = Found(SAMPLES / "ibkr_activity.csv", **self.SAID)
        self.assertEqual(found.column("pnl"), [D("-303.514569"), D("10248.7")])
        self.assertEqual([result.agrees for result in found.totals.values()], [True, True])

    def test_a_close_without_its_opening_and_without_a_basis_is_told(self):
        text = self.sample("ibkr_flex.xml").replace('cost="-1040" ', "")
        found = Found(self.file("flex.xml", text), **self.SAID)
        self.assertIn("cost basis", found.unreadable[0].reason)


class AnyCsv(ImportCase):
    SAID = {**WHOSE, "timezone": "UTC", "fees": "signed"}

    def test_columns_are_found_by_their_usual_names(self):
        found = Found(SAMPLES / "generic.csv", **self.SAID)
        self.assertEqual(
            [(e["symbol"], e["side"], e["pnl"]) for e in found.events],
            [("EURUSD", "buy", D("9.30")), ("GBPUSD", "sell", D("-21.40")), ("USDJPY", "buy", D("12.60"))],
        )

    def test_each_row_that_cannot_be_read_has_its_line_and_reason(self):
        found = Found(SAMPLES / "generic.csv", **self.SAID)
        self.assertEqual([item.line for item in found.unreadable], [4, 5, 6])
        self.assertIn("formula", found.unreadable[0].reason)
        self.assertIn("calendar", found.unreadable[1].reason)
        self.assertIn("'Sideways'", found.unreadable[2].reason)

    def test_columns_that_are_no_field_are_kept(self):
        self.assertEqual(Found(SAMPLES / "generic.csv", **self.SAID).events[0]["metadata"]["setup note"], "breakout")

    def test_a_column_can_be_mapped_and_a_field_be_set(self):
        path = self.file("m.csv", "when,what,way,n,in,out,made\n2024-01-01,A,long,1,10,11,1\n")
        mapping = {
            "timestamp": "when",
            "symbol": "What",
            "side": "way",
            "quantity": "n",
            "price_open": "in",
            "price_close": "out",
            "pnl": "made",
        }
        found = Found(
            path, **self.SAID, format="csv", mapping=mapping, fixed={"currency": "USD", "quantity_type": "lots"}
        )
        self.assertEqual(
            (found.events[0]["pnl"], found.events[0]["currency"], found.events[0]["quantity_type"]),
            (D(1), "USD", "lots"),
        )

    def test_a_column_that_is_not_there_is_named(self):
        self.assertWhole(SAMPLES / "generic.csv", "no such column", **self.SAID, mapping={"pnl": "Gain"})
        self.assertWhole(SAMPLES / "generic.csv", "no such field", **self.SAID, mapping={"gain": "P/L"})

    def test_gross_pnl_is_made_net(self):
        self.assertEqual(Found(SAMPLES / "generic.csv", **self.SAID, pnl="gross").events[0]["pnl"], D("8.60"))

    def test_decimal_commas_and_another_code_page_are_read(self):
        found = Found(SAMPLES / "generic_german.csv", **{**self.SAID, "timezone": "Europe/Berlin"})
        self.assertEqual(
            [(e["price_open"], e["pnl"]) for e in found.events],
            [(D("21405.5"), D("3.70")), (D("21405.5"), D("-12.60"))],
        )
        self.assertEqual(found.events[0]["metadata"]["kommentar"], "Größe")
        self.assertIn("--decimal", found.unreadable[0].reason)
        self.assertEqual(found.unreadable[0].line, 5)  # in the file, in which Excel's `sep=;` is a line too

    def test_an_id_column_makes_the_ids(self):
        text = "ticket,close time,symbol,side,quantity,entry,exit,pnl\n77,2024-01-01,A,buy,1,1,2,1\n"
        self.assertEqual(Found(self.file("i.csv", text), **self.SAID).column("event_id"), ["csv-a-77"])

    def test_equal_rows_are_trades_of_their_own_and_said_to_be(self):
        row = "2024-01-01,A,buy,1,1,2,1\n"
        found = Found(self.file("e.csv", "close time,symbol,side,quantity,entry,exit,pnl\n" + row * 3), **self.SAID)
        self.assertEqual(len(set(found.column("event_id"))), 3)
        self.assertTrue(any("2 rows are the same" in note for note in found.notes))

    def test_ids_do_not_depend_on_how_the_file_is_read(self):
        plain = Found(SAMPLES / "generic.csv", **self.SAID).column("event_id")
        other = Found(
            SAMPLES / "generic.csv", **{**self.SAID, "timezone": "+05:00"}, tags=["x"], fixed={"currency": "USD"}
        )
        self.assertEqual(other.column("event_id"), plain)

    def test_a_packed_file_is_the_file(self):
        path = self.folder / "g.csv.gz"
        path.write_bytes(gzip.compress((SAMPLES / "generic.csv").read_bytes()))
        self.assertEqual(Found(path, **self.SAID).events, Found(SAMPLES / "generic.csv", **self.SAID).events)


class Events(ImportCase):
    LINES = '{"event_id":"1","pnl":1.10}\n\n{"event_id":"2","pnl":1e-7}\n'

    def test_json_lines_are_sent_byte_for_byte(self):
        found = Found(self.file("e.jsonl", self.LINES))
        self.assertEqual(
            [(item.line, item.data) for item in found.raw],
            [(1, b'{"event_id":"1","pnl":1.10}'), (3, b'{"event_id":"2","pnl":1e-7}')],
        )

    def test_an_array_and_an_events_object_give_each_event_as_it_is_spelled(self):
        for text in ('[ {"a": 1.10,\n "b": [1e-7]} , {"a":2} ]', '{"events": [{"a": 1.10,\r\n "b": [1e-7]},{"a":2}]}'):
            found = Found(self.file("e.json", text))
            self.assertEqual(
                [item.data.replace(b" ", b"") for item in found.raw], [b'{"a":1.10,"b":[1e-7]}', b'{"a":2}']
            )
            self.assertEqual([item.line for item in found.raw], [1, 2])

    def test_what_is_no_event_is_told(self):
        found = Found(self.file("e.json", '[{"a":1}, 7, "x", [1]]'))
        self.assertEqual((len(found.raw), len(found.unreadable)), (1, 3))

    def test_json_that_ends_in_the_middle_gives_what_was_whole(self):
        path = self.file("e.json", '[{"a":1},{"a":2},{"a"')
        self.assertWhole(path, "JSON")

    def test_other_encodings_are_sent_as_utf_8(self):
        found = Found(self.file("e.jsonl", '{"symbol":"ÄÖ"}\n', "utf-16"))
        self.assertEqual(found.raw[0].data, '{"symbol":"ÄÖ"}'.encode())


if __name__ == "__main__":
    unittest.main()
