"""The examples in the report's docstrings are true."""

import doctest
import importlib

import pytest

MODULES = ("text", "verdict", "chart", "figures", "reference", "selection", "tables", "view", "render")


@pytest.mark.parametrize("name", [*(f"report.{module}" for module in MODULES), "services.reports"])
def test_the_examples_come_out(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(f"trueedge_core.{name}"))
    assert failed == 0
