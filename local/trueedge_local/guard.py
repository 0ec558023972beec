"""Which requests a server on a laptop must not answer: a web page can reach 127.0.0.1 too, and must not post trades.

A page of another site can send a write without asking first, which carries its `Origin`; and by making its own name
point to 127.0.0.1 it can pass for the same site, which shows in `Host`.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_WILDCARDS = ("0.0.0.0", "::", "")
_NAME = re.compile(r"[a-z0-9._-]+")


@dataclass(frozen=True)
class HostName:
    """A host and the port beside it, if any; lower case, an address in its one normal form."""

    name: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> "HostName | None":
        """`name`, `name:port`, `[::1]`, `[::1]:port`; None for anything else."""
        text = text.strip().lower()
        if text.count(":") > 1 and not text.startswith("["):
            text = f"[{text}]"  # a bare IPv6 address, as people write it in a setting
        try:
            parts = urlsplit(f"//{text}")
            name, port = parts.hostname, parts.port
        except ValueError:
            return None
        if not name or "@" in text or parts.netloc != text or (_address(name) is None and not _NAME.fullmatch(name)):
            return None
        return cls(_normal(name), port)

    @property
    def is_loopback(self) -> bool:
        """localhost, *.localhost, 127.0.0.0/8 or ::1."""
        address = _address(self.name)
        if address is not None:
            return address.is_loopback
        return self.name == "localhost" or self.name.endswith(".localhost")


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _normal(name: str) -> str:
    address = _address(name)
    return name.removesuffix(".") if address is None else str(address)


class Guard:
    """Knows the names under which this server may be spoken to."""

    def __init__(self, bind_host: str, allowed: Iterable[str] = ()) -> None:
        """`allowed`: host names, each alone (any port) or with a port. Raises: ValueError for what is no host name."""
        self.allowed: list[HostName] = []
        for text in allowed:
            host = HostName.parse(text)
            if host is None:
                raise ValueError(f"{text!r} is no host name; accepted: names or addresses, each with or without :port")
            self.allowed.append(host)
        self.bound = None if bind_host in _WILDCARDS else HostName.parse(bind_host)

    def refusal(self, method: str, host: str | None, origin: str | None, local_address: str | None) -> str | None:
        """Why this request is refused, or None. `local_address`: the address of ours that the connection came to."""
        asked = HostName.parse(host) if host else None
        if asked is None or not self._is_ours(asked, local_address):
            said = "no Host" if not host else f"the Host {host[:100]!r}"
            return f"{said} is not answered here; TRUEEDGE_ALLOWED_HOSTS names further ones"
        if method in _SAFE_METHODS or origin is None or self._is_same(origin, asked):
            return None
        return f"a {method} from a page of {origin[:100]!r} is not taken; TRUEEDGE_ALLOWED_HOSTS names further ones"

    def _is_ours(self, host: HostName, local_address: str | None) -> bool:
        if host.is_loopback or (self.bound is not None and host.name == self.bound.name) or self._is_allowed(host):
            return True
        # Bound to every address: the one that was connected to, if Host gives it as a number. A name could be anyone's.
        return (
            local_address is not None
            and _address(host.name) is not None
            and host.name == _normal(local_address.lower())
        )

    def _is_allowed(self, host: HostName) -> bool:
        return any(one.name == host.name and one.port in (None, host.port) for one in self.allowed)

    def _is_same(self, origin: str, asked: HostName) -> bool:
        """The page came from this very server: same name and port; or from a name that was allowed (behind a proxy)."""
        scheme, found, rest = origin.partition("://")
        page = HostName.parse(rest) if found and scheme in ("http", "https") else None
        if page is None:
            return False
        default = 443 if scheme == "https" else 80
        return self._is_allowed(page) or (page.name == asked.name and (page.port or default) == (asked.port or default))
