"""`fetch` in JavaScript, against real servers, through the sandbox's policy."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from pywasm_sandbox import Sandbox

from .conftest import NAME, Box, Server, serve_bytes

RETURN_ERROR = """
try { %s } catch (error) { JSON.stringify([error.name, error.message, error.cause?.code ?? null]) }
"""


def _text(box: Box, code: str, language: str = "javascript") -> str:
    text = box.text(code, language=language)
    assert text is not None
    return text


def _json(box: Box, code: str) -> Any:
    return json.loads(_text(box, code))


@pytest.fixture(params=["http", "https"])
def url(request: pytest.FixtureRequest, http_server: Server, https_server: Server) -> str:
    server = http_server if request.param == "http" else https_server
    return f"{request.param}://{NAME}:{server.port}"


def test_a_response(box: Box, url: str) -> None:
    code = f"""const r = await fetch('{url}/a?b=c#d');
JSON.stringify([r.status, r.statusText, r.ok, r.url, r.redirected, r.type, r.headers.get('content-type'),
                await r.text()])"""
    assert _json(box, code) == [200, "OK", True, f"{url}/a?b=c", False, "basic", "text/plain", "GET /a?b=c "]


def test_bodies(box: Box, url: str) -> None:
    assert (
        _text(box, f"await (await fetch('{url}/b', {{ method: 'POST', body: 'bödy' }})).text()")
        == "POST /b bödy"
    )
    code = f"await (await fetch('{url}/c', {{ method: 'PUT', body: JSON.stringify({{ a: 1 }}) }})).text()"
    assert _text(box, code) == 'PUT /c {"a":1}'
    assert _text(box, f"(await (await fetch('{url}/bytes/3000000')).arrayBuffer()).byteLength") == "3000000"
    assert _text(box, f"await (await fetch('{url}/chunks')).text()") == "chunk 0chunk 1chunk 2chunk 3chunk 4"
    assert _text(box, f"await (await fetch('{url}/h', {{ method: 'HEAD' }})).text()") == ""


def test_what_is_sent(box: Box, http_server: Server) -> None:
    code = f"""await fetch('http://{NAME}:{http_server.port}/x', {{
  method: 'POST', body: new URLSearchParams({{ a: 'b c' }}), headers: {{ 'X-Y': 'z' }} }}); 0"""
    _text(box, code)
    method, path, headers, body = http_server.seen[0]
    assert (method, path, body) == ("POST", "/x", b"a=b+c")
    lower = {name.lower(): value for name, value in headers.items()}
    assert lower["content-type"] == "application/x-www-form-urlencoded;charset=UTF-8"
    assert lower["x-y"] == "z"
    assert lower["host"] == f"{NAME}:{http_server.port}"
    assert lower["accept-encoding"] == "gzip, deflate"


def test_redirects(box: Box, url: str) -> None:
    code = f"""const r = await fetch('{url}/redirect?to=/there', {{ method: 'POST', body: 'x' }});
JSON.stringify([await r.text(), r.url, r.redirected])"""
    assert _json(box, code) == ["GET /there ", f"{url}/there", True]
    code = f"const m = await fetch('{url}/redirect?to=/x', {{ redirect: 'manual' }}); m.status"
    assert _text(box, code) == "302"
    refused = RETURN_ERROR % f"await fetch('{url}/redirect?to=/x', {{ redirect: 'error' }})"
    assert _json(box, refused)[1] == "fetch failed: there is a redirect"


def test_redirects_without_end(box: Box) -> None:
    asked: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        asked.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")

    with serve_bytes(talk) as port:
        answer = _json(box, RETURN_ERROR % f"await fetch('http://127.0.0.1:{port}/')")
    assert answer[1] == "fetch failed: there are too many redirects"
    assert len(asked) == 21


def test_credentials_do_not_follow_to_another_origin(
    box: Box, http_server: Server, https_server: Server
) -> None:
    target = f"https://{NAME}:{https_server.port}/there"
    code = f"""await (await fetch('http://{NAME}:{http_server.port}/redirect?to={target}', {{
  headers: {{ Authorization: 'Bearer t', Other: 'o' }} }})).text()"""
    assert _text(box, code) == "GET /there "
    assert http_server.seen[0][2]["authorization"] == "Bearer t"
    headers = {name.lower(): value for name, value in https_server.seen[0][2].items()}
    assert "authorization" not in headers
    assert headers["other"] == "o"


def test_many_at_once(box: Box, url: str) -> None:
    code = f"""const paths = Array.from({{ length: 8 }}, (_, i) => '/' + i);
