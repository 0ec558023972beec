"""Trades in: one, many, and the correction that takes one out of the figures. A 200 means durable."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..domain.events import MAX_EVENT_BYTES, TradeEvent, parse_event
from ..domain.fields import BY_NAME
from ..domain.money import read_json, read_one, split_batch
from ..domain.ports import EVERYTHING, Ledger, Receipt, Scope
from ..domain.wording import shorten
from ..errors import Conflict, FieldError, Forbidden, InvalidEvent, InvalidJson, InvalidParameter, TooLarge
from . import access, trades
from .answers import Answer

MAX_BATCH_BYTES = 4 * 1024 * 1024
MAX_REASON = 500
RESULTS = ("stored", "duplicate", "conflict", "invalid", "forbidden")


# Why a batch of which nothing was taken was refused: the first of these that is among its rows.
_REFUSED = {"invalid": InvalidEvent, "conflict": Conflict, "forbidden": Forbidden}


def record(body: bytes | str, now: int, ledger: Ledger, bound_to: Scope = EVERYTHING) -> dict[str, object]:
    """POST /trade_event: one event, once; the same content again is a duplicate, other content a Conflict.

    `bound_to`: what the sender's key may write; an event of anything else is Forbidden.
    """
    if len(body) > MAX_BATCH_BYTES:  # smaller ones are read first: broken JSON is broken whatever its size
        raise TooLarge(f"an event has at most {MAX_EVENT_BYTES} bytes, this body has {len(body)}")
    item = read_one(body)
    event = parse_event(item.value, item.raw, now)
    if foreign := _foreign(event, bound_to):
        raise Forbidden(foreign[0].message, foreign)
    [receipt] = ledger.append([event])
    if receipt.outcome == "conflict":
        message, changed = _conflict(receipt, bound_to)
        raise Conflict(message, [FieldError(name, "differs from what is stored") for name in changed])
    return {
        "status": "ok",
        "event_id": receipt.event_id,
        "duplicate": receipt.outcome == "duplicate",
        "position": receipt.position,
    }


def record_batch(body: bytes, now: int, ledger: Ledger, bound_to: Scope = EVERYTHING) -> Answer:
    """POST /trade_events: a row per event, in order; one append for all that are valid and the sender's own.

    200 when all were taken (a duplicate is), 207 when some were refused, 400 when none was taken (403 when the key was
    the reason for each).
    """
    if len(body) > MAX_BATCH_BYTES:
        raise TooLarge(f"a batch has at most {MAX_BATCH_BYTES} bytes, this one has {len(body)}; send it in parts")
    items = split_batch(body)
    if not items:
        raise InvalidEvent('the batch holds no event; accepted: a JSON array, {"events": [..]}, or one event per line')
    rows: list[dict[str, object]] = []
    events: list[TradeEvent] = []
    places: list[int] = []
    for index, item in enumerate(items):
        try:
            if item.error is not None:
                raise item.error
            event = parse_event(item.value, item.raw, now)
        except (InvalidJson, InvalidEvent, TooLarge) as error:
            rows.append(_invalid(index, item.value, error))
            continue
        if foreign := _foreign(event, bound_to):
            rows.append(_forbidden(index, event.event_id, foreign))
            continue
        events.append(event)
        places.append(index)
        rows.append({})
    receipts = ledger.append(events) if events else []
    for index, receipt in zip(places, receipts, strict=True):
        rows[index] = row = {"index": index, "event_id": receipt.event_id, "result": receipt.outcome}
        if receipt.outcome == "conflict":
            row["message"] = _conflict(receipt, bound_to)[0]
    return _batch_answer(rows)


def outcomes(answer: Mapping[str, object]) -> Mapping[str, int]:
    """What an answer of `record` or `record_batch`, or a refusal in their place, says became of the events posted.

    >>> outcomes({"status": "ok", "event_id": "e", "duplicate": True, "position": 4})
    {'duplicate': 1}
    """
    counts = answer.get("counts")
    if isinstance(counts, Mapping):
        return counts
    if "duplicate" in answer:
        return {"duplicate" if answer["duplicate"] else "stored": 1}
    code = answer.get("code")
    if code == Conflict.code:
        return {"conflict": 1}
    return {"invalid": 1} if code in (InvalidJson.code, InvalidEvent.code, TooLarge.code) else {}


def void(body: bytes, event_id: str, ledger: Ledger, bound_to: Scope = EVERYTHING) -> dict[str, object]:
    """POST /trade_event/{event_id}/void: takes the trade out of the figures, visibly and for good.

    Raises: NotFound for an event that is not in the log, or that a key bound like this must not know of.
    """
    reason = _reason(body)
    if bound_to != EVERYTHING:
        trades.found(ledger, event_id, bound_to)  # whose it is never changes: looking first races with nothing
    receipt = ledger.void(event_id, reason)
    return {
        "status": "ok",
        "event_id": receipt.event_id,
        "position": receipt.position,
        "repeated": receipt.repeated,
    }


def _reason(body: bytes) -> str:
    accepted = f'accepted: {{"reason": ".."}} with 1 to {MAX_REASON} printable characters'
    if len(body) > MAX_EVENT_BYTES:
        raise TooLarge(f"the body has {len(body)} bytes; {accepted}")
    value: Any = read_json(body)
    if not isinstance(value, Mapping):
        raise InvalidParameter(f"the body is not an object; {accepted}")
    wrong = [FieldError(name, f"this key is not known here; {accepted}") for name in value if name != "reason"]
    reason = value.get("reason")
    if (
        not isinstance(reason, str)
        or not 0 < len(reason) <= MAX_REASON
        or not reason.isprintable()
        or not reason.strip()
    ):
        found = "missing or null" if reason is None else shorten(reason) if isinstance(reason, str) else "not a text"
        wrong.append(FieldError("reason", f"{found}; {accepted}"))
    if wrong:
        raise InvalidParameter(f"{shorten(wrong[0].field)}: {wrong[0].message}", wrong)
    return str(reason)


def _foreign(event: TradeEvent, bound_to: Scope) -> list[FieldError]:
    """The fields of an event that lie outside what the sender's key may write."""
    return [
        FieldError(f"{kind}_id", f"this key is bound to {access.binding(bound_to)}, and writes no other {kind}")
        for kind, mine, sent in (
            ("account", bound_to.account_id, event.account_id),
            ("strategy", bound_to.strategy_id, event.strategy_id),
        )
        if mine is not None and mine != sent
    ]


