"""Claim: two workers take >= 8,000 events/s as NDJSON bodies of 1,000 from two clients, durable before each answer.

The bodies are made beforehand, so the clients only send; they are dealt in turn, as when one history is uploaded over
two connections. For information also by account: each client sends the trades of its own half of the accounts, so that
every body is late against the other client's.
"""

import multiprocessing
import statistics
import time
from functools import partial
from http.client import HTTPConnection
from itertools import islice
from multiprocessing.synchronize import Barrier

from . import data
from .harness import Result, Scale, batches, compared, console, per_second, race, scratch, server
from .raw import RawTable, rows

EVENTS, BODY = 40_000, 1_000
CLIENTS = WORKERS = 2


def run(scale: Scale) -> list[Result]:
    count = max(4_000, scale.part(EVENTS))
    texts = list(islice(data.texts(max(scale.trades, count)), count))
    bodies = _bodies(texts)
    dealt = [bodies[number::CLIENTS] for number in range(CLIENTS)]
    own = [_bodies([text for text in texts if _client_of(text) == number]) for number in range(CLIENTS)]
    raw, in_turn, by_account = [], [], []
    for turn in range(min(3, scale.rounds)):
        console.print(f"http: {len(texts):,} events, round {turn + 1} of {min(3, scale.rounds)}")
        raw.append(len(texts) / _raw(texts))
        in_turn.append(len(texts) / _post(dealt, len(texts)))
        by_account.append(len(texts) / _post(own, len(texts)))
    reference = f"raw executemany {per_second(raw)}"
    name = f"POST /trade_events, NDJSON of {BODY:,}, {WORKERS} workers, {CLIENTS} clients"

    def absolute(title: str, rates: list[float], limit: str = "") -> Result:
        middle = statistics.median(rates)
        return Result(title, per_second(rates), reference, middle, limit, "events/s", tuple(rates))

    return [
        absolute(name, in_turn, ">= 8000"),
        absolute(f"{name}, each its own accounts", by_account),
        compared(f"{name}, of raw", in_turn, "raw executemany", raw),
    ]


def _bodies(texts: list[str]) -> list[bytes]:
    return [("\n".join(batch) + "\n").encode() for batch in batches(texts, BODY)]


def _client_of(text: str) -> int:
    account = text.partition('"account_id":"')[2].partition('"')[0]
    return data.ACCOUNTS.index(account) % CLIENTS


def _raw(texts: list[str]) -> float:
    work = batches(rows(data.parsed(texts)), BODY)
    with scratch() as folder:
        table = RawTable(folder / "raw.db")
        (took,) = race([partial(table.insert, batch) for batch in work])
        table.close()
    return took


def _post(shares: list[list[bytes]], events: int) -> float:
    """Seconds from the moment all clients may start until the last answer."""
    spawn = multiprocessing.get_context("spawn")
    with scratch() as folder, server(folder / "http.db", WORKERS) as port:
        barrier = spawn.Barrier(len(shares) + 1)
        clients = [spawn.Process(target=send, args=(port, share, barrier), daemon=True) for share in shares]
        for client in clients:
            client.start()
        barrier.wait(60)
        start = time.perf_counter()
        for client in clients:
            client.join()
        took = time.perf_counter() - start
        assert [client.exitcode for client in clients] == [0] * len(clients), "a client failed; see above"
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/metrics/overall")
        body = connection.getresponse().read()
        assert f'"total_trades":{events},'.encode() in body.replace(b" ", b""), body[:500]
    return took


def send(port: int, bodies: list[bytes], barrier: Barrier) -> None:
    """A client's whole life: wait for the start, post every body, expect 200 each time."""
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    connection.connect()
    barrier.wait(60)
    for body in bodies:
        connection.request("POST", "/trade_events", body, {"Content-Type": "application/x-ndjson"})
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, (answer.status, said[:500])
