"""What `sam` says before it needs an engine; with one it is tested in tests/container."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import dev
import pytest

from trueedge_local import emulated, sam, sam_launcher


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


@pytest.mark.parametrize("arguments", [["--store", "dynamodb"], ["--store=dynamodb", "--port", "3000"]])
def test_a_table_of_an_emulator_needs_what_the_tests_need(arguments: list[str]) -> None:
    """moto is a requirement of the dev level: dev.py installs that for this command and no other store."""
    assert dev.needs_emulator("sam", arguments)
    assert not dev.needs_emulator("sam", ["--store", "sqlite"])
    assert not dev.needs_emulator("fsck", arguments)


def test_a_table_is_reached_by_the_name_that_containers_have_for_this_machine() -> None:
    table = emulated.Table("http://127.0.0.1:23456")
    assert table.variables["AWS_ENDPOINT_URL_DYNAMODB"] == "http://host.docker.internal:23456"
    assert emulated.Table("http://elsewhere.example:80").variables["AWS_ENDPOINT_URL_DYNAMODB"].endswith("example:80")


def test_no_real_credentials_go_into_containers() -> None:
    real = {"AWS_ACCESS_KEY_ID": "AKIAREAL", "AWS_SECRET_ACCESS_KEY": "real", "AWS_PROFILE": "prod", "HOME": "/h"}
    said = emulated.Table("http://127.0.0.1:1").environment({**real, "AWS_SESSION_TOKEN": "real"})
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & said.keys()
    assert {said[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")} == {"local"}
    assert said["HOME"] == "/h"


def test_the_emulator_runs_as_long_as_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)  # of other tests in this process
    with emulated.serving("127.0.0.1") as table:
        port = urlsplit(table.endpoint).port
        assert port is not None
        assert not 5000 <= port <= 8999
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_an_emulator_that_the_environment_names_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:4")
    with emulated.serving("127.0.0.1") as table:
        assert table == emulated.Table("http://127.0.0.1:4")


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
