"""A thread beside the workers: finds accounts that reached a limit, and tells whoever is to be told.

Connections of its own to the store, so no request waits for it. Several servers over one store may each have one: every
alert is claimed before it is sent.
"""

import logging
import threading
from collections.abc import Callable

EVERY_SECONDS = 2.0
STOP_SECONDS = 1.0  # a try that is cut off was counted before it was made
log = logging.getLogger("local.watcher")  # the name is not ours: see gateway.LOGGER


def start(store_url: str, networks: tuple[str, ...]) -> Callable[[], None]:
    """Watch until the function that is returned is called; that waits for the store to be closed, for no receiver."""
    done = threading.Event()
    thread = threading.Thread(target=_watch, args=(store_url, networks, done), name="alerts", daemon=True)
    thread.start()

    def stop() -> None:
        done.set()
        thread.join(STOP_SECONDS)

    return stop


def _watch(store_url: str, networks: tuple[str, ...], done: threading.Event) -> None:
    from trueedge_core import webhook
    from trueedge_core.errors import Unavailable
    from trueedge_core.services import alerts
    from trueedge_core.storage import open_accounts, open_alerts, open_ledger
    from trueedge_core.wiring import now_us

    ledger, accounts, kept = open_ledger(store_url), open_accounts(store_url), open_alerts(store_url)
    try:
        while not done.wait(EVERY_SECONDS):
            try:
                alerts.turn(
                    ledger, accounts, kept, now_us, lambda url, body, head: webhook.post(url, body, head, networks)
                )
            except Unavailable as busy:
                log.info("alerts wait: %s", busy.message)
            except Exception:
                log.exception("alerts failed; they go on in %s seconds", EVERY_SECONDS)
    finally:
        for one in (ledger, accounts, kept):
            one.close()
