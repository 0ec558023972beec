"""What `sam` says before it needs an engine; with one it is tested in tests/container."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trueedge_local import sam, sam_launcher


def command(*arguments: str, **variables: str) -> tuple[int, str]:
    """Exit code and standard error, without the word Error."""
    done = subprocess.run(
        [sys.executable, "-m", "trueedge_local", "sam", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    return done.returncode, done.stderr.strip().removeprefix("Error: ")


def test_dynamodb_is_said_to_come_later() -> None:
    code, said = command("--store", "dynamodb")
    assert code == 1
    assert "later release" in said


@pytest.mark.parametrize("port", ["5000", "8999"])
def test_a_port_that_sam_may_take_for_itself_is_refused(port: str) -> None:
    code, said = command("--port", port)
    assert code == 1
    assert said == f"--port {port}: SAM takes 5000 to 8999 for its own; choose one outside"


def test_without_docker_it_says_so_in_one_line(tmp_path: Path) -> None:
    code, said = command("--folder", str(tmp_path / "store"), PATH=str(tmp_path))
    assert code == 1
    assert said == "sam local runs the functions in containers, and there is no docker on the PATH"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "is no event of an HTTP API"),
        ('{"httpMethod": "GET"}', "is no event of an HTTP API"),
        (json.dumps({"routeKey": "GET /nope"}), "the template has no route 'GET /nope'"),
    ],
)
def test_an_event_that_leads_to_no_function_is_refused(text: str, expected: str, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(text)
    code, said = command("--event", str(event))
    assert code == 1
    assert expected in said


@pytest.mark.skipif(os.name == "nt", reason="the fake is a shell script")
def test_a_python_that_does_not_run_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pyenv shim is on the PATH for every version, and fails for all but the chosen one."""
    shim, real = tmp_path / "shims" / "python3.13", tmp_path / "versions" / "3.13.1" / "bin" / "python3.13"
    for path, code in ((shim, 127), (real, 0)):
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\nexit {code}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(shim.parent))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "none"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))
    with pytest.raises(sam.SamError, match=r"no python3\.13 that runs is on the PATH"):
        sam.python_folder()
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert sam.python_folder() == str(real.parent)
    monkeypatch.setenv("PATH", str(real.parent))
    assert sam.python_folder() is None


def test_the_launcher_adds_volumes_and_knows_when_it_cannot() -> None:
    class Container:
        @staticmethod
        def _get_additional_volumes(runtime: str, debug: object) -> dict[str, object]:
            return {"/debugger": {"bind": "/tmp/lambci_debug_files", "mode": "ro"}}

    sam_launcher.add_volumes(Container, {"/data": "/mnt/trueedge"})
    assert Container._get_additional_volumes("python3.13", None) == {
        "/debugger": {"bind": "/tmp/lambci_debug_files", "mode": "ro"},
        "/data": {"bind": "/mnt/trueedge", "mode": "rw"},
    }
    with pytest.raises(SystemExit, match=r"requirements/sam\.txt"):
        sam_launcher.add_volumes(object(), {})
