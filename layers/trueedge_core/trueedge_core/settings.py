"""Configuration: `TRUEEDGE_*` variables, parsed once into a frozen value; every default runs on a laptop."""

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import TrueEdgeError

VERSION = "0.1.0"
DEFAULT_STORE_URL = "sqlite:///./data/trueedge.db"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_FLAGS = {"": False, "0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}


class WrongSetting(TrueEdgeError):
    """A variable has a value that cannot be meant. The process must not start with it."""

    code = "wrong_setting"


def flag(mapping: Mapping[str, str], name: str) -> bool:
    """A yes-or-no variable. Raises: WrongSetting for any other word, so that a typo never opens or closes a door."""
    text = mapping.get(name, "").strip().lower()
    if text not in _FLAGS:
        raise WrongSetting(f"{name} is {text!r}; accepted: 1, true, yes, 0, false, no, or empty")
    return _FLAGS[text]


def networks(mapping: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Networks or single addresses, with commas between. Raises: WrongSetting."""
    found = [part.strip() for part in mapping.get(name, "").split(",") if part.strip()]
    if not found:
        return ()
    from ipaddress import ip_network  # hardly anybody names one

    for text in found:
        try:
            ip_network(text)
        except ValueError:
            accepted = 'addresses and networks with commas between, such as "10.1.0.0/16, 127.0.0.1"'
            raise WrongSetting(f"{name} has {text!r} in it; accepted: {accepted}") from None
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the core is told from outside.

    `store_url` alone selects the driver. `open` lets every request in without a key while the store never had one: the
    local server passes it, and nothing in Lambda can set it. `log_level` is one of LOG_LEVELS. `metrics`: write
    them, as in Lambda and nowhere else. `alert_networks`: alerts may go there although they are not public.
    """

    store_url: str = DEFAULT_STORE_URL
    open: bool = False
    log_level: str = "WARNING"
    metrics: bool = False
    alert_networks: tuple[str, ...] = ()
    version: str = VERSION

    @property
    def store(self) -> str:
        """The kind of store: the scheme of its URL."""
        return self.store_url.partition(":")[0]

    @classmethod
    def from_env(cls, mapping: Mapping[str, str]) -> "Settings":
        """Settings of a process with these variables. Raises: WrongSetting."""
        hosted = "AWS_LAMBDA_FUNCTION_NAME" in mapping
        level = mapping.get("TRUEEDGE_LOG_LEVEL", "").strip().upper() or cls().log_level
        if level not in LOG_LEVELS:
            raise WrongSetting(f"TRUEEDGE_LOG_LEVEL is {level!r}; accepted: {', '.join(LOG_LEVELS)}")
        return cls(
            store_url=mapping.get("TRUEEDGE_STORE_URL", "").strip() or DEFAULT_STORE_URL,
            open=not hosted and flag(mapping, "TRUEEDGE_OPEN"),
            log_level=level,
            metrics=hosted,
            alert_networks=networks(mapping, "TRUEEDGE_ALERT_NETWORKS"),
        )
