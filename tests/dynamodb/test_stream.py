"""Stream mode: ingest writes what is its own alone, and the function behind the table's stream does the rest."""

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from tests.contract.events import DAY, MINUTE, START, event
from tests.dynamodb.emulator import Emulator
from trueedge_core import wiring
from trueedge_core.domain.ports import Scope
from trueedge_core.errors import Unavailable
from trueedge_core.settings import Settings
from trueedge_core.storage.dynamodb.ledger import DynamoLedger
from trueedge_core.storage.dynamodb.table import DynamoTable
from trueedge_local.gateway import load_handler

FUNCTIONS = Path(__file__).parents[2] / "functions"
Records = list[Mapping[str, Any]]


class Hosted:
    """A table with its stream, as many ledgers on it as one likes, and the function behind the stream."""

    def __init__(self, emulator: Emulator, name: str) -> None:
        self.emulator, self.name = emulator, name
        self.ledger = self.open()
        self.streams = boto3.client("dynamodbstreams", endpoint_url=emulator.url)
        self.handler = load_handler(FUNCTIONS / "sequencer")

    def open(self, kind: Callable[..., DynamoTable] = DynamoTable) -> DynamoLedger:
        return DynamoLedger(kind(self.name, create=True), is_inline=False)

    def records(self) -> Records:
        """Every record of the stream so far."""
        arn = self.ledger.table.client.describe_table(TableName=self.name)["Table"]["LatestStreamArn"]  # type: ignore[attr-defined]
        found: Records = []
        for shard in self.streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            at = self.streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while at:
                answer = self.streams.get_records(ShardIterator=at)
                found += answer["Records"]
                at = answer.get("NextShardIterator") if answer["Records"] else None
        return found

    def deliver(self, records: Records, batch: int = 1000) -> None:
        """Invoke the function with the records, as the event source mapping does."""
        wiring.configure(Settings(store_url=f"dynamodb://{self.name}?sequencing=stream"))
        for at in range(0, len(records), batch):
            self.handler({"Records": records[at : at + batch]}, SimpleNamespace(function_name="sequencer"))


@pytest.fixture
def hosted(emulator: Emulator, table_name: str) -> Iterator[Hosted]:
    hosted = Hosted(emulator, table_name)
    yield hosted
    wiring.configure(None)
    hosted.ledger.close()


def size(ledger: DynamoLedger) -> int:
    reading = ledger.summary(Scope())
    assert reading is not None
    return reading.as_of.events


@pytest.mark.slow
def test_posts_of_twenty_threads_write_no_item_twice_and_the_sequencer_takes_them_all_in(hosted: Hosted) -> None:
    def post(thread: int) -> None:
        ledger = hosted.open()
        for i in range(25):
            [receipt] = ledger.append([event(f"t{thread}-{i}", START + (i * 37 + thread) % 200 * MINUTE, "1")])
            assert (receipt.outcome, receipt.position) == ("stored", None)
        ledger.close()

    threads = [threading.Thread(target=post, args=(thread,)) for thread in range(20)]
    with hosted.emulator.metered() as meter:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    written = meter.keys_written
    assert len(written) == len(set(written)) == 500
    assert {key[0].split("\x1f")[0] for key in written} == {"E"}
    assert size(hosted.ledger) == 0  # as_of says that nothing is counted yet
    hosted.deliver(hosted.records())
    assert size(hosted.ledger) == 500
    assert list(hosted.ledger.fsck()) == []


def test_an_event_is_there_at_once_and_has_a_position_once_it_is_sequenced(hosted: Hosted) -> None:
    hosted.ledger.append([event("a")])
    found = hosted.ledger.event("a")
    assert found is not None
    assert found.position is None
    assert hosted.ledger.append([event("a")])[0].position is None
    hosted.deliver(hosted.records())
    found = hosted.ledger.event("a")
    assert found is not None
    assert found.position == 0
    again, other = hosted.ledger.append([event("a"), event("a", pnl="2")])
    assert (again.outcome, again.position, other.outcome, other.position) == ("duplicate", 0, "conflict", 0)


