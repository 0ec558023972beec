"""What the functions ask of DynamoDB is what their roles allow: all of it, and nothing that nobody asks."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.dynamodb.emulator import Emulator
from tests.dynamodb.faults import THROTTLED, Fault
from tests.functions.calling import FUNCTIONS, Answered, trade
from tests.infra.instance import Instance, watched
from tests.infra.permissions import Need, allows, needs_of
from tests.infra.stacks import Stack
from trueedge_core import wiring
from trueedge_core.errors import Unavailable
from trueedge_core.services.keys import create
from trueedge_core.storage import open_keys
from trueedge_local.gateway import Context, load_handler
from trueedge_local.template import read_routes

pytestmark = pytest.mark.slow

KINDS = "EVLDHSPXOKAW"
ACTIONS = ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "BatchWriteItem", "DeleteItem")
PERIOD = "from=2024-01-15T06:30:00Z&to=2026-01-05T14:31:00Z"
FILTERS = ("", "account_id=acct-1", "strategy_id=trend", "account_id=acct-1&strategy_id=trend", "environment=demo")
Needed = dict[str, set[Need]]  # by role


class Watch:
    """An instance whose calls are noted by the role that made them."""

    def __init__(self, instance: Instance, emulator: Emulator) -> None:
        self.instance, self.emulator = instance, emulator
        self.needed: Needed = defaultdict(set)
        self.called: set[str] = set()

    def __call__(self, method: str, target: str, body: Any = None, expected: int = 200, **more: str) -> Answered:
        route, _ = self.instance.gateway.routes.find(method, target.partition("?")[0])
        self.called.add(route.key)
        with self.noting(self.instance.role_of(route.function)):
            answer = self.instance(method, target, body, **more)
        assert answer.status == expected, (method, target, answer.text)
        return answer

    def sequence(self) -> None:
        with self.noting(self.instance.role_of("SequencerFunction")):
            self.instance.sequence()

    @contextmanager
    def noting(self, role: str) -> Iterator[None]:
        with watched(self.emulator) as asked:
            yield
        for request in asked:
            self.needed[role] |= set(needs_of(request.operation, request.body))


def bound_key(instance: Instance) -> str:
    keys = open_keys(f"dynamodb://{instance.stack.table}")
    text, _ = create(keys, ["ingest"], wiring.now_us(), account_id="acct-1")
    keys.close()
    return text


def use(watch: Watch, settle: Callable[[], None]) -> Watch:
    """Every route in every way that makes a difference to the store; `settle`: what was accepted gets its place."""
    busy = [
        trade(f"n-{number}", timestamp=f"2025-06-{1 + number % 28:02d}T00:{number % 60:02d}:00Z")
        for number in range(600)  # more than a bucket holds unsplit
    ]
    spread = [
        trade(f"s-{number}", timestamp=f"202{4 + number // 12}-{1 + number % 12:02d}-03T10:00:00Z", pnl=-number)
        for number in range(24)
    ]
    watch("POST", "/trade_event", trade())
    watch("POST", "/trade_event", trade())
    watch("POST", "/trade_event", trade(pnl=11), expected=409)
    watch("POST", "/trade_events", [*spread, trade("other", account_id="acct-2", strategy_id="mean")])
    settle()
    watch("POST", "/trade_events", busy)
    settle()
    watch("POST", "/trade_events", [trade("late", timestamp="2024-03-01T00:00:00Z"), trade("health"), *spread[:3]])
    watch("POST", "/trade_event/late/void", {"reason": "test"})
    with watch.emulator.failing(Fault(THROTTLED, "BatchWriteItem", times=None)), suppress(Unavailable):
        settle()  # committed and not applied: the next one has it to do
    watch("POST", "/trade_event", trade())
    watch("POST", "/trade_event/n-7/void", {"reason": "test"}, key=bound_key(watch.instance))
    settle()
    watch("POST", "/trade_event/n-7/void", {"reason": "again"}, key=bound_key(watch.instance))
    watch("POST", "/trade_event/none/void", {"reason": "test"}, expected=404)
    for target in ("/metrics/overall", "/metrics/equity_curve", "/trade_events", "/report"):
        for filters in FILTERS:
            watch("GET", f"{target}?{filters}")
            watch("GET", f"{target}?{filters}&{PERIOD}")
    for target in ("/metrics/by_strategy", "/metrics/by_account"):
        for filters in FILTERS:
            watch("GET", f"{target}?{filters}&limit=1")
            watch("GET", f"{target}?{filters}&{PERIOD}&sort=total_pnl")
    for target in ("/metrics/strategy/trend", "/metrics/account/acct-1", "/trade_event/late", "/trade_event/n-8"):
        watch("GET", target)
    watch("GET", "/trade_events?format=csv&limit=200")
    page = watch("GET", "/report/strategy/trend").text
    watch("GET", "/report/account/acct-1")
    watch("GET", re.findall(r'"(/assets/[^"?]+)', page)[0])
    positions(watch, settle)
    for name in ("month", "weekday", "hour", "symbol", "venue", "side"):
        for filters in FILTERS:
            watch("GET", f"/metrics/by_{name}?{filters}")
        watch("GET", f"/metrics/by_{name}?{PERIOD}")
    limits = {"daily_loss": "1", "trailing_drawdown": 2}
    watch("PUT", "/accounts/acct-1", {"starting_balance": "1000", "limits": limits})
    for target in ("/accounts", "/accounts/acct-1", "/accounts/acct-1/limits", "/metrics/account/acct-1"):
        watch("GET", target)
    alerts(watch)
    sender = f"/hook/{bound_key(watch.instance)}/trade_event"
    watch("POST", sender, trade("hooked"))
    watch("POST", sender, trade("hooked"))
    settle()
    watch("POST", "/keys", {"scopes": ["read"], "account_id": "acct-1", "name": "to share"})
    [*_, made] = watch("GET", "/keys").json["keys"]
    watch("POST", f"/keys/{made['id']}/revoke")
    watch("GET", "/health")
    watch("GET", "/openapi.json")
    watch("GET", "/docs")
    watch("GET", "/nothing", expected=404)
    watch("GET", "/login")
    form = {"content_type": "application/x-www-form-urlencoded", "origin": "http://127.0.0.1"}
    watch("POST", "/login", urlencode({"key": watch.instance.key}).encode(), expected=303, **form)
    watch("POST", "/logout", b"", expected=303, **form)
    return watch


def positions(watch: Watch, settle: Callable[[], None]) -> None:
    """Opened, answered, and standing again."""
    opened = [trade(f"o-{number}", state="open", linked_position_id="p", pnl=None) for number in range(3)]
    watch("POST", "/trade_events", opened)
    settle()
    for filters in FILTERS:
        watch("GET", f"/positions?{filters}&limit=1")
    watch("POST", "/trade_event", trade("c", linked_position_id="p"))
    settle()
    watch("POST", "/trade_event/c/void", {"reason": "test"})
    settle()
    assert len(watch("GET", "/positions").json["positions"]) == 3


def alerts(watch: Watch) -> None:
    """An address is set, found not to be public when its test is sent, and removed; all limits are reached."""
    watch("PUT", "/accounts/acct-1/alert", {"url": "https://127.0.0.1/x"})
    watch("GET", "/accounts/acct-1/alert")
    watch.instance.become("AlertsFunction")
    with watch.noting(watch.instance.role_of("AlertsFunction")):
        for _ in range(2):
            load_handler(FUNCTIONS / "alerts")({}, Context("alerts", "lambda-request"))
    watch("PUT", "/accounts/acct-1/alert", {"url": None})


@pytest.fixture(scope="module")
def stream_stack(acme: Stack) -> Stack:
    return acme.account.create("watched")


@pytest.fixture(scope="module")
def streamed(stream_stack: Stack, emulator: Emulator) -> Watch:
    watch = Watch(Instance(stream_stack), emulator)
    return use(watch, watch.sequence)


@pytest.fixture(scope="module")
def streaming(streamed: Watch) -> Needed:
    return streamed.needed


@pytest.fixture(scope="module")
def inlining(inline: Stack, emulator: Emulator) -> Needed:
    return use(Watch(Instance(inline), emulator), lambda: None).needed


def arn_of(stack: Stack) -> str:
    arn: str = stack.account.client("dynamodb").describe_table(TableName=stack.table)["Table"]["TableArn"]
    return arn


def refused(stack: Stack, needed: Needed) -> list[tuple[str, Need]]:
    roles, arn = stack.roles, arn_of(stack)
    return [(role, need) for role, needs in needed.items() for need in needs if not allows(roles[role], need, arn)]


def test_every_route_is_watched(streamed: Watch) -> None:
    """A new one gets its place in `use`; a HEAD is what its GET is."""
    assert streamed.called == {route.key for route in read_routes() if route.method != "HEAD"}


def test_every_request_is_allowed(stream_stack: Stack, streaming: Needed) -> None:
    assert refused(stream_stack, streaming) == []


def test_every_request_is_allowed_inline(inline: Stack, inlining: Needed) -> None:
    assert refused(inline, inlining) == []


def test_docs_and_unknown_routes_ask_for_nothing(streaming: Needed) -> None:
    assert streaming["PlainRole"] == set()


def unused(stack: Stack, role: str, needs: set[Need]) -> dict[str, str]:
    """Of what the role may: actions that nobody asks for, and kinds that are never read, or never written so."""
    roles, arn = stack.roles, arn_of(stack)
    asked = {(need.action, kind) for need in needs for kind in need.kinds}
    found = {}
    for name in ACTIONS:
        action = f"dynamodb:{name}"
        attributes = ("PK", "SK", "last_used_at")
        may = {
            kind for kind in KINDS if allows(roles[role], Need(action, stack.table, (f"{kind}\x1f",), attributes), arn)
        }
        does = {kind for one, kind in asked if one == action}
        if name in ("GetItem", "BatchGetItem", "Query"):  # which of these a read is made of is the driver's to choose
            does |= {kind for one, kind in asked if one.startswith(("dynamodb:Get", "dynamodb:BatchGet", "dynamodb:Q"))}
        if rest := "".join(sorted(may - does)):
            found[name] = rest
    return found


@pytest.mark.parametrize(
    "role",
    [
        *("LoginRole", "HealthRole", "ReadRole", "IngestRole", "VoidRole", "SequencerRole", "PlainRole"),
        *("AdminRole", "KeysRole", "AlertHookRole"),  # what AlertsRole asks for depends on what today lost
    ],
)
def test_nothing_is_allowed_that_nobody_asks_for(role: str, stream_stack: Stack, streaming: Needed) -> None:
    assert unused(stream_stack, role, streaming[role]) == {}
