"""README.md and docs/*.md say what the product does: their commands are run, their tables held to the code."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import dev
import pytest

from tests.e2e.harness import CHECKOUT, Server, administer, clean_environment
from tests.functions.test_access import PUBLIC
from trueedge_core import errors
from trueedge_core.domain import events, fields, money
from trueedge_core.errors import InvalidParameter, TrueEdgeError
from trueedge_core.services import filters, ingest, query, trades
from trueedge_core.storage.recent import FOUND_US, NONE_YET_US
from trueedge_core.storage.sqlite.connection import connect
from trueedge_local import gateway
from trueedge_local.cli import main as administrator
from trueedge_local.template import DEFAULT, read_routes

README = CHECKOUT / "README.md"
API = CHECKOUT / "docs" / "api.md"
STORAGE = CHECKOUT / "docs" / "storage.md"
SECURITY = CHECKOUT / "docs" / "security.md"
PAGES = [README, *sorted((CHECKOUT / "docs").rglob("*.md"))]
CORE = CHECKOUT / "layers" / "trueedge_core" / "trueedge_core"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def section(page: Path, title: str) -> str:
    """The text below a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", text_of(page), re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no heading {title!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of every table in the text, without the lines of heads and rules."""
    lines = text.splitlines()
    tables = [line for line, after in zip(lines, [*lines[1:], ""], strict=True) if not after.startswith("|--")]
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        for line in tables
        if line.startswith("|") and not line.startswith("|--")
    ]


