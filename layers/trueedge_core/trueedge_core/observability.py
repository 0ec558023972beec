"""What an instance tells its operator: a log, one JSON line per record, and metrics where it is hosted.

Neither has a key or what was posted in it. The log goes to standard error (CloudWatch takes it from there; a laptop
sees only warnings), the metrics to standard output in CloudWatch's embedded format, from which it makes them.
"""

import sys
from collections.abc import Mapping

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "TRUEEDGE"

logger = Logger(service="trueedge", level="WARNING", stream=sys.stderr, utc=True, use_rfc3339=True)

# One dimension, the service: CloudWatch charges for each combination. Powertools takes its value from
# POWERTOOLS_SERVICE_NAME, which the template makes of the client's name.
_metrics = Metrics(namespace=NAMESPACE)
_is_measured = False
_is_first = True


def set_level(level: str) -> None:
    """Log records of `level` ("INFO", ..) and above."""
    logger.setLevel(level)


def set_metrics(wanted: bool) -> None:
    """Whether `measure` writes anything."""
    global _is_measured
    _is_measured = wanted


def measure(ms: float, events: Mapping[str, int], **details: str) -> None:
    """The metrics of one request that was answered: how long it took, what became of the events that it posted.

    `details` are searchable in the log and are no dimension.
    """
    global _is_first
    is_cold, _is_first = _is_first, False
    if not _is_measured:
        return
    _metrics.add_metric("latency", MetricUnit.Milliseconds, ms)
    if is_cold:
        _metrics.add_metric("cold_start", MetricUnit.Count, 1)
    for outcome, count in events.items():
        if count:
            _metrics.add_metric(outcome, MetricUnit.Count, count)
    for name, text in details.items():
        _metrics.add_metadata(name, text)
    _metrics.flush_metrics()
