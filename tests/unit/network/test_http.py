"""What is sent on of what a guest sends, as HTTP."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import pytest

from pywasm_sandbox._network.http import Denied, HttpFilter, RequestHead, StandIn, denial


def _filter(seen: list[RequestHead], *stand_ins: StandIn) -> HttpFilter:
    def check(head: RequestHead) -> Sequence[StandIn]:
        seen.append(head)
        if head.method == "DELETE":
            raise Denied("no deleting")
        return stand_ins

    return HttpFilter(check)


GET = b"GET /a?b HTTP/1.1\r\nHost: Example.com:8080\r\nX-Odd:  y\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"


def test_requests_go_on_as_they_came() -> None:
    seen: list[RequestHead] = []
    sent = _filter(seen).feed(GET + POST + CHUNKED)
    assert sent == GET.replace(b"  y", b" y") + POST + CHUNKED
    assert seen == [
        RequestHead("GET", "/a?b", "example.com"),
        RequestHead("POST", "/", "a"),
        RequestHead("PUT", "/", "a"),
    ]


@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_the_pieces_do_not_matter(size: int) -> None:
    seen: list[RequestHead] = []
    http = _filter(seen)
    data = GET + POST + GET
    sent = b"".join(http.feed(data[start : start + size]) for start in range(0, len(data), size))
    assert sent == data.replace(b"  y", b" y")
    assert [head.method for head in seen] == ["GET", "POST", "GET"]


def test_a_denied_request_does_not_go_out() -> None:
    seen: list[RequestHead] = []
    with pytest.raises(Denied, match="no deleting") as caught:
        _filter(seen).feed(GET + b"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert caught.value.status == 403
    assert denial(caught.value).startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert b"X-Sandbox-Policy: denied\r\n" in denial(caught.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "not an HTTP/1.1 request"),
        (b"SSH-2.0-x\r\n\r\n", "not an HTTP/1.1 request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "one Host header"),
        (b"GET / HTTP/1.1\r\n\r\n", "not an HTTP/1.1 request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "one Host header|not an HTTP/1.1 request"),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "not an HTTP/1.1 request"),
        (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "not an HTTP/1.1 request"),
        (b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "another server's address"),
        (b"CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n", "a tunnel"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", "an upgrade"),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "length is given twice",
        ),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "not an HTTP/1.1 request",
        ),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "not an HTTP/1.1 request",
        ),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 300_000, "not an HTTP/1.1 request"),
    ],
)
def test_what_two_parsers_might_understand_differently(data: bytes, reason: str) -> None:
    sent = b""
    with pytest.raises(Denied, match=reason):
        sent = _filter([]).feed(data)
    assert sent == b""


def _with(*stand_ins: StandIn) -> Callable[[bytes], bytes]:
    def send(header: bytes) -> bytes:
        data = b"GET / HTTP/1.1\r\nHost: a\r\n" + header + b"\r\n\r\n"
        return _filter([], *stand_ins).feed(data).partition(b"Host: a\r\n")[2].removesuffix(b"\r\n\r\n")

    return send


def test_stand_ins_are_replaced_in_headers() -> None:
    send = _with(StandIn(b"real", stand_in=b"pywasm-secret-1"))
    assert send(b"Authorization: Bearer pywasm-secret-1") == b"Authorization: Bearer real"
    assert send(b"X-Key: a") == b"X-Key: a"
    basic = base64.b64encode(b"me:pywasm-secret-1")
    assert send(b"Authorization: Basic " + basic) == b"Authorization: Basic " + base64.b64encode(b"me:real")
    assert send(b"Authorization: Basic ?") == b"Authorization: Basic ?"


def test_a_header_takes_the_place_of_the_guests() -> None:
    send = _with(StandIn(b"Bearer real", header=b"Authorization"))
    assert send(b"authorization: mine\r\nX: y") == b"X: y\r\nAuthorization: Bearer real"
