"""`dev.py sam` as a process: started, spoken to, stopped."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.container.engine import KEY, KeyedClient, docker
from tests.e2e.harness import CHECKOUT, clean_environment, free_port

PATIENCE = 180.0


def variables() -> dict[str, str]:
    """Without AWS credentials, settings and whatever else the developer has."""
    return clean_environment() | {k: v for k, v in os.environ.items() if k.startswith(("DOCKER_", "PIP_", "PYENV_"))}


class SamLocal:
    """`python -m trueedge_local sam` over a store in `folder`, or with `more` words and variables over another."""

    def __init__(self, folder: Path, *more: str, **environment: str) -> None:
        self.folder, self.port = folder, _port()
        self.log = folder.with_name(f"{folder.name}.log")
        command = [sys.executable, "-m", "trueedge_local", "sam", "--port", str(self.port), "--folder", str(folder)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *more],
                cwd=CHECKOUT,
                env=variables() | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise
        [self.key] = KEY.findall(self.output())

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while f"TRUEEDGE answers on http://127.0.0.1:{self.port}" not in self.output():
            assert self.process.poll() is None, f"sam ended with {self.process.returncode}:\n{self.output()}"
            assert time.monotonic() < deadline, f"sam was not up within {PATIENCE} s:\n{self.output()}"
            time.sleep(0.1)

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def answered_by(self, method: str, path: str) -> set[str]:
        """The functions whose log has such a request; SAM passes their lines on a little after the answers."""
        deadline = time.monotonic() + 20
        while True:
            lines = re.findall(r'^\{"level".*"message":"request".*\}$', self.output(), re.MULTILINE)
            found = {
                line["function"] for line in map(json.loads, lines) if (line["method"], line["path"]) == (method, path)
            }
            if found or time.monotonic() > deadline:
                return found
            time.sleep(0.1)

    def client(self) -> KeyedClient:
        return KeyedClient(self.port, self.key)

    def containers(self) -> dict[str, dict[str, Any]]:
        """Those that have the folder mounted."""
        ids = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", "label=sam.cli.container.type=lambda").stdout
        found = json.loads(docker("inspect", *ids.split()).stdout) if ids.split() else []
        return {one["Id"]: one for one in found if str(self.folder) in [mount.get("Source") for mount in one["Mounts"]]}

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


def _port() -> int:
    """A free port outside of those that SAM takes for itself."""
    while 5000 <= (port := free_port()) <= 8999:
        pass
    return port
