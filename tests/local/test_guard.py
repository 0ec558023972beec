"""Host and Origin: what a web page must not be able to do to a server on this machine."""

import pytest

from trueedge_local.guard import Guard, HostName

LOCAL = Guard("127.0.0.1")


def host_is_answered(guard: Guard, host: str | None, local_address: str | None = "127.0.0.1") -> bool:
    return guard.refusal("GET", host, None, local_address) is None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:9000",
        "127.0.0.1",
        "127.1.2.3:80",
        "localhost:9000",
        "LOCALHOST",
        "localhost.:9000",
        "app.localhost:9000",
        "[::1]:9000",
        "[::1]",
        "[::ffff:127.0.0.1]:9000",
    ],
)
def test_loopback_names_are_answered(host: str) -> None:
    assert host_is_answered(LOCAL, host)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:9000",
        "127.0.0.1.evil.example:9000",
        "localhost.evil.example",
        "notlocalhost",
        "192.168.1.5:9000",
        "0.0.0.0:9000",
        "[::2]:9000",
        "127.0.0.1:9000:80",
        "127.0.0.1@evil.example",
        "evil.example/127.0.0.1",
        "127.0.0.1:port",
        "[::1",
    ],
)
def test_other_names_are_not(host: str | None) -> None:
    assert not host_is_answered(LOCAL, host)


def test_the_address_that_was_bound_is_answered() -> None:
    guard = Guard("192.168.1.5")
    assert host_is_answered(guard, "192.168.1.5:9000", "192.168.1.5")
    assert not host_is_answered(guard, "192.168.1.6:9000", "192.168.1.5")
    assert host_is_answered(Guard("FD00::5"), "[fd00:0::5]:9000", "fd00::5")


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "::"])
def test_bound_to_every_address_the_one_connected_to_is_answered_as_a_number(wildcard: str) -> None:
    guard = Guard(wildcard)
    assert host_is_answered(guard, "192.168.1.5:9000", "192.168.1.5")
    assert host_is_answered(guard, "192.168.1.5:9000", "::ffff:192.168.1.5")
    assert not host_is_answered(guard, "192.168.1.6:9000", "192.168.1.5")
    assert not host_is_answered(guard, "evil.example:9000", "192.168.1.5")
    assert not host_is_answered(guard, "0.0.0.0:9000", "192.168.1.5")


def test_allowed_hosts_are_answered_on_any_port_or_on_theirs() -> None:
    guard = Guard("127.0.0.1", ["Trades.Example", "desk.example:8443", "fd00::7"])
    for host in ("trades.example", "trades.example:443", "TRADES.example:9000", "desk.example:8443", "[fd00::7]:9000"):
        assert host_is_answered(guard, host), host
    for host in ("desk.example", "desk.example:9000", "a.trades.example"):
        assert not host_is_answered(guard, host), host


@pytest.mark.parametrize("wrong", ["http://trades.example", "a b", "host:port", "a/b"])
def test_what_is_no_host_name_cannot_be_allowed(wrong: str) -> None:
    with pytest.raises(ValueError, match="accepted"):
        Guard("127.0.0.1", [wrong])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("host", "origin", "answered"),
    [
        ("127.0.0.1:9000", None, True),  # a bot sends none
        ("127.0.0.1:9000", "http://127.0.0.1:9000", True),
        ("localhost:9000", "http://localhost:9000", True),
        ("LOCALHOST:9000", "http://localhost:9000", True),
        ("[::1]:9000", "http://[::1]:9000", True),
        ("localhost", "http://localhost", True),
        ("localhost:80", "http://localhost", True),
        ("localhost:443", "https://localhost", True),
        ("trades.example", "https://trades.example", True),
        ("127.0.0.1:9000", "https://trades.example", True),  # a proxy in front that does not pass Host on
        ("127.0.0.1:9000", "http://evil.example", False),
        ("127.0.0.1:9000", "http://localhost:9000", False),  # another origin, if on this machine
        ("127.0.0.1:9000", "http://127.0.0.1:9001", False),
        ("127.0.0.1:9000", "http://127.0.0.1", False),
        ("127.0.0.1:9000", "null", False),
        ("127.0.0.1:9000", "", False),
        ("127.0.0.1:9000", "file://", False),
        ("127.0.0.1:9000", "ftp://127.0.0.1:9000", False),
        ("127.0.0.1:9000", "http://127.0.0.1:9000.evil.example", False),
        ("127.0.0.1:9000", "http://evil.example@127.0.0.1:9000", False),
    ],
)
def test_a_write_from_a_page_of_another_origin_is_refused(
    method: str, host: str, origin: str | None, answered: bool
) -> None:
    guard = Guard("127.0.0.1", ["trades.example"])
    assert (guard.refusal(method, host, origin, "127.0.0.1") is None) is answered


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_is_the_browser_s_own_business(method: str) -> None:
    """Without a CORS header no page of another origin sees the answer."""
    assert LOCAL.refusal(method, "127.0.0.1:9000", "http://evil.example", "127.0.0.1") is None


def test_addresses_have_one_normal_form() -> None:
    assert HostName.parse("[0:0:0:0:0:0:0:1]:80") == HostName.parse("[::1]:80") == HostName("::1", 80)