def code_words(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", re.sub(FENCE, "", text))


# --- commands and what they print ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Example:
    """A command of a page and the output that the page shows below it."""

    language: str
    command: str
    output: str

    def run(self, port: int, folder: Path) -> str:
        command = self.command.replace("127.0.0.1:9000", f"127.0.0.1:{port}")
        program = [sys.executable, "-c"] if self.language == "python" else ["sh", "-c"]
        done = subprocess.run(
            [*program, command],
            cwd=folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        return done.stdout


def examples(page: Path) -> list[Example]:
    """The curl lines and Python programs of a page, each with the block after it."""
    blocks = FENCE.findall(text_of(page))
    return [
        Example(language, command, output)
        for (language, command), (_, output) in zip(blocks, [*blocks[1:], ("", "")], strict=True)
        if language == "python" or (language == "sh" and command.startswith("curl "))
    ]


def agrees(shown: str, said: str) -> bool:
    """Whether an output is the one shown, but for white space, what `...` stands for, and when things arrived."""
    squeezed = re.sub(r"\s", "", shown)
    squeezed = re.sub(r'("(?:at|received_at)":)"[^"]+"', r'\1"..."', squeezed)
    pattern = ".*?".join(map(re.escape, squeezed.split("...")))
    return re.fullmatch(pattern, re.sub(r"\s", "", said), re.DOTALL) is not None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "trueedge.db") as running:
        yield running


def needs(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program} on the PATH: the line that uses it is not run")


@pytest.mark.parametrize(("page", "number"), [(README, 5), (API, 16)], ids=["README", "api"])
def test_the_examples_print_what_the_page_shows(page: Path, number: int, server: Server, tmp_path: Path) -> None:
    needs("curl")
    found = examples(page)
    assert len(found) >= number
    for example in found:
        said = example.run(server.port, tmp_path)
        assert agrees(example.output, said), f"{example.command}\nprinted\n{said}\nnot\n{example.output}"


def test_the_first_trade_of_the_readme_can_be_sent_again(server: Server, tmp_path: Path) -> None:
    needs("curl")
    first = examples(README)[0]
    assert json.loads(first.run(server.port, tmp_path))["duplicate"] is False
    assert json.loads(first.run(server.port, tmp_path))["duplicate"] is True
    assert server.client().get("/metrics/overall").json()["metrics"]["total_trades"] == "1"


def test_every_example_trade_is_a_demo_of_the_example_account() -> None:
    for page in (README, API):
        posted = re.findall(r'"(account_id|environment)": ?"(\w+)"', "".join(e.command for e in examples(page)))
        assert set(posted) == {("account_id", "example"), ("environment", "demo")}


@pytest.mark.parametrize(
    ("shown", "said", "is_equal"),
    [
        ('{"a":1, ... ,"c":3}', '{"a":1,"b":2,"c":3}', True),
        ('{"at":"2026-01-01T00:00:00Z"}', '{"at":"2027-01-01T00:00:00Z"}', True),
        ('{"a":1}', '{"a":2}', False),
        ('{"a":1}', '{"a":1,"b":2}', False),
        ('{ ... ,"c":3}', '{"a":1,"c":4}', False),
        ('{"time":"2026-01-01T00:00:00Z"}', '{"time":"2027-01-01T00:00:00Z"}', False),
    ],
)
def test_an_output_that_differs_is_noticed(shown: str, said: str, is_equal: bool) -> None:
    assert agrees(shown, said) is is_equal


BACKUPS = [
    (README, r'^sqlite3 data/trueedge\.db "\.backup backup\.db"$'),
    (STORAGE, r'^sqlite3 data/trueedge\.db "\.backup backup\.db"$'),
    (STORAGE, r"^python3 -c .+\.backup\(.+$"),
]


@pytest.mark.parametrize(("page", "pattern"), BACKUPS, ids=["README", "storage", "storage-python"])
def test_the_backup_line_gives_a_store_that_fsck_calls_clean(
    page: Path, pattern: str, server: Server, tmp_path: Path
) -> None:
    needs("curl")
    [line] = re.findall(pattern, text_of(page), re.MULTILINE)
    needs(line.split()[0])
    for example in examples(README):
        example.run(server.port, tmp_path)
    Example("sh", line.replace("data/trueedge.db", server.store.as_posix()), "").run(server.port, tmp_path)
    checked = administer("fsck", "--store", str(tmp_path / "backup.db"))
    assert (checked.returncode, checked.stdout) == (
        0,
        "clean: 3 log entries; 1 closed trades counted, 0 open, 1 voided\n",
    )


# --- what the tables say ---------------------------------------------------------------------------------------------


def routes() -> set[str]:
    return {f"{one.method} {one.path}" for one in read_routes() if one.path != DEFAULT and one.method != "HEAD"}


@pytest.mark.parametrize("page", [README, API], ids=["README", "api"])
def test_the_routes_named_are_those_of_the_template(page: Path) -> None:
    named = {word for word in code_words(text_of(page)) if re.match(r"(?:GET|POST|PUT|DELETE|HEAD) /", word)}
    assert named == routes()


def test_every_command_is_in_the_readme_and_no_other() -> None:
    own = set(re.findall(r"^  (\w+)(?= )", dev.HELP, re.MULTILINE))
    assert {"run", "demo", "test"} <= own
    table = rows(section(README, "All commands"))
    named = {word.split()[0] for row in table for word in code_words(row[0])} - {"python3"}
    assert named == own | set(administrator.commands)


def variables(text: str) -> set[str]:
    return set(re.findall(r"\bTRUEEDGE_[A-Z_]*[A-Z]\b", text))


def test_every_variable_is_documented_and_no_other() -> None:
    folders = ("layers", "local", "functions", "benchmarks")
    sources = [path for folder in folders for path in (CHECKOUT / folder).rglob("*.py")]
    sources += [CHECKOUT / name for name in ("dev.py", "template.yaml", "tests/conftest.py")]
    read = set().union(*(variables(text_of(path)) for path in sources))
    assert {"TRUEEDGE_STORE_URL", "TRUEEDGE_REQUIRE"} <= read
    assert variables(section(README, "Configuration")) == read


def test_flags_and_defaults_are_those_of_serve() -> None:
    told = {row[0]: (row[1], row[2]) for row in rows(section(README, "Configuration")) if row[1]}
    assert told == {
        f"`{option.envvar}`": (f"`{option.opts[0]}`", f"`{option.default}`")
        for option in administrator.commands["serve"].params
        if option.envvar
    }


def test_the_places_that_the_readme_names_are_there() -> None:
    words = {word for row in rows(section(README, "Where things are")) for word in code_words(row[1])}
    assert len(words) > 15
    for word in words:
        pattern = word.replace("<name>", "*")
        assert [*CHECKOUT.glob(pattern), *CORE.glob(pattern)], word


def test_the_table_of_fields_is_that_of_the_code() -> None:
    told = [(row[0].strip("`"), row[1]) for row in rows(section(API, "TRADE_EVENT"))]
    assert told == [(field.name, field.presence) for field in fields.FIELDS]


def test_the_tables_of_parameters_name_what_is_accepted() -> None:
    told = [row[0].strip("`") for row in rows(section(API, "Filters"))]
    assert tuple(told) == filters.FILTERS
    for title, accepted in [
        ("`GET /trade_events`", trades.ACCEPTED),
        ("`GET /metrics/by_strategy`, `GET /metrics/by_account`", query.PAGED),
    ]:
        assert {row[0].strip("`") for row in rows(section(API, title))} == set(accepted)


def test_the_table_of_errors_is_that_of_the_code() -> None:
    told = {(int(row[0]), row[1].strip("`")) for row in rows(section(API, "Errors"))}
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, TrueEdgeError)]
    assert told == {(kind.status, kind.code) for kind in kinds}
    assert {code for _, code in told} <= set(code_words(section(README, "The API on one page")))


