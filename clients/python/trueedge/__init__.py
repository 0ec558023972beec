"""TRUEEDGE for bots: record trades without ever waiting for the network, and read what they are worth.

from trueedge import TrueEdge

edge = TrueEdge("http://127.0.0.1:9000", "te_..")
edge.record(event_id=.., account_id=.., ..)
"""

from .client import TrueEdge
from .errors import InvalidTrade, OutboxError, OutboxFull, ServerRefused, TrueEdgeError, Unreachable
from .helpers import cost, decimal, event_id, net_pnl, position_id
from .outbox import Refusal
from .version import __version__

__all__ = [
    "InvalidTrade",
    "OutboxError",
    "OutboxFull",
    "Refusal",
    "ServerRefused",
    "TrueEdge",
    "TrueEdgeError",
    "Unreachable",
    "__version__",
    "cost",
    "decimal",
    "event_id",
    "net_pnl",
    "position_id",
]
