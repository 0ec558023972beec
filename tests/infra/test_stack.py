"""Clients' stacks, read back from the services that would run them."""

import json
import re

import pytest

from tests.infra.instance import matches
from tests.infra.stacks import REGION, Stack, of_type, source, translated
from trueedge_local.template import read_routes

ROUTES = list(read_routes())
FUNCTIONS = {name for name, one in source()["Resources"].items() if one["Type"] == "AWS::Serverless::Function"}
ROLES = {
    "IngestFunction": "IngestRole",
    "IngestBatchFunction": "IngestRole",
    "VoidFunction": "VoidRole",
    "LoginFunction": "LoginRole",
    "HookFunction": "IngestRole",
    "KeysFunction": "KeysRole",
    "AccountsPutFunction": "AdminRole",
    "AlertHookFunction": "AlertHookRole",
    "AlertsFunction": "AlertsRole",
    "HealthFunction": "HealthRole",
    "DocsFunction": "PlainRole",
    "FallbackFunction": "PlainRole",
    "SequencerFunction": "SequencerRole",
}


# --- functions --------------------------------------------------------------------------------------------------------


def test_every_function_is_told_its_own_clients_table(acme: Stack, birch: Stack) -> None:
    for stack in (acme, birch):
        functions = stack.functions()
        assert functions.keys() == FUNCTIONS
        for one in functions.values():
            assert one["Environment"]["Variables"] == {
                "TRUEEDGE_STORE_URL": f"dynamodb://{stack.table}?sequencing=stream",
                "TRUEEDGE_LOG_LEVEL": "INFO",
                "POWERTOOLS_SERVICE_NAME": f"trueedge-{stack.client_id}",
                "AWS_ENDPOINT_URL_DYNAMODB": "",
            }


def test_every_function_has_the_role_of_its_class_in_its_own_stack(acme: Stack, birch: Stack) -> None:
    for stack in (acme, birch):
        for name, one in stack.functions().items():
            role = one["Role"].rpartition("/")[2]
            assert role.startswith(stack.prefix)
            assert stack.logical(role) == ROLES.get(name, "ReadRole")


def test_every_function_runs_what_the_layer_is_built_for() -> None:
    for one in of_type("AWS::Lambda::Function").values():
        assert (one["Runtime"], one["Handler"]) == ("python3.13", "app.handler")
        assert one["Architectures"] == [{"Ref": "Architecture"}]
        [layer] = one["Layers"]
        assert translated()["Resources"][layer["Ref"]]["Type"] == "AWS::Lambda::LayerVersion"


def test_every_function_writes_to_the_stacks_own_log_which_ends() -> None:
    for one in of_type("AWS::Lambda::Function").values():
        assert one["LoggingConfig"] == {"LogGroup": {"Ref": "FunctionLogs"}}
    for group in of_type("AWS::Logs::LogGroup").values():
        assert group["RetentionInDays"] == {"Ref": "LogDays"}


# --- two stacks -------------------------------------------------------------------------------------------------------


def test_two_stacks_share_no_name(acme: Stack, birch: Stack) -> None:
    names = acme.names()
    assert (
        len(names) >= len(FUNCTIONS) + 7 + 3 + 2 + 6
    )  # roles, policies, logs; table, stream, queue, topic, layer, board
    assert not names & birch.names()
    assert all("acme" in name for name in names)


def test_nothing_of_one_stack_names_anything_of_another(acme: Stack, birch: Stack) -> None:
    for one, other in ((acme, birch), (birch, acme)):
        parts = [one.functions(), one.roles, one.mappings(), one.dashboard(), dict(one.outputs)]
        text = json.dumps(parts, default=str)
        assert one.client_id in text
        assert [name for name in other.names() | {other.client_id} if name in text] == []


