"""What comes from a sandbox's process is data, and checked."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywasm_sandbox._guests.protocol import Displayed, Failed, Finished, InputQuestion, Output, ToolQuestion
from pywasm_sandbox._sandbox.isolation.wire import WireError, decode, describe_error, encode, made_error
from pywasm_sandbox.errors import SandboxFileNotFoundError, SandboxInternalError
from pywasm_sandbox.models import FileInfo

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_values_come_as_they_went(value: Any) -> None:
    assert decode(*encode(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        Output("stdout", "text \ud800"),
        Displayed({"text/plain": "1", "application/json": {"$bytes": 1}}, {}, is_main=True, display_id="x"),
        Failed("ValueError", "message", ["line"], 3),
        Finished("exit", 4),
        InputQuestion("name? ", True),
        ToolQuestion("tool", [1, "a"], {"b": None}),
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    ],
)
def test_the_protocols_own_come_as_they_went(value: Any) -> None:
    assert decode(*encode(value)) == value
    assert decode(*encode([{"a": value}])) == [{"a": value}]


def test_models_come_as_they_went() -> None:
    now = datetime.now(UTC)
    info = FileInfo(
        path="/a", name="a", type="file", size=1, mode=0o644, modified_at=now, created_at=now, target=None
    )
    assert decode(*encode(info)) == info


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"$bytes":0}',
        b'{"$bytes":-1}',
        b'{"$bytes":"0"}',
        b'{"$Popen":{"args":"sh"}}',
        b'{"$Output":{"stream":"stdout","text":5}}',
        b'{"$Output":{"stream":"neither","text":""}}',
        b'{"$Output":{"stream":"stdout"}}',
        b'{"$Output":"text"}',
        b'{"$time":"never"}',
        b'{"$time":5}',
        b'{"$items":5}',
        b'{"$items":[[1]]}',
        b'{"$FileInfo":{"path":"/"}}',
        b"[" * 1000 + b"]" * 1000,
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(text: bytes) -> None:
    with pytest.raises(WireError):
        decode(text, [])


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(
                    ["$bytes", "$time", "$items", "$Output", "$Failed", "$FileInfo", "text", "stream"]
                ),
                x,
            )
        ),
    )
)
def test_anything_is_a_value_or_refused(plain: Any) -> None:
    try:
        decode(json.dumps(plain).encode(), [b"x"])
    except WireError:
        pass


def test_what_is_no_data_cannot_be_sent() -> None:
    with pytest.raises(TypeError, match="function can't be sent"):
        encode(lambda: None)
    assert math.isnan(decode(*encode(math.nan)))


@pytest.mark.parametrize(
    "error",
    [
        ValueError("bad"),
        KeyError("missing"),
        TimeoutError("late"),
        SandboxInternalError("a bug"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    ],
)
def test_errors_come_as_they_went(error: Exception) -> None:
    made = made_error(decode(*encode(describe_error(error))))
    assert type(made) is type(error)
    assert str(error) in str(made) or str(made) == str(error)


def test_errors_of_files_keep_their_number_and_path() -> None:
    made = made_error(decode(*encode(describe_error(SandboxFileNotFoundError(2, "No such file", "/a")))))
    assert isinstance(made, SandboxFileNotFoundError)
    assert (made.errno, made.strerror, made.filename) == (2, "No such file", "/a")


def test_an_error_nobody_knows_is_the_librarys() -> None:
    class OwnError(Exception):
        pass

    made = made_error(describe_error(OwnError("something")))
    assert isinstance(made, SandboxInternalError)
    assert str(made) == "OwnError: something"


@pytest.mark.parametrize(
    "described",
    [None, {}, {"name": "ValueError"}, {"name": "eval", "message": ""}, {"name": 5, "message": ""}],
)
def test_an_error_that_is_none_is_refused(described: Any) -> None:
    with pytest.raises(WireError):
        made_error(described)
