"""Telling the user why nothing happens: compiling a module takes seconds, once."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

__all__ = ["compiling"]

logger = logging.getLogger("pywasm_sandbox")

FIRST_AFTER_S = 0.2
EVERY_S = 0.1


@contextmanager
def compiling(name: str, stream: TextIO | None = None, doing: str = "compiling") -> Iterator[None]:
    """Around the compilation of module `name`: one line on the terminal that counts, and a log record.

    `doing` is what is done where it isn't compiling: a word that ends in "ing".

    The line appears on `stream` (default `sys.stderr`) only if that is a terminal, and only for what
    takes longer than `FIRST_AFTER_S`. The record (INFO, logger "pywasm_sandbox") comes always.
    """
    stream = sys.stderr if stream is None else stream
    started = time.monotonic()
    finished = threading.Event()
    line = None
    if _is_terminal(stream):
        line = threading.Thread(
            target=_show,
            args=(f"{doing} {name}", started, finished, stream),
            name="pywasm-sandbox-progress",
            daemon=True,
        )
        line.start()
    logger.debug("%s %s", doing, name)
    try:
        yield
    except BaseException:
        logger.info("%s %s failed after %.1f s", doing, name, time.monotonic() - started)
        raise
    else:
        logger.info("%s %s took %.1f s", doing, name, time.monotonic() - started)
    finally:
        finished.set()
        if line is not None:
            line.join()


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except (ValueError, AttributeError):  # a closed or a home-made stream
        return False


def _show(what: str, started: float, finished: threading.Event, stream: TextIO) -> None:
    if finished.wait(FIRST_AFTER_S):
        return
    try:
        while True:
            over = finished.wait(EVERY_S)
            stream.write(f"\r{what} … {time.monotonic() - started:.1f} s")
            if over:
                stream.write("\n")
            stream.flush()
            if over:
                return
    except (OSError, ValueError):  # the terminal went away; compiling goes on
        return
