"""What `socket`, `select` and `ssl` promise, against servers that say one thing at a time."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable

import pytest
import trustme

from pywasm_sandbox import Snapshot

from .conftest import NAME, Box, Server, serve_bytes, server_context


def _echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


def _lines(box: Box, code: str) -> list[str]:
    execution = box.run(code)
    assert execution.error is None, "\n".join(execution.error.traceback)
    return "".join(execution.logs.stdout).splitlines()


def test_an_echo(box: Box) -> None:
    with serve_bytes(_echo) as port:
        code = f"""import socket
s = socket.create_connection(('localhost', {port}), timeout=5)
kinds = (s.family, s.type) == (socket.AF_INET, socket.SOCK_STREAM)
print(s.getpeername() == ('127.0.0.1', {port}), s.getsockname()[0], kinds, s.gettimeout())
s.sendall(b'hello')
print(s.recv(3), s.recv(1, socket.MSG_PEEK), s.recv(10))
s.sendall(b'x' * 1000)
print(len(s.recv(1000, socket.MSG_WAITALL)))
buffer = bytearray(8)
s.send(b'abc')
print(s.recv_into(buffer), bytes(buffer))
f = s.makefile('rwb')
f.write(b'line\\n'); f.flush()
print(f.readline())
s.shutdown(socket.SHUT_WR)
print(s.recv(5), f.read())
f.close(); s.close()
try: s.send(b'x')
except OSError as e: print(e)"""
        assert _lines(box, code) == [
            "True 127.0.0.1 True 5.0",
            "b'hel' b'l' b'lo'",
            "1000",
            "3 b'abc\\x00\\x00\\x00\\x00\\x00'",
            "b'line\\n'",
            "b'' b''",
            "[Errno 8] Bad file descriptor",
        ]


def test_a_large_transfer_both_ways(box: Box) -> None:
    with serve_bytes(_echo) as port:
        code = f"""import socket, hashlib
s = socket.create_connection(('127.0.0.1', {port}))
data = bytes(range(256)) * 8192
sent, got = 0, bytearray()
s.setblocking(False)
import select
while len(got) < len(data):
    readable, writable, _ = select.select([s], [s] if sent < len(data) else [], [], 5)
    if writable: sent += s.send(data[sent:sent + 100000])
    if readable: got += s.recv(100000)
print(hashlib.sha256(got).digest() == hashlib.sha256(data).digest())"""
        assert _lines(box, code) == ["True"]


def test_non_blocking_and_polling(box: Box) -> None:
    go = threading.Event()

    def talk(connection: socket.socket) -> None:
        go.wait(10)
        connection.sendall(b"now")
        connection.recv(1)

    with serve_bytes(talk) as port:
        code = f"""import socket, select, errno, selectors