def test_a_name_that_the_template_chooses_has_the_clients_in_it() -> None:
    """What moto does not make is not among the names that the other tests compare."""
    chosen = {
        f"{resource['Type']} {name}": value
        for resource in translated()["Resources"].values()
        for name, value in resource.get("Properties", {}).items()
        if name == "Name" or re.fullmatch(r"\w*(Log|Role|Policy|Table|Queue|Topic|Layer|Alarm|Dashboard)\w*Name", name)
        if resource["Type"] not in ("AWS::Route53::RecordSet",)  # the client's own host name
    }
    chosen |= {"title of the API": of_type("AWS::ApiGatewayV2::Api")["Api"]["Body"]["info"]["title"]}
    assert len(chosen) >= 4
    for what, value in chosen.items():
        text = json.dumps(value)
        assert text.startswith('{"Ref"') or "${ClientId}" in text or "-any-" in text, what


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_table_is_what_the_driver_expects_and_has_a_stream(acme: Stack) -> None:
    table = acme.account.client("dynamodb").describe_table(TableName=acme.table)["Table"]
    assert table["KeySchema"] == [
        {"AttributeName": "PK", "KeyType": "HASH"},
        {"AttributeName": "SK", "KeyType": "RANGE"},
    ]
    assert {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]} == {
        "PK": "S",
        "SK": "S",
    }
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert table["GlobalSecondaryIndexes"] == []


def test_the_table_cannot_be_deleted_by_mistake_and_outlives_its_stack(acme: Stack) -> None:
    table = translated()["Resources"]["Table"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    dynamodb = acme.account.client("dynamodb")
    assert dynamodb.describe_table(TableName=acme.table)["Table"]["DeletionProtectionEnabled"] is True
    with pytest.raises(dynamodb.exceptions.ClientError, match="DeletionProtection"):
        dynamodb.delete_table(TableName=acme.table)


def test_the_table_is_encrypted_and_can_be_restored_to_any_second() -> None:
    properties = of_type("AWS::DynamoDB::Table")["Table"]
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


# --- the sequencer ----------------------------------------------------------------------------------------------------


def test_the_sequencer_follows_its_own_table_and_gives_nothing_up(acme: Stack) -> None:
    [mapping] = acme.mappings()
    table = acme.account.client("dynamodb").describe_table(TableName=acme.table)["Table"]
    assert mapping["EventSourceArn"] == table["LatestStreamArn"]
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (1000, 1)
    assert (mapping["ParallelizationFactor"], mapping["BisectBatchOnFunctionError"]) == (1, False)
    assert (mapping["MaximumRetryAttempts"], mapping["MaximumRecordAgeInSeconds"]) == (-1, -1)
    queue = mapping["DestinationConfig"]["OnFailure"]["Destination"].rpartition(":")[2]
    assert acme.outputs["MissedQueue"].endswith(f"/{queue}")
    assert queue.startswith(acme.prefix)


def test_what_the_stream_dropped_is_told_for_two_weeks_and_encrypted(acme: Stack) -> None:
    sqs = acme.account.client("sqs")
    said = sqs.get_queue_attributes(QueueUrl=acme.outputs["MissedQueue"], AttributeNames=["All"])["Attributes"]
    assert said["MessageRetentionPeriod"] == str(14 * 24 * 3600)
    assert said["SqsManagedSseEnabled"].lower() == "true"


@pytest.mark.parametrize(
    ("kind", "name", "is_taken"),
    [
        *((kind, "INSERT", kind in "EV") for kind in "EVLDHSPKA"),
        *(("E", name, False) for name in ("MODIFY", "REMOVE")),
    ],
)
def test_the_sequencer_is_woken_by_new_events_and_voids_alone(
    kind: str, name: str, is_taken: bool, acme: Stack
) -> None:
    """Of all that is written, its own writes among it: they must not wake it again."""
    [mapping] = acme.mappings()
    [one] = mapping["FilterCriteria"]["Filters"]
    record = {"eventName": name, "dynamodb": {"Keys": {"PK": {"S": f"{kind}\x1fx"}, "SK": {"S": "x"}}}}
    assert matches(json.loads(one["Pattern"]), record) is is_taken


def test_inline_there_is_no_sequencer_and_the_requests_may_do_its_work(inline: Stack, acme: Stack) -> None:
    assert inline.functions().keys() == FUNCTIONS - {"SequencerFunction"}
    assert inline.mappings() == []
    assert "MissedQueue" not in inline.outputs
    assert "SequencerRole" not in inline.roles
    for one in inline.functions().values():
        assert one["Environment"]["Variables"]["TRUEEDGE_STORE_URL"] == f"dynamodb://{inline.table}?sequencing=inline"
        assert one["Environment"]["Variables"]["TRUEEDGE_LOG_LEVEL"] == "DEBUG"
    for name in ("IngestRole", "VoidRole"):
        assert "CommitAndFold" in {one.get("Sid") for one in inline.roles[name]}
        assert "CommitAndFold" not in {one.get("Sid") for one in acme.roles[name]}


# --- the API ----------------------------------------------------------------------------------------------------------


def test_the_api_has_every_route_and_may_invoke_its_function() -> None:
    paths = of_type("AWS::ApiGatewayV2::Api")["Api"]["Body"]["paths"]
    found = {(method, path) for path, methods in paths.items() for method in methods}
    methods = {"ANY": "x-amazon-apigateway-any-method"}
    assert found == {(methods.get(route.method, route.method.lower()), route.path) for route in ROUTES}
    allowed: dict[str, list[str]] = {}
    for one in of_type("AWS::Lambda::Permission").values():
        allowed.setdefault(one["Principal"], []).append(one["FunctionName"]["Ref"])
    assert sorted(allowed.pop("apigateway.amazonaws.com")) == sorted(route.function for route in ROUTES)
    assert allowed == {"events.amazonaws.com": ["AlertsFunction"]}  # its clock


def test_requests_are_limited() -> None:
    [stage] = of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": {"Ref": "RequestRate"},
        "ThrottlingBurstLimit": {"Ref": "RequestBurst"},
    }


