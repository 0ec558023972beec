import os
import tempfile
import unittest
from pathlib import Path

import support  # noqa: F401 - finds the package

from trueedge import outbox
from trueedge.outbox import Log, Mark, look, owners

URL = "http://127.0.0.1:1"


class Outbox(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="trueedge-test-")
        self.addCleanup(place.cleanup)
        self.folder = Path(place.name) / "o"

    def log(self, key=None):
        log = Log.create(self.folder, URL, key)
        self.addCleanup(log.forget)
        return log

    def died(self, *lines, cut=0):
        """What a process leaves that appended the lines and was killed; `cut` bytes of the last were not written."""
        log = Log.create(self.folder, URL, None)
        for line in lines:
            log.append(line)
        log.forget()
        if cut:
            [path] = self.folder.glob(f"{log.owner}.*.log")
            os.truncate(path, path.stat().st_size - cut)
        return log.owner

    def adopted(self, owner):
        log = Log.adopt(self.folder, owner)
        self.addCleanup(log.forget)
        return log

    def test_events_come_out_in_order(self):
        log = self.log()
        for line in (b"1", b"2", b"3"):
            log.append(line)
        self.assertEqual(log.peek().lines, [b"1", b"2", b"3"])

    def test_what_is_acknowledged_does_not_come_again(self):
        log = self.log()
        log.append(b"1")
        log.advance(log.peek().end)
        self.assertIsNone(log.peek())
        log.append(b"2")
        self.assertEqual(log.peek().lines, [b"2"])

    def test_a_batch_has_at_most_so_many_events(self):
        log = self.log()
        for line in (b"1", b"2", b"3"):
            log.append(line)
        first = log.peek(2)
        self.assertEqual(first.lines, [b"1", b"2"])
        log.advance(first.end)
        self.assertEqual(log.peek(2).lines, [b"3"])

    def test_a_batch_has_at_most_so_many_bytes(self):
        log = self.log()
        for line in (b"aaaa", b"bbbb", b"cc"):
            log.append(line)
        first = log.peek(most_bytes=10)
        self.assertEqual(first.lines, [b"aaaa", b"bbbb"])

    def test_a_live_log_is_not_adopted(self):
        log = self.log()
        log.append(b"1")
        self.assertIsNone(Log.adopt(self.folder, log.owner))

    def test_the_log_of_the_dead_is_adopted(self):
        self.assertEqual(self.adopted(self.died(b"1", b"2")).peek().lines, [b"1", b"2"])

    def test_only_one_adopts_it(self):
        owner = self.died(b"1")
        self.adopted(owner)
        self.assertIsNone(Log.adopt(self.folder, owner))

    def test_a_line_that_was_cut_short_is_no_event_and_no_damage(self):
        for cut in range(1, 13):
            with self.subTest(cut=cut):
                log = self.adopted(self.died(b"first", b"last", cut=cut))
                batch = log.peek()
                self.assertEqual((batch.lines, batch.damaged), ([b"first"], []))
                log.advance(batch.end)
                self.assertTrue(log.is_empty)

    def test_zeros_at_the_end_after_a_power_cut_are_no_event(self):
        owner = self.died(b"1")
        with open(next(self.folder.glob("*.log")), "ab") as file:
            file.write(b"\0" * 5000)
        batch = self.adopted(owner).peek()
        self.assertEqual((batch.lines, batch.damaged), ([b"1"], []))

    def test_a_line_that_was_changed_is_told_and_the_rest_goes_on(self):
        owner = self.died(b"one", b"two", b"three")
        path = next(self.folder.glob("*.log"))
        path.write_bytes(path.read_bytes().replace(b"two", b"owt"))
        batch = self.adopted(owner).peek()
        self.assertEqual((batch.lines, len(batch.damaged)), ([b"one", b"three"], 1))

    def test_a_segment_of_rubbish_is_passed(self):
        owner = self.died(b"one")
        path = next(self.folder.glob("*.log"))
        path.write_bytes(b"x" * 10_000_000 + b"\n" + path.read_bytes())
        log, lines = self.adopted(owner), []
        for _ in range(10):
            batch = log.peek()
            if batch is None:
                break
            lines += batch.lines
            log.advance(batch.end)
        self.assertEqual(lines, [b"one"])

    def test_a_file_that_someone_removed_is_passed(self):
        log = self.log()
        log.append(b"1")
        log._path(1).unlink()
        batch = log.peek()
        self.assertEqual((batch.lines, batch.damaged), ([], []))
        log.advance(batch.end)
        self.assertIsNone(log.peek())
        with self.assertRaises(FileNotFoundError):
            log.append(b"2")

    def test_a_file_that_someone_cut_is_passed_and_what_is_left_is_kept(self):
        log = self.log()
        for line in (b"one", b"two", b"three"):
            log.append(line)
        os.truncate(log._path(1), 30)
        lines = []
        for _ in range(4):
            batch = log.peek()
            if batch is None:
                break
            lines += batch.lines
            log.advance(batch.end)
        self.assertEqual((lines, log.is_empty), ([b"one", b"two"], True))

    def test_a_kept_position_is_found_again(self):
        log = Log.create(self.folder, URL, None)
        for line in (b"1", b"2"):
            log.append(line)
        log.advance(log.peek(1).end)
        log.forget()
        self.assertEqual(self.adopted(log.owner).peek().lines, [b"2"])

    def test_a_position_that_cannot_be_read_sends_again(self):
        owner = self.died(b"1", b"2")
        for odd in (b"", b"x y", b"9", b"\0" * 26):
            with self.subTest(odd=odd):
                (self.folder / f"{owner}.pos").write_bytes(odd)
                log = Log.adopt(self.folder, owner)
                self.assertEqual(log.peek().lines, [b"1", b"2"])
                log.forget()

    def test_a_closed_log_leaves_nothing_when_all_is_acknowledged(self):
        log = self.log()
        log.append(b"1")
        log.advance(log.peek().end)
        log.close()
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_closed_log_leaves_what_waits(self):
        log = self.log()
        log.append(b"1")
        log.close()
        self.assertEqual(self.adopted(log.owner).peek().lines, [b"1"])

    def test_a_closed_log_takes_nothing_more(self):
        log = self.log()
        log.close()
        with self.assertRaises(OSError):
            log.append(b"1")

    def test_the_files_are_the_users_own(self):
        log = self.log()
        log.append(b"1")
        if os.name != "nt":
            self.assertEqual(self.folder.stat().st_mode & 0o77, 0)
            self.assertTrue(all(path.stat().st_mode & 0o77 == 0 for path in self.folder.iterdir()))

    def test_segments_are_left_when_they_are_long_and_removed_when_acknowledged(self):
        kept, outbox.SEGMENT_BYTES = outbox.SEGMENT_BYTES, 100
        self.addCleanup(setattr, outbox, "SEGMENT_BYTES", kept)
        log, lines = self.log(), [b"%040d" % number for number in range(20)]
        for line in lines:
            log.append(line)
        self.assertGreater(len(list(self.folder.glob("*.log"))), 5)
        log.sync()
        batch = log.peek()
        self.assertEqual(batch.lines, lines)
        log.advance(batch.end)
        self.assertEqual(len(list(self.folder.glob("*.log"))), 1)

    def test_an_acknowledged_outbox_does_not_grow(self):
        kept, outbox.COMPACT_BYTES = outbox.COMPACT_BYTES, 1000
        self.addCleanup(setattr, outbox, "COMPACT_BYTES", kept)
        log = self.log()
        for number in range(300):
            log.append(b"%050d" % number)
            log.advance(log.peek().end)
        self.assertLess(sum(path.stat().st_size for path in self.folder.iterdir()), 2000)

    def test_the_tags_do_not_tell_the_key(self):
        log = self.log("te_secret")
        log.append(b"1")
        self.assertNotIn("secret", "".join(os.listdir(self.folder)))
        for path in self.folder.iterdir():
            self.assertNotIn(b"secret", path.read_bytes())

    def test_looking_in_counts_what_waits_and_changes_nothing(self):
        log = self.log()
        for line in (b"1", b"2", b"3"):
            log.append(line)
        log.advance(log.peek(1).end)
        before = sorted(os.listdir(self.folder))
        [found] = look(self.folder)
        self.assertEqual((found.server, found.events), (URL, 2))
        self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_there_is_nothing_in_a_folder_that_is_not_there(self):
        self.assertEqual((look(self.folder), owners(self.folder)), ([], []))

    def test_marks_are_in_order(self):
        self.assertLess(Mark(1, 900), Mark(2, 0))


if __name__ == "__main__":
    unittest.main()
