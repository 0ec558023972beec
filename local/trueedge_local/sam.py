"""`sam build` and `sam local start-api`: the functions in containers as Lambda runs them, over one store.

That is a SQLite file that all of them have mounted, or a table of a DynamoDB emulator on this machine.
SAM runs in `.venv-sam`, which dev.py makes: it pins libraries at versions that are not ours.
"""

import contextlib
import http.client
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import emulated
from .server import ServerError
from .template import CHECKOUT, TEMPLATE, read_routes

RUNTIME = "3.13"  # template.yaml's; the layer's bytecode is made for it
STAND_IN = f"local/lambda-python{RUNTIME}"  # an image made on a machine that cannot pull the public one
INSIDE = "/mnt/trueedge"
STORE_URL = f"sqlite:///{INSIDE}/trueedge.db"
VOLUME = "trueedge-sam"
BUILT = CHECKOUT / ".aws-sam" / "build" / "template.yaml"
_FIRST_KEY = """
import sys
from trueedge_core import wiring
from trueedge_core.services.keys import create_first
from trueedge_core.settings import Settings
wiring.configure(Settings(store_url=sys.argv[1]))
print(create_first(wiring.keys(), wiring.now_us()) or "")
wiring.configure(None)
"""
LABEL = "sam.cli.container.type=lambda"
START_SECONDS = 300.0  # the first start may pull an image
STOP_SECONDS = 30.0


class SamError(ServerError):
    """sam cannot be started here; one sentence says what is missing."""


@dataclass(frozen=True)
class Storage:
    """Where the one file is: a folder of this machine, or the name of a volume that only the engine can open."""

    source: str
    is_folder: bool

    inside_url = STORE_URL
    options = ()

    @property
    def url(self) -> str | None:
        """The store as commands on this machine name it; None when they cannot reach it."""
        return f"sqlite:///{(Path(self.source) / 'trueedge.db').as_posix()}" if self.is_folder else None

    @property
    def variables(self) -> Mapping[str, str]:
        """What the functions are told."""
        return {"TRUEEDGE_STORE_URL": STORE_URL}

    def environment(self, before: Mapping[str, str]) -> dict[str, str]:
        """For programs on this machine, SAM among them."""
        return {**before, "SAM_LOCAL_VOLUMES": json.dumps({self.source: INSIDE})}

    def is_of(self, container: Mapping[str, Any]) -> bool:
        """Whether this (inspected) container has the file."""
        return any(self.source in (mount.get("Source"), mount.get("Name")) for mount in container["Mounts"])

    def __str__(self) -> str:
        return self.url or f"the volume {self.source}"


Store = Storage | emulated.Table


@contextlib.contextmanager
def opened(store: str, folder: Path) -> Iterator[Store]:
    """The functions built, and a store for them: `sqlite` in the folder, `dynamodb` for as long as the block lasts.

    Raises: SamError, EmulatorError.
    """
    if store == "sqlite":
        storage = choose_storage(folder)
        build()
        yield storage
        return
    docker("version")  # without an engine nothing needs to be built
    build()
    with emulated.serving(this_machine_inside()) as table:
        yield table


def this_machine_inside() -> str:
    """What containers resolve this machine's name to."""
    code = f"import socket; print(socket.gethostbyname('{emulated.HOST}'))"
    return docker("run", "--rm", *emulated.ADD_HOST, "--entrypoint", "python3", lambda_image(), "-c", code).strip()


def start_api(store: str, folder: Path, host: str, port: int) -> int:
    """Build, serve until SIGINT or SIGTERM, and leave no container behind; returns the exit code. Raises: SamError."""
    if not _is_free(host, port):
        raise SamError(f"port {port} on {host} is in use: stop what listens there, or choose another with --port")
    with opened(store, folder) as storage:
        return _serve(storage, host, port)


