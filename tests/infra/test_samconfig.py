"""samconfig.toml: a section for each client, which `sam deploy --config-env` takes."""

import re
import tomllib

import pytest

from tests.infra.stacks import source
from trueedge_local.template import CHECKOUT

CONFIG = tomllib.loads((CHECKOUT / "samconfig.toml").read_text(encoding="utf-8"))
CLIENTS = sorted(CONFIG.keys() - {"version"})


def overrides(client: str) -> dict[str, str]:
    return dict(text.split("=", 1) for text in CONFIG[client]["global"]["parameters"]["parameter_overrides"])


@pytest.mark.parametrize("client", CLIENTS)
def test_a_section_gives_the_template_what_it_takes(client: str) -> None:
    parameters = source()["Parameters"]
    given = overrides(client)
    assert given.keys() <= parameters.keys()
    assert {name for name, one in parameters.items() if "Default" not in one} <= given.keys()
    for name, value in given.items():
        if pattern := parameters[name].get("AllowedPattern"):
            assert re.fullmatch(pattern, value)
        assert value in map(str, parameters[name].get("AllowedValues", [value]))


@pytest.mark.parametrize("client", CLIENTS)
def test_a_section_speaks_of_one_client_alone(client: str) -> None:
    common, deploy = CONFIG[client]["global"]["parameters"], CONFIG[client]["deploy"]["parameters"]
    assert overrides(client)["ClientId"] == client
    assert common["stack_name"] == deploy["s3_prefix"] == f"trueedge-{client}"
    assert deploy["tags"] == [f"trueedge-client={client}"]
    assert deploy["capabilities"] == "CAPABILITY_IAM"  # no role has a name that was chosen


def test_no_section_holds_a_secret() -> None:
    assert not re.search(r"te_[A-Za-z0-9_-]{32}|AKIA|secret", str(CONFIG))
