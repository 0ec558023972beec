"""What every test may rely on: a clean environment, and tests that skip, or fail, where something they need is absent.

A test says what it needs by a marker: `browser`, `docker` or `data`. Where that is absent it skips and says why;
named in TRUEEDGE_REQUIRE (a comma list, set by CI) it fails instead, so that no run is green by skipping.
"""

import functools
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.dynamodb.emulator import Emulator

CHECKOUT = Path(__file__).resolve().parent.parent
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_ON_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")

# The developer's own settings must not reach a test: with TRUEEDGE_STORE_URL set, one would write into the real store.
for _name in [name for name in os.environ if name.startswith("TRUEEDGE_")]:
    if _name not in ("TRUEEDGE_REQUIRE", "TRUEEDGE_SHARED_DATA", "TRUEEDGE_CHROMIUM", "TRUEEDGE_BASE_IMAGE_SCRIPT"):
        del os.environ[_name]

# Nor may their account at AWS: every client of a test, and of the processes it starts, signs with these and reaches
# what it is given or nothing (on port 9, "discard", nothing listens).
for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}

# Both are derandomized: a change is judged by the same examples as the one before it. `dev.py test --all` takes `long`.
settings.register_profile("quick", derandomize=True, deadline=None, max_examples=60, database=None)
settings.register_profile("long", derandomize=True, deadline=None, max_examples=500, database=None)
settings.load_profile("quick")


def chromium_binary() -> str | None:
    """The browser's path: TRUEEDGE_CHROMIUM, else the first known name on the PATH."""
    if named := os.environ.get("TRUEEDGE_CHROMIUM"):
        return named if os.access(named, os.X_OK) else None
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    return found or (str(CHROMIUM_ON_MACOS) if CHROMIUM_ON_MACOS.exists() else None)


def shared_data_folder() -> Path:
    """The folder with the real trades: TRUEEDGE_SHARED_DATA, else shared/data beside the checkout."""
    return Path(os.environ.get("TRUEEDGE_SHARED_DATA") or CHECKOUT.parent / "shared" / "data")


def _no_browser() -> str | None:
    return None if chromium_binary() else "no Chromium: none on the PATH, and TRUEEDGE_CHROMIUM names none"


def _no_docker() -> str | None:
    try:
        answer = subprocess.run(["docker", "info"], capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return "no Docker: the command docker is not installed"
    except subprocess.TimeoutExpired:
        return "no Docker: the engine did not answer in 30 s"
    return None if answer.returncode == 0 else "no Docker: the command is here, but no engine answers it"


def _no_data() -> str | None:
    folder = shared_data_folder()
    if any(folder.glob("*/trades.jsonl")):
        return None
    return f"no real trades: no */trades.jsonl in {folder} (TRUEEDGE_SHARED_DATA may name another folder)"


# Marker -> why the thing is absent, or None; asked once per process, and only if a test needs it.
NEEDS: dict[str, Callable[[], str | None]] = {
    "browser": functools.cache(_no_browser),
    "docker": functools.cache(_no_docker),
    "data": functools.cache(_no_data),
}


def required() -> set[str]:
    names = {name.strip() for name in os.environ.get("TRUEEDGE_REQUIRE", "").split(",")} - {""}
    if unknown := names - NEEDS.keys():
        raise pytest.UsageError(f"TRUEEDGE_REQUIRE: {sorted(unknown)} not known; known are {sorted(NEEDS)}")
    return names


def pytest_configure() -> None:
    required()  # a misspelt name must not silently require nothing


def pytest_itemcollected(item: pytest.Item) -> None:
    if "shared_data" in getattr(item, "fixturenames", ()):
        item.add_marker("data")
    if "chromium" in getattr(item, "fixturenames", ()):
        item.add_marker("browser")
    if item.get_closest_marker("browser") or item.get_closest_marker("docker"):
        # In one process, one after the other: each container that starts is a new network interface, and Chromium gives
        # up every request under way when there is one (ERR_NETWORK_CHANGED).
        item.add_marker(pytest.mark.xdist_group("browser and containers"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Decide before any fixture is set up."""
    for name, absent in NEEDS.items():
        if item.get_closest_marker(name) is None or (reason := absent()) is None:
            continue
        if name in required():
            pytest.fail(f"{reason}; and TRUEEDGE_REQUIRE names {name}", pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real trades, one folder per source; a test that takes it is marked `data`."""
    return shared_data_folder()


@pytest.fixture(scope="session")
def chromium() -> str | None:
    """The path of the system's Chromium; a test that takes it is marked `browser`."""
    return chromium_binary()


@pytest.fixture(scope="session")
def emulator() -> Iterator["Emulator"]:
    """DynamoDB on a socket, one for each test process; `AWS_ENDPOINT_URL_DYNAMODB` names it from here on."""
    from tests.dynamodb.emulator import Emulator  # moto takes a second to import: only those who need it wait

    with Emulator() as running:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = running.url
        yield running
        del os.environ["AWS_ENDPOINT_URL_DYNAMODB"]


@pytest.fixture
def table_name(emulator: "Emulator") -> Iterator[str]:
    """The name of a table that is not there yet, and is dropped afterwards."""
    name = f"trueedge-{uuid.uuid4().hex[:12]}"
    yield name
    emulator.forget(name)
