"""Posting to somebody else's address: to the public only, to the address that was judged, and no further."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tests.docs.test_readme import needs
from trueedge_core import webhook
from trueedge_core.domain.alerts import Undelivered

HERE = ("127.0.0.1/32",)


@dataclass
class Receiver:
    """Somebody else's server: answers a status, and keeps what it was sent."""

    server: HTTPServer
    status: int = 200
    answer_headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.server.server_address[1]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append((self.path, dict(self.headers), body))
            self.send_response(made.status)
            for name, value in made.answer_headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    made = Receiver(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


class Names:
    """A resolver: each look-up of a name takes the next answer, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        found = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


def test_the_body_and_the_headers_arrive_as_they_were_given(receiver: Receiver) -> None:
    webhook.post(f"http://127.0.0.1:{receiver.port}/x?y=%201", b'{"a":1}', {"X-One": "1"}, HERE)
    [(path, headers, body)] = receiver.got
    assert (path, body) == ("/x?y=%201", b'{"a":1}')
    assert (headers["Host"], headers["X-One"], headers["Connection"]) == (f"127.0.0.1:{receiver.port}", "1", "close")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_taken(status: int, receiver: Receiver) -> None:
    receiver.status = status
    webhook.post(f"http://127.0.0.1:{receiver.port}", b"{}", {}, HERE)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 410, 500, 503])
def test_anything_else_is_not(status: int, receiver: Receiver) -> None:
    receiver.status = status
    with pytest.raises(Undelivered, match=f"it answered {status}"):
        webhook.post(f"http://127.0.0.1:{receiver.port}/", b"{}", {}, HERE)


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.status = 307
    receiver.answer_headers = {"Location": f"http://127.0.0.1:{receiver.port}/inside"}
    with pytest.raises(Undelivered, match="redirects are not followed"):
        webhook.post(f"http://127.0.0.1:{receiver.port}/", b"{}", {}, HERE)
    assert [path for path, _, _ in receiver.got] == ["/"]


PRIVATE = [
    *("127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.5.4", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "198.18.0.1", "192.0.2.1", "203.0.113.9", "240.0.0.1", "255.255.255.255"),
    *("224.0.0.1", "239.1.1.1", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1"),
    *("2002:7f00:1::1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "fec0::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_never_connected_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_connection", pytest.fail)
    with pytest.raises(Undelivered, match="not public") as refused:
        webhook.post("https://hooks.example/", b"{}", {}, (), Names([address]))
    assert address not in refused.value.message


@pytest.mark.parametrize("address", PRIVATE)
def test_one_such_address_among_public_ones_is_enough(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_connection", pytest.fail)
    with pytest.raises(Undelivered, match="not public"):
        webhook.post("https://hooks.example/", b"{}", {}, (), Names(["1.1.1.1", address]))


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"])
def test_a_public_address_is_public(address: str) -> None:
    assert webhook.is_public(ip_address(address))


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "localhost", "[::1]"])
def test_other_spellings_of_loopback_lead_nowhere(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the resolver of this machine."""
    monkeypatch.setattr(socket, "create_connection", pytest.fail)
    with pytest.raises(Undelivered):
        webhook.post(f"https://{host}/", b"{}", {})


def test_the_connection_goes_to_the_address_that_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: a second look-up would lead inside, and there is none."""
    names, connected = Names(["1.1.1.1"], ["127.0.0.1"]), []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(Undelivered, match="ConnectionRefusedError"):
        webhook.post("https://hooks.example:8443/", b"{}", {}, (), names)
    assert (names.asked, connected) == (1, [("1.1.1.1", 8443)])


def test_http_goes_only_into_networks_that_were_named(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook.post(f"http://hooks.example:{receiver.port}/", b"{}", {}, HERE, Names(["127.0.0.1"]))
    assert receiver.got[0][1]["Host"] == f"hooks.example:{receiver.port}"
    monkeypatch.setattr(socket, "create_connection", pytest.fail)
    with pytest.raises(Undelivered, match="accepted: https"):
        webhook.post("http://hooks.example/", b"{}", {}, HERE, Names(["1.1.1.1"]))


def test_a_name_that_is_not_known_is_said_so() -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror

    with pytest.raises(Undelivered, match="its name is not known"):
        webhook.post("https://hooks.example/", b"{}", {}, (), unknown)


def test_a_receiver_that_trickles_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, the whole never does."""
    monkeypatch.setattr(webhook, "WHOLE_SECONDS", 0.3)
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def trickle() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not done.wait(0.02):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        with pytest.raises(Undelivered, match="in time"):
            webhook.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {}, HERE)
        done.set()
        thread.join()


@pytest.fixture
def tls(tmp_path: Path, receiver: Receiver) -> Path:
    """The receiver speaks TLS as hooks.example; returns its certificate."""
    needs("openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=hooks.example", "-addext", "subjectAltName=DNS:hooks.example"]
    subprocess.run([*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
    return certificate


def test_the_certificate_must_be_the_names_whatever_address_was_judged(
    tls: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Undelivered, match="SSLCertVerificationError"):
        webhook.post(f"https://hooks.example:{receiver.port}/", b"{}", {}, HERE, Names(["127.0.0.1"]))
    monkeypatch.setenv("SSL_CERT_FILE", str(tls))
    webhook.post(f"https://hooks.example:{receiver.port}/", b"{}", {}, HERE, Names(["127.0.0.1"]))
    with pytest.raises(Undelivered, match="SSLCertVerificationError"):
        webhook.post(f"https://other.example:{receiver.port}/", b"{}", {}, HERE, Names(["127.0.0.1"]))
    assert len(receiver.got) == 1
