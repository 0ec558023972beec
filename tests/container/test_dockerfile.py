"""Dockerfile.local, run as docs/operate.md says: it keeps data, answers its health check, and ends when told to."""

import json

from tests.container.engine import Container, docker
from tests.functions.calling import trade

# As little as a server needs: nothing can be written but /data and /tmp, no capability, no way to get one.
STRICT = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
SOON = ("--health-interval", "1s")  # the image's own 30 s would be waited for


def post(server: Container, key: str, event_id: str) -> dict[str, object]:
    with server.client(key) as client:
        answer = client.post("/trade_event", json.dumps(trade(event_id)))
    assert answer.status == 200, answer.body
    said: dict[str, object] = answer.json()
    return said


def events_of(server: Container, key: str) -> str:
    with server.client(key) as client:
        return str(client.get("/metrics/overall").json()["as_of"]["events"])


def test_data_survives_the_container_and_the_key_is_said_once(image: str, volume: str) -> None:
    options = (*STRICT, *SOON, "--volume", f"{volume}:/data")
    with Container(image, options) as first:
        first.wait_until_it_answers()
        key = first.first_key()
        assert post(first, key, "t-1")["duplicate"] is False
    with Container(image, options) as second:
        second.wait_until_it_answers()
        assert "te_" not in second.logs()
        assert events_of(second, key) == "1"
        assert post(second, key, "t-1")["duplicate"] is True
        assert second.health() == "healthy"


def test_without_a_key_it_answers_nothing_but_health(image: str, volume: str) -> None:
    with (
        Container(image, ("--volume", f"{volume}:/data")) as server,
        server.wait_until_it_answers().client(None) as client,
    ):
        assert client.get("/metrics/overall").status == 401
        assert client.post("/trade_event", json.dumps(trade())).status == 401
        assert client.get("/health").json() == {"status": "ok", "version": "0.1.0", "store": "sqlite"}


def test_only_names_of_this_machine_are_answered(image: str, volume: str) -> None:
    """Published on the loopback address it is spoken to by that, though inside it listens on every address."""
    with (
        Container(image, ("--volume", f"{volume}:/data")) as server,
        server.wait_until_it_answers().client(None) as client,
    ):
        for host, status in (("127.0.0.1:9000", 200), ("localhost:9000", 200), ("evil.example", 403)):
            assert client.request("GET", "/health", headers={"Host": host}).status == status, host


def test_it_ends_by_itself_when_it_is_stopped(image: str, volume: str) -> None:
    with Container(image, (*STRICT, "--volume", f"{volume}:/data")) as server:
        server.wait_until_it_answers()
        docker("stop", "--time", "10", server.id)
        assert server.inspect("{{.State.ExitCode}}") == "0"  # 137 is what SIGKILL leaves, 143 what nobody caught
        files = docker("run", "--rm", "--volume", f"{volume}:/data", "--entrypoint", "ls", image, "/data").stdout
        assert files.split() == ["trueedge.db"]  # the write-ahead log was taken in: the file alone is a backup


def test_it_is_nobody_and_owns_only_its_data(image: str, volume: str) -> None:
    look = "import os; print(os.getuid(), os.getgid(), os.stat('/data').st_uid, os.access('/app', os.W_OK))"
    options = ("--rm", "--volume", f"{volume}:/data", "--entrypoint", "python")
    assert docker("run", *options, image, "-c", look).stdout.split() == ["10001", "10001", "10001", "False"]


def test_bytecode_is_in_the_image(image: str) -> None:
    """Nobody can write it later: it would be compiled anew at every start."""
    look = (
        "import sys, trueedge_core.http as h, trueedge_local.server as s, pydantic as p;"
        "print(*(importlib.util.MAGIC_NUMBER == open(m.__cached__, 'rb').read(4) for m in (h, s, p)))"
    )
    done = docker("run", "--rm", "--entrypoint", "python", image, "-c", f"import importlib.util; {look}")
    assert done.stdout.split() == ["True"] * 3


def test_a_server_that_does_not_answer_is_unhealthy(image: str) -> None:
    idle = ("--entrypoint", "python", *SOON, "--health-retries", "1", "--health-start-period", "1ms")
    with Container(image, idle, ("-c", "import signal; signal.pause()")) as server:
        assert server.health() == "unhealthy"


def test_the_health_check_follows_the_port(image: str) -> None:
    with Container(image, (*SOON, "--env", "TRUEEDGE_PORT=9001")) as server:
        assert server.health() == "healthy"


def test_the_administrator_s_commands_run_beside_the_server(image: str, volume: str) -> None:
    with Container(image, (*STRICT, "--volume", f"{volume}:/data")) as server:
        key = server.wait_until_it_answers().first_key()
        post(server, key, "t-1")
        made = docker("exec", server.id, "python", "-m", "trueedge_local", "keys", "create", "--scope", "read")
        assert events_of(server, made.stdout.splitlines()[-1]) == "1"
        checked = docker("exec", server.id, "python", "-m", "trueedge_local", "fsck").stdout
        assert checked.startswith("clean: 1 log entries")
        backup = "import sqlite3; sqlite3.connect('/data/trueedge.db').execute(\"VACUUM INTO '/data/backup.db'\")"
        docker("exec", server.id, "python", "-c", backup)
    options = ("--rm", "--volume", f"{volume}:/data")
    checked = docker("run", *options, image, "fsck", "--store", "/data/backup.db").stdout
    assert checked.startswith("clean: 1 log entries")


def test_nothing_of_the_checkout_is_in_the_image_but_the_product(image: str) -> None:
    done = docker(
        "run", "--rm", "--entrypoint", "find", image, "/app", "-maxdepth", "2", "-not", "-name", "__pycache__"
    )
    found = {line.removeprefix("/app/") for line in done.stdout.split()} - {"/app"}
    assert {name for name in found if not name.startswith("functions/")} == {
        "functions", "layers", "layers/trueedge_core", "local", "local/trueedge_local", "requirements.txt",
        "template.yaml",
    }  # fmt: skip
