"""The composition root: knows the settings and the storage, and is the only reader of the environment in the core.

Each value is made at the first call and kept for the life of the process; tests and the local server hand in their own
settings with `configure`.
"""

import os
import time
from collections.abc import Mapping

from .domain.alerts import AlertStore
from .domain.breakdowns import Months
from .domain.ports import AccountStore, Clock, KeyStore, Ledger, Sequencer
from .observability import set_level, set_metrics
from .settings import Settings
from .storage import WrongStore, open_accounts, open_alerts, open_keys, open_ledger
from .storage.recent import RecentKeys

_settings: Settings | None = None
_ledger: Ledger | None = None
_keys: KeyStore | None = None
_accounts: AccountStore | None = None
_months: Months | None = None
_alerts: AlertStore | None = None


def wall_clock() -> int:
    """Now, in microseconds since the epoch."""
    return time.time_ns() // 1000


_clock: Clock = wall_clock


def settings() -> Settings:
    """The settings of this process, read from the environment unless `configure` gave them."""
    global _settings
    if _settings is None:
        _settings = Settings.from_env(os.environ)
        _observe(_settings)
    return _settings


def ledger() -> Ledger:
    """The ledger of this process, opened at the first call."""
    global _ledger
    if _ledger is None:
        _ledger = open_ledger(settings().store_url)
    return _ledger


def sequencer() -> Sequencer:
    """The same, for whoever gives positions afterwards. Raises: WrongStore where a write gives them itself."""
    held = ledger()
    if not isinstance(held, Sequencer):
        raise WrongStore(f"the store {settings().store_url!r} gives positions at once; there is nothing to sequence")
    return held


def keys() -> KeyStore:
    """The API keys of this process's store, opened at the first call; what was just found is remembered briefly."""
    global _keys
    if _keys is None:
        _keys = RecentKeys(open_keys(settings().store_url), now_us)
    return _keys


def accounts() -> AccountStore:
    """What people say of their accounts, of this process's store, opened at the first call."""
    global _accounts
    if _accounts is None:
        _accounts = open_accounts(settings().store_url)
    return _accounts


def months() -> Months:
    """What this process remembers of breakdowns of its ledger."""
    global _months
    if _months is None:
        _months = Months()
    return _months


def alerts() -> AlertStore:
    """The alerts of this process's store, opened at the first call."""
    global _alerts
    if _alerts is None:
        _alerts = open_alerts(settings().store_url)
    return _alerts


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post to an address that somebody has set for alerts. Raises: Undelivered."""
    from . import webhook  # brings TLS along, and only one function needs it: the others start without

    webhook.post(url, body, headers, settings().alert_networks)


def configure(chosen: Settings | None, clock: Clock = wall_clock) -> None:
    """Use these settings from here on (None: the environment's); what was open of the store is closed."""
    global _settings, _ledger, _keys, _accounts, _months, _alerts, _clock
    for opened in (_ledger, _keys, _accounts, _alerts):
        if opened is not None:
            opened.close()
    _settings, _ledger, _keys, _accounts, _months, _alerts = chosen, None, None, None, None, None
    _clock = clock
    if chosen is not None:
        _observe(chosen)


def _observe(settings: Settings) -> None:
    set_level(settings.log_level)
    set_metrics(settings.metrics)


def now_us() -> int:
    """The clock of this process: microseconds since the epoch."""
    return _clock()
