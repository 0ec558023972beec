"""Every minute: find accounts that reached a limit, and tell whoever is to be told. No request leads here."""

from typing import Any

from trueedge_core import wiring
from trueedge_core.services import alerts


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """`{"told": n}`. What it raises is an error of the function, and the next minute tries again."""
    told = alerts.turn(wiring.ledger(), wiring.accounts(), wiring.alerts(), wiring.now_us, wiring.post)
    return {"told": told}
