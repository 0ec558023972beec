"""One function in a container of its own, started by Lambda's emulator as `sam local` does it; for tests too."""

import http.client
import json
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trueedge_local import sam

_INVOKED = re.compile(r"INVOKE RTDONE\(status: success, .*duration: ([0-9.]+)ms\)")
_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_PATH = "/2015-03-31/functions/function/invocations"


def emulator() -> Path:
    """The folder with the emulator that comes with SAM."""
    code = "import samcli, pathlib; print(pathlib.Path(samcli.__file__).parent / 'local' / 'rapid')"
    said = subprocess.run([sam.sam_python(), "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
    return Path(said.strip())


class FunctionContainer:
    """A function that has been built (or any folder with an app.py), its layer, and further volumes."""

    def __init__(
        self,
        image: str,
        rapid: Path,
        code: Path,
        *,
        layer: Path | None = None,
        volumes: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        mounts = {str(rapid): "/var/rapid:ro", str(code): "/var/task:ro"}
        if layer is not None:
            mounts[str(layer)] = "/opt/python:ro"
        mounts.update(volumes or {})
        said = {"AWS_LAMBDA_FUNCTION_NAME": code.name, "AWS_SAM_LOCAL": "true", "_HANDLER": "app.handler"}
        said.update(variables or {})
        command = ["run", "--detach", "--publish", "127.0.0.1::8080", *options]
        command += [word for source, inside in mounts.items() for word in ("--volume", f"{source}:{inside}")]
        command += [word for name, value in said.items() for word in ("--env", f"{name}={value}")]
        command += ["--entrypoint", f"/var/rapid/aws-lambda-rie-{sam.architecture()}", image, "--log-level", "info"]
        self.id = sam.docker(*command).strip()
        try:
            self.port = int(sam.docker("port", self.id, "8080/tcp").strip().rpartition(":")[2])
        except BaseException:
            self.remove()
            raise

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """What the handler returned for this event; waits until the emulator listens."""
        body = json.dumps(event)
        deadline = time.monotonic() + 30
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                connection.request("POST", _PATH, body)
                return json.loads(connection.getresponse().read())
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            finally:
                connection.close()

    def init_ms(self) -> float:
        """How long the emulator saw the runtime take from its start until it asked for the first event."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if found := _INIT.search(self.logs()):
                return float(found[1])
            time.sleep(0.05)
        raise RuntimeError(f"the function did not start:\n{self.logs()}")

    def invoked_ms(self, count: int) -> list[float]:
        """How long the emulator saw each of so many invocations take in the runtime."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if len(found := _INVOKED.findall(self.logs())) >= count:
                return [float(one) for one in found]
            time.sleep(0.05)
        raise RuntimeError(f"the function did not answer {count} times:\n{self.logs()}")

    def logs(self) -> str:
        """Both output streams so far."""
        done = subprocess.run(
            ["docker", "logs", self.id], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
        )
        return done.stdout

    def remove(self) -> None:
        """Kill it and remove it."""
        sam.docker("rm", "--force", "--volumes", self.id)