def test_the_access_log_has_nothing_that_a_key_could_stand_in() -> None:
    """Neither path nor query nor any header: only what the gateway itself says of a request."""
    [stage] = of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["AccessLogSettings"]["DestinationArn"] == {"Fn::GetAtt": ["AccessLogs", "Arn"]}
    format_ = stage["AccessLogSettings"]["Format"]
    assert "\n" not in format_
    variables = set(json.loads(format_).values())
    assert variables == {
        *("$context.requestTime", "$context.requestId", "$context.identity.sourceIp", "$context.routeKey"),
        *("$context.status", "$context.responseLength", "$context.responseLatency", "$context.error.responseType"),
        *("$context.integrationLatency", "$context.integrationStatus"),
    }


# --- watching ---------------------------------------------------------------------------------------------------------


def test_every_alarm_tells_the_topic() -> None:
    alarms = of_type("AWS::CloudWatch::Alarm")
    assert alarms.keys() >= {
        *("ServerErrorAlarm", "FunctionErrorAlarm", "FunctionThrottleAlarm", "RequestThrottleAlarm"),
        *("TableThrottleAlarm", "SequencerLagAlarm", "SequencerErrorAlarm", "SequencerMissedAlarm"),
    }
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [{"Ref": "Alarms"}]
        assert alarm["TreatMissingData"] == "notBreaching"


def test_an_alarm_rings_when_figures_are_a_minute_behind() -> None:
    alarm = of_type("AWS::CloudWatch::Alarm")["SequencerLagAlarm"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("IteratorAge", "Maximum")
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (60_000, "GreaterThanThreshold")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "SequencerFunction"}}]


def test_the_dashboard_shows_the_stacks_own_functions_and_table(acme: Stack, inline: Stack) -> None:
    text = json.dumps(acme.dashboard())
    names = {one["FunctionName"] for name, one in acme.functions().items() if name == "SequencerFunction"}
    for name in (*names, acme.table, f"trueedge-{acme.client_id}", acme.outputs["FunctionLogName"], REGION):
        assert name in text
    assert "DashboardUrl" in acme.outputs
    assert "DashboardUrl" not in inline.outputs