def _forbidden(index: int, event_id: str, foreign: Sequence[FieldError]) -> dict[str, object]:
    return {
        "index": index,
        "event_id": event_id,
        "result": "forbidden",
        "message": f"{foreign[0].field}: {foreign[0].message}",
        "errors": [{"field": one.field, "message": one.message} for one in foreign],
    }


def _conflict(receipt: Receipt, bound_to: Scope) -> tuple[str, tuple[str, ...]]:
    """What is said of a conflict: a sentence, and the fields in which it differs.

    The fields of a trade that the sender's key must not see are not told: they could be guessed one by one.
    """
    bound = [f"{kind}_id" for kind in ("account", "strategy") if getattr(bound_to, f"{kind}_id") is not None]
    if any(name in receipt.changed for name in bound):
        return f"the event_id {shorten(receipt.event_id, 128)} is already taken by a trade that is not this key's", ()
    named = ", ".join(name if name in BY_NAME else shorten(name) for name in receipt.changed[:12])
    if len(receipt.changed) > 12:
        named += f" and {len(receipt.changed) - 12} more"
    message = f"the event_id {shorten(receipt.event_id, 128)} is already stored with other content ({named})"
    if "state" in receipt.changed:
        message += ": an open and its later close are two events with two ids and one linked_position_id"
    return message, receipt.changed


def _invalid(index: int, value: object, error: InvalidJson | InvalidEvent | TooLarge) -> dict[str, object]:
    event_id = value.get("event_id") if isinstance(value, Mapping) else None
    row: dict[str, object] = {
        "index": index,
        "event_id": event_id if isinstance(event_id, str) and len(event_id) <= 128 else None,
        "result": "invalid",
        "message": error.message,
    }
    if error.errors:
        row["errors"] = [{"field": one.field, "message": one.message} for one in error.errors]
    return row


def _batch_answer(rows: list[dict[str, object]]) -> Answer:
    counts = dict.fromkeys(RESULTS, 0)
    for row in rows:
        counts[str(row["result"])] += 1
    taken = counts["stored"] + counts["duplicate"]
    if taken == len(rows):
        return Answer({"status": "ok", "counts": counts, "results": rows})
    if taken:
        return Answer({"status": "partial", "counts": counts, "results": rows}, status=207)
    reason = next(kind for word, kind in _REFUSED.items() if counts[word])
    refused: dict[str, object] = {
        "status": "error",
        "code": reason.code,
        "message": f"none of the {len(rows)} events was taken: see results for the reason of each",
        "errors": [],
        "counts": counts,
        "results": rows,
    }
    return Answer(refused, status=403 if reason is Forbidden else 400)
