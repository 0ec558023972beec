"""docs/client.md tells the client as it is: its example runs, its tables name what is there."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import trueedge
from tests.docs.test_readme import CHECKOUT, agrees, code_words, examples, rows, section, text_of
from tests.e2e.harness import Server, clean_environment
from trueedge import cli, outbox

PAGE = CHECKOUT / "docs" / "client.md"


def test_the_example_prints_what_the_page_shows(tmp_path: Path) -> None:
    [example] = [one for one in examples(PAGE) if one.language == "python"]
    with Server(tmp_path / "trueedge.db") as server:
        done = subprocess.run(
            [sys.executable, "-c", example.command.replace("127.0.0.1:9000", f"127.0.0.1:{server.port}")],
            env={**clean_environment(), "TRUEEDGE_OUTBOX": str(tmp_path / "outbox")},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert agrees(example.output, done.stdout), done.stdout + done.stderr


def called(title: str) -> dict[str, list[str]]:
    """{name: parameters} of the calls in the first column of the section's table."""
    words = [word for row in rows(section(PAGE, title)) for word in code_words(row[0])]
    found = [re.fullmatch(r"(\w+)\((.*)\)", word) for word in words]
    return {one[1]: [name for name in one[2].split(", ") if name not in ("", "..")] for one in found if one}


def public(kind: type) -> dict[str, object]:
    return {name: one for name, one in vars(kind).items() if not name.startswith("_") and inspect.isfunction(one)}


@pytest.mark.parametrize("title", ["What each call promises", "Reading"])
def test_the_calls_in_the_tables_have_these_parameters(title: str) -> None:
    methods = public(trueedge.TrueEdge)
    for name, parameters in called(title).items():
        assert set(parameters) <= set(inspect.signature(methods[name]).parameters), name  # type: ignore[arg-type]


def test_every_public_call_is_in_a_table_or_explained() -> None:
    told = called("What each call promises") | called("Reading")
    assert set(public(trueedge.TrueEdge)) - set(told) == {"waiting"}


def test_the_helpers_have_these_parameters() -> None:
    for name, parameters in called("The trade").items():
        assert len(parameters) <= len(inspect.signature(getattr(trueedge, name)).parameters), name
    assert set(called("The trade")) == {"event_id", "position_id", "cost", "decimal", "net_pnl"}


def test_the_commands_are_those_of_the_program() -> None:
    told = {word.split()[0] for row in rows(section(PAGE, "Command line")) for word in code_words(row[0])}
    actions = [action for action in cli.parser()._actions if action.dest == "command"]
    assert told - {"0", "1", "2", "3", "130"} == set(actions[0].choices or ())


def test_the_exit_codes_are_those_of_the_help() -> None:
    codes = re.findall(r"^  (\d+) +\S", cli.EPILOG, re.MULTILINE)
    assert [row[0] for row in rows(section(PAGE, "Command line")) if row[0].isdigit()] == codes


def test_the_sizes_are_those_of_the_code() -> None:
    assert f"Segments of {outbox.SEGMENT_BYTES >> 20} MB" in text_of(PAGE)


def test_every_variable_of_the_client_is_told() -> None:
    sources = "".join(text_of(path) for path in (CHECKOUT / "clients/python/trueedge").rglob("*.py"))
    read = set(re.findall(r"\bTRUEEDGE_[A-Z]+\b", sources))
    assert read == {"TRUEEDGE_URL", "TRUEEDGE_KEY", "TRUEEDGE_OUTBOX"}
    assert read <= set(code_words(text_of(PAGE)))
