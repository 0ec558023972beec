"""The functions in containers by `sam local start-api`, over one SQLite file. The first test finds it empty."""

import gzip
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from benchmarks.functions import FunctionContainer, emulator
from tests.container.engine import Container, KeyedClient
from tests.container.samlocal import SamLocal
from tests.e2e.harness import Client, Server, administer, raw_lines, segment
from tests.functions.calling import EVENTS, sample, trade
from tests.functions.test_samples import EXPECTED, function_of
from trueedge_core.services.access import redacted
from trueedge_local import sam as sam_local
from trueedge_local.template import DEFAULT, Route, read_routes

ROUTES = list(read_routes())
FUNCTIONS = {route.folder.name: route.function for route in ROUTES}
JSON = {"Content-Type": "application/json"}
SETS = ("mt5_tester_moving_average", "mt5_history_demo", "mt4_tester_partial_close", "mt4_statement_oanda_demo",
        "tradingview_pynecore")  # fmt: skip


@pytest.fixture(scope="module")
def sam(sam_cli: Path, lambda_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SamLocal]:
    running = SamLocal(tmp_path_factory.mktemp("sam") / "store")
    yield running
    running.stop()


# --- the same bytes everywhere ----------------------------------------------------------------------------------------


def upload(client: Client, lines: list[str]) -> None:
    for start in range(0, len(lines), 1000):
        body = "\n".join(lines[start : start + 1000])
        answer = client.post("/trade_events", body, "application/x-ndjson")
        assert (answer.status, answer.json()["counts"]["stored"]) == (200, str(min(1000, len(lines) - start))), (
            answer.body
        )


def asked_of(lines: list[str]) -> list[str]:
    """Every reading route, and every strategy and account of the lines."""
    events = [json.loads(line) for line in lines]
    strategies = sorted({event["strategy_id"] for event in events})
    accounts = sorted({event["account_id"] for event in events})
    targets = [f"/metrics/strategy/{segment(name)}?starting_balance=10000.50" for name in strategies]
    targets += [f"/metrics/account/{segment(name)}" for name in accounts]
    targets += [f"/report/account/{segment(name)}" for name in accounts]
    return [
        *("/metrics/overall", "/metrics/overall?environment=demo&starting_balance=1e4", "/metrics/equity_curve"),
        "/metrics/overall?from=2014-03-07T10%3A30%3A00%2B02%3A00&to=2022-11-09T15:45:30.25Z",
        *("/metrics/by_strategy?limit=7", "/metrics/by_strategy?sort=total_pnl&order=desc", "/metrics/by_account"),
        *("/trade_events?limit=1000", "/trade_events?limit=50&format=ndjson", "/report", "/report?environment=both"),
        f"/trade_event/{segment(events[0]['event_id'])}",
        *("/metrics/overall?strategy=typo", "/metrics/account/nobody"),
        *targets,
    ]


def said(client: Client, target: str, **headers: str) -> tuple[int, str | None, str | None, bytes]:
    """What an answer says but for when: the times of arrival differ, and with them the ETag."""
    answer = client.get(target, **headers)
    body = gzip.decompress(answer.body) if answer.headers.get("content-encoding") == "gzip" else answer.body
    body = re.sub(rb'("(?:at|received_at|request_id)":)"[^"]*"', rb'\1"..."', body)
    body = re.sub(rb'<details class="asking sharing.*?</details>\n', b"", body, flags=re.S)  # an administrator's alone
    body = re.sub(rb"(As of log entry [\d,]+, received )[^<]*<", rb"\1<", body)
    return answer.status, answer.headers.get("content-type"), answer.headers.get("cache-control"), body


