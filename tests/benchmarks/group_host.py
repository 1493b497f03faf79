"""What calls out of a guest cost."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pywasm_sandbox import NetworkPolicy, Sandbox

from .report import Group, Row, Target
from .settings import Settings
from .timing import Sample, pairwise

__all__ = ["run"]

CALLS = 200

_CALLING = f"""
import time
from host import lookup
started = time.perf_counter()
for _ in range({CALLS}):
    lookup("key", limit=3)
(time.perf_counter() - started) / {CALLS}
"""


def lookup(key: str, limit: int = 1) -> dict[str, int]:
    """What a small tool looks like."""
    return {key: limit}


REQUESTS = 20

_CLIENTS = {
    "requests, one session": f"""
import requests, time
session = requests.Session()
session.trust_env = False
session.get(URL)
started = time.perf_counter()
for _ in range({REQUESTS}):
    session.get(URL).content
seconds = (time.perf_counter() - started) / {REQUESTS}
""",
    "urllib.request, a connection each": f"""
import urllib.request, time
open_url = urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open
open_url(URL).read()
started = time.perf_counter()
for _ in range({REQUESTS}):
    open_url(URL).read()
seconds = (time.perf_counter() - started) / {REQUESTS}
""",
}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 1000)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def _server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def run(settings: Settings) -> Group:
    policy = NetworkPolicy(allow=["127.0.0.1"], max_connections_per_minute=1_000_000)
    with Sandbox(tools=[lookup], network=policy) as sandbox, _server() as url:
        sandbox.expose(lookup, name="inline_lookup", inline=True)
        rows = [_tool(sandbox, "lookup", settings), _tool(sandbox, "inline_lookup", settings)]
        rows += [_requests(sandbox, name, url, settings) for name in _CLIENTS]
    return Group("Calls out of the sandbox", rows, ["GET of 1,000 bytes from a server in the host's process"])


def _requests(sandbox: Sandbox, name: str, url: str, settings: Settings) -> Row:
    code = _CLIENTS[name]

    def natively() -> float:
        names: dict[str, Any] = {"URL": url}
        exec(code, names)
        return float(names["seconds"])

    def inside() -> float:
        return float(sandbox.run_code(f"URL = {url!r}\n{code}\nseconds").text or "nan")

    inside()
    guest: list[float] = []
    native: list[float] = []
    try:
        for _ in range(settings.rounds(15, 4)):
            guest.append(inside())
            native.append(natively())
    except ImportError:  # the host has no requests
        guest = [inside() for _ in range(settings.rounds(15, 4))]
        return Row(name, "ms", Sample.of(guest).scaled(1e3))
    return Row(
        name,
        "ms",
        Sample.of(guest).scaled(1e3),
        native=Sample.of(native).median * 1e3,
        ratio=pairwise(guest, native),
    )


def _tool(sandbox: Sandbox, name: str, settings: Settings) -> Row:
    code = _CALLING.replace("lookup", name)
    values = [float(sandbox.run_code(code).text or "nan") for _ in range(settings.rounds(30, 8))]
    sample = Sample.of(values).scaled(1e6)
    if name.startswith("inline"):
        return Row("host tool inline, two arguments, a dict back", "µs", sample, target=Target(100))
    # How long the kernel takes to wake a thread up, twice, is most of it.
    return Row("host tool in the caller's thread, the same", "µs", sample)
