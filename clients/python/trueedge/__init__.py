"""TRUEEDGE for bots: record trades without ever waiting for the network, and read what they are worth."""

from .errors import InvalidTrade, OutboxError, OutboxFull, ServerRefused, TrueEdgeError, Unreachable
from .version import __version__

__all__ = [
    "InvalidTrade",
    "OutboxError",
    "OutboxFull",
    "ServerRefused",
    "TrueEdgeError",
    "Unreachable",
    "__version__",
]
