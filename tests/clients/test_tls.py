"""The client checks who it talks to before it shows its key."""

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trueedge import Unreachable
from trueedge.transport import Transport


def certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, plain))
    return files


class Secure:
    def __init__(self, folder: Path, host: str) -> None:
        self.keys: list[str | None] = []
        self.cert, key = certificate(folder, host)
        keys = self.keys

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                keys.append(self.headers["X-API-Key"])
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                pass  # the client hangs up on a certificate that is not good

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, key)
        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    server = Secure(tmp_path, "127.0.0.1")
    yield server
    server.close()


def test_a_certificate_that_is_trusted_is_enough(secure: Secure) -> None:
    transport = Transport(secure.url, "te_key", ca_file=secure.cert, patience=0)
    assert transport.get("/x").json() == {}
    assert secure.keys == ["te_key"]


def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_key_is_sent(secure: Secure) -> None:
    with pytest.raises(Unreachable, match="certificate") as refused:
        Transport(secure.url, "te_key").get("/x")  # with all its patience: it does not help
    assert not refused.value.can_succeed
    assert secure.keys == []


def test_a_certificate_of_another_host_is_refused_before_the_key_is_sent(tmp_path: Path) -> None:
    server = Secure(tmp_path, "127.0.0.2")
    try:
        with pytest.raises(Unreachable, match="certificate"):
            Transport(server.url, "te_key", ca_file=server.cert).get("/x")
        assert server.keys == []
    finally:
        server.close()
