"""docs/import.md names every format and option of `trueedge import`, and its command lines and files are real."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from tests.clients.test_importing_real_trades import FILES
from trueedge.cli import parser
from trueedge.importers import FORMATS
from trueedge.importing import add_arguments, options_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "import.md"
TEXT = PAGE.read_text(encoding="utf-8")


def cells(first: str) -> list[list[str]]:
    """The rows of the table whose heading begins with this cell."""
    block = TEXT[TEXT.index(f"| {first} |") :].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()[2:]]


def commands() -> list[list[str]]:
    return [shlex.split(line) for line in re.findall(r"^trueedge (import .*)$", TEXT, re.MULTILINE)]


def test_every_format_has_a_row() -> None:
    assert [row[0].strip("`") for row in cells("name")] == [
        "mt4", "mt5", "tradingview", "freqtrade", "fills", "binance", "bybit", "ibkr", "csv", "parquet", "json",
    ]  # fmt: skip
    assert {row[0].strip("`") for row in cells("name")} == set(FORMATS)


def test_every_option_is_told() -> None:
    alone = argparse.ArgumentParser(add_help=False)
    add_arguments(alone)
    options = {text for action in alone._actions for text in action.option_strings}
    told = set(re.findall(r"--[a-z-]+", " ".join(row[0] for row in cells("option"))))
    assert told == options


def test_every_command_line_is_one_that_the_command_takes() -> None:
    assert len(commands()) == 1 + len(FORMATS)
    for words in commands():
        options_of(parser().parse_args(words))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_formats_own_example_is_on_the_page(name: str) -> None:
    assert FORMATS[name].EXAMPLE in TEXT


def test_the_files_it_was_checked_against_are_those_of_the_test_with_their_options() -> None:
    listed = {re.findall(r"`([^`]+)`", row[0])[0]: shlex.split(row[1].strip("`")) for row in cells("file")}
    assert {name: sorted(options) for name, options in listed.items()} == {
        Path(file.path).name: sorted(file.options) for file in FILES
    }