def _serve(storage: Store, host: str, port: int) -> int:
    first_key(storage)
    before = _containers(storage)
    # Warm containers keep their process, as Lambda does; without --no-watch a change in the volume would restart them.
    command = [*_sam("local", "start-api"), "--host", host, "--port", str(port), "--warm-containers", "EAGER"]
    with _local_options(storage) as options, _stopping() as stops:
        command += ["--no-watch", *options]
        # A session of its own: a Ctrl-C reaches us alone, and SAM is told once.
        process = subprocess.Popen(command, env=_environment(storage), stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            if _wait_until_up(process, host, port, stops):
                _announce(storage, host, port)
                while process.poll() is None and not stops:
                    time.sleep(0.1)
            return _end(process, asked=bool(stops))
        finally:
            with contextlib.suppress(OSError, ProcessLookupError):
                process.kill()
            process.wait()
            _remove(_containers(storage) - before)


def invoke(event: Path, store: str, folder: Path, key: str | None) -> int:
    """`sam local invoke` of the function that the event's routeKey leads to; its answer goes to standard output.

    The key is added to the event's headers; when it is None and the store never had one, the key that is made now.
    """
    try:
        said = json.loads(event.read_text(encoding="utf-8"))
        route_key, headers = said["routeKey"], dict(said.get("headers") or {})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SamError(f"{event} is no event of an HTTP API (version 2.0): {error}") from None
    function = next((route.function for route in read_routes() if route.key == route_key), None)
    if function is None:
        raise SamError(f"{event}: the template has no route {route_key!r}")
    with opened(store, folder) as storage:
        key = key or first_key(storage)
        if key:
            said["headers"] = {**headers, "x-api-key": key}
        return invocation(function, said, storage).returncode


def invocation(
    function: str, event: Mapping[str, Any], storage: Store, output: int | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """One `sam local invoke` of a function that has been built."""
    said = json.dumps(event).encode()
    with _local_options(storage) as options:
        command = [*_sam("local", "invoke"), function, "--event", "-", *options]
        return subprocess.run(command, env=_environment(storage), input=said, stdout=output, stderr=output)


# --- building --------------------------------------------------------------------------------------------------------


def build() -> None:
    """`sam build` for this machine's processor. Raises: SamError, after SAM's own output, when it fails."""
    command = [*_sam("build"), "--template", str(TEMPLATE), "--build-dir", str(BUILT.parent)]
    # A cache for each processor: the layer's makefile learns it from a variable, which SAM's cache does not look at.
    command += ["--cached", "--cache-dir", str(BUILT.parent.parent / f"cache-{architecture()}"), "--parallel"]
    command += ["--parameter-overrides", *_parameters()]
    path = os.pathsep.join(filter(None, [python_folder(), os.environ.get("PATH", "")]))
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        env={**_environment(None), "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise SamError(f"sam build failed:\n{done.stdout.strip()}")


def architecture() -> str:
    """This machine's processor, as the template names it."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def _parameters() -> list[str]:
    values = {"ClientId": "local", "Architecture": architecture(), "LogLevel": "INFO"}
    return [f"{name}={value}" for name, value in values.items()]


def python_folder() -> str | None:
    """A folder with a `python3.13` that runs; None when the PATH has one. Raises: SamError when there is none.

    A pyenv shim does not count: it is there for every version and answers only for the chosen one.
    """
    name = f"python{RUNTIME}"
    if _runs(shutil.which(name)):
        return None
    found = [Path(sys.base_prefix) / "bin"]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found += sorted((version / "bin" for version in pyenv.glob(f"{RUNTIME}.*")), reverse=True)
    for folder in found:
        if _runs(str(folder / name)):
            return str(folder)
    raise SamError(f"sam build needs Python {RUNTIME}, the functions' own: no {name} that runs is on the PATH")


def _runs(program: str | None) -> bool:
    if program is None:
        return False
    try:
        return subprocess.run([program, "-c", ""], capture_output=True, stdin=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


# --- running ---------------------------------------------------------------------------------------------------------


def choose_storage(folder: Path) -> Storage:
    """The folder, or a volume where a folder is shared with the engine's virtual machine: WAL does not work across it.

    Raises: SamError when no engine answers.
    """
    system = docker("info", "--format", "{{.OperatingSystem}}").strip()
    if sys.platform == "linux" and system != "Docker Desktop":
        folder.mkdir(parents=True, exist_ok=True)
        return Storage(str(folder.resolve()), True)
    return Storage(VOLUME, False)


def first_key(storage: Store) -> str | None:
    """Make an admin key and print it, when the store never had one: Lambda has no keyless mode."""
    if isinstance(storage, emulated.Table) or storage.url is not None:
        command = [sys.executable, "-c", _FIRST_KEY, str(storage.url)]
    else:  # only a container sees the volume
        layer = BUILT.parent / "CoreLayer" / "python"
        mounts = ["--volume", f"{storage.source}:{INSIDE}", "--volume", f"{layer}:/opt/python:ro"]
        command = ["docker", "run", "--rm", *mounts, "--env", "PYTHONPATH=/opt/python", "--entrypoint", "python3"]
        command += [lambda_image(), "-c", _FIRST_KEY, STORE_URL]
    environment = _environment(storage)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SamError(f"the store cannot be opened: {done.stderr.strip()}")
    key = done.stdout.strip()
    if key:  # on standard error: with --event standard output is the answer's
        print(f"This store had no keys. Here is an admin key, shown this once:\n  {key}", file=sys.stderr, flush=True)
    return key or None


def lambda_image() -> str:
    """The image that functions run in here: the stand-in, else the one that SAM takes by itself."""
    if docker("image", "ls", "--quiet", STAND_IN).strip():
        return STAND_IN
    code = (
        "from samcli.local.docker.lambda_image import LambdaImage as I, Runtime as R;"
        f"print(I._INVOKE_REPO_PREFIX, R.get_image_name_tag('python{RUNTIME}', '{architecture()}'), sep='/')"
    )
    return subprocess.run([sam_python(), "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def docker(*arguments: str) -> str:
    """What a docker command prints. Raises: SamError with its own last line when it fails."""
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise SamError("sam local runs the functions in containers, and there is no docker on the PATH") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SamError(f"docker {arguments[0]}: {last}")
    return done.stdout


def sam_python() -> Path:
    """The Python of .venv-sam. Raises: SamError when dev.py has not made it."""
    python = CHECKOUT / ".venv-sam" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        raise SamError("the SAM CLI is not here: `python3 dev.py setup --sam` in the checkout makes .venv-sam")
    return python


def _sam(*words: str) -> list[str]:
    return [str(sam_python()), str(Path(__file__).with_name("sam_launcher.py")), *words]


@contextlib.contextmanager
def _local_options(storage: Store) -> Iterator[list[str]]:
    """What every `sam local` is told, as long as the block lasts."""
    # Without --skip-pull-image SAM asks a registry at each start; an image that is missing is pulled all the same.
    options = ["--template", str(BUILT), "--skip-pull-image", "--parameter-overrides", *_parameters()]
    if docker("image", "ls", "--quiet", STAND_IN).strip():
        options += ["--invoke-image", STAND_IN]
    # Variables that functions have here in place of the template's, which mean the stack's own table.
    with tempfile.TemporaryDirectory(prefix="trueedge-sam-") as folder:
        variables = Path(folder) / "variables.json"
        variables.write_text(json.dumps({"Parameters": dict(storage.variables)}), encoding="utf-8")
        yield [*options, *storage.options, "--env-vars", str(variables)]


def _environment(storage: Store | None) -> Mapping[str, str]:
    before = os.environ if storage is None else storage.environment(os.environ)
    region = os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION") or "us-east-1"  # SAM wants one
    # ARCH: for the layer's makefile
    return {**before, "SAM_CLI_TELEMETRY": "0", "ARCH": architecture(), "AWS_DEFAULT_REGION": region}


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def _stopping() -> Iterator[list[int]]:
    """A list that gets the number of each signal to stop that comes in."""
    stops: list[int] = []
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = [signal.signal(number, lambda number, _: stops.append(number)) for number in numbers]
    try:
        yield stops
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _wait_until_up(process: "subprocess.Popen[bytes]", host: str, port: int, stops: Sequence[int]) -> bool:
    """Whether /health is answered, before the process ended or a signal came. Raises: SamError when it never is."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and not stops:
        if time.monotonic() > deadline:
            raise SamError(f"sam local did not answer within {START_SECONDS:.0f} s")
        connection = http.client.HTTPConnection(host, port, timeout=30)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return True
        time.sleep(0.2)
    return False


def _announce(storage: Store, host: str, port: int) -> None:
    url = f"http://{host}:{port}"
    print(f"TRUEEDGE answers on {url} by sam local ({storage})")
    print(f"  figures  {url}/metrics/overall\nCtrl-C stops it and removes its containers.", flush=True)


def _end(process: "subprocess.Popen[bytes]", asked: bool) -> int:
    if not asked:
        hint = ""
        if not docker("image", "ls", "--quiet", STAND_IN).strip():
            hint = f"; on a machine that cannot pull images it needs one named {STAND_IN} (docs/operate.md)"
        raise SamError(f"sam local ended with code {process.wait()}; its last lines are above{hint}")
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        print("sam local did not end by itself; removing its containers", file=sys.stderr, flush=True)
    return 0


def _containers(storage: Store) -> set[str]:
    """Those of sam local, running or not, that use this store."""
    ids = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={LABEL}").split()
    if not ids:
        return set()
    try:
        found: list[dict[str, Any]] = json.loads(docker("inspect", *ids))
    except SamError:  # one of them went away meanwhile
        return _containers(storage)
    return {one["Id"] for one in found if storage.is_of(one)}


def _remove(containers: set[str]) -> None:
    if containers:
        with contextlib.suppress(SamError):
            docker("rm", "--force", *sorted(containers))
