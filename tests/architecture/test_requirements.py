"""The locks: exact versions, a hash for each, and one version of a package wherever it is named."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
LOCKS = {
    "dev": CHECKOUT / "requirements/dev.txt",
    "run": CHECKOUT / "requirements/run.txt",
    "sam": CHECKOUT / "requirements/sam.txt",
    "core": CHECKOUT / "layers/trueedge_core/requirements.txt",
}
PIN = re.compile(r"([a-z0-9][a-z0-9.-]*)(?:\[[a-z,]+\])?==(\S+)(?: ; (.+?))?(?: (?:--hash=sha256:[0-9a-f]{64} ?)+)")


def pins(lock: str) -> set[tuple[str, str, str | None]]:
    """(name, version, marker) of every entry; an entry of any other form, or an option, or no hash fails."""
    text = LOCKS[lock].read_text(encoding="utf-8").replace("\\\n    ", "")
    entries = [PIN.fullmatch(line) or pytest.fail(f"{lock}: {line[:80]}") for line in text.splitlines()]
    return {(entry[1], entry[2], entry[3]) for entry in entries}


def asked_for(source: str) -> set[str]:
    text = (CHECKOUT / "requirements" / f"{source}.in").read_text(encoding="utf-8")
    return {re.split(r"[^\w.-]", line)[0].lower() for line in text.splitlines() if line[:1].isalnum()}


def test_what_runs_is_what_was_tested_at_the_same_version() -> None:
    assert pins("core") < pins("run") < pins("dev")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_all_that_its_source_asks_for(lock: str) -> None:
    assert asked_for(lock) <= {name for name, _, _ in pins(lock)}