(await Promise.all(paths.map(async (p) => (await fetch('{url}' + p)).text()))).join()"""
    assert _text(box, code) == ",".join(f"GET /{index} " for index in range(8))


def test_timers_go_on_and_a_signal_ends_it(box: Box, url: str) -> None:
    code = RETURN_ERROR % (
        f"let ticks = 0; const t = setInterval(() => ticks++, 5);"
        f"try {{ await fetch('{url}/slow', {{ signal: AbortSignal.timeout(200) }}) }}"
        f"finally {{ clearInterval(t); globalThis.ticks = ticks }}"
    )
    assert _json(box, code)[0] == "TimeoutError"
    assert int(_text(box, "ticks")) > 3


def test_a_signal_ends_a_body(box: Box) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart")
        connection.recv(1)

    with serve_bytes(talk) as port:
        code = f"""const controller = new AbortController();
const {{ signal }} = controller;
const r = await fetch('http://127.0.0.1:{port}/', {{ signal }});
setTimeout(() => controller.abort(), 50);
try {{ await r.text() }} catch (error) {{ error.name }}"""
        assert box.text(code, language="javascript", timeout=20) == "AbortError"


def test_a_deadline_ends_it(box: Box, url: str) -> None:
    execution = box.run(f"await fetch('{url}/slow')", language="javascript", timeout=0.3)
    assert execution.error is not None
    assert execution.error.name == "ExecutionTimeout"
    assert execution.context_state == "kept"
    assert _text(box, f"(await fetch('{url}/after')).status") == "200"


def test_a_body_is_streamed(box: Box, url: str) -> None:
    code = f"""let n = 0, chunks = 0;
for await (const chunk of (await fetch('{url}/bytes/1000000')).body) {{ n += chunk.length; chunks++ }}
JSON.stringify([n, chunks > 2])"""
    assert _json(box, code) == [1_000_000, True]


def test_compressed(box: Box) -> None:
    content = gzip.compress(b"squeezed " * 100)

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(content)}\r\n\r\n"
        connection.sendall(head.encode() + content)

    with serve_bytes(talk) as port:
        assert _text(box, f"(await (await fetch('http://127.0.0.1:{port}/')).text()).length") == "900"


@pytest.mark.parametrize("path", ["/malformed", "/cut"])
def test_broken_answers(box: Box, http_server: Server, path: str) -> None:
    code = RETURN_ERROR % f"await (await fetch('http://{NAME}:{http_server.port}{path}')).text()"
    name, message, _ = _json(box, code)
    assert name == "TypeError"
    assert message == "terminated" if path == "/cut" else message.startswith("fetch failed: ")


def test_nobody_listens(box: Box) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    name, _, code = _json(box, RETURN_ERROR % f"await fetch('http://127.0.0.1:{port}/')")
    assert (name, code) == ("TypeError", "ECONNREFUSED")


def test_a_certificate_that_nobody_trusts(open_box: Callable[..., Box], https_server: Server) -> None:
    box = open_box("127.0.0.1", "*.test", ca_certificates=None)
    name, message, _ = _json(box, RETURN_ERROR % f"await fetch('https://{NAME}:{https_server.port}/')")
    assert name == "TypeError"
    assert "certificate" in message.lower()
    assert https_server.seen == []


def test_the_policy_is_the_sandbox_s(open_box: Callable[..., Box], http_server: Server) -> None:
    box = open_box("127.0.0.1", deny=["other.test"])
    address = f"http://127.0.0.1:{http_server.port}"
    assert _text(box, f"(await fetch('{address}/')).status") == "200"
    name, message, code = _json(box, RETURN_ERROR % f"await fetch('http://other.test:{http_server.port}/')")
    assert (name, code) == ("TypeError", "EAI_FAIL")
    assert message.startswith("fetch failed: the network policy denies")
    assert len(http_server.seen) == 1


def test_without_a_network(http_server: Server) -> None:
    with Sandbox() as sandbox:
        code = RETURN_ERROR % f"await fetch('http://127.0.0.1:{http_server.port}/')"
        text = sandbox.run_code(code, language="javascript").text
        name, message, cause = json.loads(text or "")
    assert (name, cause) == ("TypeError", "EACCES")
    assert "pass network=NetworkPolicy" in message
    assert http_server.seen == []


def test_typescript_has_it_too(box: Box, url: str) -> None:
    code = f"const r: Response = await fetch('{url}/t'); await r.text()"
    assert _text(box, code, "typescript") == "GET /t "
