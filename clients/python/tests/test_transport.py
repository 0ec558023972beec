import gzip
import json
import os
import socket
import threading
import unittest

from support import Case, trade

from trueedge import ServerRefused, TrueEdgeError, Unreachable
from trueedge.transport import Answer, Backoff, Transport, retry_after

EVENT = json.dumps(trade()).encode()


def event(number):
    return json.dumps(trade(number)).encode()


class Requests(Case):
    def setUp(self):
        super().setUp()
        self.pauses = []
        self.transport = Transport(self.server.url, "te_key", timeout=5, wait=self.pauses.append)
        self.addCleanup(self.transport.close)

    def test_a_row_for_each_event(self):
        rows = self.transport.post_batch([event(1), event(2), event(1)])
        self.assertEqual([row["result"] for row in rows], ["stored", "stored", "duplicate"])

    def test_nothing_is_nothing(self):
        self.assertEqual(self.transport.post_batch([]), [])

    def test_what_can_succeed_is_tried_again(self):
        self.server.answers = [
            "drop",
            (503, {"Retry-After": "7"}, {}),
            (429, {}, {}),
            (500, {}, {}),
            (502, {}, b"<html>"),
        ]
        self.assertEqual(self.transport.post_batch([EVENT])[0]["result"], "stored")
        self.assertEqual(len(self.pauses), 5)

    def test_the_server_is_left_alone_for_as_long_as_it_asks(self):
        self.server.answers = [(503, {"Retry-After": "7"}, {})]
        self.transport.post_batch([EVENT])
        self.assertTrue(7 <= self.pauses[0] <= 7.7)

    def test_what_cannot_succeed_is_not_tried_again(self):
        refused = {"status": "error", "code": "unauthorized", "message": "no such key", "request_id": "r-1"}
        self.server.answers = [(401, {}, refused)]
        with self.assertRaises(ServerRefused) as caught:
            self.transport.post_batch([EVENT])
        self.assertEqual((caught.exception.status, caught.exception.code), (401, "unauthorized"))
        self.assertEqual((caught.exception.request_id, self.pauses), ("r-1", []))

    def test_a_page_that_is_not_ours_is_not_taken_for_an_answer(self):
        self.server.answers = [(200, {}, b"<html>please sign in</html>")]
        with self.assertRaises(Unreachable) as caught:
            self.transport.post_batch([EVENT])
        self.assertFalse(caught.exception.can_succeed)

    def test_an_answer_with_too_few_rows_is_no_answer(self):
        self.server.answers = [(200, {}, {"results": [{"result": "stored"}]})]
        with self.assertRaises(Unreachable):
            self.transport.post_batch([EVENT, EVENT])

    def test_a_redirection_is_told_and_not_followed(self):
        self.server.answers = [(301, {"Location": "https://elsewhere.example/"}, b"")]
        with self.assertRaisesRegex(ServerRefused, "elsewhere"):
            self.transport.post_batch([EVENT])

    def test_a_body_that_is_too_large_for_a_proxy_goes_in_halves(self):
        self.server.answers = [(413, {}, b"<html>")]
        rows = self.transport.post_batch([event(number) for number in range(5)])
        self.assertEqual([row["index"] for row in rows], [0, 1, 2, 3, 4])
        self.assertEqual([len(post) for post in self.server.posts], [2, 3])

    def test_a_single_event_that_is_too_large_is_refused(self):
        self.server.answers = [(413, {}, {"code": "too_large", "message": "an event has at most 61440 bytes"})]
        self.assertEqual(self.transport.post_batch([EVENT])[0]["result"], "invalid")

    def test_an_answer_that_is_cut_short_is_tried_again(self):
        whole = json.dumps({"results": [{"result": "stored"}]}).encode()
        self.server.answers = [(200, {"Content-Length": str(len(whole) + 10), "Connection": "close"}, whole)]
        transport = Transport(self.server.url, timeout=0.3, wait=self.pauses.append)
        self.assertEqual(transport.post_batch([EVENT])[0]["result"], "stored")
        self.assertEqual(len(self.pauses), 1)

    def test_patience_ends(self):
        transport = Transport(self.server.url, patience=0)
        self.server.answers = [(503, {}, {})] * 2
        with self.assertRaises(Unreachable):
            transport.post_batch([EVENT])
        self.assertEqual(len(self.server.answers), 1)

    def test_a_zipped_answer_is_unzipped(self):
        self.server.gets["/x"] = lambda _: (200, {"Content-Encoding": "gzip"}, gzip.compress(b'{"a":1.10}'))
        self.assertEqual(str(self.transport.get("/x").json()["a"]), "1.10")

    def test_rubbish_for_a_zipped_answer_is_unreachable(self):
        for body in (b"rubbish", gzip.compress(b"x" * 1000)[:-20]):
            self.server.gets["/x"] = lambda _, body=body: (200, {"Content-Encoding": "gzip"}, body)
            with self.assertRaises(Unreachable):
                Transport(self.server.url, patience=0).get("/x")

    def test_a_connection_is_used_again(self):
        self.server.gets["/x"] = lambda _: (200, {}, {})
        for _ in range(3):
            self.transport.get("/x")
        connection = self.transport._connections.connection
        self.transport.get("/x")
        self.assertIs(self.transport._connections.connection, connection)

    def test_a_connection_closed_while_idle_is_opened_anew_without_a_pause(self):
        self.server.gets["/x"] = lambda _: (200, {}, {})
        self.transport.get("/x")
        self.server.answers = ["drop"]
        self.transport.get("/x")
        self.assertEqual(self.pauses, [])

    def test_threads_share_one(self):
        self.server.gets["/x"] = lambda query: (200, {}, query)
        wrong = []

        def ask(number):
            for _ in range(20):
                if self.transport.get("/x", {"n": number}).json() != {"n": str(number)}:
                    wrong.append(number)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    @unittest.skipUnless(hasattr(os, "fork"), "no fork here")
    def test_a_child_does_not_use_its_parents_connection(self):
        self.server.gets["/x"] = lambda _: (200, {}, {})
        self.transport.get("/x")
        child = os.fork()
        if not child:
            try:
                os._exit(0 if self.transport._connection()[1] is False else 1)
            finally:
                os._exit(2)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_the_key_goes_in_its_header_and_nowhere_else(self):
        self.transport.post_batch([EVENT])
        _, path, headers = self.server.requests[0]
        self.assertEqual(headers["X-API-Key"], "te_key")
        self.assertNotIn("te_key", repr(self.transport) + path)

    def test_no_answer_in_time_is_unreachable(self):
        self.server.hold.clear()
        with self.assertRaisesRegex(Unreachable, r"no answer within 0\.2 s"):
            Transport(self.server.url, timeout=0.2, patience=0).post_batch([EVENT])

    def test_nothing_that_listens_is_unreachable(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            with self.assertRaisesRegex(Unreachable, "refused"):
                Transport(f"http://127.0.0.1:{free.getsockname()[1]}", patience=0).get("/x")

    def test_a_server_without_tls_is_told(self):
        with self.assertRaisesRegex(Unreachable, "TLS"):
            Transport(self.server.url.replace("http:", "https:"), patience=0, timeout=2).get("/x")


class Arguments(unittest.TestCase):
    def test_an_address_that_is_none_is_refused(self):
        for url in ("", "127.0.0.1:9000", "ftp://x", "http://", "http://x:port", "http://x/?a=1", "http://x y", None):
            with self.subTest(url=url), self.assertRaisesRegex(TrueEdgeError, "url"):
                Transport(url)

    def test_a_password_in_the_address_is_refused_and_not_repeated(self):
        with self.assertRaises(TrueEdgeError) as caught:
            Transport("http://me:secret@x")
        self.assertNotIn("secret", str(caught.exception))

    def test_a_path_before_the_routes_is_kept(self):
        self.assertEqual(Transport("https://x.example/prod/").url, "https://x.example/prod")

    def test_a_key_that_no_header_can_hold_is_refused_and_not_repeated(self):
        for key in ("te_a\nX: y", "te_é", "te_ a b"):
            with self.assertRaises(TrueEdgeError) as caught:
                Transport("http://x", key)
            self.assertNotIn(key, str(caught.exception))

    def test_a_line_break_after_a_key_from_a_file_is_dropped(self):
        self.assertEqual(Transport("http://x", "te_abc\n").key, "te_abc")


class Pauses(unittest.TestCase):
    def test_they_grow_to_a_limit_and_are_random(self):
        backoff = Backoff(first=1, most=8)
        pauses = [backoff.next() for _ in range(2000)]
        self.assertLessEqual(pauses[0], 1)
        self.assertLessEqual(max(pauses), 8)
        self.assertGreater(len(set(pauses)), 1900)
        self.assertGreater(max(pauses[10:]), 7)

    def test_retry_after_is_read_in_both_forms(self):
        def asked(**headers):
            return retry_after(Answer(503, {name.replace("_", "-"): value for name, value in headers.items()}, b""))

        date = "Wed, 25 Nov 2026 10:00:00 GMT"
        self.assertEqual(asked(retry_after="3"), 3)
        self.assertEqual(asked(retry_after="Wed, 25 Nov 2026 10:00:09 GMT", date=date), 9)
        self.assertEqual(asked(retry_after="99999"), 300)
        self.assertIsNone(asked(retry_after="soon"))
        self.assertIsNone(asked())


if __name__ == "__main__":
    unittest.main()