def test_the_limits_are_those_of_the_code() -> None:
    told = {row[0].strip("`"): [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", row[1])] for row in limits()}
    assert told == {
        "an event": [events.MAX_EVENT_BYTES, events.MAX_EVENT_BYTES >> 10],
        "metadata": [fields.MAX_METADATA_BYTES, fields.MAX_METADATA_BYTES >> 10],
        "a batch": [money.MAX_BATCH_EVENTS, ingest.MAX_BATCH_BYTES, ingest.MAX_BATCH_BYTES >> 20],
        "any body": [gateway.MAX_BODY_BYTES, gateway.MAX_BODY_BYTES >> 20],
        "nesting of JSON": [money.MAX_DEPTH],
        "a page of a listing": [filters.MAX_LIMIT],
        "a page of `GET /trade_events": [trades.MAX_PAGE_BYTES],
        "points of the curve": [5000],
        "the reason of a void": [ingest.MAX_REASON],
    }
    assert filters.read({"points": "5000"}, ("points",)).points == 5000
    with pytest.raises(InvalidParameter):
        filters.read({"points": "5001"}, ("points",))


def limits() -> list[list[str]]:
    return rows(section(API, "Limits"))


def test_the_settings_of_sqlite_are_those_of_a_connection(tmp_path: Path) -> None:
    db = connect(str(tmp_path / "trueedge.db"))
    told = {row[0].strip("`"): row[1].strip("`") for row in rows(section(STORAGE, "Settings"))}
    assert len(told) >= 6
    for name, value in told.items():
        assert str(db.execute(f"PRAGMA {name}").fetchone()[0]) == value, name
    db.close()


def test_the_tables_of_the_file_are_described(tmp_path: Path) -> None:
    db = connect(str(tmp_path / "trueedge.db"))
    made = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    db.close()
    assert {row[0].strip("`") for row in rows(section(STORAGE, "Tables"))} == made


def test_the_options_of_a_key_and_the_seconds_it_outlives_its_end_are_those_of_the_code() -> None:
    create = administrator.commands["keys"].commands["create"]
    told = {word for row in rows(section(SECURITY, "Keys")) for word in code_words(row[0])} - {"keys create"}
    assert told == {option.opts[0] for option in create.params}
    assert f"for {FOUND_US // 1_000_000} more seconds" in text_of(SECURITY)
    assert NONE_YET_US == 1_000_000
    assert "within a second" in text_of(SECURITY)


def test_the_paths_that_need_no_key_are_those_of_the_tests() -> None:
    [sentence] = re.findall(r"These answer without a key:(.*?)\n\n", text_of(SECURITY), re.DOTALL)
    assert set(code_words(sentence)) == PUBLIC


# --- links -----------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """What a code host makes of the headings."""
    titles = re.findall(r"^#+ (.+)$", re.sub(FENCE, "", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def links(page: Path) -> list[str]:
    text = re.sub(FENCE, "", text_of(page))
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset|href)="([^"]+)"', text)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(CHECKOUT)) for page in PAGES])
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    found = [link for link in links(page) if not re.match(r"[a-z]+:", link)]
    assert found
    for link in found:
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [README]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            targets = [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link]
            waiting += [target for target in targets if target.suffix == ".md"]
    assert set(PAGES) <= reached


def test_drawings_are_well_formed_and_fetch_nothing() -> None:
    drawings = list((CHECKOUT / "docs").rglob("*.svg"))
    assert drawings
    for drawing in drawings:
        tree = ElementTree.parse(drawing)
        hrefs = [value for node in tree.iter() for name, value in node.attrib.items() if name.endswith("href")]
        assert not [value for value in hrefs if not value.startswith("#")]
