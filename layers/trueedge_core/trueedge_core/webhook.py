"""Posting to an address that somebody else has set, without being led into our own network.

The name is resolved once, every address that it has is judged, and the connection goes to one that was judged: a second
look-up could answer otherwise (DNS rebinding). Redirects are not followed. Proxies of the environment are not used.
"""

import http.client
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from threading import Event, Timer
from typing import Any
from urllib.parse import urlsplit

from .domain.alerts import Undelivered

CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 10.0  # all of it: a receiver may trickle bytes for ever

Resolve = Callable[..., list[tuple[Any, ...]]]

# Of IPv6 only what is routed to the world, and no form in which an IPv4 address is hidden.
_WORLD = IPv6Network("2000::/3")
_HIDES_IPV4 = (IPv6Network("2002::/16"), IPv6Network("2001::/32"))


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    allowed: Iterable[str] = (),
    resolve: Resolve = socket.getaddrinfo,
) -> None:
    """POST the body; returns when the answer was 2xx. `allowed`: networks that may be private, and may be http.

    Raises: Undelivered with a sentence that names no address: who sets the URL is told it, and could map a network.
    """
    parts = urlsplit(url)
    host, is_tls = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    connection = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
    try:
        connection.sock = _connect(_addresses(host, port, tuple(allowed), is_tls, resolve), host, is_tls)
        status = _ask(connection, parts.netloc, _target(parts.path, parts.query), body, headers)
    except TimeoutError:
        raise Undelivered("it did not answer in time") from None
    except (OSError, http.client.HTTPException) as error:
        raise Undelivered(f"the connection failed: {type(error).__name__}") from None
    finally:
        connection.close()
    if 300 <= status < 400:
        raise Undelivered(f"it answered {status}; redirects are not followed")
    if not 200 <= status < 300:
        raise Undelivered(f"it answered {status}")


def _target(path: str, query: str) -> str:
    return (path or "/") + (f"?{query}" if query else "")


def _addresses(host: str, port: int, allowed: tuple[str, ...], is_tls: bool, resolve: Resolve) -> list[tuple[str, int]]:
    try:
        found = {str(one[4][0]) for one in resolve(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        raise Undelivered("its name is not known") from None
    networks = [ip_network(one) for one in allowed]
    for text in found:
        address = ip_address(text)
        if any(address in network for network in networks):
            continue
        if not is_public(address):
            raise Undelivered("its name leads to an address that is not public, and TRUEEDGE_ALERT_NETWORKS names none")
        if not is_tls:
            raise Undelivered("http goes only to networks that TRUEEDGE_ALERT_NETWORKS names; accepted: https")
    return [(text, port) for text in sorted(found, key=lambda text: ":" in text)]  # IPv4 first: it is there more often


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is of the internet at large, whatever it hides.

    >>> [is_public(ip_address(text)) for text in ("1.1.1.1", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a00:1")]
    [True, False, False, False]
    """
    if isinstance(address, IPv6Address) and (
        address not in _WORLD or any(address in network for network in _HIDES_IPV4)
    ):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _connect(addresses: list[tuple[str, int]], host: str, is_tls: bool) -> socket.socket:
    error: OSError = OSError("no address")
    for address, port in addresses:
        try:
            sock = socket.create_connection((address, port), CONNECT_SECONDS)
        except OSError as failed:
            error = failed
            continue
        return ssl.create_default_context().wrap_socket(sock, server_hostname=host) if is_tls else sock
    raise error


def _ask(
    connection: http.client.HTTPConnection, netloc: str, target: str, body: bytes, headers: Mapping[str, str]
) -> int:
    is_late = Event()
    timer = Timer(WHOLE_SECONDS, _cut, (connection.sock, is_late))
    timer.daemon = True
    timer.start()
    try:
        connection.putrequest("POST", target, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": netloc, "Content-Length": str(len(body)), "Connection": "close", **headers}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        status = connection.getresponse().status
    finally:
        timer.cancel()
    if is_late.is_set():  # what was cut off looks like the end of an answer
        raise TimeoutError
    return status


def _cut(sock: socket.socket, is_late: Event) -> None:
    is_late.set()
    with suppress(OSError):  # it may be closed already
        sock.shutdown(socket.SHUT_RDWR)
