"""Libraries of the guest, as they are, against real servers."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import NAME, Box, Server, serve_bytes


@pytest.fixture(params=["http", "https"])
def url(request: pytest.FixtureRequest, http_server: Server, https_server: Server) -> str:
    server = http_server if request.param == "http" else https_server
    return f"{request.param}://{NAME}:{server.port}"


def test_urllib(box: Box, url: str) -> None:
    code = f"import urllib.request as u\nwith u.urlopen('{url}/a') as r: print(r.status, r.read(), r.url)"
    assert box.run(code).logs.stdout == [f"200 b'GET /a ' {url}/a\n"]
    assert box.text(f"u.urlopen('{url}/b', data=b'body').read()") == "b'POST /b body'"
    assert box.text(f"len(u.urlopen('{url}/bytes/3000000').read())") == "3000000"
    assert box.text(f"u.urlopen('{url}/redirect?to=/there').read()") == "b'GET /there '"
    assert box.text(f"u.urlopen('{url}/chunks').read()") == repr(b"".join(b"chunk %d" % i for i in range(5)))


def test_http_client_keeps_its_connection(box: Box, url: str) -> None:
    scheme, _, address = url.partition("://")
    name = "HTTPSConnection" if scheme == "https" else "HTTPConnection"
    code = f"""import http.client
c = http.client.{name}('{address}', timeout=10)
def get(path, method='GET', body=None):
    c.request(method, path, body)
    sock = c.sock
    answer = c.getresponse().read()
    return answer, sock is c.sock
[get('/1'), get('/2', 'PUT', 'text'), get('/3', 'HEAD')]"""
    assert box.text(code) == "[(b'GET /1 ', True), (b'PUT /2 text', True), (b'', True)]"


def test_requests(box: Box, url: str) -> None:
    assert box.text(f"import requests\nrequests.get('{url}/a', timeout=10).text") == "GET /a "
    code = f"""s = requests.Session()
answers = [s.post('{url}/b', json={{'a': 1}}).text, s.get('{url}/redirect?to=/c').text]
with s.get('{url}/bytes/200000', stream=True) as r:
    answers.append(sum(len(chunk) for chunk in r.iter_content(5000)))
def chunks():
    yield b'ab'
    yield b'cd'
answers.append(s.put('{url}/d', data=chunks()).text)
answers"""
    assert box.text(code) == """['POST /b {"a": 1}', 'GET /c ', 200000, 'PUT /d abcd']"""


def test_urllib3(box: Box, url: str) -> None:
    code = f"""import urllib3, warnings
warnings.simplefilter('error')
pool = urllib3.PoolManager(retries=False, timeout=10)
[pool.request('GET', '{url}/a').data, pool.request('POST', '{url}/b', body=b'x' * 100000).status]"""
    assert box.text(code) == "[b'GET /a ', 200]"


def test_asyncio_streams(box: Box, url: str) -> None:
    scheme, _, address = url.partition("://")
    host, _, port = address.partition(":")
    secure = True if scheme == "https" else None
    code = f"""import asyncio, ssl
async def get(path):
    reader, writer = await asyncio.open_connection('{host}', {port}, ssl={secure})
    writer.write(f'GET {{path}} HTTP/1.1\\r\\nHost: {address}\\r\\nConnection: close\\r\\n\\r\\n'.encode())
    await writer.drain()
    data = await reader.read()
    version = getattr(writer.get_extra_info('ssl_object'), 'version', lambda: None)()
    writer.close()
    await writer.wait_closed()
    return data.partition(b'\\r\\n\\r\\n')[2], version
answers = await asyncio.gather(*(get(f'/{{i}}') for i in range(5)))
[answer for answer, _ in answers], {{version for _, version in answers}}"""
    version = "'TLSv1.3'" if scheme == "https" else "None"
    wanted = [f"GET /{i} ".encode() for i in range(5)]
    assert box.text(code) == f"({wanted}, {{{version}}})"


def test_several_asyncio_connections_at_once(box: Box, http_server: Server) -> None:
    code = f"""import asyncio
async def get():
    reader, writer = await asyncio.open_connection('127.0.0.1', {http_server.port})
    writer.write(b'GET /bytes/500000 HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n')
    data = await reader.read()
    writer.close()
    return len(data.partition(b'\\r\\n\\r\\n')[2])
await asyncio.gather(*(get() for _ in range(20)))"""
    assert box.text(code) == str([500000] * 20)


def _site_packages() -> dict[str, Any]:
    """httpx and what it needs, from the host's own installation."""
    from pathlib import Path

    from pywasm_sandbox import HostFolder

    found: dict[str, Any] = {}
    for name in ("httpx", "httpcore", "h11", "anyio", "sniffio"):
        spec = importlib.util.find_spec(name)
        if spec is None and name == "sniffio":  # only some versions need it
            continue
        assert spec is not None, f"{name} is missing: pip install pywasm-sandbox[test]"
        assert spec.origin is not None
        found[f"/packages/{name}"] = HostFolder(Path(spec.origin).parent)
    return found


def test_httpx(open_box: Callable[..., Box], url: str) -> None:
    box = open_box("127.0.0.1", "*.test", sandbox={"mounts": _site_packages()})
    code = f"""import sys; sys.path.append('/packages')
import httpx
with httpx.Client() as client:
    answers = [client.get('{url}/a').text, client.post('{url}/b', content=b'x').text]
async with httpx.AsyncClient() as client:
    answers.append((await client.get('{url}/c')).text)
    async with client.stream('GET', '{url}/bytes/100000') as r:
        answers.append(sum([len(chunk) async for chunk in r.aiter_bytes()]))
answers"""
    assert box.text(code) == "['GET /a ', 'POST /b x', 'GET /c ', 100000]"


def test_smtp_speaks(box: Box) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 hello\r\n")
        lines = connection.makefile("rb")
        for answer in (b"250 fine\r\n", b"221 bye\r\n"):
            lines.readline()
            connection.sendall(answer)

    with serve_bytes(talk) as port:
        code = (
            f"import smtplib\ns = smtplib.SMTP('127.0.0.1', {port}, local_hostname='me')\ns.noop(), s.quit()"
        )
        assert box.text(code) == "((250, b'fine'), (221, b'bye'))"


def test_an_answer_that_is_no_http(box: Box, http_server: Server) -> None:
    url = f"http://127.0.0.1:{http_server.port}"
    code = f"import urllib.request as u\nu.urlopen('{url}/malformed')"
    assert box.fails(code) == ("BadStatusLine", "this is no HTTP\r\n")
    name, _ = box.fails(f"u.urlopen('{url}/cut').read()")
    assert name == "IncompleteRead"
    assert box.text(f"u.urlopen('{url}/ok').read()") == "b'GET /ok '"


def test_a_slow_server_runs_into_the_clients_timeout(box: Box, http_server: Server) -> None:
    code = f"import requests\nrequests.get('http://127.0.0.1:{http_server.port}/slow', timeout=0.2)"
    name, message = box.fails(code)
    assert name == "ReadTimeout"
    assert "Read timed out. (read timeout=0.2)" in message


def test_a_slow_server_runs_into_the_runs_deadline(box: Box, http_server: Server) -> None:
    code = f"kept = 1\nimport requests\nrequests.get('http://127.0.0.1:{http_server.port}/slow')"
    execution = box.run(code, timeout=0.5)
    assert execution.error is not None
    assert execution.error.name == "ExecutionTimeout"
    assert execution.context_state == "kept"
    assert box.text("kept") == "1"
