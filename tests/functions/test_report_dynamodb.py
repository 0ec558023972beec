"""The report over DynamoDB is the report over SQLite, byte for byte, and so is every part of it."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.report.samples import NOW, desk
from trueedge_core.report.parts import PARTS
from trueedge_core.services import reports
from trueedge_core.storage import open_ledger


def pages(ledger: Any) -> dict[str, str]:
    questions: list[dict[str, str]] = [{}, {"strategy_id": "Meridian", "starting_balance": "1000"}]
    questions += [{"part": name} for name in PARTS if name != "limits"]
    found = {}
    for asked in questions:
        body = reports.page(ledger, asked, base_url="", now=NOW).body
        assert isinstance(body, str)
        found[str(asked)] = body
    return found


def test_both_stores_have_one_report(
    emulator: Any, table_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for url in (f"sqlite:///{(tmp_path / 'r.db').as_posix()}", f"dynamodb://{table_name}?create=1"):
        ledger: Any = open_ledger(url)
        ledger.clock = lambda: NOW
        ledger.append(desk())
        made.append(pages(ledger))
        ledger.close()
    assert made[0] == made[1]
