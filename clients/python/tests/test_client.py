import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import unittest
from datetime import datetime, timezone
from decimal import Decimal

from support import PACKAGE, Case, environment, trade

from trueedge import InvalidTrade, OutboxError, OutboxFull, ServerRefused, TrueEdge, TrueEdgeError
from trueedge.outbox import look

NOWHERE = "http://127.0.0.1:1"
REFUSED = {"status": "error", "code": "unauthorized", "message": "no such key"}


def until(what, seconds=10.0):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise AssertionError("it did not come true")
        time.sleep(0.01)


class Script:
    """Another Python process that has the package and nothing else."""

    def __init__(self, text, *arguments):
        head = f"import sys; sys.path.insert(0, {str(PACKAGE)!r}); sys.path.insert(0, {str(PACKAGE / 'tests')!r})\n"
        head += "import logging; logging.getLogger('trueedge').setLevel(logging.CRITICAL)\n"
        head += "from support import trade; from trueedge import *\n"
        self.process = subprocess.Popen(
            [sys.executable, "-c", head + textwrap.dedent(text), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self):
        out, errors = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, errors
        return out

    def said(self, word):
        for line in self.process.stdout:
            if line.strip() == word:
                return
        raise AssertionError(f"it ended without {word}: {self.process.stderr.read()}")

    def kill(self):
        self.process.kill()
        self.process.communicate()


class Recording(Case):
    def test_a_trade_reaches_the_server(self):
        edge = self.client()
        self.assertEqual(edge.record(trade(1)), "e-1")
        self.assertTrue(edge.flush(10))
        self.assertEqual(self.server.events["e-1"]["pnl"], "17.30")

    def test_fields_win_over_the_trade_and_both_over_the_defaults(self):
        edge = self.client(defaults={"account_id": "default", "venue": "default", "symbol": "default"})
        edge.record(trade(1, account_id=..., venue="given"), symbol="named")
        edge.flush(10)
        sent = self.server.events["e-1"]
        self.assertEqual((sent["account_id"], sent["venue"], sent["symbol"]), ("default", "given", "named"))

    def test_a_bad_trade_raises_where_it_is_made(self):
        edge = self.client()
        with self.assertRaisesRegex(InvalidTrade, "side"):
            edge.record(trade(1, side="long"))
        self.assertEqual(edge.waiting(), 0)

    def test_what_is_no_dict_is_no_trade(self):
        for odd in ([("event_id", "e")], "trade", 7):
            with self.assertRaisesRegex(InvalidTrade, "dict of fields"):
                self.client().record(odd)

    def test_a_bad_trade_may_go_to_the_dead_letters_instead(self):
        seen = []
        edge = self.client(raise_invalid=False, on_refused=seen.append)
        edge.record(trade(1, side="long"))
        self.assertEqual([letter["result"] for letter in self.letters()], ["unsendable"])
        self.assertEqual(seen[0].errors[0]["field"], "side")

    def test_recording_waits_for_no_network(self):
        self.server.hold.clear()
        edge = self.client()
        edge.record(trade(1))
        until(lambda: self.server.requests)  # a request hangs
        edge.record(trade(2))
        self.assertEqual(edge.waiting(), 2)

    def test_many_threads_record_at_once(self):
        edge = self.client()

        def record(thread):
            for number in range(200):
                edge.record(trade(f"{thread}-{number}"))

        threads = [threading.Thread(target=record, args=(thread,)) for thread in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(edge.flush(20))
        self.assertEqual(len(self.server.events), 1000)

    def test_trades_go_in_batches(self):
        self.server.hold.clear()
        edge = self.client()
        for number in range(1500):
            edge.record(trade(number))
        self.server.hold.set()
        self.assertTrue(edge.flush(20))
        self.assertLessEqual(len(self.server.posts), 4)
        self.assertEqual(max(map(len, self.server.posts)), 1000)

    def test_a_restarted_bot_doubles_nothing(self):
        for _ in range(2):
            edge = self.client()
            edge.record(trade(1))
            self.assertTrue(edge.close(10))
        self.assertEqual((len(self.server.events), len(self.server.posts)), (1, 2))

    def test_a_closed_client_leaves_an_empty_folder_and_takes_no_more(self):
        edge = self.client()
        edge.record(trade(1))
        self.assertTrue(edge.close(10))
        self.assertEqual(os.listdir(self.folder), [])
        with self.assertRaises(OutboxError):
            edge.record(trade(2))

    def test_a_client_that_only_reads_makes_no_folder(self):
        self.server.gets["/metrics/overall"] = lambda _: (200, {}, {"metrics": {}})
        self.client().metrics()
        self.assertFalse(self.folder.exists())

    def test_a_folder_that_is_removed_is_made_again(self):
        self.server.hold.clear()
        edge = self.client()
        edge.record(trade(1))
        for path in self.folder.iterdir():
            path.unlink()
        self.folder.rmdir()
        edge.record(trade(2))
        self.server.hold.set()
        until(lambda: "e-2" in self.server.events)

    def test_a_misspelt_field_is_told_once(self):
        edge = self.client()
        with self.assertLogs("trueedge", "WARNING") as told:
            edge.record(trade(1, intial_risk="5"))
            edge.record(trade(2, intial_risk="5"))
        self.assertEqual(
            [line for line in told.output if "intial_risk" in line and "initial_risk" in line].__len__(), 1
        )

    def test_a_default_that_is_no_field_is_refused(self):
        for odd in ({"acount_id": "a"}, {"event_id": "x"}):
            with self.assertRaisesRegex(TrueEdgeError, "defaults"):
                self.client(defaults=odd)

    def test_the_variables_name_server_key_and_folder(self):
        with environment(TRUEEDGE_URL="http://x.example", TRUEEDGE_KEY="te_k", TRUEEDGE_OUTBOX=str(self.folder)):
            edge = TrueEdge()
        self.assertEqual((edge.url, edge.outbox), ("http://x.example", self.folder))
        self.assertNotIn("te_k", repr(edge))

    def test_the_folders_of_two_servers_differ(self):
        self.assertNotEqual(TrueEdge("http://a").outbox, TrueEdge("http://b").outbox)


class Failing(Case):
    def test_trouble_passes_and_nothing_is_lost(self):
        self.server.answers = ["drop", (500, {}, {}), (503, {"Retry-After": "1"}, {}), (429, {}, {})]
        edge = self.client()
        edge.record(trade(1))
        until(lambda: edge.trouble)
        self.assertTrue(edge.flush(30))
        self.assertIsNone(edge.trouble)
        self.assertEqual(list(self.server.events), ["e-1"])

    def test_a_key_that_is_refused_loses_nothing(self):
        self.server.answers = [(401, {}, REFUSED)] * 2
        edge = self.client(key="te_old")
        edge.record(trade(1))
        until(lambda: edge.trouble and "no such key" in edge.trouble)
        self.assertEqual((edge.waiting(), self.letters()), (1, []))
        self.assertTrue(edge.flush(10))

    def test_flush_is_false_when_the_time_is_over_and_the_trade_waits(self):
        edge = self.client(url=NOWHERE)
        edge.record(trade(1))
        self.assertFalse(edge.flush(0.2))
        self.assertEqual(edge.waiting(), 1)

    def test_a_refused_trade_is_kept_with_the_reason_and_the_rest_goes_on(self):
        seen = []
        edge = self.client(on_refused=seen.append)
        for number, symbol in enumerate(["A", "REFUSED", "FOREIGN", "B"]):
            edge.record(trade(number, symbol=symbol))
        edge.record(trade(0, symbol="OTHER"))
        self.assertTrue(edge.flush(10))
        self.assertEqual(sorted(self.server.events), ["e-0", "e-3"])
        self.assertEqual(sorted(refusal.result for refusal in seen), ["conflict", "forbidden", "invalid"])
        letter = next(letter for letter in self.letters() if letter["result"] == "invalid")
        self.assertEqual((letter["event_id"], letter["message"]), ("e-1", "refused by the test"))
        self.assertIn('"symbol":"REFUSED"', letter["event"])

    def test_a_callback_that_raises_stops_nothing(self):
        def broken(_):
            raise RuntimeError("mine")

        edge = self.client(on_refused=broken)
        edge.record(trade(1, symbol="REFUSED"))
        edge.record(trade(2))
        self.assertTrue(edge.flush(10))
        self.assertIn("e-2", self.server.events)

    def test_dead_letters_that_cannot_be_kept_keep_the_trade_in_the_outbox(self):
        self.folder.mkdir()
        (self.folder / "refused.ndjson").mkdir()  # no file can be opened there
        edge = self.client()
        edge.record(trade(1, symbol="REFUSED"))
        until(lambda: edge.trouble)
        self.assertEqual(edge.waiting(), 1)
        (self.folder / "refused.ndjson").rmdir()
        self.assertTrue(edge.flush(10))
        self.assertEqual(len(self.letters()), 1)

    def test_an_outbox_that_cannot_be_written_is_said(self):
        self.folder.parent.joinpath("file").write_text("")
        edge = self.client(outbox=self.folder.parent / "file" / "outbox")
        with self.assertRaises(OutboxError):
            edge.record(trade(1))

    @unittest.skipUnless(hasattr(os, "fork"), "no limit on the size of files here")
    def test_a_full_disk_is_said_and_what_was_recorded_is_whole(self):
        # The limit does what a full disk does: the write that crosses it is cut short, the next one fails.
        out = Script(
            """
            import resource
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
            edge = TrueEdge(sys.argv[1], outbox=sys.argv[2], exit_timeout=0)
            kept = full = 0
            for number in range(50):
                try:
                    edge.record(trade(number))
                    kept += 1
                except OutboxFull:
                    full += 1
            print(kept, full, flush=True)
            import os; os._exit(0)
            """,
            NOWHERE,
            self.folder,
        ).finish()
        kept, full = map(int, out.split())
        self.assertEqual(kept + full, 50)
        self.assertGreater(min(kept, full), 5)
        self.assertTrue(self.client().flush(10))
        self.assertEqual((len(self.server.events), self.letters()), (0, []))  # they are for another server
        os.environ.update(TRUEEDGE_URL=self.server.url)
        self.assertEqual(sum(one.events for one in look(self.folder)), kept)

    def test_what_a_dead_process_left_unreadable_does_not_hold_up_the_living(self):
        dead = self.client(exit_timeout=0)
        self.server.answers = [(503, {"Retry-After": "60"}, {})]
        dead.record(trade(1))
        until(lambda: dead.trouble)
        dead.close(0)
        [path] = self.folder.glob("*.log")
        path.unlink()
        path.mkdir()  # reading it fails with an error that is not "not there"
        edge = self.client()
        edge.record(trade(2))
        self.assertTrue(edge.flush(10))
        self.assertEqual(list(self.server.events), ["e-2"])

    @unittest.skipUnless(hasattr(os, "fork"), "no such measure here")
    def test_an_outbox_that_grows_costs_no_memory(self):
        out = Script(
            """
            import resource
            edge = TrueEdge(sys.argv[1], outbox=sys.argv[2], exit_timeout=0)
            most = []
            for number in range(40_000):
                edge.record(trade(number, metadata={"note": "x" * 500}))
                if number in (2_000, 39_999):
                    most.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
            print(*most, flush=True)
            import os; os._exit(0)
            """,
            NOWHERE,
            self.folder,
        ).finish()
        before, after = map(int, out.split())
        unit = 1 if sys.platform == "darwin" else 1024
        size = sum(path.stat().st_size for path in self.folder.glob("*.log"))
        self.assertGreater(size, 30_000_000)
        self.assertLess((after - before) * unit, size / 2)

    @unittest.skipUnless(hasattr(signal, "setitimer"), "no timers here")
    def test_a_signal_handler_may_record_too(self):
        out = Script(
            """
            import signal
            edge = TrueEdge(sys.argv[1], outbox=sys.argv[2])
            fired = []
            def handler(*_):
                fired.append(1)
                edge.record(trade(f"signal-{len(fired)}"))
                if len(fired) < 200:
                    signal.setitimer(signal.ITIMER_REAL, 0.0007)
            signal.signal(signal.SIGALRM, handler)
            signal.setitimer(signal.ITIMER_REAL, 0.0007)
            number = 0
            while len(fired) < 200:
                edge.record(trade(f"main-{number}")); number += 1
            assert edge.close(30)
            print(len(fired) + number)
            """,
            self.server.url,
            self.folder,
        ).finish()
        self.assertEqual((len(self.server.events), self.letters()), (int(out), []))

    def test_full_is_an_outbox_error(self):
        self.assertTrue(issubclass(OutboxFull, OutboxError))


class Processes(Case):
    RECORD_FOR_EVER = """
        edge = TrueEdge(sys.argv[1], outbox=sys.argv[2])
        for number in range(int(sys.argv[3])):
            edge.record(trade(f"{sys.argv[4]}-{number}"))
        print("recorded", flush=True)
        import time; time.sleep(60)
        """

    def test_what_a_killed_process_recorded_is_sent_by_the_next(self):
        self.server.answers = [(503, {"Retry-After": "60"}, {})]
        first = Script(self.RECORD_FOR_EVER, self.server.url, self.folder, 500, "a")
        first.said("recorded")
        first.kill()
        self.assertEqual(self.server.events, {})
        edge = self.client()
        self.assertTrue(edge.flush(20))
        self.assertEqual(len(self.server.events), 500)
        self.assertTrue(edge.close(5))
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_process_that_is_killed_while_it_records_loses_nothing_it_was_told_of(self):
        script = Script(
            """
            edge = TrueEdge(sys.argv[1], outbox=sys.argv[2])
            number = 0
            while True:
                print(edge.record(trade(number)), flush=True)
                number += 1
            """,
            NOWHERE.replace(":1", f":{self.server.server.server_port}"),
            self.folder,
        )
        told = [script.process.stdout.readline().strip() for _ in range(300)]
        os.kill(script.process.pid, signal.SIGKILL)
        told += [line.strip() for line in script.process.stdout if line.endswith("\n")]
        script.kill()
        self.assertTrue(self.client().flush(20))
        self.assertEqual(set(told) - set(self.server.events), set())

    def test_two_processes_share_a_folder(self):
        scripts = [Script(self.RECORD_FOR_EVER, self.server.url, self.folder, 300, name) for name in "ab"]
        for script in scripts:
            script.said("recorded")
        until(lambda: len(self.server.events) == 600)
        for script in scripts:
            script.kill()

    def test_the_end_of_a_program_waits_for_what_is_on_its_way(self):
        Script("TrueEdge(sys.argv[1], outbox=sys.argv[2]).record(trade(1))", self.server.url, self.folder).finish()
        self.assertEqual(list(self.server.events), ["e-1"])

    def test_the_end_of_a_program_does_not_wait_for_a_server_that_is_down(self):
        script = """
            import time
            edge = TrueEdge(sys.argv[1], outbox=sys.argv[2], exit_timeout=50)
            edge.record(trade(1))
            while not edge.trouble: time.sleep(0.01)
            """
        started = time.monotonic()
        Script(script, NOWHERE, self.folder).finish()
        self.assertLess(time.monotonic() - started, 40)
        self.assertEqual(look(self.folder)[0].events, 1)

    @unittest.skipUnless(hasattr(os, "fork"), "no fork here")
    def test_parent_and_child_of_a_fork_both_go_on(self):
        Script(
            """
            import os, threading
            edge = TrueEdge(sys.argv[1], outbox=sys.argv[2])
            stop = threading.Event()
            def more():
                number = 0
                while not stop.is_set():
                    edge.record(trade(f"thread-{number}")); number += 1
            thread = threading.Thread(target=more); thread.start()
            children = []
            for child in range(5):
                pid = os.fork()
                if not pid:
                    try:
                        edge.record(trade(f"child-{child}"))
                        os._exit(0 if edge.flush(20) else 1)
                    finally:
                        os._exit(2)
                children.append(pid)
                edge.record(trade(f"parent-{child}"))
            stop.set(); thread.join()
            assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 5
            assert edge.close(20)
            """,
            self.server.url,
            self.folder,
        ).finish()
        names = [name.split("-")[1] for name in self.server.events]
        self.assertEqual((names.count("child"), names.count("parent")), (5, 5))
        self.assertEqual(self.letters(), [])

    @unittest.skipUnless(hasattr(os, "fork"), "no fork here")
    def test_what_a_child_left_is_sent_by_its_parent(self):
        self.server.hold.clear()
        Script(
            """
            import os, urllib.request
            edge = TrueEdge(sys.argv[1], outbox=sys.argv[2])
            pid = os.fork()
            if not pid:
                edge.record(trade("child"))
                os._exit(0)
            os.waitpid(pid, 0)
            import threading
            print("left", flush=True)
            sys.stdin.close()
            assert edge.flush(30)
            """,
            self.server.url,
            self.folder,
        ).said("left")
        self.server.hold.set()
        until(lambda: "e-child" in self.server.events, 30)

    def test_what_another_key_wrote_waits_for_it_when_ours_may_not_send_it(self):
        other = self.client(url=self.server.url, key="te_other", exit_timeout=0)
        self.server.answers = [(401, {}, REFUSED)]
        other.record(trade(1, symbol="FOREIGN"))
        until(lambda: other.trouble)
        other.close(0)
        edge = self.client(key="te_mine")
        edge.record(trade(2))
        self.assertTrue(edge.flush(10))
        self.assertEqual((self.letters(), edge.waiting()), ([], 1))

    def test_what_an_old_key_could_not_send_is_sent_by_the_new_one(self):
        old = self.client(key="te_old", exit_timeout=0)
        self.server.answers = [(401, {}, REFUSED)]
        old.record(trade(1))
        until(lambda: old.trouble)
        old.close(0)
        self.assertTrue(self.client(key="te_new").flush(10))
        self.assertIn("e-1", self.server.events)

    def test_what_waits_for_another_server_is_not_sent_to_ours(self):
        there = self.client(url=NOWHERE)
        there.record(trade(1))
        there.close(0)
        self.assertTrue(self.client().flush(10))
        self.assertEqual(self.server.events, {})


class Reading(Case):
    def setUp(self):
        super().setUp()
        self.edge = self.client()

    def serve(self, path, answer):
        asked = []
        self.server.gets[path] = lambda query: asked.append(query) or (200, {}, answer(query))
        return asked

    def test_filters_are_sent_as_the_api_names_them(self):
        asked = self.serve("/metrics/overall", lambda _: {"metrics": {}})
        self.edge.metrics(from_=datetime(2026, 1, 5, tzinfo=timezone.utc), account_id="a b", to="2026-02-01")
        self.assertEqual(asked, [{"from": "2026-01-05T00:00:00Z", "account_id": "a b", "to": "2026-02-01"}])

    def test_a_filter_that_is_not_known_is_told(self):
        with self.assertRaisesRegex(TypeError, "strategy_id"):
            self.edge.metrics(strategy="x")

    def test_money_is_exact(self):
        self.server.gets["/metrics/overall"] = lambda _: (200, {}, b'{"metrics":{"total_pnl":0.1234567890123456789}}')
        self.assertEqual(self.edge.metrics()["metrics"]["total_pnl"], Decimal("0.1234567890123456789"))

    def test_trades_go_on_to_the_last_page(self):
        def page(query):
            number = int(query.get("cursor", 0))
            return {"trades": [{"position": number}], "next_cursor": str(number + 1) if number < 3 else None}

        self.serve("/trade_events", page)
        self.assertEqual([row["position"] for row in self.edge.trades()], [0, 1, 2, 3])

    def test_strategies_go_on_to_the_last_page_and_are_sorted_by_the_server(self):
        def page(query):
            last = "cursor" in query
            return {"strategies": [{"strategy_id": "b" if last else "a"}], "next_cursor": None if last else "x"}

        asked = self.serve("/metrics/by_strategy", page)
        rows = self.edge.strategies(sort="total_pnl", order="desc")
        self.assertEqual([row["strategy_id"] for row in rows], ["a", "b"])
        self.assertEqual((asked[0]["sort"], asked[0]["order"]), ("total_pnl", "desc"))

    def test_a_refused_question_raises_with_its_code(self):
        self.server.answers = [(400, {}, {"code": "invalid_parameter", "message": '"x": not known'})]
        with self.assertRaises(ServerRefused) as caught:
            self.edge.metrics()
        self.assertEqual(caught.exception.code, "invalid_parameter")

    def test_a_frame_without_pandas_says_what_to_install(self):
        try:
            import pandas  # noqa: F401
        except ImportError:
            self.serve("/metrics/equity_curve", lambda _: {"points": []})
            with self.assertRaisesRegex(ImportError, "pip install pandas"):
                self.edge.equity_curve_frame()
        else:
            self.skipTest("pandas is here")


if __name__ == "__main__":
    unittest.main()