def test_a_void_is_sequenced_after_its_event_even_if_its_record_comes_first(hosted: Hosted) -> None:
    hosted.ledger.append([event("a", pnl="5"), event("b", START + 1, "7")])
    assert hosted.ledger.void("a", "typing error").position is None
    records = hosted.records()
    hosted.deliver(records[::-1], batch=1)
    assert [(entry.event_id, entry.raw is None) for entry in hosted.ledger.log()] == [
        ("a", False),
        ("a", True),
        ("b", False),
    ]
    reading = hosted.ledger.summary(Scope())
    assert reading is not None
    assert (reading.summary.n, reading.summary.voids) == (1, 1)


def test_records_that_come_again_in_any_order_change_nothing(hosted: Hosted) -> None:
    hosted.ledger.append([event(f"e{i:02d}", START + i * DAY, str(i - 9)) for i in range(20)])
    hosted.ledger.void("e03", "x")
    records = hosted.records()
    hosted.deliver(records, batch=7)
    before = list(hosted.ledger.log()), hosted.ledger.summary(Scope())
    hosted.deliver(records[::-1], batch=3)
    hosted.deliver(records)
    assert (list(hosted.ledger.log()), hosted.ledger.summary(Scope())) == before


@pytest.mark.slow
def test_down_for_long_it_catches_up_with_what_is_in_the_stream(hosted: Hosted) -> None:
    for part in range(3):
        hosted.ledger.append([event(f"e{part}-{i}", START + (part * 200 + i) * MINUTE, "1") for i in range(200)])
    hosted.deliver(hosted.records(), batch=450)
    assert size(hosted.ledger) == 600
    assert list(hosted.ledger.fsck()) == []


def test_resequence_finds_what_no_record_remembers(hosted: Hosted) -> None:
    hosted.ledger.append([event(f"e{i:02d}", START + i, "1") for i in range(30)])
    hosted.deliver(hosted.records()[:10])
    hosted.ledger.void("e05", "sequenced, its void is not")
    hosted.ledger.void("e20", "neither is")
    assert len(list(hosted.ledger.fsck())) == 22
    assert sum(hosted.ledger.resequence()) == 22
    assert list(hosted.ledger.resequence()) == []
    assert size(hosted.ledger) == 32
    assert list(hosted.ledger.fsck()) == []


LOCK = threading.Lock()


class Dying(DynamoTable):
    """Its instance is gone at one of its writes, before or after it."""

    writes_left = 10**9
    is_after = False

    def _die(self, write: Callable[[], Any]) -> Any:
        with LOCK:
            self.writes_left -= 1
            left = self.writes_left
        if left < 0 or (left == 0 and not self.is_after):
            raise Unavailable("gone before a write")
        result = write()
        if left == 0:
            raise Unavailable("gone after a write")
        return result

    def _put(self, *arguments: Any) -> Any:
        return self._die(lambda: super(Dying, self)._put(*arguments))

    def _write_part(self, requests: list[Any]) -> None:
        self._die(lambda: super(Dying, self)._write_part(requests))


def history(hosted: Hosted) -> Records:
    """Two batches of which the second is late in part, opens new months, and voids."""
    hosted.ledger.append([event(f"a{i}", START + i * 9 * DAY, str(i - 3), strategy_id=f"s{i % 2}") for i in range(8)])
    first = hosted.records()
    hosted.deliver(first)
    hosted.ledger.append([event(f"b{i}", START + i * 17 * DAY, str(3 - i), strategy_id=f"s{i % 2}") for i in range(8)])
    hosted.ledger.void("a3", "x")
    return hosted.records()[len(first) :]


@pytest.mark.slow
def test_killed_before_or_after_any_of_its_writes_it_loses_and_doubles_nothing(
    emulator: Emulator, hosted: Hosted
) -> None:
    records = history(hosted)
    whole = hosted.open(Dying)
    whole.sequence(records)
    assert isinstance(whole.table, Dying)
    number = 10**9 - whole.table.writes_left
    assert number > 15
    expected = hosted.ledger.summary(Scope())
    for nth in range(1, number + 1):
        other = Hosted(emulator, f"{hosted.name}-{nth}")
        late = history(other)
        dying = other.open(Dying)
        assert isinstance(dying.table, Dying)
        dying.table.writes_left, dying.table.is_after = nth, nth % 2 == 0
        with pytest.raises(Unavailable):
            dying.sequence(late)
        other.open().sequence(late)
        assert [entry.position for entry in other.ledger.log()] == list(range(17))
        assert list(other.ledger.fsck()) == []
        found = other.ledger.summary(Scope())
        assert found is not None
        assert expected is not None
        assert found.summary == expected.summary
        emulator.forget(other.name)
