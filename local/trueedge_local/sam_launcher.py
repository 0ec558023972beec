"""sam, with further volumes in every function's container: `.venv-sam`'s Python runs this file instead of `sam`.

The SAM CLI has no option for a volume of one's own, and functions that share a SQLite file need one. SAM_LOCAL_VOLUMES
is JSON, {"folder or name of a volume": "place in the container"}. One private method of SAM is wrapped: its version is
pinned in requirements/sam.in, and tests/container sees that the volume is there.
"""

import json
import os
import sys
from typing import Any


def add_volumes(container: Any, volumes: dict[str, str]) -> None:
    """Have each container that SAM makes from here on carry these volumes too."""
    own = getattr(container, "_get_additional_volumes", None)
    if own is None:
        sys.exit("this SAM CLI mounts volumes in a way that is not known here; use the one of requirements/sam.txt")
    more = {source: {"bind": inside, "mode": "rw"} for source, inside in volumes.items()}
    container._get_additional_volumes = staticmethod(lambda *given: {**(own(*given) or {}), **more})


def main() -> None:
    from samcli.cli.main import cli
    from samcli.local.docker.lambda_container import LambdaContainer

    add_volumes(LambdaContainer, json.loads(os.environ.get("SAM_LOCAL_VOLUMES") or "{}"))
    cli(prog_name="sam")


if __name__ == "__main__":
    main()
