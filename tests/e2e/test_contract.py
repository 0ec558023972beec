"""The running server against its own contract: Schemathesis makes up requests, right and wrong ones, for every route.

No answer may be a 5xx, and none may have a status, content type, header or body that the contract does not tell.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.harness import CHECKOUT, Server, administer, clean_environment
from tests.unit.report.samples import desk
from trueedge_local.openapi.document import FILE
from trueedge_local.openapi.operations import OPERATIONS

HERE = Path(__file__).parent
HOOKS = "tests.e2e.schemathesis_hooks"
PROGRAM = "from schemathesis.cli import schemathesis; schemathesis()"  # it has no __main__
pytestmark = pytest.mark.slow


# Without a key the instance is open; then every request carries one that sees and writes a single account.
@pytest.mark.parametrize(("binding", "examples"), [(None, 20), ("desk", 10)], ids=["open", "bound key"])
def test_no_made_up_request_gets_an_answer_that_is_not_told(binding: str | None, examples: int, tmp_path: Path) -> None:
    with Server(tmp_path / "trueedge.db", workers=1) as server:
        with server.client() as client:
            assert client.post("/trade_events", "\n".join(made.raw for made in desk())).status == 200
        options = ["--max-examples", str(examples)]
        if binding is not None:
            scopes = ("--scope", "ingest", "--scope", "read", "--account", binding)
            made = administer("keys", "create", "--store", str(server.store), *scopes)
            options += ["--header", f"X-API-Key: {made.stdout.splitlines()[-1]}"]
        done = subprocess.run(
            [
                *(sys.executable, "-c", PROGRAM, "--config-file", str(HERE / "schemathesis.toml")),
                # From the file: given the URL it would leave out the route of that URL.
                *("run", str(FILE), "--url", f"http://127.0.0.1:{server.port}", "--no-color", *options),
            ],
            cwd=tmp_path,  # it leaves notes of what failed
            env={**clean_environment(), "SCHEMATHESIS_HOOKS": HOOKS, "PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=900,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, said[-20_000:]
        operations = len(OPERATIONS) + sum(method == "GET" for method, _ in OPERATIONS)
        assert f"Tested: {operations}" in said
        found = re.search(r"(\d+) generated, \1 passed", said)
        assert found, said[-3000:]
        assert int(found[1]) > 1000, "too few requests to say anything"
