"""Guards the directions between the product's packages: reads the syntax trees, runs nothing.

`functions -> services -> domain <- storage`, `services -> report -> domain`; only `wiring` knows both sides.
"""

import ast
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
ROOTS = ("layers/trueedge_core", "local", "clients/python")
POWERTOOLS = "aws_lambda_powertools"
# sqlite3 is a driver that happens to ship with Python: only the table can allow it.
STDLIB = sys.stdlib_module_names - {"sqlite3"}
RUN_TIME = (POWERTOOLS, "pydantic", "simplejson", "jinja2", "uvicorn", "httptools", "uvloop", "yaml", "click", "rich")


def core(*modules: str) -> tuple[str, ...]:
    return tuple(f"trueedge_core.{module}" for module in modules)


# Room -> what it may import beside the standard library. A module belongs to the room with the longest fitting name;
# one that fits none has no place yet, and fails until this table says what it may know.
ROOMS: dict[str, tuple[str, ...]] = {
    "trueedge_core.errors": (),
    "trueedge_core.settings": core("errors"),
    "trueedge_core.domain": core("domain", "errors"),
    "trueedge_core.domain.events": (*core("domain", "errors"), "pydantic"),
    "trueedge_core.domain.money": (*core("domain", "errors"), "simplejson"),
    "trueedge_core.services": core("services", "domain", "report", "errors"),
    "trueedge_core.storage": core("storage", "domain", "errors"),
    "trueedge_core.storage.sqlite": (*core("storage.sqlite", "storage.cursor", "domain", "errors"), "sqlite3"),
    "trueedge_core.storage.dynamodb": (
        *core("storage.dynamodb", "storage.cursor", "domain", "errors"),
        "boto3",
        "botocore",
    ),
    "trueedge_core.report": (*core("report", "domain"), "jinja2", "markupsafe"),
    "trueedge_core.observability": (POWERTOOLS,),
    "trueedge_core.http": (
        *core("observability", "services", "domain", "errors", "wiring"),
        POWERTOOLS,
        "pydantic",
    ),
    "trueedge_core.webhook": core("domain"),
    "trueedge_core.wiring": core("settings", "storage", "domain", "errors", "observability", "webhook"),
    "trueedge_core.streams": core("observability", "errors", "wiring"),
    "functions": core("http", "streams", "services", "wiring", "domain"),
    "trueedge_local": (*RUN_TIME, "trueedge_core", "trueedge_local", "sqlite3"),
    "trueedge_local.sam_launcher": ("samcli",),  # SAM's own Python runs it: nothing of ours is there
    "trueedge": ("trueedge",),
    "trueedge.frames": ("trueedge", "pandas"),
    "trueedge.importers.freqtrade": ("trueedge", "sqlite3"),  # the bot's own database is a file to import
    "trueedge.importers.parquet": ("trueedge", "pyarrow"),
}
READS_THE_ENVIRONMENT = ("trueedge_core.wiring",)
KNOWS_SETTINGS_AND_STORAGE = ("trueedge_core.wiring",)


@dataclass(frozen=True)
class Module:
    """One source file under the name it is imported by (functions, which are loaded by path: functions.x.app)."""

    name: str
    source: str
    is_package: bool = False

    @property
    def package(self) -> str:
        return self.name if self.is_package else self.name.rpartition(".")[0]


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of every import, those in functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(module.source)):
        match node:
            case ast.Import():
                yield from ((node.lineno, alias.name) for alias in node.names)
            case ast.ImportFrom():
                base = node.module or ""
                if node.level:
                    parts = module.package.split(".")
                    parts = parts[: len(parts) - node.level + 1]
                    base = ".".join([*parts, *([base] if base else [])])
                if base not in ("trueedge_core", "trueedge_core.storage"):
                    yield node.lineno, base
                else:  # several rooms lie directly in these two: what is named decides
                    names = [alias.name for alias in node.names if not alias.name.startswith("__")]
                    yield from ((node.lineno, f"{base}.{name}") for name in names)
            case ast.Call(
                func=ast.Name("__import__") | ast.Attribute(attr="import_module") | ast.Name("import_module"),
                args=[ast.Constant(str(name)), *_],
            ):
                yield node.lineno, name


def environment_reads(source: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name("os"), attr="environ" | "environb" | "getenv" | "getenvb"):
                yield node.lineno
            case ast.ImportFrom(module="os", names=names) if any("env" in alias.name for alias in names):
                yield node.lineno


