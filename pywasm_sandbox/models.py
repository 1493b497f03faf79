"""What the API returns: frozen models.

The field names follow Jupyter's messaging specification where it has a word for a thing (MIME bundle,
``execution_count``) and the code-interpreter APIs of E2B and Cloudflare Sandbox elsewhere.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pywasm_sandbox._limits import LimitValues

__all__ = [
    "CommandResult",
    "ContextState",
    "Execution",
    "ExecutionError",
    "FileContent",
    "FileInfo",
    "FileType",
    "Limits",
    "Logs",
    "Result",
]

ContextState = Literal["kept", "restored", "lost"]
FileType = Literal["file", "directory", "symlink", "device"]

_ATTRIBUTE_MIME_TYPES = {
    "text": "text/plain",
    "html": "text/html",
    "markdown": "text/markdown",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "pdf": "application/pdf",
    "latex": "text/latex",
    "json": "application/json",
    "javascript": "application/javascript",
    "data": "application/vnd.pywasm.data+json",
    "chart": "application/vnd.pywasm.chart+json",
}
_KNOWN_MIME_TYPES = frozenset(_ATTRIBUTE_MIME_TYPES.values())


set_slot: Final = object.__setattr__


class _Model(BaseModel):
    # A model's validator is built when it is first needed. The library makes its own from data that was
    # checked before, so for most callers that is never (docs/RATIONALE.md, "Why is pydantic imported late?").
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def _made(cls, **fields: Any) -> Self:
        """`model_construct` of all fields, by name and as they are, in a quarter of its time."""
        model = cls.__new__(cls)
        set_slot(model, "__dict__", fields)
        set_slot(model, "__pydantic_fields_set__", set(fields))
        set_slot(model, "__pydantic_extra__", None)
        set_slot(model, "__pydantic_private__", None)
        return model


class Result(_Model):
    """One displayed object: the value of the cell's last expression or a `display()` call.

    ``formats`` is Jupyter's MIME bundle: MIME type → data; binary types are base64 text and JSON types are
    JSON values. The attributes (``text``, ``html``, ``png``, …) are ``None`` where the bundle lacks the type.
    """

    formats: dict[str, Any]
    metadata: dict[str, Any] = Field(default_factory=dict)
    is_main_result: bool = False
    display_id: str | None = None

    def _format(self, name: str) -> Any:
        return self.formats.get(_ATTRIBUTE_MIME_TYPES[name])

    @property
    def text(self) -> str | None:
        """``text/plain``. The last expression's own string where that is a `str`, else its `repr`."""
        return self._format("text")  # type: ignore[no-any-return]

    @property
    def html(self) -> str | None:
        """``text/html``."""
        return self._format("html")  # type: ignore[no-any-return]

    @property
    def markdown(self) -> str | None:
        """``text/markdown``."""
        return self._format("markdown")  # type: ignore[no-any-return]

    @property
    def svg(self) -> str | None:
        """``image/svg+xml``."""
        return self._format("svg")  # type: ignore[no-any-return]

    @property
    def png(self) -> str | None:
        """``image/png`` as base64 text; `image_bytes` decodes it."""
        return self._format("png")  # type: ignore[no-any-return]

    @property
    def jpeg(self) -> str | None:
        """``image/jpeg`` as base64 text."""
        return self._format("jpeg")  # type: ignore[no-any-return]

    @property
    def pdf(self) -> str | None:
        """``application/pdf`` as base64 text."""
        return self._format("pdf")  # type: ignore[no-any-return]

    @property
    def latex(self) -> str | None:
        """``text/latex``."""
        return self._format("latex")  # type: ignore[no-any-return]

    @property
    def json(self) -> Any:
        """``application/json``: the JSON value. (`model_dump_json` serialises the model itself.)"""
        return self._format("json")

    @property
    def javascript(self) -> str | None:
        """``application/javascript``."""
        return self._format("javascript")  # type: ignore[no-any-return]

    @property
    def data(self) -> Any:
        """The table behind a data frame, as JSON."""
        return self._format("data")

    @property
    def chart(self) -> Any:
        """The structured description of a figure, as JSON."""
        return self._format("chart")

    @property
    def extra(self) -> dict[str, Any]:
        """The formats that no attribute names."""
        return {mime: data for mime, data in self.formats.items() if mime not in _KNOWN_MIME_TYPES}

    def image_bytes(self) -> bytes:
        """The PNG, else the JPEG, decoded. Raises `ValueError` where the bundle has neither."""
        encoded = self.png or self.jpeg
        if encoded is None:
            raise ValueError(f"this result has no image; it has {', '.join(self.formats) or 'nothing'}")
        return base64.b64decode(encoded)

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = dict(self.formats)
        for mime in ("image/png", "image/jpeg", "application/pdf"):
            if isinstance(bundle.get(mime), str):
                bundle[mime] = base64.b64decode(bundle[mime])
        return bundle, dict(self.metadata)

    def __str__(self) -> str:
        return self.text if self.text is not None else f"<Result: {', '.join(self.formats)}>"


class Logs(_Model):
    """What the code wrote, in order within each stream.

    One entry a line as a rule; long output is batched into larger entries. ``truncated`` says that the
    output went over the sandbox's ``max_output_bytes`` and the rest was dropped.
    """

    stdout: list[str] = Field(default_factory=list)
    stderr: list[str] = Field(default_factory=list)
    truncated: bool = False


class ExecutionError(_Model):
    """How the user's code failed: the exception's class name, its message and the user's own frames."""

    name: str
    message: str
    traceback: list[str] = Field(default_factory=list)
    line_number: int | None = None

    @property
    def value(self) -> str:
        """The message, under the name that Jupyter and E2B give it."""
        return self.message

    def __str__(self) -> str:
        return "\n".join(self.traceback) if self.traceback else f"{self.name}: {self.message}"