@pytest.mark.data
def test_real_trades_give_the_same_bytes_by_local_server_container_and_sam(
    sam: SamLocal, image: str, shared_data: Path, tmp_path: Path
) -> None:
    lines = [line for name in SETS for line in raw_lines(shared_data, f"{name}/trades.jsonl")]
    assert len(lines) > 5_000
    with Server(tmp_path / "t.db") as server, Container(image) as container:
        clients: list[Client] = [
            server.client(),
            container.wait_until_it_answers().client(container.first_key()),
            sam.client(),
        ]
        for client in clients:
            upload(client, lines)
        targets = asked_of(lines)
        for target in targets:
            expected, *others = [said(client, target) for client in clients]
            assert others == [expected, expected], target
        for target in targets[:8]:
            expected, *others = [said(client, target, Accept_Encoding="gzip") for client in clients]
            assert others == [expected, expected], target


# --- routes and functions ---------------------------------------------------------------------------------------------


def test_every_function_has_a_container_with_the_volume_and_nothing_else_of_ours(sam: SamLocal) -> None:
    found = sam.containers().values()
    names = {one["Config"]["Labels"]["sam.cli.function.name"] for one in found}
    assert names == {*FUNCTIONS.values(), "SequencerFunction", "AlertsFunction"}
    for one in found:
        mounts = {mount["Destination"]: (mount["Source"], mount["RW"]) for mount in one["Mounts"]}
        assert mounts[sam_local.INSIDE] == (str(sam.folder), True)
        assert [inside for inside, (_, writable) in mounts.items() if writable] == [sam_local.INSIDE]
        variables = dict(text.split("=", 1) for text in one["Config"]["Env"])
        assert variables["TRUEEDGE_STORE_URL"] == sam_local.STORE_URL
        assert "TRUEEDGE_OPEN" not in variables


def test_a_trade_that_one_container_took_is_in_the_answer_of_another(sam: SamLocal) -> None:
    with sam.client() as client:
        assert client.post("/trade_event", json.dumps(trade("one", account_id="one"))).json()["duplicate"] is False
        answer = client.get("/metrics/account/one").json()
        assert answer["metrics"]["total_trades"] == "1"
        assert client.get("/metrics/overall?account_id=one").json()["metrics"]["total_pnl"] == "10"
    assert sam.answered_by("POST", "/trade_event") == {"IngestFunction"}
    assert sam.answered_by("GET", "/metrics/account/one") == {"MetricsAccountFunction"}
    assert sam.answered_by("GET", "/metrics/overall") == {"MetricsOverallFunction"}


def request_on(route: Route, client: KeyedClient) -> tuple[str, bytes | None, dict[str, str]]:
    """Path, body and headers that the route answers without an error."""
    asset = ""
    if "{file}" in route.path:
        asset = re.findall(rb'/assets/([^"?]+)', client.get("/report").body)[0].decode()
    made: dict[str, Any] = {"id": "", "key": ""}
    if "{key" in route.path:
        sender = json.dumps({"scopes": ["ingest"], "account_id": "each", "name": "each"}).encode()
        made = json.loads(client.request("POST", "/keys", sender, JSON).body)
    path = route.path.format(
        event_id="each", account_id="each", strategy_id="each", file=asset, key=made["key"], key_id=made["id"]
    )
    if path.endswith("/alert"):
        client.request("PUT", path, b'{"url": "https://desk.example/trueedge"}', JSON)
    if route.method in ("GET", "HEAD"):
        return path, None, {}
    bodies: dict[str, Any] = {
        "/trade_event": trade("each-post"),
        "/trade_events": [trade("each-batch")],
        "/trade_event/{event_id}/void": {"reason": "each route once"},
        "/hook/{key}/trade_event": trade("each-hook", account_id="each"),
        "/accounts/{account_id}": {"starting_balance": "1000"},
        "/accounts/{account_id}/alert": {"url": None},
        "/keys": {"scopes": ["read"], "name": "each"},
        "/keys/{key_id}/revoke": {},
    }
    if route.path in ("/login", "/logout"):  # forms of a browser
        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://127.0.0.1:{client.port}"}
        return path, f"key={client.key}".encode(), form
    return path, json.dumps(bodies[route.path]).encode(), JSON


