"""The client's own tests, under every Python here from 3.9 on, with nothing installed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "python"
OLDEST = (3, 9)
# -I and -S: no variables, no user's packages, no site-packages at all.
RUN = "import unittest; unittest.main(None, argv=['unittest', 'discover', '-s', {tests!r}])"


def version(python: str) -> tuple[int, ...]:
    """(3, 9, 18) for a Python that runs; () for anything else."""
    asked = [python, "-I", "-S", "-c", "import sys; print(*sys.version_info[:3])"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    except OSError:
        return ()
    return tuple(map(int, answer.stdout.split())) if answer.returncode == 0 else ()


def interpreters() -> dict[str, str]:
    """The newest Python of each minor version that is found: on the PATH, at pyenv's, or running this."""
    found = [sys.executable, *filter(None, (shutil.which(f"python3.{minor}") for minor in range(9, 30)))]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    if pyenv.is_dir():
        found += [str(one / "bin" / "python") for one in pyenv.iterdir() if re.fullmatch(r"3\.\d+\.\d+", one.name)]
    best: dict[tuple[int, ...], tuple[tuple[int, ...], str]] = {}
    for python in found:
        whole = version(python)
        if whole[:2] >= OLDEST:
            best[whole[:2]] = max(best.get(whole[:2], ((), "")), (whole, python))
    return {".".join(map(str, minor)): python for minor, (_, python) in sorted(best.items())}


FOUND = interpreters()
FIRST, *_, LAST = sorted([*FOUND, *FOUND], key=lambda name: int(name[2:]))  # the code could be too new for the first


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == FIRST else pytest.mark.slow) for name in FOUND]
)
def test_the_clients_tests_pass_with_nothing_installed(name: str) -> None:
    done = subprocess.run(
        [FOUND[name], "-I", "-S", "-c", RUN.format(tests=str(CLIENT / "tests"))],
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr[-8000:]
    assert int(re.findall(r"^Ran (\d+) tests", done.stderr, re.MULTILINE)[0]) > 100
