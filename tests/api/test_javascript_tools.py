"""Host tools from JavaScript."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pywasm_sandbox import Sandbox


def lookup(key: str, limit: int = 3, *, exact: bool = False) -> dict[str, object]:
    """Find what belongs to a key."""
    if key == "missing":
        raise KeyError(key)
    return {"key": key, "limit": limit, "exact": exact}


def reverse(data: bytes) -> bytes:
    return data[::-1]


async def double(x: float) -> float:
    return 2 * x


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(tools=[lookup, reverse, double]) as opened:
        yield opened


@pytest.mark.parametrize("language", ["javascript", "typescript"])
@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("JSON.stringify(host.lookup('a'))", '{"key":"a","limit":3,"exact":false}'),
        (
            "JSON.stringify(host.lookup.with({ exact: true, limit: 5 }, 'b'))",
            '{"key":"b","limit":5,"exact":true}',
        ),
        ("(await host.double(4)) + host.double(1.5)", "11"),
        ("host.reverse(new Uint8Array([1, 2, 255])).join()", "255,2,1"),
        (
            "host.lookup.signature",
            "lookup(key: str, limit: int = 3, exact: bool = false) -> dict[str, object]",
        ),
        ("host.lookup.doc", "Find what belongs to a key."),
        ("Object.keys(host).join()", "lookup,reverse,double"),
        ("typeof host.absent", "undefined"),
        ("try { host.lookup('missing') } catch (e) { `${e.name}: ${e.message}` }", "KeyError: 'missing'"),
        ("try { host.lookup(5) } catch (e) { e.name }", "ValueError"),
        ("try { host.lookup(() => 1) } catch (e) { e.name }", "TypeError"),
    ],
)
def test_host(sandbox: Sandbox, language: str, code: str, text: str) -> None:
    if language == "typescript" and "try" in code:
        pytest.skip("a statement's value, as in JavaScript")
    execution = sandbox.run_code(code, language=language)
    assert execution.error is None, execution.error
    assert execution.text == text


def test_a_tool_that_is_exposed_later(sandbox: Sandbox) -> None:
    sandbox.run_code("1", language="javascript")
    sandbox.expose(lambda: "new", name="later")
    assert sandbox.run_code("host.later()", language="javascript").text == "new"
