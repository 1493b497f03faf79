"""Host tools: functions of the host that guest code calls (docs/guide/tools.md).

A call arrives on the guest's thread, where its size and rate are looked at. Arguments are validated, the
gate is asked and the function runs where the caller of the run is: in its thread, or its task. What goes
back is data.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from pywasm_sandbox._guests.hostcalls import EncodedReply, Handler, HostCall, HostCallError, error_reply
from pywasm_sandbox._guests.protocol import ToolQuestion

from .calls import Asked
from .coroutines import LoopThread
from .steps import Answering, Invoke, Steps
from .toolvalues import decode_arguments, describe_exception, encode_value

if TYPE_CHECKING:
    from pywasm_sandbox._guests.base import Listener

    from .tool import Tool, ToolCall

__all__ = ["ToolBox", "answer_inline"]

logger = logging.getLogger("pywasm_sandbox")

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class _Rate:
    """Tokens that come back with time; thread-safe."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._tokens = self._most = max(per_second, 1.0)
        self._since = time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> float:
        """Take a token; how many seconds to wait first."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._tokens + (now - self._since) * self._per_second, self._most) - 1
            self._since = now
            return max(-self._tokens / self._per_second, 0.0)


class _Exposed:
    """A tool of a sandbox, ready to be called."""

    def __init__(self, tool: Tool, name: str, description: Mapping[str, Any] | None = None) -> None:
        self.tool = tool
        self.name = name
        from .signatures import Signature, describe  # inspect takes a while to import

        self.signature = Signature(tool.function, name)
        self.description = dict(describe(tool.function, name) if description is None else description)
        self.rate = None if tool.max_calls_per_second is None else _Rate(tool.max_calls_per_second)
        self._calls: WeakKeyDictionary[Listener, int] = WeakKeyDictionary()
        """How often each run that goes on has called it."""

    def call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], context_id: str) -> ToolCall:
        """What its gate is asked about."""
        from .tool import ToolCall

        return ToolCall(self.name, args, kwargs, context_id)

    def admit(self, call: HostCall) -> float:
        """On the guest's thread: is the call within the limits? How many seconds too soon it comes."""
        tool = self.tool
        if call.size > tool.max_argument_bytes:
            raise HostCallError(
                "ValueError",
                f"{self.name}(): {call.size} bytes of arguments, over the limit of {tool.max_argument_bytes}",
            )
        if tool.max_calls_per_run is not None and call.listener is not None:
            count = self._calls[call.listener] = self._calls.get(call.listener, 0) + 1
            if count > tool.max_calls_per_run:
                raise HostCallError(
                    "PermissionError", f"{self.name}(): more than {tool.max_calls_per_run} calls in one run"
                )
        return 0.0 if self.rate is None else self.rate.take()


def _ask_inline(gate: Callable[[ToolCall], Any], call: ToolCall) -> None:
    """Raises `HostCallError` unless the gate says True."""
    try:
        if gate(call) is True:
            return
        reason = f"the host refused this call of {call.name}()"
    except PermissionError as error:
        reason = str(error)
    except Exception:
        logger.exception("the gate of %s() failed", call.name)
        reason = f"the host refused this call of {call.name}()"
    raise HostCallError("PermissionError", reason)


def answer_inline(exposed: _Exposed, args: list[Any], kwargs: dict[str, Any], context_id: str) -> bytes:
    """Carry a call out here, on the guest's thread; the reply."""
    tool = exposed.tool
    try:
        valid, named = exposed.signature.validate(*decode_arguments(args, kwargs))
        if tool.gate is not None:
            _ask_inline(tool.gate, exposed.call(valid, named, context_id))
        try:
            value = tool.function(*valid, **named)
        except BaseException as error:
            logger.debug("host tool %s raised", exposed.name, exc_info=True)
            return error_reply(describe_exception(error))
        return encode_value(value, exposed.name, tool.max_result_bytes)
    except HostCallError as error:
        return error_reply(error)


