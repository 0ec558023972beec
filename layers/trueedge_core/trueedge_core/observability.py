"""The log: one JSON line per record on standard error (CloudWatch takes it from there; a laptop sees only warnings)."""

import sys

from aws_lambda_powertools import Logger

logger = Logger(service="trueedge", level="WARNING", stream=sys.stderr, utc=True, use_rfc3339=True)


def set_level(level: str) -> None:
    """Log records of `level` ("INFO", ..) and above."""
    logger.setLevel(level)
