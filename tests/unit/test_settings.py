"""Settings from variables: defaults that run on a laptop, and no typo that opens a door."""

import pytest

from trueedge_core.settings import DEFAULT_STORE_URL, Settings, WrongSetting


def test_nothing_set_is_the_laptop() -> None:
    assert Settings.from_env({}) == Settings(DEFAULT_STORE_URL, False, "WARNING")
    assert Settings.from_env({"TRUEEDGE_STORE_URL": " ", "TRUEEDGE_LOG_LEVEL": ""}) == Settings()


def test_variables_are_read() -> None:
    found = Settings.from_env(
        {"TRUEEDGE_STORE_URL": "sqlite:////data/t.db", "TRUEEDGE_OPEN": "1", "TRUEEDGE_LOG_LEVEL": "info"}
    )
    assert (found.store_url, found.store, found.open, found.log_level) == (
        "sqlite:////data/t.db",
        "sqlite",
        True,
        "INFO",
    )


@pytest.mark.parametrize(("text", "is_open"), [("", False), ("0", False), ("no", False), ("TRUE", True), ("yes", True)])
def test_open_is_a_yes_or_a_no(text: str, is_open: bool) -> None:
    assert Settings.from_env({"TRUEEDGE_OPEN": text}).open is is_open


def test_networks_for_alerts_are_a_list() -> None:
    found = Settings.from_env({"TRUEEDGE_ALERT_NETWORKS": " 10.1.0.0/16,, ::1 "}).alert_networks
    assert found == ("10.1.0.0/16", "::1")


WRONG_NETWORKS = ["10.1.0.1/16", "localhost", "10.1.0.0/16 127.0.0.1", "*"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"TRUEEDGE_OPEN": "maybe"},
        {"TRUEEDGE_LOG_LEVEL": "loud"},
        *({"TRUEEDGE_ALERT_NETWORKS": text} for text in WRONG_NETWORKS),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(WrongSetting, match="accepted"):
        Settings.from_env(wrong)


def test_no_variable_opens_a_hosted_instance() -> None:
    assert not Settings.from_env({"AWS_LAMBDA_FUNCTION_NAME": "ingest", "TRUEEDGE_OPEN": "1"}).open
