"""The commands, as typed."""

import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.functions.calling import trade
from trueedge_core import wiring
from trueedge_core.domain.events import parse_event
from trueedge_core.domain.money import read_one, write_json
from trueedge_core.storage import open_ledger
from trueedge_local.cli import main, store_url


def run(*arguments: str, **variables: str) -> Result:
    result = CliRunner().invoke(main, list(arguments), env=variables)
    wiring.configure(None)
    return result


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with three events."""
    path = tmp_path / "t.db"
    ledger = open_ledger(f"sqlite:///{path}")
    events = [trade("t-1"), trade("t-2", pnl=-4), trade("t-3", state="open", pnl=None, price_close=None)]
    for event in events:
        item = read_one(write_json(event))
        ledger.append([parse_event(item.value, item.raw, 1_800_000_000_000_000)])
    ledger.close()
    return path


def test_a_path_is_a_store_too() -> None:
    assert store_url("./data/t.db") == "sqlite:///data/t.db"
    assert store_url("/data/t.db") == "sqlite:////data/t.db"
    assert store_url("dynamodb://t") == "dynamodb://t"


def test_fsck_of_a_sound_store_is_clean_with_counts(store: Path) -> None:
    result = run("fsck", "--store", str(store))
    assert result.exit_code == 0
    assert result.output == "clean: 3 log entries; 2 closed trades counted, 1 open, 0 voided\n"


def test_fsck_takes_the_store_from_the_variable(store: Path) -> None:
    assert run("fsck", TRUEEDGE_STORE_URL=f"sqlite:///{store}").exit_code == 0


def test_fsck_names_what_does_not_match_and_rebuild_repairs_it(store: Path) -> None:
    with sqlite3.connect(store) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        assert "scopes" in tables
        database.execute("DELETE FROM scopes")
    database.close()
    broken = run("fsck", "--store", str(store))
    assert broken.exit_code == 1
    assert "findings" in broken.output
    rebuilt = run("rebuild", "--store", str(store))
    assert rebuilt.exit_code == 0
    assert "rebuilt from 3 log entries" in rebuilt.output
    assert run("fsck", "--store", str(store)).exit_code == 0


@pytest.mark.parametrize("command", ["fsck", "rebuild"])
def test_a_store_that_is_not_there_is_not_made(command: str, tmp_path: Path) -> None:
    result = run(command, "--store", str(tmp_path / "typo.db"))
    assert result.exit_code == 1
    assert "there is no store" in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "variables", "says"),
    [
        (["serve", "--store", "dynamodb://"], {}, "names no table"),
        (["serve", "--store", "ftp://x"], {}, "is not known"),
        (["serve", "--host", "no.such.host.invalid"], {}, "no address of this machine"),
        (["serve"], {"TRUEEDGE_ALLOWED_HOSTS": "http://x"}, "TRUEEDGE_ALLOWED_HOSTS"),
        (["serve"], {"TRUEEDGE_OPEN": "maybe"}, "TRUEEDGE_OPEN"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(arguments: list[str], variables: dict[str, str], says: str) -> None:
    result = run(*arguments, "--port", "0", "--workers", "1", **variables)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert says in result.output
    assert result.output.count("\n") == 1


def test_the_report_is_written_as_one_file(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "report.html"
    result = run(
        "report", "--store", str(store), "--out", str(out), "--starting-balance", "1000", "--environment", "both"
    )
    assert result.exit_code == 0, result.output
    assert result.output == f"wrote {out}, {out.stat().st_size:,} bytes\n"
    html = out.read_text(encoding="utf-8")
    assert "Starting balance 1,000.00" in html
    assert "Content-Security-Policy" in html
    assert [path.name for path in out.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "yesterday"), '"from": '),
        (("--strategy", "nobody"), "the strategy"),
        (("--starting-balance=-1",), '"starting_balance": '),
    ],
)
def test_a_report_that_cannot_be_made_says_why_and_leaves_no_file(
    store: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = run("report", "--store", str(store), "--out", str(tmp_path / "r.html"), *arguments)
    assert result.exit_code == 1
    assert said in result.output
    assert not (tmp_path / "r.html").exists()


def test_a_report_of_a_store_that_is_not_there_makes_none(tmp_path: Path) -> None:
    assert run("report", "--store", str(tmp_path / "typo.db")).exit_code == 1
    assert not (tmp_path / "typo.db").exists()
