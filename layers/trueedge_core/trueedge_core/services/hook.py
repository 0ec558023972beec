"""What senders that take no code say, as a TRADE_EVENT: forms, and sides in words of their own."""

from typing import Any
from urllib.parse import parse_qsl

from ..domain.events import MAX_EVENT_BYTES
from ..domain.money import read_one, read_text, write_json
from ..domain.wording import shorten
from ..errors import InvalidJson, TooLarge
from .ingest import MAX_BATCH_BYTES

# TradingView and freqtrade name the direction of a position, and have no way to say it otherwise.
SIDES = {"buy": "buy", "long": "buy", "sell": "sell", "short": "sell"}
MAX_FORM_FIELDS = 100


def as_event(body: bytes) -> bytes | str:
    """The event that such a body means. JSON comes back byte for byte, unless its `side` was put into our words.

    A body that does not begin like JSON and has a = in it is a form: each value a text, an empty one left out. What is
    sent with which content type is not looked at.

    Raises: InvalidJson, TooLarge.

    >>> as_event(b'{"side": "Long", "pnl": "1.50"}'), as_event(b"side=SELL&pnl=1.50&currency=")
    ('{"side":"buy","pnl":"1.50"}', '{"side":"sell","pnl":"1.50"}')
    >>> as_event(b' {"side": "buy"}')
    b' {"side": "buy"}'
    """
    if len(body) > MAX_BATCH_BYTES:
        raise TooLarge(f"an event has at most {MAX_EVENT_BYTES} bytes, this body has {len(body)}")
    text = read_text(body).strip()
    is_form = text[:1] not in ("{", "[", '"') and "=" in text
    value: Any = _form(text) if is_form else read_one(body).value
    side = value.get("side") if isinstance(value, dict) else None
    word = SIDES.get(side.lower(), side) if isinstance(side, str) else side
    if word != side:
        value = {**value, "side": word}
    return write_json(value) if is_form or word != side else body


def _form(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_FORM_FIELDS
        )
    except ValueError:
        accepted = f"accepted: a JSON object, or a form of at most {MAX_FORM_FIELDS} percent-encoded fields"
        raise InvalidJson(f"this is neither JSON nor a form; {accepted}") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidJson(f"the field {shorten(name)} is given twice")
        found[name] = value
    return {name: value for name, value in found.items() if value}
