"""What an operator sees of a request: a line of the log, metrics in CloudWatch's format, nothing of what was posted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from tests.functions.calling import SCHEDULED, Answered, folder_names, invoke, sample, trade
from trueedge_core import observability, wiring
from trueedge_core.services import ingest, keys
from trueedge_core.settings import Settings

MARK = "SECRET-4711"


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The text of an admin key of an instance as it is hosted: closed, it logs and measures."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "trueedge-acme")
    # A new process: Powertools keeps the service's name with the first object it makes.
    monkeypatch.setattr(AmazonCloudWatchEMFProvider, "_metric_set", {}, raising=False)
    monkeypatch.setattr(observability, "_metrics", observability.Metrics(namespace=observability.NAMESPACE))
    monkeypatch.setattr(observability, "_is_first", True)
    wiring.configure(Settings(store_url=f"sqlite:///{tmp_path / 't.db'}", log_level="INFO", metrics=True))
    made, _ = keys.create(wiring.keys(), ["admin"], wiring.now_us())
    yield made
    wiring.configure(None)
    observability.set_metrics(False)
    observability.set_level("WARNING")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Each line of the log so far."""
    found: list[dict[str, Any]] = []
    for handler in observability.logger.handlers:
        monkeypatch.setattr(handler, "emit", lambda record, of=handler: found.append(json.loads(of.format(record))))
    return found


def call(function: str, name: str, key: str, body: Any = None) -> Answered:
    event = sample(name)
    event["headers"]["X-Api-Key"] = key
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
        event["isBase64Encoded"] = False
    return invoke(function, event)


def measured(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines of standard output as CloudWatch reads them: only what `_aws` names is a metric."""
    found = []
    for line in capsys.readouterr().out.splitlines():
        blob = json.loads(line)
        [directive] = blob["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "TRUEEDGE"
        assert directive["Dimensions"] == [["service"]]
        assert blob["service"] == "trueedge-acme"
        found.append({one["Name"]: blob[one["Name"]] for one in directive["Metrics"]} | {"blob": blob})
    return found


def test_a_line_per_request_names_request_key_and_function(text: str, lines: list[dict[str, Any]]) -> None:
    call("metrics_overall", "metrics_overall", text)
    call("metrics_overall", "metrics_overall", "te_" + "x" * 32)
    known, unknown = lines
    [key] = wiring.keys().all()
    assert (known["message"], known["level"], known["service"]) == ("request", "INFO", "trueedge")
    assert (known["request_id"], known["function_request_id"]) == ("JKJaXmPLvHcESHA=", "lambda-request")
    assert (known["function"], known["key_id"]) == ("metrics_overall", key.id)
    assert (known["method"], known["path"], known["status"]) == ("GET", "/metrics/overall", 200)
    assert (unknown["key_id"], unknown["status"]) == ("", 401)


def test_what_became_of_the_events_is_counted(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    call("ingest", "ingest", text, trade("e-1"))
    call("ingest", "ingest", text, trade("e-1"))
    call("ingest", "ingest", text, trade("e-1", pnl=11))
    call("ingest", "ingest", text, trade("e-2", side="long"))
    call("ingest", "ingest", text, "{")
    batch = [trade("e-1"), trade("e-1", pnl=12), trade("e-3"), trade("e-4"), trade("e-5", side="long")]
    call("ingest_batch", "ingest_batch", text, batch)
    call("ingest_batch", "ingest_batch", text, "{")
    counted = [{name: n for name, n in one.items() if name in ingest.RESULTS} for one in measured(capsys)]
    assert counted == [
        {"stored": [1]},
        {"duplicate": [1]},
        {"conflict": [1]},
        {"invalid": [1]},
        {"invalid": [1]},
        {"stored": [2], "duplicate": [1], "conflict": [1], "invalid": [1]},
        {"invalid": [1]},
    ]


def test_a_refusal_that_is_no_event_is_not_counted_as_one(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    call("ingest", "ingest", "te_" + "x" * 32, trade("e-1"))
    call("void", "void", text, "{")
    call("metrics_overall", "metrics_overall_typo", text)
    assert [set(one) - {"cold_start", "blob"} for one in measured(capsys)] == [{"latency"}] * 3


def test_every_answer_has_its_latency_and_the_first_one_is_cold(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("health", "metrics_overall", "metrics_overall"):
        call(name, name, text)
    first, *later = measured(capsys)
    assert first["cold_start"] == [1]
    assert all("cold_start" not in one for one in later)
    for one in (first, *later):
        assert one["latency"][0] >= 0
        units = {unit["Name"]: unit["Unit"] for unit in one["blob"]["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
        assert units["latency"] == "Milliseconds"
        assert (one["blob"]["request_id"], one["blob"]["function_request_id"]) == ("JKJaXmPLvHcESHA=", "lambda-request")
    assert [one["blob"]["function"] for one in (first, *later)] == ["health", "metrics_overall", "metrics_overall"]


def test_neither_a_key_nor_what_was_posted_is_in_log_or_metrics(
    text: str, lines: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    secret = trade("e-1", symbol=MARK, metadata={"note": MARK})
    for body in (secret, secret, {**secret, "pnl": 11}, {**secret, "side": MARK}, f'{{"x": "{MARK}', f'"{MARK}"'):
        call("ingest", "ingest", text, body)
        call("ingest_batch", "ingest_batch", text, [body])
    call("void", "void", text, {"reason": MARK})
    call("metrics_overall", "metrics_overall", text + MARK)
    said = capsys.readouterr()
    everything = json.dumps(lines) + said.out + said.err
    assert len(lines) == 14
    assert everything.count("latency") >= 14
    assert MARK not in everything
    assert text not in everything


def test_without_the_setting_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wiring.configure(Settings(store_url=f"sqlite:///{tmp_path / 't.db'}", open=True))
    assert invoke("ingest", sample("ingest")).status == 200
    wiring.configure(None)
    assert tuple(capsys.readouterr()) == ("", "")


@pytest.mark.parametrize("function", sorted(folder_names() - SCHEDULED))
def test_every_function_logs_and_measures_whatever_it_does_itself(
    function: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lines: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As a new process in Lambda, which knows its settings from the environment alone."""
    wiring.configure(None)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", function)
    monkeypatch.setenv("TRUEEDGE_STORE_URL", f"sqlite:///{tmp_path / 't.db'}")
    monkeypatch.setenv("TRUEEDGE_LOG_LEVEL", "INFO")
    monkeypatch.setattr(observability, "_is_measured", False)
    observability.set_level("WARNING")
    try:
        invoke(function, sample(function))
    finally:
        wiring.configure(None)
        observability.set_metrics(False)
        observability.set_level("WARNING")
    assert [line["function"] for line in lines] == [function]
    assert capsys.readouterr().out.count('"latency":[') == 1


def test_lambda_measures_and_a_laptop_does_not() -> None:
    assert Settings.from_env({"AWS_LAMBDA_FUNCTION_NAME": "f"}).metrics is True
    assert Settings.from_env({}).metrics is False
