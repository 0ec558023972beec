import io
import json
import os
import sys
import unittest
from contextlib import redirect_stderr, redirect_stdout
from decimal import Decimal

from support import Case, environment, trade

from trueedge.cli import main
from trueedge.sending import events, read_ahead
from trueedge.terminal import Progress, plain, table


def read(text):
    source = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return [one for some in events(source) for one in some]


class Forms(unittest.TestCase):
    def test_a_line_is_an_event_with_its_number(self):
        self.assertEqual(read('{"a":1}\n\n{"a":2}\r\n{"a":3}'), [(1, b'{"a":1}'), (3, b'{"a":2}'), (4, b'{"a":3}')])

    def test_the_texts_of_an_array_are_kept_to_the_digit(self):
        self.assertEqual(read('[{"a":1.10},\n {"b":\n 1e3}, 7]'), [(1, b'{"a":1.10}'), (2, b'{"b":  1e3}'), (3, b"7")])

    def test_an_object_with_events_is_its_events(self):
        for text in ('{"events":[{"a":1}]}', '{"x": [1], "y": {"events": 2},\n "events": [ {"a":1} ], "z": 0}'):
            self.assertEqual([line for _, line in read(text)], [b'{"a":1}'])

    def test_an_event_over_several_lines_is_one(self):
        self.assertEqual(read('{\n "a": 1\n}\n'), [(1, b'{  "a": 1 }')])

    def test_a_byte_order_mark_is_dropped(self):
        self.assertEqual(read(b'\xef\xbb\xbf{"a":1}\n'), [(1, b'{"a":1}')])

    def test_what_cannot_be_read_is_left_to_the_server_line_by_line(self):
        self.assertEqual(read('{"a"\n{"a":1}\n'), [(1, b'{"a"'), (2, b'{"a":1}')])
        self.assertEqual(read(b"\xff\xfe\n"), [(1, b"\xff\xfe")])
        self.assertEqual(read("[1, 2"), [(1, b"[1, 2")])

    def test_nothing_is_nothing(self):
        for text in ("", "\n\n", "[]", '{"events": []}'):
            self.assertEqual(read(text), [])

    def test_a_line_across_two_reads_is_one(self):
        lines = [json.dumps({"n": number, "x": "y" * 1000}) for number in range(1000)]
        self.assertEqual([line.decode() for _, line in read("\n".join(lines))], lines)

    def test_an_error_of_the_reader_is_raised_where_it_is_read(self):
        def broken():
            yield [(1, b"a")]
            raise OSError("gone")

        with self.assertRaisesRegex(OSError, "gone"):
            list(read_ahead(broken()))


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Bars(unittest.TestCase):
    def test_a_bar_is_drawn_on_a_terminal_and_taken_away(self):
        terminal = Terminal()
        with environment(TERM="xterm", COLUMNS="120"):
            bar = Progress("events", 1000, terminal)
            bar.show(5, 500, "0 refused")
            bar.clear()
        self.assertRegex(terminal.getvalue(), r"^\r\[#{12}\.{12}\]  50%  5 events .* left  0 refused\r +\r$")

    def test_nothing_is_drawn_into_a_pipe(self):
        pipe = io.StringIO()
        bar = Progress("events", 1000, pipe)
        bar.show(5, 500)
        bar.clear()
        self.assertEqual(pipe.getvalue(), "")

    def test_a_table_is_aligned_and_obeys_no_escape(self):
        self.assertEqual(table([("a", "10"), ("bcd", "2")], right=[1]), "a    10\nbcd   2")
        self.assertEqual(
            [plain(one) for one in ("\x1b[2J", None, Decimal("0.1234567891"), Decimal("1E+3"), [1, None])],
            ["?[2J", "–", "0.12345679", "1000", "1 to –"],
        )


class Commands(Case):
    def run_it(self, *arguments, given=None):
        out, errors = io.StringIO(), io.StringIO()
        kept = sys.stdin
        if given is not None:
            sys.stdin = io.TextIOWrapper(io.BytesIO(given.encode()))
        try:
            with redirect_stdout(out), redirect_stderr(errors):
                try:
                    code = main([*arguments, "--url", self.server.url, "--patience", "0"])
                except SystemExit as ended:
                    code = ended.code
        finally:
            sys.stdin = kept
        return code, out.getvalue(), errors.getvalue()

    def test_what_is_sent_is_counted(self):
        text = "".join(json.dumps(trade(number)) + "\n" for number in range(2500))
        code, out, errors = self.run_it("send", given=text)
        self.assertEqual((code, out, errors), (0, "2,500 stored, 0 duplicate, 0 refused\n", ""))
        self.assertEqual(len(self.server.events), 2500)

    def test_a_refused_event_is_told_with_its_line_and_the_rest_goes_on(self):
        text = "\n".join(json.dumps(trade(n, symbol=symbol)) for n, symbol in enumerate(["A", "REFUSED", "B"]))
        code, out, errors = self.run_it("send", "-", given=text)
        self.assertEqual((code, out), (1, "2 stored, 0 duplicate, 1 refused\n"))
        self.assertIn("line 2: invalid: refused by the test", errors)

    def test_results_as_json_are_alone_on_standard_output(self):
        _, out, _ = self.run_it("send", "--json", given=json.dumps(trade(1)))
        self.assertEqual(json.loads(out)["result"], "stored")

    def test_an_outbox_is_sent_for_whichever_server_it_was_written(self):
        edge = self.client(url="http://127.0.0.1:1", key="te_other")
        for number in range(3):
            edge.record(trade(number, symbol="REFUSED" if number == 1 else "A"))
        edge.close(0)
        code, out, _ = self.run_it("send", "--outbox", str(self.folder))
        self.assertEqual((code, len(self.server.events), len(self.letters())), (1, 2, 1))
        self.assertIn("2 sent, 1 refused", out)
        self.assertEqual(os.listdir(self.folder), ["refused.ndjson"])

    def test_the_outbox_of_a_running_bot_is_its_own(self):
        edge = self.client(url="http://127.0.0.1:1")
        edge.record(trade(1))
        _, _, errors = self.run_it("send", "--outbox", str(self.folder))
        self.assertIn("1 running", errors)
        self.assertEqual(edge.waiting(), 1)

    def test_exit_codes(self):
        self.assertEqual(self.run_it("nonsense")[0], 2)
        self.assertEqual(self.run_it("send", "/no/such/file")[0], 2)
        self.server.answers = [(401, {}, {"code": "unauthorized", "message": "no such key"})]
        self.assertEqual(self.run_it("metrics")[0], 2)
        self.server.answers = [(503, {}, {})]
        self.assertEqual(self.run_it("metrics")[0], 3)

    def test_a_key_from_a_file_is_sent_and_never_printed(self):
        path = self.folder.parent / "key"
        path.write_text("te_secret\n")
        self.server.answers = [(401, {}, {"code": "unauthorized", "message": "no such key"})]
        _, out, errors = self.run_it("metrics", "--key-file", str(path))
        self.assertEqual(self.server.requests[0][2]["X-API-Key"], "te_secret")
        self.assertNotIn("secret", out + errors)

    def test_help_has_examples(self):
        for command in ((), ("send",)):
            code, out, _ = self.run_it(*command, "--help")
            self.assertEqual(code, 0)
            self.assertIn("examples:", out)


if __name__ == "__main__":
    unittest.main()
