"""Histories that no market made: dense, sparse, extreme, crowded; late and voided on the way; against brute force."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Client, Number, Server, segment
from tests.e2e.questions import Market, Question, wrong_answers, wrong_groups
from tests.e2e.samples import raw_event
from tests.oracle.reading import microseconds, stamp

pytestmark = pytest.mark.xdist_group("made up")

SECOND = 1_000_000
BASE = microseconds("2023-12-31T22:00:00Z")


def dense(n: int, chance: random.Random) -> str:
    """Some thousand trades around the midnight of a new year, half of them in three minutes, with ties."""
    at = BASE + 2 * 3600 * SECOND + chance.choice((chance.randint(-90, 90) * SECOND, chance.randint(-(10**8), 10**8)))
    return raw_event(
        f"{chance.choice('abcABC')}{n}", Number(str(chance.randint(-50, 55) / 100)), stamp(at),
        strategy_id=f"s{n % 2}", environment="live" if n % 3 else "demo",
    )  # fmt: skip


def sparse(n: int, chance: random.Random) -> str:
    """Years between trades, from 1970 on; every month, leap day and turn of the year is an edge somewhere."""
    edges = ("1970-01-01T00:00:00Z", "2000-02-29T23:59:59.999999Z", "2016-12-31T23:59:59Z", "2024-03-01T00:00:00Z")
    at = microseconds(chance.choice(edges)) if n % 7 == 0 else chance.randint(0, BASE)
    return raw_event(f"e{n}", chance.choice([0, 0, 3, -2, "1.25", "-1.75"]), stamp(at), strategy_id=f"s{n % 3}")


def extreme(n: int, chance: random.Random) -> str:
    """From 1e-18 to 1e19 in one sum, decimals that are rounded on entry, losses that ruin every balance."""
    digits = chance.randint(1, 19)
    pnl = f"{chance.choice('- ')}{chance.randint(1, 10**digits - 1)}e-{chance.randint(0, 20)}".strip()
    return raw_event(
        f"e{n}", Number(pnl), stamp(BASE + chance.randint(0, 80 * 86400) * SECOND),
        fees=Number(f"-{chance.randint(0, 99)}e-19"),
        initial_risk=Number(f"{chance.randint(1, 999)}e-{chance.randint(0, 17)}"),
        opened_at=stamp(BASE - chance.randint(0, 10**12)), environment=chance.choice(("live", "demo")),
    )  # fmt: skip


def crowded(n: int, chance: random.Random) -> str:
    """Many strategies on several accounts, open positions, three currencies or none."""
    state = chance.choices(("closed", "open"), (9, 1))[0]
    return raw_event(
        f"e{n}", None if state == "open" and n % 2 else f"{chance.randint(-3000, 3100)}.5",
        stamp(BASE + chance.randint(0, 120 * 24) * 3600 * SECOND), state=state,
        price_close=None if state == "open" else 1, account_id=f"a{chance.randint(0, 5)}",
        strategy_id=f"s {chance.randint(0, 30)}", environment=chance.choice(("live", "demo", "demo")),
        currency=chance.choice((None, ..., "EUR", "EUR", "EUR", "USD")) if n > 300 else "EUR",
    )  # fmt: skip


def edges(market: Market, chance: random.Random) -> Iterator[dict[str, str]]:
    """Ranges that start and end at, just before and just after trades, minutes, hours, days, months."""
    times = [e.time for e in market.events]
    units = (1, 60 * SECOND, 3600 * SECOND, 86_400 * SECOND, 30 * 86_400 * SECOND)
    for _ in range(6):
        unit = chance.choice(units)
        low, high = sorted(max(0, chance.choice(times) // unit * unit + chance.choice((-1, 0, 0, 1))) for _ in "ab")
        yield chance.choice(({"from": stamp(low), "to": stamp(high + 1)}, {"from": stamp(low)}, {"to": stamp(high)}))


def asked(market: Market, chance: random.Random, scopes: int) -> Iterator[Question]:
    """Everything together and some (account, strategy) pairs by every route, in all environments and random ranges."""
    pairs = market.pairs()
    for account, strategy in [(None, None), *chance.sample(pairs, min(len(pairs), scopes))]:
        for environment in (None, "live", "demo"):
            for period in ({}, *edges(market, chance)):
                query = {**period, "starting_balance": chance.choice(("0", "1000", "12345.678"))}
                query |= {"environment": environment} if environment else {}
                if account is None or strategy is None:
                    yield Question("/metrics/overall", query, {}, False)
                    continue
                one, other = {"account_id": account}, {"strategy_id": strategy}
                yield Question(f"/metrics/strategy/{segment(strategy)}", query, other, True)
                yield Question(f"/metrics/account/{segment(account)}", query, one, False)
                yield Question("/metrics/overall", {**query, **one, **other}, {**one, **other}, None)


def post_shuffled(client: Client, raws: list[str], chance: random.Random) -> None:
    raws = chance.sample(raws, len(raws))
    while raws:
        size = chance.choice((1, 2, 30, 300))
        answer = client.post("/trade_events", "\n".join(raws[:size]))
        assert answer.status == 200, answer.body[:1000]
        raws = raws[size:]


HISTORIES: dict[str, tuple[Callable[[int, random.Random], str], int, int]] = {
    # what makes one event, how many, how many pairs are asked about (decades of empty days are dear to brute force)
    "dense": (dense, 2500, 2),
    "sparse": (sparse, 400, 1),
    "extreme": (extreme, 300, 1),
    "crowded": (crowded, 1500, 4),
}


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("seed", [1, *(pytest.param(s, marks=pytest.mark.slow) for s in range(2, 7))])
def test_a_made_up_history_equals_the_brute_force_at_every_stage(tmp_path: Path, name: str, seed: int) -> None:
    make, count, scopes = HISTORIES[name]
    chance = random.Random(f"{name} {seed}")
    raws = [make(n, chance) for n in range(count)]
    chance.shuffle(raws)
    voided: list[str] = []
    with Server(tmp_path / "made-up.db", workers=1) as server, server.client() as client:
        taken = 0
        for share in (0.4, 0.9, 1.0):
            new = raws[taken : round(count * share)]
            taken += len(new)
            post_shuffled(client, new, chance)
            market = Market.of(raws[:taken], voided)
            closed = [e.event_id for e in market.events if e.closed]
            wrong = wrong_answers(client, market, asked(market, chance, scopes))
            for event_id in chance.sample(closed, 12):
                answer = client.post(f"/trade_event/{segment(event_id)}/void", '{"reason": "made up"}')
                assert answer.status == 200, answer.body
                voided.append(event_id)
            market = Market(market.events, frozenset(voided))
            wrong += wrong_answers(client, market, asked(market, chance, scopes))
            for kind in ("strategy", "account"):
                for query in ({}, {"environment": "live"}, next(edges(market, chance))):
                    wrong += wrong_groups(client, market, kind, query, limit=17)
            assert not wrong, "\n".join([f"after {taken} events: {len(wrong)} differences", *wrong[:15]])