class Execution(_Model):
    """The outcome of one `run_code` call.

    ``context_state`` is ``"kept"`` when the context goes on with its variables, ``"restored"`` when it was
    replaced by an earlier state and ``"lost"`` when it must be restarted. ``exit_code`` is set when the code
    ended the cell by `SystemExit`.
    """

    results: list[Result] = Field(default_factory=list)
    logs: Logs = Field(default_factory=Logs)
    error: ExecutionError | None = None
    execution_count: int = 0
    exit_code: int | None = None
    context_id: str = ""
    context_state: ContextState = "kept"
    duration_seconds: float = 0.0

    @property
    def main_result(self) -> Result | None:
        """The value of the cell's last expression, if it had one."""
        return next((result for result in self.results if result.is_main_result), None)

    @property
    def text(self) -> str | None:
        """The main result's text."""
        main = self.main_result
        return None if main is None else main.text

    @property
    def ok(self) -> bool:
        """Whether the code ran to its end without an error."""
        return self.error is None


class CommandResult(_Model):
    """The outcome of a command.

    ``exit_code`` is the shell's: 127 for a command that there is none of, 126 for one that can't be executed,
    128 + n for one that signal n ended, 124 for one that its timeout ended. ``error`` is set when a limit of
    the sandbox ended it: ``ExecutionTimeout``, ``OutputLimitExceeded``. ``truncated`` says that output was
    dropped.
    """

    stdout: str = ""
    stderr: str = ""
    exit_code: int = 0
    duration_seconds: float = 0.0
    error: ExecutionError | None = None
    truncated: bool = False

    @property
    def success(self) -> bool:
        """Whether the exit code is 0."""
        return self.exit_code == 0

    @property
    def duration(self) -> float:
        """Seconds, under the name that Cloudflare's sandbox gives it."""
        return self.duration_seconds


class FileInfo(_Model):
    """A file, directory or symbolic link of the sandbox's filesystem."""

    path: str
    name: str
    type: FileType
    size: int
    mode: int
    modified_at: datetime
    created_at: datetime
    target: str | None = None
    """Where a symbolic link points."""

    @property
    def is_directory(self) -> bool:
        return self.type == "directory"


class FileContent(_Model):
    """What `read_file` returns. ``content`` is `bytes` for the encoding None, else `str`."""

    path: str
    content: str | bytes
    encoding: str | None
    size: int
    mime_type: str


_DEFAULTS: Final = LimitValues()


class Limits(_Model):
    """What a sandbox may use: ``Sandbox(limits=Limits(memory_bytes=256 << 20))``.

    Each is also a keyword of `Sandbox`, which counts more. Seconds are wall-clock time unless said otherwise.
    """

    timeout: float | None = _DEFAULTS.timeout
    """Seconds that one run may take; None for no deadline. A run's own ``timeout`` replaces it."""
    grace_seconds: float = _DEFAULTS.grace_seconds
    """Code that was asked to stop and did not within this is stopped hard: its context's state is lost."""
    cpu_seconds: float | None = _DEFAULTS.cpu_seconds
    """CPU time of all runs of the sandbox together; waiting costs nothing. None: no limit."""
    lifetime_seconds: float | None = _DEFAULTS.lifetime_seconds
    """The sandbox closes itself this long after it was opened. None: it does not."""
    memory_bytes: int = _DEFAULTS.memory_bytes
    """Linear memory of each context."""
    disk_bytes: int = _DEFAULTS.disk_bytes
    """What all files in memory take together, holes included."""
    max_files: int = _DEFAULTS.max_files
    """Names of files, directories and links in memory."""
    max_file_bytes: int | None = _DEFAULTS.max_file_bytes
    """The largest file. None: as ``disk_bytes`` allows."""
    max_directory_entries: int = _DEFAULTS.max_directory_entries
    """Names in one directory."""
    max_directory_depth: int = _DEFAULTS.max_directory_depth
    """Directories inside each other."""
    max_open_files: int = _DEFAULTS.max_open_files
    """File descriptors of each context."""
    max_output_bytes: int = _DEFAULTS.max_output_bytes
    """What one run may print and display, in total."""
    max_results: int = _DEFAULTS.max_results
    """Results that one run may display."""
    max_result_bytes: int = _DEFAULTS.max_result_bytes
    """What the results of one run may take, as the guest sends them."""
    max_code_bytes: int = _DEFAULTS.max_code_bytes
    """The code of one run, in UTF-8."""
    max_contexts: int = _DEFAULTS.max_contexts
    """Contexts that exist at once."""
    max_processes: int = _DEFAULTS.max_processes
    """Processes of commands that run at once."""
    max_concurrent_runs: int = _DEFAULTS.max_concurrent_runs
    """Runs of the sandbox that are under way at once, those that wait for their context included."""
    max_threads: int = _DEFAULTS.max_threads
    """Threads of each context, besides the main one."""
    max_foreign_module_bytes: int = _DEFAULTS.max_foreign_module_bytes
    """The largest WebAssembly library that code brings itself; 0: none. Compiling one can't be interrupted
    and takes about 0.3 s a megabyte, so the size bounds the time."""
    max_host_calls_per_second: int | None = _DEFAULTS.max_host_calls_per_second
    """System calls of each context, on average; code that makes more is slowed down. None: no limit."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            LimitValues(**dict(self))
        except TypeError as error:
            raise ValueError(str(error)) from error
        return self
