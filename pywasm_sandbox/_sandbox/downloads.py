"""Fetching one file of a package index over HTTP."""

from __future__ import annotations

import base64
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from pywasm_sandbox.errors import PackageInstallError

__all__ = ["concurrently", "download", "keep"]

_PIECE_BYTES = 1 << 16
_TRIES = 3
_CHECK_SECONDS: Final = 0.05

T = TypeVar("T")


class _Task(threading.Thread):
    """Runs a function; ``outcome`` is what it gave or raised."""

    def __init__(self, function: Callable[[], T]) -> None:
        super().__init__(name="pywasm-sandbox-download", daemon=True)
        self._function = function
        self.outcome: tuple[T | None, BaseException | None] = (None, None)

    def run(self) -> None:
        try:
            self.outcome = (self._function(), None)
        except BaseException as error:
            self.outcome = (None, error)


def concurrently(functions: Sequence[Callable[[], T]], check: Callable[[], None]) -> list[T]:
    """What the functions give, each on a thread of its own: what blocks in them doesn't block here.

    ``check`` is called meanwhile; when it raises they are left to themselves. Raises what they raise.
    """
    tasks = [_Task(function) for function in functions]
    for task in tasks:
        task.start()
    for task in tasks:
        while task.is_alive():
            check()
            task.join(_CHECK_SECONDS)
    results: list[T] = []
    for task in tasks:
        value, error = task.outcome
        if error is not None:
            raise error
        results.append(value)  # type: ignore[arg-type]
    return results


def download(
    url: str,
    index: str | None,
    max_bytes: int,
    timeout: float,
    check: Callable[[], None],
    accept: str | None = None,
) -> bytes:
    """The content of ``url``, in a media type of ``accept``. User and password of ``index`` go to its own
    host only.

    Raises `PackageInstallError`, and what ``check``, called between pieces, raises.
    """
    end = time.monotonic() + timeout
    request = urllib.request.Request(url, headers={"User-Agent": "pywasm-sandbox"})
    if not url.startswith(("http://", "https://")):
        raise PackageInstallError(f"{url} is no address of a package index")
    if accept is not None:
        request.add_header("Accept", accept)
    parts = urllib.parse.urlsplit(index or "")
    if parts.username and parts.hostname == urllib.parse.urlsplit(url).hostname:
        user = urllib.parse.unquote(parts.username)
        word = urllib.parse.unquote(parts.password or "")
        token = base64.b64encode(f"{user}:{word}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    for tries_left in reversed(range(_TRIES)):
        try:
            return _read(request, max_bytes, end, check)
        except (urllib.error.HTTPError, ValueError) as error:
            raise PackageInstallError(f"{url}: {error}") from error
        except OSError as error:
            if not tries_left or time.monotonic() > end:
                raise PackageInstallError(f"{url}: {error}") from error
    raise AssertionError


def _read(request: urllib.request.Request, max_bytes: int, end: float, check: Callable[[], None]) -> bytes:
    pieces = bytearray()
    with urllib.request.urlopen(request, timeout=max(end - time.monotonic(), 0.1)) as response:
        while piece := response.read(_PIECE_BYTES):
            check()
            pieces += piece
            if len(pieces) > max_bytes:
                raise PackageInstallError(f"{request.full_url}: over what max_bytes leaves, {max_bytes}")
            if time.monotonic() > end:
                raise PackageInstallError("the installation took longer than the policy's timeout")
    return bytes(pieces)


def keep(place: Path, data: bytes) -> None:
    """Put what was fetched into the cache; who looks meanwhile sees nothing or all of it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    made = place.with_name(f".{place.name}.{os.getpid()}.{id(data)}")
    made.write_bytes(data)
    made.replace(place)
