"""A DynamoDB for `sam local`: moto's server on this machine, in memory, where the functions' containers reach it."""

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .server import ServerError

ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"  # the AWS libraries' own name for it
URL = "dynamodb://trueedge?create=1&sequencing=inline"
HOST = "host.docker.internal"  # this machine, as containers name it
ADD_HOST = ("--add-host", f"{HOST}:host-gateway")
START_SECONDS = 90.0  # moto takes 2 s to start, and a busy machine many times that
# An emulator takes any; a developer's real ones must not go into containers.
_ACCOUNT = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
_NOT_OURS = ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL")


class EmulatorError(ServerError):
    """No emulator can be started here; one sentence says why."""


@dataclass(frozen=True)
class Table:
    """The table behind an endpoint; what `sam.Storage` is for a file."""

    endpoint: str  # as programs on this machine reach it

    url = URL
    inside_url = URL
    options = ADD_HOST

    @property
    def variables(self) -> Mapping[str, str]:
        """What the functions are told."""
        parts = urlsplit(self.endpoint)
        here = parts.hostname in ("127.0.0.1", "localhost", "::1", "0.0.0.0") or _is_of_this_machine(parts.hostname)
        inside = f"{parts.scheme}://{HOST}:{parts.port or 80}" if here else self.endpoint
        return {"TRUEEDGE_STORE_URL": URL, ENDPOINT: inside}

    def environment(self, before: Mapping[str, str]) -> dict[str, str]:
        """For programs on this machine, SAM among them."""
        kept = {name: value for name, value in before.items() if name not in _NOT_OURS}
        return {**kept, **_ACCOUNT, ENDPOINT: self.endpoint}

    def is_of(self, container: Mapping[str, Any]) -> bool:
        """Whether this (inspected) container uses the table."""
        return f"{ENDPOINT}={self.variables[ENDPOINT]}" in container["Config"]["Env"]

    def __str__(self) -> str:
        return f"{URL} at {self.endpoint}"


@contextlib.contextmanager
def serving(address_inside: str) -> Iterator[Table]:
    """The emulator that AWS_ENDPOINT_URL_DYNAMODB names, else one of our own until the end of the block.

    `address_inside`: what containers resolve HOST to. Raises: EmulatorError.
    """
    if given := os.environ.get(ENDPOINT):
        yield Table(given)
        return
    if importlib.util.find_spec("moto") is None:
        raise EmulatorError(
            "--store dynamodb needs moto: `python3 dev.py sam --store dynamodb` or `dev.py setup` gets it"
        )
    # Linux: the bridge's own address, which other machines do not reach. Docker Desktop leads HOST to the loopback.
    host = address_inside if _is_of_this_machine(address_inside) else "127.0.0.1"
    port = _free_port(host)
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", host, "-p", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C reaches us alone
    )
    try:
        _wait_until_up(process, host, port)
        yield Table(f"http://{host}:{port}")
    finally:
        process.kill()
        process.wait()


def _wait_until_up(process: "subprocess.Popen[bytes]", host: str, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
            return
        if process.poll() is not None:
            raise EmulatorError(f"moto's server ended with code {process.returncode}")
        time.sleep(0.05)
    raise EmulatorError(f"moto's server did not answer within {START_SECONDS:.0f} s")


def _is_of_this_machine(host: str | None) -> bool:
    try:
        _free_port(host or "")
    except OSError:
        return False
    return True


def _free_port(host: str) -> int:
    """A port that nobody has, outside of those that SAM takes for itself. Raises: OSError for a foreign address."""
    while True:
        with socket.socket() as probe:
            probe.bind((host, 0))
            port: int = probe.getsockname()[1]
        if not 5000 <= port <= 8999:
            return port
