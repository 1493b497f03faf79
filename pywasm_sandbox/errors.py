"""The exceptions that the library raises.

Code that runs inside a sandbox never raises here: its failures, limits included, are returned in
``Execution.error``. What is raised says who is at fault: the call (`SandboxError` subclasses named after
the mistake), the world outside (`AssetError`, `HostFileError`) or the library (`SandboxInternalError`).
"""

from __future__ import annotations

__all__ = [
    "AssetError",
    "ContextBrokenError",
    "ContextBusyError",
    "ContextClosedError",
    "ContextNotFoundError",
    "HostFileError",
    "LanguageNotAvailableError",
    "PackageInstallError",
    "PolicyError",
    "SandboxClosedError",
    "SandboxError",
    "SandboxExistsError",
    "SandboxFileError",
    "SandboxFileExistsError",
    "SandboxFileNotFoundError",
    "SandboxInternalError",
    "SandboxIsADirectoryError",
    "SandboxNotADirectoryError",
    "SandboxPermissionError",
    "SnapshotMismatchError",
]


class SandboxError(Exception):
    """Base of everything the library raises on purpose."""


class SandboxClosedError(SandboxError):
    """The sandbox was closed; open another one."""


class SandboxExistsError(SandboxError):
    """A live sandbox has this id already; `get_sandbox` finds it."""


class ContextNotFoundError(SandboxError):
    """No context of this sandbox has the id that was given."""


class ContextClosedError(SandboxError):
    """The context was deleted, or its sandbox closed, before or during the call."""


class ContextBusyError(SandboxError):
    """A callback of a running call asked the same context to run more code: it would wait for itself."""


class ContextBrokenError(SandboxError):
    """The context's guest trapped or was stopped the hard way; restart the context to use it again."""


class LanguageNotAvailableError(SandboxError, ValueError):
    """No guest for this language is installed."""


class PolicyError(SandboxError):
    """The sandbox's policy forbids what was asked."""


class SnapshotMismatchError(SandboxError, ValueError):
    """A snapshot was made with other assets than the ones installed, is damaged, or needs more than the
    sandbox's limits allow."""


class PackageInstallError(SandboxError):
    """A package could not be installed into the sandbox."""


class SandboxFileError(SandboxError, OSError):
    """A file operation in the sandbox's filesystem failed.

    ``errno`` and ``strerror`` are those of POSIX (the host's numbers) and ``filename`` is the path inside the
    sandbox. The frequent ones are of Python's own subclasses too (`FileNotFoundError` and others), so code
    written for `OSError` understands them.
    """


class SandboxFileNotFoundError(SandboxFileError, FileNotFoundError):
    """ENOENT."""


class SandboxFileExistsError(SandboxFileError, FileExistsError):
    """EEXIST."""


class SandboxIsADirectoryError(SandboxFileError, IsADirectoryError):
    """EISDIR."""


class SandboxNotADirectoryError(SandboxFileError, NotADirectoryError):
    """ENOTDIR."""


class SandboxPermissionError(SandboxFileError, PermissionError):
    """EACCES or EPERM."""


class HostFileError(SandboxError, OSError):
    """A file of the host that upload, download or a mount named could not be used."""


class AssetError(SandboxError):
    """A WebAssembly asset of the installation is missing or is not the file that was shipped."""


class SandboxInternalError(SandboxError):
    """The library failed. Please report it with the traceback and the notes attached to the exception."""