@pytest.mark.parametrize("route", [route for route in ROUTES if route.path != DEFAULT], ids=lambda route: route.key)
def test_each_route_is_answered_by_its_function(route: Route, sam: SamLocal) -> None:
    with sam.client() as client:
        client.post("/trade_event", json.dumps(trade("each", account_id="each", strategy_id="each")))
        path, body, headers = request_on(route, client)
        answer = client.request(route.method, path, body, headers)
    assert answer.status in (200, 303), answer.body[:500]
    assert sam.answered_by(route.method, redacted(path)) == {route.function}
    assert bool(answer.body) == (route.method != "HEAD" and answer.status == 200)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_the_sample_of_a_function_is_answered_by_sam_local_invoke(
    function: str, invoked: dict[str, subprocess.CompletedProcess[bytes]]
) -> None:
    name, done = samples()[function], invoked[function]
    assert done.returncode == 0, done.stderr.decode()
    result = json.loads(done.stdout)
    # The hook's key is in its path, and this store never made that of the sample.
    assert result["statusCode"] == (401 if function == "hook" else EXPECTED[name]), result
    assert result["headers"]["X-Content-Type-Options"] == "nosniff"


def samples() -> dict[str, str]:
    """One sample per function: the one that is named like it."""
    stems = sorted((path.stem for path in EVENTS.glob("*.json") if path.stem in EXPECTED), reverse=True)
    return {function_of(stem): stem for stem in stems}


@pytest.fixture(scope="module")
def invoked(sam: SamLocal, tmp_path_factory: pytest.TempPathFactory) -> dict[str, subprocess.CompletedProcess[bytes]]:
    """`sam local invoke` of one sample per function, on a store of their own that has the trade they are about."""
    storage = sam_local.choose_storage(tmp_path_factory.mktemp("invoked"))
    key = sam_local.first_key(storage)

    def run(function: str) -> subprocess.CompletedProcess[bytes]:
        event = sample(samples()[function])
        event["headers"]["x-api-key"] = key
        return sam_local.invocation(FUNCTIONS[function], event, storage, subprocess.PIPE)

    first = {"ingest": run("ingest")}
    others = sorted(samples().keys() - first.keys())
    with ThreadPoolExecutor(2) as pool:
        return first | dict(zip(others, pool.map(run, others), strict=True))


# --- where sam local differs from API Gateway; what needs no container is in tests/functions/test_gateways.py ---------


def test_a_key_is_found_under_a_header_name_in_title_case(sam: SamLocal) -> None:
    with sam.client() as client, KeyedClient(sam.port, None) as nobody:
        assert client.get("/metrics/overall").status == 200
        assert nobody.get("/metrics/overall", AUTHORIZATION=f"Bearer {sam.key}").status == 200
        assert nobody.get("/metrics/overall").status == 401
        assert nobody.get("/metrics/overall").json()["code"] == "unauthorized"


@pytest.mark.parametrize("name", ["a b", "Zürich", "50%", "a+b", "(a)[b]{c}|^~!*';:@&=$,<>.-_"])
def test_ids_travel_through_path_and_query(name: str, sam: SamLocal) -> None:
    with sam.client() as client:
        posted = client.post("/trade_event", json.dumps(trade(f"id {name}", strategy_id=name)))
        assert posted.status == 200, posted.body
        for target in (f"/metrics/strategy/{segment(name)}", f"/metrics/overall?strategy_id={segment(name)}"):
            assert client.get(target).json()["filters"] == {"strategy_id": name}
        assert client.get("/trade_events", {"strategy_id": name}).json()["trades"][0]["event"]["strategy_id"] == name


def test_validators_compression_and_head_come_through(sam: SamLocal) -> None:
    with sam.client() as client:
        plain = client.get("/metrics/overall")
        assert client.get("/metrics/overall", if_none_match=plain.headers["etag"]).status == 304
        page = client.get("/report", Accept_Encoding="gzip")
        assert page.headers["content-encoding"] == "gzip"
        assert gzip.decompress(page.body).startswith(b"<!doctype html>")
        head = client.request("HEAD", "/metrics/overall")
        assert (head.status, head.body, head.headers["etag"]) == (200, b"", plain.headers["etag"])


