"""Files that are broken, endless, or made to hurt: a clear word, bounded time and memory, and never a traceback."""

import gzip
import io
import json
import random
import unittest
import zipfile
import zlib

from importing_support import SAMPLES, Found, ImportCase, peak_megabytes, workbook

from trueedge.importers import FORMATS, FileProblem, Options, Source, read

WHOSE = {"account": "a", "strategy": "s", "environment": "demo", "timezone": "UTC", "fees": "signed"}
BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">'.replace("lol0", "lol") for n in range(1, 10))
    + "]><FlexQueryResponse><FlexStatements><FlexStatement accountId='&lol9;'/></FlexStatements></FlexQueryResponse>"
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><FlexQueryResponse>&e;</FlexQueryResponse>'


class Whole(ImportCase):
    def test_an_empty_file_is_said_to_be_empty(self):
        self.assertWhole(self.file("e.csv", b""), "is empty")

    def test_a_file_that_is_not_there_is_named_as_such(self):
        self.assertWhole(self.folder / "none.csv", "No such file")
        self.assertWhole(self.folder, "cannot be read")

    def test_white_space_and_nothing_else_is_no_known_format(self):
        for content in (b"\n\n\n", b"   ", b"\xff\xfe", b"\x00" * 100, b"\xef\xbb\xbf"):
            self.assertWhole(self.file("w", content), "", **WHOSE)

    def test_a_heading_alone_gives_no_trade_and_no_error(self):
        for name in (
            "generic.csv",
            "tradingview_2025.csv",
            "binance_positions.csv",
            "bybit_closed_pnl.csv",
            "ibkr_flex.csv",
        ):
            head = self.sample(name).splitlines()[0]
            found = Found(self.file(name, head), **WHOSE, fixed={"symbol": "X"})
            self.assertEqual((found.events, found.unreadable), ([], []), name)

    def test_an_unknown_file_lists_the_formats(self):
        self.assertWhole(self.file("x.bin", b"\x7fELF" + bytes(range(256))), "--format", **WHOSE)


class Cut(ImportCase):
    def test_every_sample_cut_anywhere_is_read_or_refused_in_words(self):
        draw = random.Random(6)
        for path in sorted(SAMPLES.iterdir()):
            content = path.read_bytes()
            for _ in range(25):
                cut = self.file(path.name, content[: draw.randrange(1, len(content))])
                self.read_quietly(cut)

    def test_every_sample_with_broken_bytes_is_read_or_refused_in_words(self):
        draw = random.Random(7)
        for path in sorted(SAMPLES.iterdir()):
            content = path.read_bytes()
            for _ in range(25):
                broken = bytearray(content)
                for _ in range(draw.randrange(1, 12)):
                    broken[draw.randrange(len(broken))] = draw.randrange(256)
                self.read_quietly(self.file(path.name, bytes(broken)))

    def test_every_sample_read_as_every_format_is_read_or_refused_in_words(self):
        for path in sorted(SAMPLES.iterdir()):
            for name in FORMATS:
                self.read_quietly(path, name)

    def test_a_backtest_with_any_value_in_place_of_another_is_read_or_refused_in_words(self):
        draw = random.Random(8)
        odd = [None, True, "", "x", "NaN", [], {}, [[1]], -1, 0, 1e300, "9" * 50, 10**50, float("inf"), "2024-13-01"]
        for _ in range(300):
            found = json.loads(self.sample("freqtrade_backtest.json"))
            block = found["strategy"]["S1"]
            for _ in range(draw.randrange(1, 4)):
                place = draw.choice([block, *block["trades"]]) if isinstance(block["trades"], list) else block
                if isinstance(place, dict):
                    place[draw.choice(sorted(place))] = draw.choice(odd)
            self.read_quietly(self.file("backtest.json", json.dumps(found)))

    def read_quietly(self, path, form=None):
        try:
            for _ in read(Source(str(path)), Options(format=form, fixed={"symbol": "X"}, **WHOSE)):
                pass
        except FileProblem as problem:
            self.assertTrue(str(problem))

    def test_a_packed_file_that_was_cut_says_so_after_what_it_held(self):
        content = gzip.compress(
            b"close time,symbol,side,quantity,entry,exit,pnl\n" + b"2024-01-01,A,buy,1,1,2,1\n" * 20_000
        )
        path = self.file("g.csv.gz", content[:-200])
        items = []
        with self.assertRaisesRegex(FileProblem, "end|cannot"):
            items.extend(read(Source(str(path)), Options(**WHOSE)))


