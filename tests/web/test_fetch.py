"""`fetch` asks the host, which lets nothing out unless it has the call for it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from pywasm_sandbox import Context, Sandbox
from pywasm_sandbox._guests.hostcalls import HostCall, HostCallError, HostCalls

SHOW = """
try {
  const response = await fetch(%s);
  JSON.stringify([response.status, response.headers.get('a'), await response.text(), response.url]);
} catch (error) {
  `${error.name}: ${error.message} | ${error.cause?.code}`;
}
"""


def _run(sandbox: Sandbox, context: Context | None, arguments: str) -> str | None:
    execution = sandbox.run_code(SHOW % arguments, language="javascript", context=context)
    assert execution.error is None, execution.error
    return execution.text


def test_without_a_network_fetch_says_so() -> None:
    with Sandbox() as sandbox:
        assert _run(sandbox, None, "'http://example.com/'") == (
            "TypeError: fetch failed: this sandbox has no network access | EACCES"
        )


def _answer(call: HostCall) -> Any:
    if "refused" in call.arguments["url"]:
        raise HostCallError("ConnectionRefusedError", "nobody listens there", "ECONNREFUSED")
    body = base64.b64encode("grüße".encode()).decode()
    return {"status": 201, "headers": [["A", "b"]], "body": body, "url": "http://end/"}


def test_the_seam_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    original = HostCalls.__init__

    def fetch(call: HostCall) -> Any:
        asked.append(dict(call.arguments))
        return _answer(call)

    def with_fetch(self: HostCalls, handlers: Any) -> None:
        original(self, {**handlers, "fetch": fetch})

    monkeypatch.setattr(HostCalls, "__init__", with_fetch)
    with Sandbox() as sandbox:
        text = _run(sandbox, None, "'http://start/x', { method: 'POST', body: 'ö', headers: { H: 'v' } }")
        assert json.loads(text or "") == [201, "b", "grüße", "http://end/"]
        assert _run(sandbox, None, "'http://refused/'") == (
            "TypeError: fetch failed: nobody listens there | ECONNREFUSED"
        )
    first = asked[0]
    assert (first["url"], first["method"]) == ("http://start/x", "POST")
    assert base64.b64decode(first["body"]).decode() == "ö"
    assert ["h", "v"] in first["headers"]
    assert asked[1]["body"] is None
