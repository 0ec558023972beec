"""The Docker engine as tests use it: what they start they remove, whatever happens."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from tests.e2e.harness import Answer, Client, free_port

T = TypeVar("T")
KEY = re.compile(r"\bte_[A-Za-z0-9_-]{32}\b")


def docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """One docker command; its standard error goes along when it fails."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600)
    assert not check or done.returncode == 0, (
        f"docker {' '.join(arguments)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    )
    return done


class KeyedClient(Client):
    """A client that shows its key with every request."""

    def __init__(self, port: int, key: str | None) -> None:
        super().__init__(port)
        self.key = key

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        keyed = {**(headers or {}), **({"X-API-Key": self.key} if self.key else {})}
        return super().request(method, path, body, keyed)


class Container:
    """A container of the image, with a port of this machine that leads to its server."""

    def __init__(self, image: str, options: Sequence[str] = (), command: Sequence[str] = ()) -> None:
        self.port = free_port()
        published = ["--publish", f"127.0.0.1:{self.port}:9000"]
        self.id = docker("run", "--detach", *published, *options, image, *command).stdout.strip()

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        docker("rm", "--force", "--volumes", self.id, check=False)

    def inspect(self, template: str) -> str:
        return docker("inspect", "--format", template, self.id).stdout.strip()

    def logs(self) -> str:
        done = docker("logs", self.id)
        return done.stdout + done.stderr

    def health(self) -> str:
        """healthy or unhealthy, once the engine has made up its mind."""
        return self.until(lambda: self.inspect("{{.State.Health.Status}}").removeprefix("starting"))

    def until(self, holds: Callable[[], T | None], seconds: float = 60) -> T:
        deadline = time.monotonic() + seconds
        while not (found := holds()):
            assert self.inspect("{{.State.Running}}") == "true", f"it ended:\n{self.logs()}"
            assert time.monotonic() < deadline, f"not within {seconds} s:\n{self.logs()}"
            time.sleep(0.1)
        return found

    def wait_until_it_answers(self) -> "Container":
        self.until(self.answers)
        return self

    def answers(self) -> bool:
        try:
            with Client(self.port, 5) as client:
                return client.get("/health").status == 200
        except OSError:
            return False

    def first_key(self) -> str:
        """The admin key that the first start over an empty volume says, alone on a line."""
        found = self.until(lambda: KEY.findall(self.logs()))
        assert len(found) == 1
        return found[0]

    def client(self, key: str | None) -> KeyedClient:
        return KeyedClient(self.port, key)


def unique_name(what: str) -> str:
    """A name that no other run on this engine has."""
    return f"trueedge-test-{what}-{os.getpid()}"
