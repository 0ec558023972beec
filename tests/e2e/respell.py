"""Plans of posts for the real trades, and the same event in another spelling."""

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.e2e.harness import Number, Post
from tests.e2e.samples import dump

NUMERIC = ("quantity", "price_open", "price_close", "fees", "pnl")
BATCH_KINDS = ("array", "wrapped", "ndjson")
LARGEST_BATCH = 1000


def respelled(raw: str, chance: random.Random) -> str:
    """The same event by value: keys in another order, 1.10 for 1.1, a numeric string, another offset, a null."""
    event = json.loads(raw, parse_float=Number, parse_int=Number)
    for name in NUMERIC:
        if event.get(name) is not None:
            event[name] = _number(event[name], chance)
    event["metadata"] = {k: _in_metadata(v) for k, v in reversed(event["metadata"].items())}
    instant = datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00"))
    zone = timezone(timedelta(minutes=chance.choice((-570, -300, 0, 60, 345))))
    event["timestamp"] = instant.astimezone(zone).isoformat(sep=chance.choice("T "))
    event.setdefault("currency", None)
    names = list(event)
    chance.shuffle(names)
    return dump({name: event[name] for name in names})


def _number(token: str, chance: random.Random) -> Any:
    """A number token with more or fewer trailing zeros, sometimes as a string; exponents are left as they are."""
    if "e" not in token.lower():
        token = token + "00" if "." in token else token + ".0"
    return token if chance.random() < 0.3 else Number(token)  # a plain str is dumped as a JSON string


def _in_metadata(value: Any) -> Any:
    """A decimal with one more zero; whole numbers stay whole."""
    return Number(value + "0") if isinstance(value, Number) and "." in value and "e" not in value.lower() else value


def shuffled_plans(
    lines: Sequence[str], seed: int, resent: float = 0.1, alone: float = 0.5
) -> tuple[list[list[Post]], int]:
    """Two clients' posts of all lines: shuffled, half (`alone`) singly, the others in batches of all spellings; and how
    many are re-sends.

    A re-send with the very bytes may overtake its original (it goes to either client); one that is spelled otherwise
    goes to the same client later, so that the bytes that are kept are known.
    """
    chance = random.Random(seed)
    order = chance.sample(lines, len(lines))
    number_alone = round(len(order) * alone)
    singles, batched = order[:number_alone], order[number_alone:]
    clients: list[list[str]] = [singles[0::2], singles[1::2]]
    in_batches: list[list[str]] = [batched[0::2], batched[1::2]]
    again = chance.sample(order, round(len(order) * resent))
    at = {raw: (group, number) for group in (clients, in_batches) for number in (0, 1) for raw in group[number]}
    for raw in again:
        group, number = at[raw]
        if chance.random() < 0.5:
            own = group[number]
            own.insert(chance.randint(own.index(raw) + 1, len(own)), respelled(raw, chance))
        else:
            other = chance.choice((clients, in_batches))[chance.randint(0, 1)]
            other.insert(chance.randint(0, len(other)), raw)
    plans = []
    for number in (0, 1):
        posts = [Post("single", [raw]) for raw in clients[number]]
        rest, batches = in_batches[number], []
        while rest:
            size = min(chance.choice((1, 7, 100, 400, LARGEST_BATCH)), len(rest))
            batches.append(Post(chance.choice(BATCH_KINDS), rest[:size]))
            rest = rest[size:]
        plans.append(_interleaved(posts, batches, chance))
    return plans, len(again)


def _interleaved(singles: list[Post], batches: list[Post], chance: random.Random) -> list[Post]:
    """Both in their own order (a re-spelled event stays behind its original), mixed."""
    marks = [True] * len(singles) + [False] * len(batches)
    chance.shuffle(marks)
    one, many = iter(singles), iter(batches)
    return [next(one if mark else many) for mark in marks]


def twins(lines: Sequence[str], seed: int, share: float = 0.3) -> list[str]:
    """A seeded part of the trades once more as live trades of another account, under ids of their own."""
    chance = random.Random(seed)
    found = []
    for raw in chance.sample(lines, round(len(lines) * share)):
        event = json.loads(raw, parse_float=Number, parse_int=Number)
        event["event_id"] += "-live"
        event["account_id"] += "-live"
        event["environment"] = "live"
        if chance.random() < 0.3:  # a shared account, so that one account holds both environments
            event["account_id"] = event["account_id"].removesuffix("-live")
        found.append(dump(event))
    return found
