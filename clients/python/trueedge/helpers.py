"""Small things that every bot needs once: ids that survive a restart, exact decimals, the sign of a fee."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation, localcontext
from hashlib import sha256
from typing import Union

from .events import number_text

Number = Union[Decimal, int, str, float]

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]")


def event_id(venue: str, account_id: str | int, ticket: str | int, state: str, part: str | int | None = None) -> str:
    """The same ticket gives the same id, also after a restart; its open and its close give two.

    `part` tells the closes of one ticket apart when it is closed in parts: the deal or fill number.

    Raises: ValueError unless `state` is "open" or "closed", and for an empty part.

    >>> event_id("mt5", 1001, 77881, "open"), event_id("mt5", 1001, 77881, "closed", part=2)
    ('mt5:1001:77881:open', 'mt5:1001:77881:closed:2')
    """
    if state not in ("open", "closed"):
        raise ValueError(f'state: {state!r} is not accepted; accepted: "open" or "closed"')
    return _joined(venue, account_id, ticket, state, *(() if part is None else (part,)))


def position_id(venue: str, account_id: str | int, ticket: str | int) -> str:
    """The `linked_position_id` of a ticket: what its open and its closes have in common.

    >>> position_id("mt5", 1001, 77881)
    'mt5:1001:77881'
    """
    return _joined(venue, account_id, ticket)


def _joined(*parts: str | int) -> str:
    """Different parts, different text, of at most 128 bytes: what is not plain is escaped, what is long is hashed."""
    texts = [str(part) for part in parts]
    if not all(texts):
        raise ValueError(f"an id is made of parts that are not empty, not of {parts!r}")
    text = ":".join(_NOT_PLAIN.sub(_escaped, one) for one in texts)
    if len(text) <= 128:
        return text
    return f"{text[:62]}~~{sha256(text.encode()).hexdigest()}"  # ~~ is in no escape, so no short id is like it


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"~{byte:02x}" for byte in found[0].encode("utf-8", "surrogatepass"))


def decimal(value: Number) -> Decimal:
    """The exact Decimal of a number; of a float the one that Python prints, not its binary digits.

    Raises: ValueError for what is no number, or not finite.

    >>> decimal(0.1), decimal("1.10"), decimal(3)
    (Decimal('0.1'), Decimal('1.10'), Decimal('3'))
    """
    try:
        number = Decimal(number_text(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is no number") from None
    if not number.is_finite():
        raise ValueError(f"{value!r} is not finite")
    return number


def cost(*amounts: Number) -> Decimal:
    """What was paid, with TRUEEDGE's sign: negative, whatever sign the venue writes. Several are added up.

    Exchanges write commissions as positive amounts, MetaTrader as negative ones. Swap may be earned: add it as it is.

    >>> cost(0.35, "0.35"), cost("-0.70")
    (Decimal('-0.70'), Decimal('-0.70'))
    """
    return _sum(decimal(amount).copy_abs().copy_negate() for amount in amounts)  # abs() would round to 28 digits


def net_pnl(
    side: str,
    quantity: Number,
    price_open: Number,
    price_close: Number,
    fees: Number = 0,
    contract_size: Number = 1,
) -> Decimal:
    """Profit net of fees, exact: the price difference times units, and the fees (negative is a cost) added.

    For linear instruments quoted in the account's currency. `contract_size`: units in one of `quantity`.

    >>> net_pnl("sell", "0.10", "1.0861", "1.0870", fees="-0.70", contract_size=100_000)
    Decimal('-9.700000')
    """
    if side not in ("buy", "sell"):
        raise ValueError(f'side: {side!r} is not accepted; accepted: "buy" or "sell"')
    with localcontext() as exact:
        exact.prec = 200
        moved = decimal(price_close) - decimal(price_open)
        gross = (moved if side == "buy" else -moved) * decimal(quantity) * decimal(contract_size)
        return gross + decimal(fees)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    with localcontext() as exact:
        exact.prec = 200
        return sum(amounts, Decimal(0))
