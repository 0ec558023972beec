"""dev.py as a person meets it: a small checkout of its own, real venvs, a real pip, hash-locked wheels made here."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow  # each makes a venv

# What the checkout's own package answers: where it came from, the locked package's version, its arguments and process.
PROGRAM = """
import json, os, sys, time, tiny
print(json.dumps({"tiny": tiny.VERSION, "arguments": sys.argv[1:], "pid": os.getpid(), "cwd": os.getcwd(),
                  "prefix": sys.prefix, "file": __file__}), flush=True)
if sys.argv[1:] == ["wait"]:
    time.sleep(60)
sys.exit(7 if sys.argv[1:] == ["fail"] else 0)
"""


def _heed_interrupts() -> None:
    """Ctrl-C is ignored, and by every child too, where a shell runs the tests in its background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Checkout:
    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "local/trueedge_local").mkdir(parents=True)
        (root / "requirements").mkdir()
        shutil.copy(CHECKOUT / "dev.py", root)
        (root / "local/trueedge_local/__main__.py").write_text(PROGRAM)
        self.lock("1.0")

    def lock(self, version: str, digest: str | None = None) -> None:
        """Lock both levels to one tiny wheel of this version."""
        wheel = self.root / f"tiny-{version}-py3-none-any.whl"
        info = f"tiny-{version}.dist-info"
        files = {
            "tiny.py": f"VERSION = {version!r}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }
        with zipfile.ZipFile(wheel, "w") as archive:
            for name, text in files.items():
                archive.writestr(zipfile.ZipInfo(name), text)
        digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
        for name in ("run.txt", "dev.txt"):
            (self.root / "requirements" / name).write_text(f"./{wheel.name} --hash=sha256:{digest}\n")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(self.root / "dev.py"), *arguments],
            cwd=self.root.parent,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_heed_interrupts if os.name != "nt" else None,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        child = self.start(*arguments)
        out, err = child.communicate(timeout=120)
        return child.returncode, out, err

    def answer(self, *arguments: str) -> tuple[dict[str, object], str]:
        code, out, err = self.run(*arguments)
        assert code == 0, err
        return json.loads(out), err


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "a checkout é")


def test_the_first_start_installs_and_the_second_only_starts(checkout: Checkout) -> None:
    first, said = checkout.answer("run", "--port", "0")
    assert "Making .venv" in said
    assert "packages ready" in said
    assert first["arguments"] == ["serve", "--port", "0"]
    assert first["tiny"] == "1.0"
    assert first["cwd"] == str(checkout.root)
    assert first["prefix"] == str(checkout.root / ".venv")
    assert checkout.answer("fsck", "--deep")[0]["arguments"] == ["fsck", "--deep"]
    # Without pip in the venv a second start can only succeed by not needing it; the same for the superset's levels.
    for folder in checkout.root.glob(".venv/lib/*/site-packages/pip"):
        shutil.rmtree(folder)
    second, said = checkout.answer("demo")
    assert second["arguments"] == ["demo"]
    assert said == ""
    assert checkout.run("fail")[0] == 7


def test_dev_satisfies_run_and_a_changed_lock_is_installed(checkout: Checkout) -> None:
    assert checkout.run("setup")[0] == 0
    assert checkout.answer("run")[1] == ""
    checkout.lock("2.0")
    answer, said = checkout.answer("run")
    assert answer["tiny"] == "2.0"
    assert "Making .venv" not in said
    assert checkout.run("setup")[2] == ""  # what had dev was given dev again


def test_a_venv_that_was_cut_short_broken_or_moved_is_made_anew(checkout: Checkout) -> None:
    checkout.answer("run")
    (checkout.root / ".venv/trueedge-unfinished").touch()
    assert "cut short" in checkout.answer("run")[1]

    (checkout.root / ".venv/bin/python").unlink()
    assert "Python it was made from has changed" in checkout.answer("run")[1]

    moved = Checkout.__new__(Checkout)
    moved.root = checkout.root.rename(checkout.root.parent / "elsewhere")
    answer, said = moved.answer("run")
    assert "it was moved" in said
    assert str(answer["file"]).startswith(str(moved.root))

    for module in moved.root.glob(".venv/lib/*/site-packages/tiny*"):
        shutil.rmtree(module) if module.is_dir() else module.unlink()
    assert moved.answer("run")[0]["tiny"] == "1.0"
    assert moved.answer("run")[1] == ""


def test_a_killed_install_is_repaired_at_the_next_start(checkout: Checkout) -> None:
    child = checkout.start("run")
    deadline = time.monotonic() + 60
    while not (checkout.root / ".venv/trueedge-unfinished").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    child.kill()
    child.communicate(timeout=60)
    answer, said = checkout.answer("run")
    assert "cut short" in said
    assert answer["tiny"] == "1.0"


def test_two_at_once_install_once(checkout: Checkout) -> None:
    children = [checkout.start("run") for _ in range(3)]
    ends = [child.communicate(timeout=120) for child in children]
    assert [child.returncode for child in children] == [0, 0, 0], ends
    assert sum("packages ready" in err for _, err in ends) == 1
    assert [json.loads(out)["tiny"] for out, _ in ends] == ["1.0"] * 3


def test_a_wrong_hash_installs_nothing_and_keeps_what_worked(checkout: Checkout) -> None:
    checkout.answer("run")
    good = (checkout.root / "requirements/run.txt").read_text()
    checkout.lock("2.0", digest="0" * 64)
    code, out, err = checkout.run("run")
    assert code == 1
    assert out == ""
    assert "DO NOT MATCH" in err
    assert "could not install" in err
    (checkout.root / "requirements/run.txt").write_text(good)
    answer, said = checkout.answer("run")
    assert answer["tiny"] == "1.0"
    assert said == ""


def test_a_venv_of_someone_else_is_left_alone(checkout: Checkout) -> None:
    (checkout.root / ".venv").mkdir()
    (checkout.root / ".venv/mine").touch()
    code, _, err = checkout.run("run")
    assert code == 1
    assert "was not made by dev.py" in err
    assert (checkout.root / ".venv/mine").exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_program_itself(checkout: Checkout, number: signal.Signals) -> None:
    checkout.answer("run")
    child = checkout.start("wait")
    assert child.stdout is not None
    assert json.loads(child.stdout.readline())["pid"] == child.pid  # one process: nothing between it and its sender
    child.send_signal(number)
    child.communicate(timeout=60)
    assert child.returncode == -number