def float_calls(source: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            yield node.lineno


def wrong(module: Module) -> list[str]:
    """What the module does that its room forbids; one line each."""
    name = module.name
    room = max((room for room in ROOMS if within(name, room)), key=len, default=None)
    if room is None and name != "trueedge_core":
        return [f"{name}: the table ROOMS has no place for it"]
    allowed = ROOMS[room] if room else ()
    found = [
        f"{name}:{line} imports {target}"
        for line, target in imports(module)
        if target.split(".")[0] not in STDLIB and not any(within(target, prefix) for prefix in allowed)
    ]
    targets = [target for _, target in imports(module)]
    knows = [room for room in core("settings", "storage") if any(within(target, room) for target in targets)]
    if len(knows) == 2 and name not in KNOWS_SETTINGS_AND_STORAGE:
        found.append(f"{name} knows both settings and storage")
    if within(name, "trueedge_core") or within(name, "functions"):
        if name not in READS_THE_ENVIRONMENT:
            found += [f"{name}:{line} reads the environment" for line in environment_reads(module.source)]
        if within(name, "trueedge_core.storage"):
            found += [f"{name}:{line} calls float()" for line in float_calls(module.source)]
    return found


def product() -> Iterator[Module]:
    for root in (*(CHECKOUT / root for root in ROOTS), CHECKOUT):
        below = root / "functions" if root == CHECKOUT else root
        for path in sorted(below.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if root.name == "python" and parts[0] != "trueedge":  # the client's own tests and build backend
                continue
            package = parts[-1] == "__init__"
            yield Module(".".join(parts[:-1] if package else parts), path.read_text(encoding="utf-8"), package)


def test_every_import_of_the_product_points_the_right_way() -> None:
    modules = list(product())
    assert {"trueedge_core", "trueedge_core.errors"} <= {module.name for module in modules}
    assert [fault for module in modules for fault in wrong(module)] == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("trueedge_core.errors", "from trueedge_core import settings"),
        ("trueedge_core.settings", "from .domain import money"),
        ("trueedge_core.domain.summary", "import pydantic"),
        ("trueedge_core.domain.summary", "import sqlite3"),
        ("trueedge_core.domain.summary", "from ..storage.sqlite import ledger"),
        ("trueedge_core.domain.summary", "def f():\n    from trueedge_core.services import query"),
        ("trueedge_core.domain.money", "import pydantic"),
        ("trueedge_core.domain.events", "import simplejson"),
        ("trueedge_core.services.ingest", "from trueedge_core.storage import open_ledger"),
        ("trueedge_core.services.ingest", "from .. import storage"),
        ("trueedge_core.services.ingest", "from trueedge_core.settings import Settings"),
        ("trueedge_core.services.ingest", "import trueedge_core.wiring"),
        ("trueedge_core.storage.sqlite.ledger", "from trueedge_core.services import query"),
        ("trueedge_core.storage.sqlite.ledger", "from trueedge_core.storage.dynamodb import keys"),
        ("trueedge_core.storage.sqlite.ledger", "from .. import dynamodb"),
        ("trueedge_core.storage.sqlite.ledger", "import boto3"),
        ("trueedge_core.storage.sqlite.ledger", "price = float('1')"),
        ("trueedge_core.storage.dynamodb.ledger", "import sqlite3"),
        ("trueedge_core.report.view", "from trueedge_core.services import query"),
        ("trueedge_core.http", "from trueedge_core.storage import open_ledger"),
        ("trueedge_core.http", "import os\nos.environ['X']"),
        ("trueedge_core.settings", "from os import environ"),
        ("trueedge_core.settings", "import os\nos.getenv('X')"),
        ("trueedge_core.new_room", ""),
        ("functions.ingest.app", "import boto3"),
        ("functions.ingest.app", "import sqlite3"),
        ("functions.ingest.app", "from functions.trades import app"),
        ("functions.ingest.app", "from . import helper"),
        ("functions.ingest.app", "from trueedge_core.storage import open_ledger"),
        ("functions.ingest.app", "import os\nos.environ.get('X')"),
        ("trueedge_local.server", "from tests.oracle import bruteforce"),
        ("trueedge_local.server", "import importlib\nimportlib.import_module('functions.ingest.app')"),
        ("trueedge_local.server", "from trueedge_core import settings\nfrom trueedge_core import storage"),
        ("trueedge.client", "from trueedge_core import errors"),
        ("trueedge.client", "import pydantic"),
    ],
)
def test_the_checker_sees_a_wrong_arrow(name: str, source: str) -> None:
    assert wrong(Module(name, source))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (
            "trueedge_core.domain.summary",
            "from decimal import Decimal\nfrom .money import x\nfrom ..errors import Y",
        ),
        ("trueedge_core.domain.events", "import pydantic\nfrom trueedge_core import __version__, errors"),
        (
            "trueedge_core.storage.sqlite.ledger",
            "import sqlite3\nx: float\nfrom ...domain import ports\nfrom . import x",
        ),
        ("trueedge_core.storage.sqlite.ledger", "from trueedge_core.storage import cursor"),
        ("trueedge_core.wiring", "import os\nfrom . import settings, storage\nos.environ"),
        ("functions.ingest.app", "from trueedge_core.http import api\nfrom trueedge_core.services import ingest"),
        ("trueedge_local.server", "import os, uvicorn\nfrom trueedge_core import wiring\nos.environ"),
    ],
)
def test_the_checker_lets_a_right_arrow_pass(name: str, source: str) -> None:
    assert wrong(Module(name, source)) == []


# In halves, so that this file does not name them either.
REGISTRIES = [
    "".join(halves).encode()
    for halves in [
        ("py", "pi.org"),
        ("python", "hosted.org"),
        ("registry.np", "mjs.org"),
        ("registry.yarn", "pkg.com"),
        ("deb.", "debian.org"),
        ("crates", ".io"),
        ("proxy.", "golang.org"),
    ]
]
NOT_OURS = {".git", ".venv", ".venv-sam", "data", "node_modules", "__pycache__", ".aws-sam", ".hypothesis"}


def registries_named(below: Path) -> list[str]:
    found = []
    for folder, folders, files in os.walk(below):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith("_cache")]
        for path in (Path(folder, name) for name in files):
            if path.is_file() and any(host in path.read_bytes().lower() for host in REGISTRIES):
                found.append(path.relative_to(below).as_posix())
    return sorted(found)


def test_no_file_names_a_package_registry() -> None:
    assert registries_named(CHECKOUT) == []


def test_a_named_registry_is_found(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"--index-url https://" + REGISTRIES[0].upper() + b"/simple\n")
    (tmp_path / "clean.txt").write_text("click==8.1\n")
    assert registries_named(tmp_path) == ["requirements.txt"]
