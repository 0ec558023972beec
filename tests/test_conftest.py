"""The rules of conftest.py, in a test run of its own: what is absent skips with its reason, or fails where required."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TESTS = """
import os
import pytest

@pytest.mark.browser
def test_browser(): pass

@pytest.mark.docker
def test_docker(): pass

def test_data(shared_data): assert any(shared_data.glob("*/trades.jsonl"))

def test_plain():
    assert "TRUEEDGE_STORE_URL" not in os.environ
    assert "AWS_PROFILE" not in os.environ
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "testing"
"""


@pytest.fixture
def run(tmp_path: Path):
    """Run the four tests above where nothing they may need is present, but for what `present` adds."""
    (tmp_path / "tests").mkdir()
    shutil.copy(HERE / "conftest.py", tmp_path / "tests")
    shutil.copy(HERE.parent / "pyproject.toml", tmp_path)
    (tmp_path / "tests/test_needs.py").write_text(TESTS)

    def run_with(*arguments: str, **present: str) -> tuple[int, str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("TRUEEDGE_", "PYTEST_"))}
        env |= {"PATH": str(tmp_path / "empty"), "TRUEEDGE_STORE_URL": "sqlite:///real.db"}
        env |= {"AWS_PROFILE": "real", "AWS_SECRET_ACCESS_KEY": "real"} | present
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
        return ended.returncode, ended.stdout + ended.stderr

    return run_with


def test_what_is_absent_skips_with_its_reason(run) -> None:
    code, out = run("--hypothesis-profile", "long")
    assert code == 0
    assert "1 passed, 3 skipped" in out
    for reason in ("no Chromium", "no Docker", "no real trades"):
        assert reason in out


def test_what_is_required_fails_instead(run) -> None:
    code, out = run(TRUEEDGE_REQUIRE="docker, browser,data")
    assert code == 1
    assert "1 passed, 3 errors" in out
    assert "TRUEEDGE_REQUIRE names docker" in out
    code, out = run(TRUEEDGE_REQUIRE="data")
    assert code == 1
    assert "1 passed, 2 skipped, 1 error" in out


def test_a_misspelt_requirement_is_refused(run) -> None:
    code, out = run(TRUEEDGE_REQUIRE="borwser")
    assert code == 4
    assert "borwser" in out


def test_what_is_present_is_used(run, tmp_path: Path) -> None:
    (tmp_path / "trades/one").mkdir(parents=True)
    (tmp_path / "trades/one/trades.jsonl").touch()
    present = {"TRUEEDGE_SHARED_DATA": str(tmp_path / "trades"), "TRUEEDGE_CHROMIUM": sys.executable}
    code, out = run("-m", "data or browser", TRUEEDGE_REQUIRE="data,browser", **present)
    assert code == 0
    assert "2 passed, 2 deselected" in out
