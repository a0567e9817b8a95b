"""Connections that are hard to make, and connections over TLS, as to the real API."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from imagefactory.adapters.gemini import client
from imagefactory.domain.errors import AttemptFailed
from imagefactory.domain.result import FailureCode
from tests.unit.gemini.calling import ANSWER, IMAGE, a_model, failed, made
from tests.unit.gemini.server import Server, answering, answering_json, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SLACK = 0.5


@contextlib.contextmanager
def deaf() -> Iterator[int]:
    """The port of a server that never takes a connection, and has no room for another in its queue."""
    with contextlib.ExitStack() as sockets, socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        for _ in range(3):
            waiting = sockets.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(address)
        yield address[1]


class TestAServerThatTakesNoConnections:
    def test_is_a_servers_error_when_others_might_still_have_been_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "CONNECT_SECONDS", 0.2)
        with deaf() as port:
            failure, seconds = failed(Server(answering(b""), port=port))

        assert (failure.code, failure.retryable) == (FailureCode.SERVER_ERROR, True)
        assert seconds < 0.2 + SLACK

    def test_does_not_outlast_the_deadline_however_many_addresses_it_has(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with deaf() as port:
            monkeypatch.setattr(socket, "getaddrinfo", addresses(*[port] * 20))
            failure, seconds = failed(Server(answering(b""), port=port), timeout=0.3)

        assert failure.code is FailureCode.TIMEOUT
        assert seconds < 0.3 + SLACK

    def test_is_left_for_the_next_address(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "CONNECT_SECONDS", 0.2)
        with deaf() as port, serving(answering_json(ANSWER)) as server, a_model(server) as model:
            monkeypatch.setattr(socket, "getaddrinfo", addresses(port, 9, server.port))

            assert made(model).data == IMAGE

    def test_has_a_name_that_nobody_knows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)

        failure, _ = failed(Server(answering(b""), port=9))

        assert failure.code is FailureCode.SERVER_ERROR


def addresses(*ports: int) -> Callable[..., Any]:
    """A name service that knows these ports of this machine."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

    def look_up(host: str, _: int, *, type: socket.SocketKind) -> Any:  # noqa: A002 - its name there
        # Otherwise each address comes once for every kind of socket, and is tried as often.
        assert (host, type) == ("127.0.0.1", socket.SOCK_STREAM)
        return found

    return look_up


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a certificate for 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        # Whatever the day is; the end is the one that RFC 5280 has for those without.
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)  # noqa: FBT003 - no other way
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    encoded = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*encoded))
    return path


@pytest.fixture(scope="module")
def tls(certificate: Path) -> ssl.SSLContext:
    """A server's side."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class TestOverTls:
    def test_an_image_is_made(self, tls: ssl.SSLContext, certificate: Path) -> None:
        with serving(answering_json(ANSWER), tls) as server, a_model(server) as model:
            model._session.verify = str(certificate)  # noqa: SLF001 - nobody else trusts this server

            assert [made(model).data for _ in range(2)] == [IMAGE] * 2

    def test_a_certificate_that_nobody_vouches_for_is_refused(self, tls: ssl.SSLContext) -> None:
        with serving(answering_json(ANSWER), tls) as server:
            failure, _ = failed(server)

        assert failure.code is FailureCode.SERVER_ERROR
        assert server.requests == []

    def test_the_deadline_holds_while_the_server_drips(self, tls: ssl.SSLContext, certificate: Path) -> None:
        def drip(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
            for _ in range(100):
                connection.sendall(b" ")
                time.sleep(0.05)

        with serving(drip, tls) as server, a_model(server) as model:
            model._session.verify = str(certificate)  # noqa: SLF001 - nobody else trusts this server
            began = time.monotonic()
            with pytest.raises(AttemptFailed) as attempt:
                made(model, 0.4)

        assert attempt.value.failure.code is FailureCode.TIMEOUT
        assert time.monotonic() - began < 0.4 + SLACK

    def test_the_deadline_holds_while_the_server_does_not_shake_hands(self, tls: ssl.SSLContext) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            server = Server(answering(b""), port=silent.getsockname()[1], tls=tls)
            failure, seconds = failed(server, timeout=0.3)

        assert failure.code is FailureCode.TIMEOUT
        assert seconds < 0.3 + SLACK
