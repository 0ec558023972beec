"""What is posted to one client's instance never shows in another's."""

import pytest

from tests.dynamodb.emulator import Emulator
from tests.functions.calling import trade
from tests.infra.instance import Instance, watched
from tests.infra.stacks import Stack

READING = ("/metrics/overall", "/metrics/by_strategy", "/metrics/equity_curve", "/trade_events", "/report")


@pytest.fixture(scope="module")
def acmes(acme: Stack) -> Instance:
    return Instance(acme)


@pytest.fixture(scope="module")
def birches(birch: Stack) -> Instance:
    return Instance(birch)


@pytest.fixture(scope="module")
def inlines(inline: Stack) -> Instance:
    return Instance(inline)


def test_a_trade_of_one_client_is_in_that_clients_answers_alone(acmes: Instance, birches: Instance) -> None:
    assert acmes("POST", "/trade_event", trade("t-acme")).status == 200
    assert acmes("POST", "/trade_events", [trade(f"t-{number}") for number in range(3)]).status == 200
    assert acmes.sequence() == 4
    assert acmes("GET", "/metrics/overall").json["metrics"]["total_trades"] == 4
    assert acmes("GET", "/trade_event/t-acme").status == 200
    assert b"acct-1" in acmes("GET", "/report").body

    assert birches("GET", "/metrics/overall").json["metrics"]["total_trades"] == 0
    for target in READING:
        body = birches("GET", target).body
        assert not [word for word in (b"acct-1", b"trend", b"t-acme") if word in body], target
    assert birches("GET", "/trade_event/t-acme").status == 404
    assert birches("GET", "/metrics/account/acct-1").status == 404
    assert birches("POST", "/trade_event/t-acme/void", {"reason": "of another"}).status == 404
    assert {record["dynamodb"]["Keys"]["PK"]["S"] for record in birches.records()} == {"K"}


def test_a_key_of_one_client_opens_nothing_of_another(acmes: Instance, birches: Instance) -> None:
    assert acmes("GET", "/metrics/overall").status == 200
    assert birches("GET", "/metrics/overall", key=acmes.key).status == 401
    assert birches("POST", "/trade_event", trade("t-stolen"), key=acmes.key).status == 401


def test_the_same_event_id_is_a_new_event_for_each_client(inlines: Instance, acmes: Instance) -> None:
    assert acmes("POST", "/trade_event", trade("t-both", pnl=1)).json["duplicate"] is False
    answer = inlines("POST", "/trade_event", trade("t-both", pnl=2))
    assert (answer.status, answer.json["duplicate"], answer.json["position"]) == (200, False, 0)


def test_a_function_asks_for_no_other_table_than_its_own_stacks(
    emulator: Emulator, acmes: Instance, birches: Instance
) -> None:
    for one in (acmes, birches):
        with watched(emulator) as asked:
            one("POST", "/trade_event", trade("t-own", account_id=one.stack.client_id))
            one.sequence()
            for target in READING:
                one("GET", target)
        assert {request.table for request in asked} == {one.stack.table}
