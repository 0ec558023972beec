"""The command, against a server on a real socket."""

import io
import json
import threading
import unittest
from argparse import ArgumentParser

from importing_support import SAMPLES
from support import Case

from trueedge.importing import add_arguments, run

WHOSE = ["--account", "a", "--strategy", "s", "--environment", "live", "--timezone", "UTC"]
GENERIC = [str(SAMPLES / "generic.csv"), *WHOSE, "--fees", "signed"]
CLEAN = "close time,symbol,side,quantity,entry,exit,pnl\n"


class Importing(Case):
    def setUp(self):
        super().setUp()
        self.folder.mkdir(parents=True)

    def run_import(self, *arguments, url=None):
        parser = ArgumentParser()
        add_arguments(parser)
        parser.set_defaults(url=url or self.server.url, key="te_test", timeout=20, patience=20)
        out, err = io.StringIO(), io.StringIO()
        self.code = run(parser.parse_args([str(one) for one in arguments]), out, err)
        self.out, self.err = out.getvalue(), err.getvalue()
        return self.code

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def rows(self, count, first=0):
        return CLEAN + "".join(f"2024-01-01,S{number},buy,1,1,2,1\n" for number in range(first, first + count))

    def test_what_is_read_is_stored_and_said(self):
        self.assertEqual(self.run_import(self.file("a.csv", self.rows(3)), *WHOSE), 0, self.err)
        self.assertEqual(len(self.server.events), 3)
        self.assertIn("stored 3, duplicate 0, refused 0, unreadable 0", self.out)

    def test_importing_twice_is_importing_once(self):
        path = self.file("a.csv", self.rows(3))
        self.run_import(path, *WHOSE)
        self.assertEqual(self.run_import(path, *WHOSE), 0)
        self.assertEqual(len(self.server.events), 3)
        self.assertIn("stored 0, duplicate 3", self.out)

    def test_a_longer_export_adds_what_is_new(self):
        self.run_import(self.file("a.csv", self.rows(3)), *WHOSE)
        self.run_import(self.file("b.csv", self.rows(5)), *WHOSE)
        self.assertEqual(len(self.server.events), 5)
        self.assertIn("stored 2, duplicate 3", self.out)

    def test_importing_with_another_time_zone_is_a_conflict_and_not_a_second_trade(self):
        path = self.file("a.csv", self.rows(2))
        self.run_import(path, *WHOSE)
        self.assertEqual(self.run_import(path, *WHOSE[:-1], "+02:00"), 1)
        self.assertEqual(len(self.server.events), 2)
        self.assertIn("a.csv:2: refused: other content", self.err)

    def test_a_row_that_cannot_be_read_is_told_with_file_line_and_reason_and_the_rest_goes_on(self):
        self.assertEqual(self.run_import(*GENERIC), 1)
        self.assertEqual(len(self.server.events), 3)
        self.assertIn("generic.csv:4: unreadable: exit is a formula: '=1+1'", self.err)
        self.assertIn("stored 3, duplicate 0, refused 0, unreadable 3", self.out)

    def test_what_the_server_refuses_is_told_with_its_line(self):
        text = CLEAN + "2024-01-01,A,buy,1,1,2,1\n2024-01-01,REFUSED,buy,1,1,2,1\n"
        self.assertEqual(self.run_import(self.file("a.csv", text), *WHOSE), 1)
        self.assertIn("a.csv:3: refused: refused by the test", self.err)

    def test_what_breaks_a_rule_is_refused_before_it_is_sent(self):
        text = CLEAN + "2024-01-01,A,buy,0,1,2,1\n"
        self.assertEqual(self.run_import(self.file("a.csv", text), *WHOSE), 1)
        self.assertIn("a.csv:2: refused: quantity", self.err)
        self.assertEqual(self.server.posts, [])

    def test_a_dry_run_sends_nothing_and_needs_no_server(self):
        self.assertEqual(self.run_import(*GENERIC, "--dry-run", url="http://127.0.0.1:1"), 1)
        self.assertEqual(self.server.requests, [])
        self.assertIn("dry run: 3 would be sent", self.out)
        sent = [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]
        self.assertEqual([event["symbol"] for event in sent], ["EURUSD", "GBPUSD", "USDJPY"])

    def test_more_than_a_batch_goes_in_batches_in_order(self):
        self.assertEqual(self.run_import(self.file("a.csv", self.rows(2_500)), *WHOSE), 0)
        self.assertEqual([len(post) for post in self.server.posts], [1000, 1000, 500])
        symbols = [json.loads(line)["symbol"] for post in self.server.posts for line in post]
        self.assertEqual(symbols, [f"S{number}" for number in range(2_500)])

    def test_large_events_go_in_smaller_batches(self):
        lines = [json.dumps({"event_id": str(number), "text": "x" * 50_000}) for number in range(150)]
        self.run_import(self.file("a.jsonl", "\n".join(lines)))
        self.assertTrue(all(sum(map(len, post)) < 4_000_000 for post in self.server.posts))
        self.assertEqual(len(self.server.events), 150)

    def test_a_server_that_is_busy_is_asked_again(self):
        self.server.answers = [
            (503, {"Retry-After": "0"}, {"status": "error", "code": "unavailable", "message": "busy"}),
            "drop",
        ]
        self.assertEqual(self.run_import(self.file("a.csv", self.rows(3)), *WHOSE), 0)
        self.assertEqual(len(self.server.events), 3)

    def test_a_key_that_is_refused_ends_it_with_what_to_do(self):
        self.server.answers = [(401, {}, {"status": "error", "code": "unauthorized", "message": "no such key"})] * 9
        self.assertEqual(self.run_import(self.file("a.csv", self.rows(5_000)), *WHOSE), 2)
        self.assertIn("no such key", self.err)
        self.assertLessEqual(len(self.server.requests), 2)  # and not one for each batch

    def test_what_was_sent_before_the_end_of_a_broken_file_is_stored_and_the_code_says_broken(self):
        path = self.file("a.json", '[{"event_id":"1"},{"event_id":"2"},{"event')
        self.assertEqual(self.run_import(path), 2)
        self.assertEqual(sorted(self.server.events), ["1", "2"])
        self.assertIn("a.json: line 1:", self.err)

    def test_one_file_that_cannot_be_used_does_not_stop_the_others(self):
        self.assertEqual(self.run_import(self.folder / "none.csv", self.file("a.csv", self.rows(2)), *WHOSE), 2)
        self.assertEqual(len(self.server.events), 2)

    def test_lines_that_are_no_object_cannot_turn_a_batch_into_something_else(self):
        text = '[{"event_id":"9"}]\n{"events":[{"event_id":"8"}]}\n{"event_id":"1"}\n'
        self.assertEqual(self.run_import(self.file("a.jsonl", text)), 1)
        self.assertEqual(list(self.server.events), ["1"])
        self.assertIn("a.jsonl:1: unreadable", self.err)
        self.assertIn("a.jsonl:2: unreadable", self.err)

    def test_a_total_that_differs_from_the_printed_one_makes_the_code_1(self):
        text = (SAMPLES / "mt5_history.html").read_text(encoding="utf-8").replace("<b>1 252.25</b>", "<b>1 252.26</b>")
        path = self.file("h.html", text)
        self.assertEqual(self.run_import(path, "--strategy", "s", "--timezone", "UTC"), 1)
        self.assertRegex(self.out, r"total net profit +file 1 252\.26 +imported +1252\.25 +DIFFERS by 0\.01")
        whole = str(SAMPLES / "mt5_history.html")
        self.assertEqual(self.run_import(whole, "--strategy", "s", "--timezone", "UTC"), 0)
        self.assertRegex(self.out, r"total net profit +file 1 252\.25 +imported +1252\.25 +equal")

    def test_open_positions_can_be_left_out(self):
        self.run_import(SAMPLES / "mt5_history.html", "--strategy", "s", "--timezone", "UTC", "--closed-only")
        self.assertEqual({event["state"] for event in self.server.events.values()}, {"closed"})
        self.assertIn("open positions left out: 1", self.out)

    def test_every_problem_can_be_written_to_a_file(self):
        path = self.file("a.csv", CLEAN + "2024-01-01,A,sideways,1,1,2,1\n" * 50)
        problems = self.folder / "problems.jsonl"
        self.run_import(path, *WHOSE, "--problems", problems)
        written = [json.loads(line) for line in problems.read_text().splitlines()]
        self.assertEqual([problem["line"] for problem in written], list(range(2, 52)))
        self.assertEqual(self.err.count("unreadable: side is"), 20)
        self.assertIn("--problems", self.err)

    def test_options_that_make_no_sense_are_told(self):
        path = self.file("a.csv", self.rows(1))
        for option, value, words in (
            ("--set", "symbol", "FIELD=VALUE"),
            ("--set", "magic=1", "accepted: account_id"),
            ("--set", "quantity=many", "no number"),
            ("--map", "pnl", "FIELD=COLUMN"),
            ("--map", "pnl=Gain", "no such column"),
            ("--timezone", "Mars", "no time zone"),
            ("--encoding", "klingon", "utf-8"),
            ("--encoding", "base64", "utf-8"),
            ("--problems", str(self.folder), "--problems"),
        ):
            self.assertEqual(self.run_import(path, *WHOSE, option, value), 2, value)
            self.assertIn(words.replace("no number", "not a number"), self.err)
        self.assertEqual(self.server.posts, [])

    def test_nothing_is_written_over_in_a_pipe(self):
        self.run_import(self.file("a.csv", self.rows(2_000)), *WHOSE)
        self.assertNotIn("\r", self.out + self.err)
        self.assertEqual(self.err, "")

    def test_a_terminal_sees_a_bar_and_the_bar_goes(self):
        class Terminal(io.StringIO):
            def isatty(self):
                return True

        err = Terminal()
        path = self.file("a.csv", self.rows(3))
        parser = ArgumentParser()
        add_arguments(parser)
        parser.set_defaults(url=self.server.url, key=None, timeout=20, patience=20)
        self.assertEqual(run(parser.parse_args([str(path), *WHOSE]), io.StringIO(), err), 0)
        self.assertIn("trades", err.getvalue())
        self.assertTrue(err.getvalue().endswith(" \r"))

    def test_a_server_that_is_not_there_is_told_with_what_to_do(self):
        parser = ArgumentParser()
        add_arguments(parser)
        parser.set_defaults(url="http://127.0.0.1:1", key=None, timeout=1, patience=0)
        err = io.StringIO()
        path = self.file("a.csv", self.rows(3_500))
        self.assertEqual(run(parser.parse_args([str(path), str(path), *WHOSE]), io.StringIO(), err), 3)
        self.assertEqual(err.getvalue().count("run the same command again"), 1)

    def test_a_stream_that_lacks_a_letter_gets_an_escape(self):
        out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        parser = ArgumentParser()
        add_arguments(parser)
        path = self.file("a.csv", CLEAN + "2024-01-01,\u91d1,buy,1,1,2,1\n")
        self.assertEqual(run(parser.parse_args([str(path), *WHOSE, "--dry-run"]), out, io.StringIO()), 0)
        out.flush()
        self.assertIn(b"\\u91d1", out.buffer.getvalue())

    def test_what_a_file_says_cannot_command_the_terminal(self):
        self.run_import(self.file("a.csv", CLEAN + "2024-01-01,A,\x1b[2Jup,1,1,2,1\n"), *WHOSE)
        self.assertNotIn("\x1b", self.err + self.out)

    def test_stopping_it_loses_nothing_and_the_next_run_goes_on(self):
        path = self.file("a.csv", self.rows(5_000))
        self.server.hold.clear()
        parser = ArgumentParser()
        add_arguments(parser)
        parser.set_defaults(url=self.server.url, key=None, timeout=20, patience=20)
        outcome = []
        thread = threading.Thread(
            target=lambda: outcome.append(
                run(parser.parse_args([str(path), *WHOSE]), io.StringIO(), io.StringIO(), stopping)
            )
        )
        posted = []

        def stopping(lines):
            posted.append(list(lines))
            if len(posted) == 2:
                raise KeyboardInterrupt
            return self.server.take([line.decode() for line in lines])[2]["results"]

        thread.start()
        thread.join(20)
        self.server.hold.set()
        self.assertEqual(outcome, [130])
        self.assertEqual(len(self.server.events), 1000)
        self.assertEqual(self.run_import(path, *WHOSE), 0)
        self.assertIn("stored 4,000, duplicate 1,000", self.out)


if __name__ == "__main__":
    unittest.main()
