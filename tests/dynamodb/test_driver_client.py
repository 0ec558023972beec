"""The driver's client: made quickly, since each cold start makes one for the ledger and one for the keys."""

import pytest
from botocore.loaders import JSONFileLoader, Loader

from trueedge_core.storage.dynamodb.table import DynamoTable


def test_making_a_client_looks_through_no_folders_of_other_services(monkeypatch: pytest.MonkeyPatch) -> None:
    def listed(self: Loader, type_name: str) -> list[str]:
        raise AssertionError("all services were listed")

    monkeypatch.setattr(Loader, "list_available_services", listed)
    DynamoTable("t").close()


def test_a_second_client_reads_no_file_again(monkeypatch: pytest.MonkeyPatch) -> None:
    DynamoTable("t").close()
    read: list[str] = []
    load = JSONFileLoader.load_file
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda self, path: read.append(path) or load(self, path))
    DynamoTable("t").close()
    assert read == []


def test_each_client_is_of_the_region_and_endpoint_that_the_environment_names_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for region, endpoint in (("eu-central-1", "http://127.0.0.1:1"), ("us-west-2", "http://127.0.0.1:2")):
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        table = DynamoTable("t")
        assert (table.client.meta.region_name, table.client.meta.endpoint_url) == (region, endpoint)
        table.close()
