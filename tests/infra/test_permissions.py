"""What each role may do, read back from IAM."""

import pytest

from tests.infra.permissions import Need, allows, listed
from tests.infra.stacks import Stack

KINDS = "EVLDHSPXOKAW"
NOTING_USE = ("PK", "SK", "last_used_at")
WRITES = ("PutItem", "UpdateItem", "BatchWriteItem", "DeleteItem")
READS = ("GetItem", "BatchGetItem", "Query")
EVERY_ROLE = {
    *("PlainRole", "LoginRole", "HealthRole", "ReadRole", "IngestRole", "VoidRole", "SequencerRole"),
    *("AdminRole", "KeysRole", "AlertHookRole", "AlertsRole"),
}


def may(stack: Stack, role: str, operations: tuple[str, ...]) -> dict[str, str]:
    """Which operations on which kinds of items: {"GetItem": "ED", ..}, those of no kind left out."""
    statements = stack.roles[role]
    arn = stack.account.client("dynamodb").describe_table(TableName=stack.table)["Table"]["TableArn"]
    found = {}
    for name in operations:
        needs = {kind: Need(f"dynamodb:{name}", stack.table, (f"{kind}\x1fx",), NOTING_USE) for kind in KINDS}
        if kinds := "".join(kind for kind, need in needs.items() if allows(statements, need, arn)):
            found[name] = kinds
    return found


def test_there_is_a_role_for_each_class(acme: Stack) -> None:
    assert acme.roles.keys() == EVERY_ROLE


def test_no_permission_has_a_wildcard(acme: Stack, inline: Stack) -> None:
    for stack in (acme, inline):
        for role, statements in stack.roles.items():
            for one in statements:
                for action in listed(one["Action"]):
                    assert "*" not in action, role
                for resource in listed(one["Resource"]):
                    # of a log group every stream: Lambda chooses their names
                    assert "*" not in resource.removesuffix(f":log-group:{stack.outputs['FunctionLogName']}:*"), role
                    assert resource.startswith("arn:aws:"), role


def test_a_role_reaches_nothing_but_its_own_stacks(acme: Stack) -> None:
    for role, statements in acme.roles.items():
        for resource in (resource for one in statements for resource in listed(one["Resource"])):
            assert resource.split(":", 5)[5].startswith(
                (f"table/{acme.table}", f"log-group:/trueedge/{acme.client_id}/", acme.prefix)
            ) or resource.rpartition(":")[2].startswith(acme.prefix), (role, resource)


def test_only_lambda_takes_a_role(acme: Stack) -> None:
    pages = acme.account.client("iam").get_paginator("list_roles").paginate()
    trusted = [
        one["AssumeRolePolicyDocument"]["Statement"]
        for page in pages
        for one in page["Roles"]
        if one["RoleName"].startswith(acme.prefix)
    ]
    assert len(trusted) == len(EVERY_ROLE)
    assert all(
        said == [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
        for said in trusted
    )


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [
        ("PlainRole", {}, {}),
        ("HealthRole", {"GetItem": "EVD", "BatchGetItem": "EVD"}, {}),
        ("LoginRole", {"GetItem": "K"}, {"UpdateItem": "K"}),
        (
            "ReadRole",
            {"GetItem": "EVDHSPXOKA", "BatchGetItem": "EVDHSPXOA", "Query": "EVDHSPXOA"},
            {"UpdateItem": "K"},
        ),
        ("AdminRole", {"GetItem": "K"}, {"PutItem": "A", "UpdateItem": "K"}),
        ("KeysRole", {"GetItem": "K", "Query": "K"}, {"PutItem": "K", "UpdateItem": "K"}),
        (
            "AlertHookRole",
            {"GetItem": "KW", "BatchGetItem": "W", "Query": "W"},
            {"PutItem": "W", "UpdateItem": "KW", "BatchWriteItem": "W"},
        ),
        (
            "AlertsRole",
            dict.fromkeys(READS, "DHSPAW"),
            {"PutItem": "W", "UpdateItem": "W", "BatchWriteItem": "W"},
        ),
        ("IngestRole", {"GetItem": "DK", "BatchGetItem": "D"}, {"PutItem": "E", "UpdateItem": "K"}),
        ("VoidRole", {"GetItem": "EVDK", "BatchGetItem": "EVD"}, {"PutItem": "V", "UpdateItem": "K"}),
        (
            "SequencerRole",
            dict.fromkeys(READS, "EVLDHSX"),
            {"PutItem": "LHSO", "BatchWriteItem": "DPX", "DeleteItem": "O"},
        ),
    ],
)
def test_a_role_is_held_to_kinds_of_items(
    role: str, reads: dict[str, str], writes: dict[str, str], acme: Stack
) -> None:
    assert may(acme, role, READS) == reads
    assert may(acme, role, WRITES) == writes


@pytest.mark.parametrize("role", sorted(EVERY_ROLE))
def test_no_role_scans_or_touches_the_table_itself(role: str, acme: Stack) -> None:
    actions = {action for one in acme.roles[role] for action in listed(one["Action"])}
    assert actions <= {
        *(f"dynamodb:{name}" for name in (*READS, *WRITES)),
        *(f"dynamodb:{name}" for name in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")),
        *("sqs:SendMessage", "logs:CreateLogStream", "logs:PutLogEvents"),
    }


def test_a_request_that_names_no_item_is_allowed_to_nobody(acme: Stack) -> None:
    """An empty set satisfies ForAllValues."""
    arn = acme.account.client("dynamodb").describe_table(TableName=acme.table)["Table"]["TableArn"]
    for role, statements in acme.roles.items():
        for name in (*READS, *WRITES):
            assert not allows(statements, Need(f"dynamodb:{name}", acme.table, ()), arn), (role, name)


def test_whoever_notes_the_use_of_a_key_cannot_change_what_it_may(acme: Stack) -> None:
    """A function taken over must not make an admin key of the one that it was called with."""
    arn = acme.account.client("dynamodb").describe_table(TableName=acme.table)["Table"]["TableArn"]
    for attributes in (("PK", "SK", "scopes"), ("PK", "SK", "last_used_at", "revoked_at"), ()):
        need = Need("dynamodb:UpdateItem", acme.table, ("K",), attributes)
        allowed = [role for role, statements in acme.roles.items() if allows(statements, need, arn)]
        assert allowed == ["KeysRole"]  # whose function makes keys and ends them, and does nothing else


def test_inline_the_requests_may_do_what_the_sequencer_may(inline: Stack, acme: Stack) -> None:
    sequencer = may(acme, "SequencerRole", (*READS, *WRITES))
    for role in ("IngestRole", "VoidRole"):
        granted = may(inline, role, (*READS, *WRITES))
        assert all(set(kinds) <= set(granted[name]) for name, kinds in sequencer.items())
        assert "K" not in granted["PutItem"]
