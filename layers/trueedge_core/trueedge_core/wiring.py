"""The composition root: knows the settings and the storage, and is the only reader of the environment in the core.

Each value is made at the first call and kept for the life of the process; tests and the local server hand in their own
settings with `configure`.
"""

import os
import time

from .domain.ports import Ledger
from .observability import set_level
from .settings import Settings
from .storage import open_ledger

_settings: Settings | None = None
_ledger: Ledger | None = None


def settings() -> Settings:
    """The settings of this process, read from the environment unless `configure` gave them."""
    global _settings
    if _settings is None:
        _settings = Settings.from_env(os.environ)
        set_level(_settings.log_level)
    return _settings


def ledger() -> Ledger:
    """The ledger of this process, opened at the first call."""
    global _ledger
    if _ledger is None:
        _ledger = open_ledger(settings().store_url)
    return _ledger


def configure(chosen: Settings | None) -> None:
    """Use these settings from here on (None: the environment's); a ledger that was open is closed."""
    global _settings, _ledger
    if _ledger is not None:
        _ledger.close()
    _settings, _ledger = chosen, None
    if chosen is not None:
        set_level(chosen.log_level)


def now_us() -> int:
    """The clock: microseconds since the epoch."""
    return time.time_ns() // 1000
