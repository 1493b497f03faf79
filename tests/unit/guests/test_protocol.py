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


def test_the_usual_request_says_what_a_full_one_says() -> None:
    usual = json.loads(execute_request('print("ä\\n")', execution_count=7, allow_input=True))
    full = json.loads(execute_request('print("ä\\n")', execution_count=7, allow_input=True, env={"A": "1"}))
    assert usual == full | {"env": None}
    assert list(usual) == list(full)


def test_the_usual_events_are_what_their_decoder_makes_of_them() -> None:
    """The fast ways: a value of printable ASCII, with or without what Python adds, and a good end."""
    for text in ("", "2", "x = 'y' [z] ~", "C:/tmp"):
        for rest in ("", ',"display_id":null,"update":false'):
            payload = f'{{"data":{{"text/plain":"{text}"}},"metadata":{{}},"main":true{rest}}}'
            event = decode_event(EventKind.DISPLAY, payload.encode())
            assert event == decode_event(EventKind.DISPLAY, payload.encode() + b" ")
            assert event == Displayed({"text/plain": text}, {}, True)
    for payload in (
        '{"status":"ok","exit_code":null}',
        '{"status":"ok","exit_code":null,"execution_count":3}',
    ):
        assert decode_event(EventKind.DONE, payload.encode()) == Finished("ok", None)
        assert decode_event(EventKind.DONE, payload.encode() + b" ") == Finished("ok", None)


def test_two_plain_values_share_nothing() -> None:
    payload = b'{"data":{"text/plain":"2"},"metadata":{},"main":true}'
    first, second = (decode_event(EventKind.DISPLAY, payload) for _ in range(2))
    assert isinstance(first, Displayed)
    first.data["text/plain"] = first.metadata["a"] = "changed"
    assert second == Displayed({"text/plain": "2"}, {}, True)


def test_what_looks_usual_and_has_escapes_is_decoded() -> None:
    payload = b'{"data":{"text/plain":"a\\n\\u00e4"},"metadata":{},"main":true}'
    assert decode_event(EventKind.DISPLAY, payload) == Displayed({"text/plain": "a\nä"}, {}, True)


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
