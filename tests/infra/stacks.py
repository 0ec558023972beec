"""Stacks of template.yaml, made by moto's CloudFormation behind a socket from what SAM makes of the template.

moto makes tables, functions, roles, policies, log groups, the queue, the topic, the dashboard and the mapping of the
stream; it passes over API Gateway, alarms and metric filters. What it does not keep (of the table: encryption,
point-in-time recovery) is asked of the translated template.
"""

import ast
import functools
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from trueedge_local.template import TEMPLATE

REGION = "us-east-1"
BUCKET = "artifacts"
CODE = "code.zip"


class _NoManagedPolicies:
    """SAM asks AWS for the ARNs of its own policies; the template uses none of them."""

    def load(self) -> dict[str, str]:
        return {}


def source() -> dict[str, Any]:
    """template.yaml as it stands, its !Ref and the like as {"Ref": ..}."""
    parsed: dict[str, Any] = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))
    return parsed


@functools.cache
def _translated(client_id: str) -> str:
    template = source()
    for resource in template["Resources"].values():
        for name in ("CodeUri", "ContentUri"):  # `sam deploy` uploads the folders and names the bucket
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = f"s3://{BUCKET}/{CODE}"
    session = boto3.Session(region_name=REGION)
    return json.dumps(transform(template, {"ClientId": client_id}, _NoManagedPolicies(), session))


def translated(client_id: str = "any") -> dict[str, Any]:
    """What CloudFormation gets: the template without a trace of SAM, which fills in names of layers by itself."""
    template: dict[str, Any] = json.loads(_translated(client_id))
    return template


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The translated resources of a type, by logical id: their properties."""
    return {
        name: resource.get("Properties", {})
        for name, resource in translated()["Resources"].items()
        if resource["Type"] == kind
    }


class Account:
    """An AWS account in which stacks are made; `url` is moto's."""

    def __init__(self, url: str) -> None:
        self.url = url
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:  # no function runs in moto
            archive.writestr("app.py", "")
        s3 = self.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=CODE, Body=packed.getvalue())

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.url, region_name=REGION)

    def create(self, client_id: str, **parameters: str) -> "Stack":
        """`sam deploy` of a client's stack."""
        given = {"ClientId": client_id, **parameters}
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=f"trueedge-{client_id}",
            TemplateBody=_translated(client_id),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        [made] = cloudformation.describe_stacks(StackName=f"trueedge-{client_id}")["Stacks"]
        assert made["StackStatus"] == "CREATE_COMPLETE"
        outputs = {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}
        # moto would pull an image and start the sequencer in it for each item that is written.
        dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables[outputs["TableName"]].lambda_event_source_mappings.clear()
        return Stack(self, client_id, outputs)


@dataclass(frozen=True)
class Stack:
    """One client's; everything is read back from the services, not from the template."""

    account: Account
    client_id: str
    outputs: Mapping[str, str]

    @property
    def prefix(self) -> str:
        """How CloudFormation begins every name that it makes up."""
        return f"trueedge-{self.client_id}-"

    @property
    def table(self) -> str:
        return self.outputs["TableName"]

    def functions(self) -> dict[str, dict[str, Any]]:
        """Configurations by logical id."""
        pages = self.account.client("lambda").get_paginator("list_functions").paginate()
        found = [one for page in pages for one in page["Functions"] if one["FunctionName"].startswith(self.prefix)]
        return {self.logical(one["FunctionName"]): one for one in found}

    def logical(self, name: str) -> str:
        """The logical id in a name that CloudFormation made up."""
        return name.removeprefix(self.prefix).rpartition("-")[0]

    @functools.cached_property
    def roles(self) -> dict[str, list[dict[str, Any]]]:
        """The statements of each role, those of attached policies too, by logical id; read once, as they stay so."""
        iam = self.account.client("iam")
        pages = iam.get_paginator("list_roles").paginate()
        names = [one["RoleName"] for page in pages for one in page["Roles"]]
        return {self.logical(name): list(_statements(iam, name)) for name in names if name.startswith(self.prefix)}

    def mappings(self) -> list[dict[str, Any]]:
        """Streams and queues that invoke a function of the stack."""
        found = self.account.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        return [one for one in found if f":function:{self.prefix}" in one["FunctionArn"]]

    def dashboard(self) -> Any:
        name = f"trueedge-{self.client_id}-{REGION}"
        return json.loads(self.account.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"])

    def names(self) -> set[str]:
        """What the stack's parts are called, and their ARNs."""
        client = self.account.client
        found = {name for name in client("dynamodb").list_tables()["TableNames"] if name.startswith(self.prefix)}
        found |= {client("dynamodb").describe_table(TableName=self.table)["Table"]["LatestStreamArn"]}
        found |= {one["FunctionName"] for one in self.functions().values()}
        roles = client("iam").get_paginator("list_roles").paginate()
        found |= {one["RoleName"] for page in roles for one in page["Roles"] if one["RoleName"].startswith(self.prefix)}
        policies = client("iam").list_policies(Scope="Local")["Policies"]
        found |= {one["PolicyName"] for one in policies if one["PolicyName"].startswith(self.prefix)}
        groups = client("logs").describe_log_groups()["logGroups"]
        found |= {one["logGroupName"] for one in groups if f"/{self.client_id}/" in one["logGroupName"]}
        found |= {url for url in client("sqs").list_queues().get("QueueUrls", []) if f"/{self.prefix}" in url}
        topics = [one["TopicArn"] for one in client("sns").list_topics()["Topics"]]
        found |= {arn for arn in topics if f":{self.prefix}" in arn}
        layers = [one["LayerName"] for one in client("lambda").list_layers()["Layers"]]
        found |= {name for name in layers if name.startswith(self.prefix)}
        dashboards = client("cloudwatch").list_dashboards()["DashboardEntries"]
        return found | {one["DashboardName"] for one in dashboards if one["DashboardName"].startswith(self.prefix)}


def _statements(iam: Any, role: str) -> Iterator[dict[str, Any]]:
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        # moto gives a policy that stood in the role as Python would print it
        yield from (ast.literal_eval(document) if isinstance(document, str) else document)["Statement"]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        yield from iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]["Statement"]
