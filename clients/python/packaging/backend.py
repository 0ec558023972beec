"""Makes the wheel of this package, by PEP 517 with the standard library alone, so that `pip install` fetches nothing.

The facts are in pyproject.toml. Its values here are texts and lists of texts on one line, which Python reads too; a
reader of all of TOML comes with Python 3.11 only.
"""

import ast
import base64
import hashlib
import io
import re
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
WHEEL = "Wheel-Version: 1.0\nGenerator: trueedge\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
MADE = (1980, 1, 1, 0, 0, 0)  # the same files make the same wheel


def facts():
    """{table: {key: value}} of pyproject.toml, and the version that trueedge/version.py says."""
    found, table = {}, None
    for line in (HERE / "pyproject.toml").read_text(encoding="utf-8").splitlines():
        if head := re.fullmatch(r"\[([\w.-]+)\]", line):
            table = found.setdefault(head[1], {})
        elif member := re.fullmatch(r'"?([^"=]+?)"? = (.+?)(?: #.*)?', line):
            table[member[1]] = ast.literal_eval(member[2])
    version = (HERE / "trueedge" / "version.py").read_text(encoding="utf-8")
    found["project"]["version"] = re.search(r'^__version__ = "(.+)"$', version, re.MULTILINE)[1]
    return found


def metadata():
    """The text of METADATA."""
    project, extras = facts()["project"], facts()["project.optional-dependencies"]
    lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {project['version']}"]
    lines += [f"Summary: {project['description']}", f"Requires-Python: {project['requires-python']}"]
    lines += [f"Requires-Dist: {one}" for one in project["dependencies"]]
    for extra, needs in extras.items():
        lines += [f"Provides-Extra: {extra}", *(f'Requires-Dist: {one}; extra == "{extra}"' for one in needs)]
    lines += ["Description-Content-Type: text/markdown", "", (HERE / project["readme"]).read_text(encoding="utf-8")]
    return "\n".join(lines)


def sources():
    """(name in the archive, bytes) of every file of the package."""
    for path in sorted((HERE / "trueedge").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(HERE).as_posix(), path.read_bytes()


def info():
    """(name, bytes) of the files that describe the package."""
    scripts = "".join(f"{name} = {target}\n" for name, target in facts()["project.scripts"].items())
    yield "METADATA", metadata().encode()
    yield "WHEEL", WHEEL.encode()
    yield "entry_points.txt", f"[console_scripts]\n{scripts}".encode()


def name_and_version():
    return f"trueedge-{facts()['project']['version']}"


def make_wheel(folder, files):
    stem = name_and_version()
    files = [*files, *((f"{stem}.dist-info/{name}", text) for name, text in info())]
    record = "".join(f"{name},sha256={_digest(text)},{len(text)}\n" for name, text in files)
    record += f"{stem}.dist-info/RECORD,,\n"
    wheel = Path(folder) / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in [*files, (f"{stem}.dist-info/RECORD", record.encode())]:
            entry = zipfile.ZipInfo(name, MADE)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED)
    return wheel.name


def _digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()


# --- what pip calls ---------------------------------------------------------------------------------------------------


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return make_wheel(wheel_directory, list(sources()))


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return make_wheel(wheel_directory, [("trueedge.pth", f"{HERE}\n".encode())])


def build_sdist(sdist_directory, config_settings=None):
    stem = name_and_version()
    archive = Path(sdist_directory) / f"{stem}.tar.gz"
    own = ("pyproject.toml", "README.md", "packaging/backend.py")
    with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for name, text in [
            ("PKG-INFO", metadata().encode()),
            *((name, (HERE / name).read_bytes()) for name in own),
            *sources(),
        ]:
            entry = tarfile.TarInfo(f"{stem}/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return archive.name
