"""Real servers on loopback, and sandboxes whose policy names them."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import trustme

from pywasm_sandbox import Execution, NetworkPolicy, Sandbox

NAME = "api.test"
"""A name that the tests' resolver knows, for 127.0.0.1."""


@dataclass
class Server:
    """A server, and what it saw: requests as method, path, headers, body."""

    port: int
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    connections: list[Any] = field(default_factory=list)

    @property
    def methods(self) -> list[str]:
        return [method for method, *_ in self.seen]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self) -> None:
        body = self._body()
        self.server.record.seen.append((self.command, self.path, dict(self.headers), body))
        if self.path.startswith("/redirect?to="):
            self.send_response(302)
            self.send_header("Location", self.path.partition("=")[2])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path == "/slow":
            self.server.stop.wait(30)
        if self.path == "/malformed":
            self.wfile.write(b"this is no HTTP\r\n\r\n")
            self.close_connection = True
            return
        if self.path == "/cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")
            self.close_connection = True
            return
        if self.path == "/chunks":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for index in range(5):
                self.wfile.write(b"7\r\nchunk %d\r\n" % index)
            self.wfile.write(b"0\r\n\r\n")
            return
        size = int(self.path.partition("/bytes/")[2] or 0)
        content = b"x" * size if size else f"{self.command} {self.path} {body.decode()}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    record: Server
    stop: threading.Event

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that go away are what some tests are about


@contextmanager
def _serve(tls: ssl.SSLContext | None) -> Iterator[Server]:
    with _HttpServer(("127.0.0.1", 0), _Handler) as server:
        server.stop = threading.Event()
        server.record = Server(server.server_address[1])
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.record
        server.stop.set()
        server.shutdown()
        thread.join()


@contextmanager
def serve_bytes(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server that talks with each connection as the function does; its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threads: list[threading.Thread] = []

        def one(connection: socket.socket) -> None:
            with closing(connection):
                try:
                    talk(connection)
                except OSError:
                    pass

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=one, args=(connection,), daemon=True))
                threads[-1].start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def authority_pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


@pytest.fixture
def http_server() -> Iterator[Server]:
    with _serve(None) as server:
        yield server


@pytest.fixture
def https_server(authority: trustme.CA) -> Iterator[Server]:
    with _serve(server_context(authority, NAME, "localhost", "127.0.0.1")) as server:
        yield server


def resolver(name: str) -> list[str]:
    if name in (NAME, "other.test", "third.test"):
        return ["127.0.0.1"]
    raise OSError(f"unknown name {name}")


class Box:
    """A sandbox whose cells must not fail, unless a test asks how they do."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def run(self, code: str, **options: Any) -> Execution:
        return self.sandbox.run_code(code, **options)

    def text(self, code: str, **options: Any) -> str | None:
        execution = self.run(code, **options)
        assert execution.error is None, "\n".join(execution.error.traceback)
        return execution.text

    def fails(self, code: str, **options: Any) -> tuple[str, str]:
        error = self.run(code, **options).error
        assert error is not None
        return error.name, error.message


@pytest.fixture
def open_box(authority_pem: str) -> Iterator[Callable[..., Box]]:
    """A sandbox with this policy; the tests' names are resolved and their authority is trusted."""
    opened: list[Sandbox] = []

    def open_one(*allow: str, sandbox: dict[str, Any] | None = None, **policy: Any) -> Box:
        options = {"resolver": resolver, "ca_certificates": authority_pem, **policy}
        opened.append(Sandbox(network=NetworkPolicy(allow=allow, **options), **(sandbox or {})))
        return Box(opened[-1])

    yield open_one
    for sandbox in opened:
        sandbox.close()


@pytest.fixture
def box(open_box: Callable[..., Box]) -> Box:
    """A sandbox that reaches all of 127.0.0.1."""
    return open_box("127.0.0.1", "*.test")
