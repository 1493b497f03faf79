"""node:http and node:https in JavaScript, against real servers, through the sandbox's policy."""

# ruff: noqa: E501 -- JavaScript

from __future__ import annotations

import gzip
import json
import socket
from typing import Any

import pytest

from pywasm_sandbox import Sandbox

from .conftest import NAME, Box, Server, serve_bytes

READ = """
const read = (request) => new Promise((resolve, reject) => request.on('error', reject).on('response', (response) => {
  const parts = [];
  response.on('data', (part) => parts.push(part)).on('error', reject);
  response.on('end', () => resolve({ response, text: Buffer.concat(parts).toString() }));
}).end());
const failure = (request) => new Promise((resolve) => request.on('error', (e) => resolve([e.name, e.code, e.message])).end());
"""


@pytest.fixture(params=["http", "https"])
def url(request: pytest.FixtureRequest, http_server: Server, https_server: Server) -> str:
    server = http_server if request.param == "http" else https_server
    return f"{request.param}://{NAME}:{server.port}"


def _json(box: Box, url: str, code: str) -> Any:
    module = url.partition(":")[0]
    text = box.text(f"{READ}const http = require('{module}'); JSON.stringify({code})", language="javascript")
    assert text is not None
    return json.loads(text)


def test_get(box: Box, url: str) -> None:
    code = f"""await new Promise((resolve) => http.get('{url}/a?b=c', (response) => {{
  response.setEncoding('utf8');
  let text = '';
  response.on('data', (part) => (text += part));
  response.on('end', () => resolve([response.statusCode, response.statusMessage, response.headers['content-type'],
                                    response.rawHeaders.includes('content-type'), response.complete, text]));
}}))"""
    assert _json(box, url, code) == [200, "OK", "text/plain", True, True, "GET /a?b=c "]


def test_a_body_and_headers_are_sent(box: Box, url: str, http_server: Server, https_server: Server) -> None:
    server = https_server if url.startswith("https") else http_server
    code = f"""await (() => {{
  const request = http.request({{ hostname: '{NAME}', port: {server.port}, path: '/p', method: 'POST', auth: 'me:pw',
    headers: {{ 'Content-Type': 'application/json', 'X-Two': ['a', 'b'] }} }});
  request.setHeader('X-Late', 1);
  request.write('{{"a":');
  request.write(Buffer.from('1}}'));
  return read(request).then(({{ text }}) => [text, request.getHeader('x-late'), request.method, request.path]);
}})()"""
    assert _json(box, url, code) == ['POST /p {"a":1}', 1, "POST", "/p"]
    _, _, headers, body = server.seen[0]
    lower = {name.lower(): value for name, value in headers.items()}
    assert body == b'{"a":1}'
    assert lower["content-type"] == "application/json"
    assert lower["x-two"] == "a, b"
    assert lower["x-late"] == "1"
    assert lower["authorization"] == "Basic bWU6cHc="
    assert lower["host"] == f"{NAME}:{server.port}"
    assert lower["content-length"] == "7"


def test_redirects_are_the_callers_business(box: Box, url: str) -> None:
    code = f"""await read(http.request(new URL('{url}/redirect?to=/x'))).then(({{ response }}) =>
  [response.statusCode, response.headers.location])"""
    assert _json(box, url, code) == [302, "/x"]


def test_a_large_body_in_pieces_and_as_a_pipe(box: Box, url: str) -> None:
    code = f"""await new Promise((resolve) => http.get('{url}/bytes/1000000', async (response) => {{
  const {{ PassThrough }} = require('stream');
  let size = 0, count = 0;
  for await (const part of response.pipe(new PassThrough())) {{ size += part.length; count++ }}
  resolve([size, count > 2]);
}}))"""
    assert _json(box, url, code) == [1_000_000, True]


def test_what_was_encoded_comes_decoded_and_says_so(box: Box) -> None:
    packed = gzip.compress(b"unpacked")

    def talk(connection: socket.socket) -> None:
        connection.recv(1000)
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n"
        connection.sendall(f"{head}Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n".encode() + packed)

    with serve_bytes(talk) as port:
        code = f"""await read(http.request('http://127.0.0.1:{port}/')).then(({{ response, text }}) =>
  [text, response.headers])"""
        text, headers = _json(box, "http://", code)
    assert text == "unpacked"
    assert headers == {"set-cookie": ["a=1", "b=2"]}


def test_timeouts_and_aborts(box: Box, url: str) -> None:
    code = f"""await (async () => {{
  const slow = http.get('{url}/slow', {{ timeout: 50 }});
  slow.on('timeout', () => slow.destroy(new Error('too slow')));
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  const aborted = http.get('{url}/slow', {{ signal: controller.signal }});
  const hung = http.get('{url}/slow');
  setTimeout(() => hung.destroy(), 50);
  return [await failure(slow), await failure(aborted), await failure(hung)];
}})()"""
    assert _json(box, url, code) == [
        ["Error", None, "too slow"],
        ["AbortError", "ABORT_ERR", "The operation was aborted"],
        ["Error", "ECONNRESET", "socket hang up"],
    ]


def test_a_connection_that_is_refused(box: Box) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert (
        _json(box, "http://", f"(await failure(http.get('http://127.0.0.1:{port}/')))[1]") == "ECONNREFUSED"
    )


def test_without_a_network() -> None:
    with Sandbox() as sandbox:
        code = f"{READ}(await failure(require('https').get('https://example.com/')))[2]"
        text = sandbox.run_code(code, language="javascript").text
    assert text is not None
    assert text.startswith("looking up 'example.com': the sandbox has no network")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("require('http').get('https://a.b/')", 'Protocol "https:" not supported. Expected "http:"'),
        ("require('http').request({ path: '/a b' })", "Request path contains unescaped characters"),
        ("require('http').request({ method: 'G T' })", 'Method must be a valid HTTP token ["G T"]'),
        (
            "require('http').request({ headers: { 'a b': 1 } })",
            'Header name must be a valid HTTP token ["a b"]',
        ),
        (
            "require('http').request({ headers: { a: 'x\\n' } })",
            'Invalid character in header content ["a"]',
        ),
        (
            "require('http').createServer(() => {}).listen(80)",
            "http.Server.listen is not available in this sandbox: nothing can listen here; requests are made as ever",
        ),
    ],
)
def test_what_is_refused(code: str, message: str) -> None:
    with Sandbox() as sandbox:
        error = sandbox.run_code(code, language="javascript").error
    assert error is not None
    assert error.message == message
