"""The client installs alone: its own build backend needs nothing that is not in the folder."""

import importlib.util
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

import trueedge
from tests.clients.test_interpreters import CLIENT, FIRST, FOUND, LAST


@pytest.fixture(scope="module")
def backend() -> ModuleType:
    spec = importlib.util.spec_from_file_location("backend", CLIENT / "packaging" / "backend.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_backend_reads_the_facts_as_toml_has_them(backend: ModuleType) -> None:
    told = tomllib.loads((CLIENT / "pyproject.toml").read_text(encoding="utf-8"))
    read = backend.facts()
    assert read["build-system"] == told["build-system"]
    assert read["project.scripts"] == told["project"]["scripts"]
    assert read["project.optional-dependencies"] == told["project"]["optional-dependencies"]
    assert told["project"]["dynamic"] == ["version"]
    assert read["project"].pop("version") == trueedge.__version__
    assert read["project"] == {name: value for name, value in told["project"].items() if not isinstance(value, dict)}


def test_the_wheel_has_the_whole_package_and_runs(backend: ModuleType, tmp_path: Path) -> None:
    wheel = tmp_path / backend.build_wheel(tmp_path)
    named = set(zipfile.ZipFile(wheel).namelist())
    sources = {path.relative_to(CLIENT).as_posix() for path in (CLIENT / "trueedge").rglob("*.py")}
    assert sources | {"trueedge/py.typed"} <= named
    assert not [name for name in named if "__pycache__" in name or "test" in name]
    run = [sys.executable, "-I", "-S", "-c", "import sys, runpy; sys.path[:0] = [sys.argv.pop(1)]; "]
    run[-1] += "sys.argv[0] = 'trueedge'; runpy.run_module('trueedge', run_name='__main__')"
    done = subprocess.run([*run, str(wheel), "--version"], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == f"trueedge {trueedge.__version__}\n", done.stderr


def test_the_same_files_make_the_same_wheel(backend: ModuleType, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    made = [(tmp_path / name / backend.build_wheel(tmp_path / name)).read_bytes() for name in "ab"]
    assert made[0] == made[1]


def test_the_source_archive_can_be_built_from(backend: ModuleType, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / backend.build_sdist(tmp_path)) as tar:
        tar.extractall(tmp_path, filter="data")
    [folder] = [one for one in tmp_path.iterdir() if one.is_dir()]
    build = "import sys; sys.path[:0] = ['packaging']; import backend; print(backend.build_wheel('.'))"
    subprocess.run([sys.executable, "-I", "-c", build], cwd=folder, check=True, capture_output=True)
    assert list(folder.glob("*.whl"))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({FIRST, LAST}))
def test_pip_installs_it_into_a_bare_environment_without_an_index(name: str, tmp_path: Path) -> None:
    subprocess.run([FOUND[name], "-m", "venv", str(tmp_path / "bare")], check=True, capture_output=True)
    programs = tmp_path / "bare" / ("Scripts" if os.name == "nt" else "bin")
    environment = {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for what in (str(CLIENT), f"--editable={CLIENT}"):
        subprocess.run(
            [programs / "python", "-m", "pip", "install", "--force-reinstall", what],
            check=True,
            capture_output=True,
            env=environment,
        )
        done = subprocess.run([programs / "trueedge", "--version"], capture_output=True, text=True, cwd=tmp_path)
        assert done.stdout == f"trueedge {trueedge.__version__}\n", done.stderr