def test_a_function_that_cannot_open_its_store_answers_in_our_shape(sam: SamLocal, lambda_image: str) -> None:
    """sam local answers 200 and the trace when a handler raises."""
    broken = {"TRUEEDGE_STORE_URL": "sqlite:////proc/none/t.db"}
    result = run_in_container("metrics_overall", lambda_image, [sample("metrics_overall")], variables=broken)[0]
    assert result["statusCode"] >= 500
    assert json.loads(result["body"])["status"] == "error"
    assert "Traceback" not in result["body"]


# --- writing at once --------------------------------------------------------------------------------------------------


def built(function: str) -> Path:
    return sam_local.BUILT.parent / FUNCTIONS[function]


def run_in_container(function: str, image: str, events: list[dict[str, Any]], **options: Any) -> list[Any]:
    """The results of these events, one after the other, by a container of their own."""
    layer = sam_local.BUILT.parent / "CoreLayer" / "python"
    container = FunctionContainer(image, emulator(), built(function), layer=layer, **options)
    try:
        return [container.invoke(event) for event in events]
    finally:
        container.remove()


def test_twelve_containers_that_write_at_once_lose_nothing(sam: SamLocal, lambda_image: str) -> None:
    containers, each = 12, 20

    def events(number: int) -> list[dict[str, Any]]:
        """Twenty of its own, in the middle of them one that all twelve send."""
        ids = [f"twelve-{number}-{n}" for n in range(each)]
        ids.insert(each // 2, "twelve-all")
        posts = []
        for event_id in ids:
            post = sample("ingest")
            post["headers"]["x-api-key"] = sam.key
            post["body"] = json.dumps(trade(event_id, account_id="twelve", strategy_id=f"s-{number % 3}", pnl=1))
            if event_id == "twelve-all":
                post["body"] = json.dumps(trade(event_id, account_id="twelve", strategy_id="all", pnl=1))
            posts.append(post)
        return posts

    options = {
        "volumes": {str(sam.folder): sam_local.INSIDE},
        "variables": {"TRUEEDGE_STORE_URL": sam_local.STORE_URL},
    }
    with ThreadPoolExecutor(containers) as pool:
        results = list(
            pool.map(lambda n: run_in_container("ingest", lambda_image, events(n), **options), range(containers))
        )
    answers = [json.loads(result["body"]) for part in results for result in part]
    assert {answer["status"] for answer in answers} == {"ok"}, answers
    total = containers * each + 1
    assert sum(not answer["duplicate"] for answer in answers) == total
    positions = {answer["position"] for answer in answers}
    assert len(positions) == total
    with sam.client() as client:
        metrics = client.get("/metrics/account/twelve").json()["metrics"]
    assert (metrics["total_trades"], metrics["total_pnl"]) == (str(total), str(total))
    checked = administer("fsck", "--store", str(sam.folder / "trueedge.db"))
    assert (checked.returncode, checked.stdout[:6]) == (0, "clean:"), checked.stdout


# --- the command ------------------------------------------------------------------------------------------------------


def test_a_store_on_a_named_volume_gets_its_key_too(sam: SamLocal, volume: str) -> None:
    """Where folders are shared with a virtual machine: no program on this machine can open that file."""
    storage = sam_local.Storage(volume, False)
    key = sam_local.first_key(storage)
    assert key is not None
    assert sam_local.first_key(storage) is None
    event = sample("metrics_overall")
    event["headers"]["x-api-key"] = key
    done = sam_local.invocation(FUNCTIONS["metrics_overall"], event, storage, subprocess.PIPE)
    assert json.loads(done.stdout)["statusCode"] == 200


def test_it_ends_clean_and_leaves_no_container(sam: SamLocal) -> None:
    """The last one: it stops the sam of this module."""
    assert sam.containers()
    assert sam.stop(signal.SIGINT) == 0
    assert sam.containers() == {}
    assert (sam.folder / "trueedge.db").exists()
    log = sam.output()
    assert "Traceback" not in log
    assert len(re.findall(sam.key, log)) == 1  # when it was made