class ToolBox:
    """The tools of a sandbox; thread-safe."""

    def __init__(self, tools: Iterable[Callable[..., Any] | Tool] = ()) -> None:
        self._lock = threading.Lock()
        self._loop = LoopThread()
        self._tools: dict[str, _Exposed] = {}
        for tool in tools:
            self._add_given(tool)

    def _add_given(self, tool: Callable[..., Any] | Tool) -> None:
        from .tool import Tool

        self.add(tool if isinstance(tool, Tool) else Tool(function=tool))

    def add(self, tool: Tool, *, description: Mapping[str, Any] | None = None) -> str:
        """Make a tool callable, also for guests that run already; its name. With a ``description`` the
        function is another process's, and is only asked for."""
        name = str(tool.name or getattr(tool.function, "__name__", ""))
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{tool.function!r} has the name {name!r}; give the tool one that can be imported"
            )
        exposed = _Exposed(tool, name, description)
        with self._lock:
            if name in self._tools:
                raise ValueError(f"a tool with the name {name!r} is exposed already")
            self._tools[name] = exposed
        return name

    def description(self, name: str) -> dict[str, Any]:
        """What guests are told of a tool."""
        return self._find(name).description

    def names(self) -> list[str]:
        """The names of all tools, in the order they were added."""
        with self._lock:
            return list(self._tools)

    def handlers(self, context_id: str) -> dict[str, Handler]:
        """The host calls of a context's guest."""
        return {
            "tools": lambda call: self._descriptions(),
            "tool": lambda call: self._call(call, context_id),
        }

    def _call(self, call: HostCall, context_id: str) -> EncodedReply:
        exposed = self._find(call.get("name", str))
        args, kwargs = call.get("args", list, []), call.get("kwargs", dict, {})
        delay = exposed.admit(call)
        if exposed.tool.inline:
            call.pause(delay)
            return EncodedReply(answer_inline(exposed, args, kwargs, context_id))
        reply: EncodedReply = call.ask(ToolQuestion(exposed.name, args, kwargs), EncodedReply, delay)
        return reply

    def close(self) -> None:
        """End what runs async tools. Idempotent."""
        self._loop.close()

    def _find(self, name: str) -> _Exposed:
        with self._lock:
            exposed = self._tools.get(name)
        if exposed is None:
            raise HostCallError("AttributeError", f"the host exposes no function {name!r:.100}")
        return exposed

    def _descriptions(self) -> list[dict[str, Any]]:
        with self._lock:
            return [exposed.description for exposed in self._tools.values()]

    # ---- in the caller's thread or task ---------------------------------------------------------------

    def answer(self, asked: Asked, context_id: str) -> Steps[bytes]:
        """Carry a call out; the reply to the guest. Failures of the tool are the guest's, others are
        raised."""
        question = asked.question
        assert isinstance(question, ToolQuestion)
        try:
            exposed = self._find(question.name)
            args, kwargs = exposed.signature.validate(*decode_arguments(question.args, question.kwargs))
            yield from self._ask_gate(exposed, exposed.call(args, kwargs, context_id), asked)
        except HostCallError as error:
            return error_reply(error)
        try:
            value = yield self._invoke(lambda _: exposed.tool.function(*args, **kwargs), None, asked)
        except Exception as error:
            logger.debug("host tool %s raised", exposed.name, exc_info=True)
            return error_reply(describe_exception(error))
        try:
            return encode_value(value, exposed.name, exposed.tool.max_result_bytes)
        except HostCallError as error:
            return error_reply(error)

    def _invoke(self, function: Callable[[Any], Any], argument: Any, asked: Asked) -> Invoke:
        return Invoke(function, argument, Answering(asked, self._loop.run))

    def _ask_gate(self, exposed: _Exposed, call: ToolCall, asked: Asked) -> Steps[None]:
        gate = exposed.tool.gate
        if gate is None:
            return
        try:
            allowed = yield self._invoke(gate, call, asked)
        except PermissionError as error:
            raise HostCallError("PermissionError", str(error)) from error
        if allowed is False:
            raise HostCallError("PermissionError", f"the host refused this call of {call.name}()")
        if allowed is not True and not asked.withdrawn:
            raise TypeError(f"the gate of {call.name}() must return True or False, not {allowed!r}")