class Bombs(ImportCase):
    def test_entities_in_xml_are_refused(self):
        for text in (BILLION_LAUGHS, OUTSIDE):
            self.assertWhole(self.file("flex.xml", text), "document type", **WHOSE)

    def test_entities_in_the_parts_of_a_sheet_are_refused(self):
        rows = [["Trade History Report"], ["Position", "Volume", "Profit"], ["x"]]
        for part in ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml"):
            path = workbook(self.folder / "b.xlsx", rows, **{part: BILLION_LAUGHS})
            self.assertWhole(path, "document type", **WHOSE, format="mt5")

    def test_xml_nested_without_end_is_refused(self):
        text = "<FlexQueryResponse>" + "<a>" * 100_000
        self.assertWhole(self.file("flex.xml", text), "nested", **WHOSE)

    def test_a_sheet_that_unpacks_without_end_is_refused(self):
        path = self.folder / "bomb.xlsx"
        workbook(
            path,
            [["Trade History Report"]],
            **{"xl/sharedStrings.xml": "<sst><si><t>" + " " * 20_000_000 + "</t></si></sst>"},
        )
        self.assertLess(path.stat().st_size, 100_000)
        self.assertWhole(path, "bomb", **WHOSE, format="mt5")

    def test_a_sheet_with_a_cell_beyond_the_last_column_is_refused(self):
        sheet = '<worksheet><sheetData><row r="1"><c r="ZZZZZZ1"><v>1</v></c></row></sheetData></worksheet>'
        path = workbook(self.folder / "wide.xlsx", [], **{"xl/worksheets/sheet1.xml": sheet})
        self.assertWhole(path, "columns", **WHOSE, format="mt5")

    def test_a_zip_with_many_parts_is_refused(self):
        path = self.folder / "many.zip"
        with zipfile.ZipFile(path, "w") as packed:
            for number in range(2500):
                packed.writestr(f"{number}", b"")
        self.assertWhole(path, "", **WHOSE, format="freqtrade")

    def test_a_backtest_zip_that_unpacks_without_end_is_refused(self):
        path = self.folder / "backtest-result-1.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("backtest-result-1.json", '{"strategy": {"S": {"x": "' + " " * 20_000_000)
        self.assertWhole(path, "", **WHOSE)

    def test_a_gz_that_unpacks_without_end_is_refused(self):
        path = self.folder / "bomb.csv.gz"
        deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
        with path.open("wb") as file:
            file.write(deflate.compress(b"close time,symbol,side,quantity,entry,exit,pnl\n"))
            for _ in range(20):
                file.write(deflate.compress(b" " * 1023 * 1024 + b"\n"))
            file.write(deflate.flush())
        self.assertWhole(path, "bomb", **WHOSE)

    def test_an_endless_line_is_refused(self):
        self.assertWhole(
            self.file("l.csv", "close time,symbol,side,quantity,entry,exit,pnl\n" + "x" * 9_000_000), "line 2", **WHOSE
        )

    def test_an_endless_tag_is_refused(self):
        head = '<html><meta name="generator" content="MetaQuotes Software Corp."><table><tr><td>a</td><td>'
        for tail in ("<td " + "a" * 5_000_000, "<!--" + "-" * 5_000_000, "x" * 5_000_000, "<script>" + "x" * 5_000_000):
            self.assertWhole(self.file("t.htm", head + tail), "1,048,576", **WHOSE)

    def test_html_nested_without_end_is_no_recursion(self):
        text = '<html><meta name="generator" content="MetaQuotes Software Corp.">' + "<table><tr><td>" * 50_000
        self.assertEqual(Found(self.file("n.htm", text), **WHOSE).events, [])

    def test_json_nested_without_end_is_refused(self):
        for text in ("[" * 1_000_000, '{"events":' * 200_000, '{"strategy": {"S": {"trades": ' + "[" * 1_000_000):
            self.assertWhole(self.file("n.json", text), "", **WHOSE)

    def test_a_quote_that_is_never_closed_costs_its_rows_and_is_told_with_them(self):
        rows = ["2024-01-01,A,buy,1,1,2,1"] * 20_000
        rows[3] = '2024-01-01,"A,buy,1,1,2,1'
        found = Found(self.file("q.csv", "\n".join(["close time,symbol,side,quantity,entry,exit,pnl", *rows])), **WHOSE)
        self.assertEqual(found.unreadable[0].line, 5)
        self.assertIn("quote", found.unreadable[0].reason)
        self.assertGreater(len(found.events), 10_000)

    def test_digits_of_other_scripts_are_no_numbers(self):
        found = Found(
            self.file("d.csv", "close time,symbol,side,quantity,entry,exit,pnl\n2024-01-01,A,buy,\u0661,1,2,\u00b2\n"),
            **WHOSE,
        )
        self.assertEqual(len(found.unreadable), 1)

    def test_a_number_with_an_absurd_exponent_is_told(self):
        found = Found(
            self.file("d.csv", "close time,symbol,side,quantity,entry,exit,pnl\n2024-01-01,A,buy,1,1,2,1e999999\n"),
            **WHOSE,
        )
        self.assertEqual(len(found.unreadable), 1)

    def test_a_path_in_an_archive_is_only_a_name(self):
        path = self.folder / "backtest-result-2.zip"
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("../../backtest-result-2.json", '{"strategy": {"S": {"trades": [], "wins": 0}}}')
        self.assertEqual(Found(path, **{**WHOSE, "strategy": None}).events, [])
        self.assertEqual([one.name for one in self.folder.iterdir()], [path.name])


