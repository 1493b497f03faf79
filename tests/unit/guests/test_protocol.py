"""Requests and events, and what happens when the guest sends something else."""

from __future__ import annotations

import json

import pytest

from pywasm_sandbox._guests.protocol import (
    Cleared,
    Displayed,
    EventKind,
    Failed,
    Finished,
    ProtocolError,
    configure_request,
    decode_event,
    execute_request,
)


def test_execute_request_carries_the_cell() -> None:
    request = json.loads(
        execute_request("1+1", execution_count=3, env={"A": "1"}, cwd="/tmp", allow_input=True)
    )
    assert request == {
        "op": "execute",
        "code": "1+1",
        "execution_count": 3,
        "env": {"A": "1"},
        "cwd": "/tmp",
        "filename": None,
        "allow_input": True,
        "store": True,
    }


def test_execute_request_survives_lone_surrogates() -> None:
    assert json.loads(execute_request("'\udcff'", execution_count=1))["code"] == "'\udcff'"


def test_configure_request() -> None:
    request = json.loads(configure_request({"HOME": "/home/user"}, "/workspace", [""]))
    assert request == {
        "op": "configure",
        "env": {"HOME": "/home/user"},
        "cwd": "/workspace",
        "argv": [""],
        "clone": False,
    }


def test_decode_display() -> None:
    payload = {
        "data": {"text/plain": "4"},
        "metadata": {"a": 1},
        "main": True,
        "display_id": "x",
        "update": True,
    }
    assert decode_event(EventKind.DISPLAY, json.dumps(payload).encode()) == Displayed(
        {"text/plain": "4"}, {"a": 1}, is_main=True, display_id="x", update=True
    )


def test_decode_error() -> None:
    payload = {"name": "ValueError", "message": "no", "traceback": ["a", "b"], "line_number": 2}
    assert decode_event(EventKind.ERROR, json.dumps(payload).encode()) == Failed(
        "ValueError", "no", ["a", "b"], 2
    )


def test_decode_clear_and_done() -> None:
    assert decode_event(EventKind.CLEAR, b'{"wait":true}') == Cleared(wait=True)
    assert decode_event(EventKind.DONE, b'{"status":"exit","exit_code":3,"execution_count":1}') == Finished(
        "exit", 3
    )


@pytest.mark.parametrize(
    ("kind", "payload", "message"),
    [
        (1, b"\xff", "is not JSON"),
        (1, b"[" * 200_000, "is not JSON"),
        (1, b"[]", "is a JSON list, not an object"),
        (1, b'{"data":[]}', "field 'data' is a list"),
        (1, b'{"data":{},"main":1}', "field 'main' is a int"),
        (2, b'{"traceback":[1]}', "holds something other than text"),
        (2, b'{"line_number":true}', "field 'line_number' is a bool"),
        (3, b"null", "is a JSON NoneType, not an object"),
        (4, b'{"status":"fine"}', "has the status 'fine'"),
        (4, b'{"status":["ok"]}', "has the status"),
        (99, b"{}", "event kind 99 is unknown"),
    ],
)
def test_hostile_events_are_protocol_errors(kind: int, payload: bytes, message: str) -> None:
    with pytest.raises(ProtocolError, match=message.replace("[", r"\[")):
        decode_event(kind, payload)