s = socket.socket()
s.setblocking(False)
print(s.connect_ex(('127.0.0.1', {port})) in (0, errno.EINPROGRESS))
print(select.select([], [s], [], 5)[1] == [s], s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
try: s.recv(1)
except BlockingIOError as e: print(type(e).__name__)
print(select.select([s], [], [], 0.05)[0])
p = select.poll(); p.register(s, select.POLLIN); print(p.poll(10))"""
        assert _lines(box, code) == ["True", "True 0", "BlockingIOError", "[]", "[]"]
        go.set()
        code = """print(select.select([s], [], [], 5)[0] == [s], s.recv(10))
sel = selectors.DefaultSelector(); sel.register(s, selectors.EVENT_WRITE); print(len(sel.select(5)))
s.close()"""
        assert _lines(box, code) == ["True b'now'", "1"]


def test_timeouts(box: Box) -> None:
    with serve_bytes(lambda connection: connection.recv(1) and None) as port:
        code = f"""import socket, time
s = socket.create_connection(('127.0.0.1', {port}), timeout=0.2)
started = time.monotonic()
try: s.recv(1)
except TimeoutError as e: print(e, 0.15 < time.monotonic() - started < 2)
socket.setdefaulttimeout(3); print(socket.socket().gettimeout()); socket.setdefaulttimeout(None)"""
        assert _lines(box, code) == ["timed out True", "3.0"]


def test_errors_have_their_classes(box: Box) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with serve_bytes(reset) as resetting:
        code = f"""import socket
def attempt(f):
    try: print(f())
    except Exception as e: print(type(e).__name__)
attempt(lambda: socket.create_connection(('127.0.0.1', {port})))
attempt(lambda: print(socket.socket().connect_ex(('127.0.0.1', {port})) == __import__('errno').ECONNREFUSED))
s = socket.create_connection(('127.0.0.1', {resetting}))
s.send(b'x')
attempt(lambda: s.recv(1))
attempt(lambda: socket.socket().recv(1))
attempt(lambda: socket.socket().getpeername())
attempt(lambda: socket.create_connection(('unknown.test', 80)))
attempt(lambda: socket.socket().connect(('127.0.0.1', 99999)))
attempt(lambda: socket.socket().connect('127.0.0.1'))
attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
attempt(lambda: socket.socket(fileno=0).getpeername())"""
        assert _lines(box, code) == [
            "ConnectionRefusedError",
            "True",
            "None",
            "ConnectionResetError",
            "OSError",
            "OSError",
            "gaierror",
            "OverflowError",
            "TypeError",
            "OSError",
            "OSError",
        ]


def test_names_and_services(box: Box) -> None:
    code = f"""import socket
print(socket.gethostbyname('{NAME}'), socket.gethostbyname('127.1'), socket.gethostbyname('localhost'))
print(socket.getaddrinfo('{NAME}', 'https', type=socket.SOCK_STREAM))
print(socket.getaddrinfo('::1', 80, proto=socket.IPPROTO_TCP)[0][4], socket.getaddrinfo(None, 8080)[0][4])
print(socket.getservbyname('http'), socket.getnameinfo(('127.0.0.1', 443), 0), socket.getfqdn('127.0.0.1'))"""
    assert _lines(box, code) == [
        "127.0.0.1 127.0.0.1 127.0.0.1",
        "[(<AddressFamily.AF_INET: 1>, <SocketKind.SOCK_STREAM: 6>, 6, '', ('127.0.0.1', 443))]",
        "('::1', 80, 0, 0) ('127.0.0.1', 8080)",
        "80 ('127.0.0.1', 'https') 127.0.0.1",
    ]


def test_a_deadline_ends_every_wait(box: Box) -> None:
    with serve_bytes(lambda connection: connection.recv(1) and None) as port:
        box.run(f"import socket, select\ns = socket.create_connection(('127.0.0.1', {port}))")
        for wait in ("s.recv(1)", "select.select([s], [], [])", "s.makefile('rb').read()"):
            execution = box.run(wait, timeout=0.3)
            assert execution.error is not None
            assert (execution.error.name, execution.context_state) == ("ExecutionTimeout", "kept")
            assert execution.duration_seconds < 5
        assert box.text("s.fileno() > 2") == "True"


def test_a_slow_name_ends_with_the_deadline(open_box: Callable[..., Box]) -> None:
    release = threading.Event()

    def slow(name: str) -> list[str]:
        release.wait(20)
        return ["127.0.0.1"]

    box = open_box("*.test", "127.0.0.1", resolver=slow)
    execution = box.run("import socket\nsocket.gethostbyname('slow.test')", timeout=0.3)
    release.set()
    assert execution.error is not None
    assert (execution.error.name, execution.context_state) == ("ExecutionTimeout", "kept")


def test_closing_the_sandbox_ends_a_wait(box: Box) -> None:
    with serve_bytes(lambda connection: connection.recv(1) and None) as port:
        box.run(f"import socket\ns = socket.create_connection(('127.0.0.1', {port}))")
        threading.Timer(0.2, box.sandbox.close).start()
        started = time.monotonic()
        with pytest.raises(Exception, match="closed"):
            box.run("s.recv(1)")
        assert time.monotonic() - started < 5


def test_copies_of_a_context_have_reset_connections(box: Box) -> None:
    with serve_bytes(_echo) as port:
        context = box.sandbox.create_code_context()
        context.run_code(f"import socket\ns = socket.create_connection(('127.0.0.1', {port}))")
        fork = context.fork()
        snapshot: Snapshot = context.snapshot()
        restored = box.sandbox.create_code_context(snapshot=snapshot)
        for copy in (fork, restored):
            error = copy.run_code("s.recv(1)").error
            assert error is not None
            assert error.name == "ConnectionResetError"
            again = f"s.close()\nt = socket.create_connection(('127.0.0.1', {port}))\nt.send(b'x')\nt.recv(1)"
            assert copy.run_code(again).text == "b'x'"
        assert context.run_code("s.send(b'mine')\ns.recv(10)").text == "b'mine'"


def test_listening_by_policy(open_box: Callable[..., Box]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    box = open_box(listen=[port])
    code = f"""import socket
server = socket.create_server(('127.0.0.1', {port}))
print(server.getsockname())
connection, peer = server.accept()
print(peer[0], connection.recv(10))
connection.sendall(b'hi'); connection.close(); server.close()"""
    answers: list[bytes] = []

    def call() -> None:
        for _ in range(200):
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                    client.sendall(b"hello")
                    answers.append(client.recv(10))
                return
            except ConnectionRefusedError:
                time.sleep(0.02)

    caller = threading.Thread(target=call)
    caller.start()
    assert _lines(box, code) == [f"('127.0.0.1', {port})", "127.0.0.1 b'hello'"]
    caller.join()
    assert answers == [b"hi"]
    name, message = box.fails(f"socket.create_server(('127.0.0.1', {port + 1 if port < 65535 else 1024}))")
    assert name == "PermissionError"
    assert "listen does not have the port" in message


def test_port_0_is_a_free_one_that_is_allowed(open_box: Callable[..., Box]) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as busy,
        socket.create_server(("127.0.0.1", 0)) as probe,
    ):
        taken, port = busy.getsockname()[1], probe.getsockname()[1]
        probe.close()
        box = open_box(listen=[taken, port])
        code = """import socket
server = socket.create_server(('127.0.0.1', 0))
print(server.getsockname())"""
        assert _lines(box, code) == [f"('127.0.0.1', {port})"]
        name, message = box.fails("socket.create_server(('127.0.0.1', 0))")
        assert (name, "in use" in message) == ("OSError", True)
    nowhere = open_box()
    assert _lines(nowhere, "import socket\ns = socket.socket()\ns.bind(('', 0))\nprint(s.getsockname())") == [
        "('0.0.0.0', 0)"
    ]
    name, message = nowhere.fails("import socket; socket.create_server(('127.0.0.1', 0))")
    assert name == "PermissionError"
    assert "listen does not have the port" in message


@pytest.fixture
def two_ports() -> list[int]:
    """Two that are free."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return [one.getsockname()[1], other.getsockname()[1]]


def test_a_server_on_port_0_knows_its_port_before_it_listens(
    open_box: Callable[..., Box], two_ports: list[int]
) -> None:
    box = open_box(listen=two_ports)
    code = """import socket, socketserver, http.server
class Quiet(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204); self.end_headers()
    def log_message(self, *arguments): pass
one = http.server.HTTPServer(('127.0.0.1', 0), Quiet)
other = socketserver.TCPServer(('', 0), Quiet, bind_and_activate=False)
other.server_bind()
print(one.server_port, other.server_address)
other.server_close()
one.timeout = 30
one.handle_request()
one.server_close()"""
    statuses: list[int] = []

    def call() -> None:
        for _ in range(300):
            client = http.client.HTTPConnection("127.0.0.1", two_ports[0], timeout=30)
            try:
                client.request("GET", "/")
                statuses.append(client.getresponse().status)
                return
            except ConnectionRefusedError:
                time.sleep(0.02)
            finally:
                client.close()

    caller = threading.Thread(target=call)
    caller.start()
    assert _lines(box, code) == [f"{two_ports[0]} ('0.0.0.0', {two_ports[1]})"]
    caller.join()
    assert statuses == [204]


def test_a_port_that_was_chosen_is_given_back(open_box: Callable[..., Box], two_ports: list[int]) -> None:
    (port, _) = two_ports
    box = open_box(listen=[port])
    code = """import socket
one, other = socket.socket(), socket.socket()
one.bind(('127.0.0.1', 0)), other.bind(('127.0.0.1', 0))
print(one.getsockname()[1], other.getsockname()[1])
one.close()
again = socket.create_server(('127.0.0.1', 0))
print(again.getsockname()[1])
again.close(), other.close()"""
    assert _lines(box, code) == [f"{port} 0", f"{port}"]
    name, message = box.fails("import socket; s = socket.socket(); s.bind(('', 0)); s.bind(('', 0))")
    assert (name, "Invalid argument" in message) == ("OSError", True)


# ---- TLS


def test_what_ssl_tells_of_a_connection(box: Box, https_server: Server) -> None:
    code = f"""import socket, ssl
context = ssl.create_default_context()
context.set_alpn_protocols(['http/1.1'])
with socket.create_connection(('{NAME}', {https_server.port})) as plain:
    with context.wrap_socket(plain, server_hostname='{NAME}') as s:
        print(s.version(), s.selected_alpn_protocol(), len(s.cipher()), s.server_hostname)
        print(('DNS', '{NAME}') in s.getpeercert()['subjectAltName'], len(s.getpeercert(True)) > 100)
        s.sendall(b'GET / HTTP/1.0\\r\\nHost: {NAME}\\r\\n\\r\\n')
        print(s.recv(15), s.pending())"""
    assert _lines(box, code) == [f"TLSv1.3 http/1.1 3 {NAME}", "True True", "b'HTTP/1.1 200 OK' 0"]


@pytest.mark.parametrize("host", ["wrong.name", None])
def test_a_wrong_certificate_is_refused(
    open_box: Callable[..., Box], authority: trustme.CA, host: str | None
) -> None:
    context = server_context(trustme.CA(), NAME) if host is None else server_context(authority, host)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(1)

    box = open_box("127.0.0.1", "*.test")
    with serve_bytes(talk) as port:
        code = f"""import ssl, socket, asyncio, urllib.request
for how in (
    lambda: ssl.create_default_context().wrap_socket(
        socket.create_connection(('{NAME}', {port})), server_hostname='{NAME}'),
    lambda: asyncio.get_event_loop().run_until_complete(asyncio.open_connection('{NAME}', {port}, ssl=True)),
):
    try: how()
    except ssl.SSLCertVerificationError as e: print(e.reason, e.verify_code)"""
        code_number = "62" if host else "20"
        assert _lines(box, code) == [f"CERTIFICATE_VERIFY_FAILED {code_number}"] * 2
        unverified = f"""context = ssl._create_unverified_context()
s = context.wrap_socket(socket.create_connection(('{NAME}', {port})), server_hostname='{NAME}')
s.getpeercert(), s.version()"""
        assert box.text(unverified) == "({}, 'TLSv1.3')"


def test_a_guests_own_authority_is_trusted(
    open_box: Callable[..., Box], https_server: Server, authority_pem: str
) -> None:
    box = open_box("127.0.0.1", ca_certificates=None)
    url = f"https://127.0.0.1:{https_server.port}/"
    name, message = box.fails(f"import urllib.request as u\nu.urlopen('{url}')")
    assert name == "URLError"
    assert "CERTIFICATE_VERIFY_FAILED" in message
    box.sandbox.write_file("/workspace/ca.pem", authority_pem)
    context = "ssl.create_default_context(cafile='/workspace/ca.pem')"
    code = f"import ssl\nu.urlopen('{url}', context={context}).status"
    assert box.text(code) == "200"
    assert (
        box.text(f"import requests\nrequests.get('{url}', verify='/workspace/ca.pem').status_code") == "200"
    )
    assert box.fails(f"requests.get('{url}')")[0] == "SSLError"


def test_a_server_that_speaks_no_tls(box: Box, http_server: Server) -> None:
    name, message = box.fails(
        f"import urllib.request\nurllib.request.urlopen('https://{NAME}:{http_server.port}/')"
    )
    assert name == "URLError"
    assert "WRONG_VERSION_NUMBER" in message or "RECORD_LAYER_FAILURE" in message


def test_a_handshake_has_a_timeout(box: Box) -> None:
    with serve_bytes(lambda connection: connection.recv(10_000) and connection.recv(1) and None) as port:
        code = f"""import ssl, socket
plain = socket.create_connection(('127.0.0.1', {port}), timeout=0.3)
ssl._create_unverified_context().wrap_socket(plain, server_hostname='a')"""
        name, message = box.fails(code)
        assert (name, "timed out" in message) == ("TimeoutError", True)


def test_tls_over_memory_needs_a_connection_of_the_host(box: Box) -> None:
    code = """import ssl
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
s = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname='a.test')
try: s.do_handshake()
except ssl.SSLWantReadError: print(outgoing.pending > 50)
incoming.write(b'\\x16\\x03\\x03' + b'x' * 100)
try: s.do_handshake()
except ssl.SSLError as e: print(e)"""
    assert _lines(box, code) == ["True", "TLS can only run over a connection that the sandbox's host made"]