@unittest.skipUnless(__import__("sys").platform.startswith("linux"), "measures memory by /proc")
class Memory(ImportCase):
    SCRIPT = (
        "from trueedge.importers import *\n"
        "options = Options(account='a', strategy='s', environment='demo', timezone='UTC', fixed={'symbol': 'X'})\n"
        "print(sum(1 for _ in read(Source(sys.argv[1]), options)))\n"
    )

    def grows(self, make, few, many):
        """Megabytes that the larger file took more than the smaller one."""
        return peak_megabytes(self.SCRIPT, make(many)) - peak_megabytes(self.SCRIPT, make(few))

    def test_json_lines_are_never_held(self):
        def make(count):
            path = self.folder / f"{count}.jsonl"
            with path.open("w") as file:
                for number in range(count):
                    file.write(f'{{"event_id":"{number}","metadata":{{"text":"{"x" * 400}"}}}}\n')
            return path

        self.assertLess(self.grows(make, 1_000, 100_000), 8)

    def test_a_json_array_is_never_held(self):
        def make(count):
            path = self.folder / f"{count}.json"
            with path.open("w") as file:
                file.write(
                    "[" + ",".join(f'{{"event_id":"{number}","text":"{"x" * 400}"}}' for number in range(count)) + "]"
                )
            return path

        self.assertLess(self.grows(make, 1_000, 50_000), 8)

    def test_a_page_is_never_held(self):
        def make(count):
            text = io.StringIO()
            text.write(
                '<html><title>Statement: 1</title><meta name="generator" content="MetaQuotes Software Corp."><table>'
            )
            text.write("<tr><td>Account: 1</td></tr>")
            for number in range(count):
                cells = [
                    str(number + 1),
                    "2020.01.02 10:00:00",
                    "buy",
                    "1.00",
                    "EURUSD",
                    "1.1",
                    "0",
                    "0",
                    "2020.01.03 10:00:00",
                    "1.2",
                    "0.00",
                    "0.00",
                    "0.00",
                    "1.00",
                ]
                text.write("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n")
            return self.file(f"{count}.htm", text.getvalue())

        self.assertLess(self.grows(make, 1_000, 15_000), 8)


if __name__ == "__main__":
    unittest.main()
