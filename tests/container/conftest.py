"""Images and environments that these tests need, made once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container.engine import docker, unique_name
from tests.e2e.harness import CHECKOUT
from trueedge_local import sam as sam_local

SCRIPT = Path(
    os.environ.get("TRUEEDGE_BASE_IMAGE_SCRIPT") or CHECKOUT.parent / "shared" / "tools" / "lambda-base-image.sh"
)
SLIM = "python:3.13-slim"


def pytest_itemcollected(item: pytest.Item) -> None:
    if Path(__file__).parent in item.path.parents:
        item.add_marker("docker")


@pytest.fixture(scope="session")
def sam_cli() -> Path:
    """The `sam` program of .venv-sam, which dev.py makes."""
    done = subprocess.run(
        [sys.executable, "dev.py", "setup", "--sam"], cwd=CHECKOUT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return CHECKOUT / ".venv-sam" / "bin" / "sam"


def provide(name: str, sam: Path | None = None) -> None:
    """Have the base image: it is here, or the script makes a stand-in, or it can be pulled."""
    if docker("image", "inspect", name, check=False).returncode == 0:
        return
    if SCRIPT.is_file():
        command = ["bash", str(SCRIPT), "3.13"]
        more = {"SAM": str(sam)} if sam else {}
        made = subprocess.run(command, env={**os.environ, **more}, capture_output=True, text=True, timeout=600)
        assert made.returncode == 0, made.stderr[-4000:]
    elif docker("pull", name, check=False).returncode:
        reason = (
            f"no image {name}: it cannot be pulled, and there is no {SCRIPT} (TRUEEDGE_BASE_IMAGE_SCRIPT) to make it"
        )
        if "docker" in os.environ.get("TRUEEDGE_REQUIRE", ""):
            pytest.fail(f"{reason}; and TRUEEDGE_REQUIRE names docker", pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def lambda_image(sam_cli: Path) -> str:
    """The image that functions run in."""
    if SCRIPT.is_file():
        provide(sam_local.STAND_IN, sam_cli)
    name = sam_local.lambda_image()
    provide(name)
    return name


@pytest.fixture(scope="session")
def image() -> Iterator[str]:
    """Dockerfile.local, built."""
    provide(SLIM)
    name = unique_name("image")
    docker("build", "--quiet", "--file", str(CHECKOUT / "Dockerfile.local"), "--tag", name, str(CHECKOUT))
    yield name
    docker("image", "rm", "--force", name, check=False)


@pytest.fixture
def volume() -> Iterator[str]:
    """The name of a volume that does not exist yet."""
    name = unique_name("data")
    docker("volume", "rm", "--force", name)
    yield name
    docker("volume", "rm", "--force", name, check=False)
