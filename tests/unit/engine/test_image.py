"""Image files: what is not one is refused before anything of it is mapped."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pywasm_sandbox._engine.image import WASM_PAGE, Image, ImageMismatch, PageRun

MAGIC = b"pywasm-img-4"
FOOTER = {
    "runs": [[0, 0, WASM_PAGE], [4 * WASM_PAGE, WASM_PAGE, 2 * WASM_PAGE]],
    "memory_bytes": 8 * WASM_PAGE,
    "globals": {"__stack_pointer": 1024},
    "notes": {"ring": 7},
    "sha256": "0" * 64,
    "libraries": None,
    "plan": None,
    "prelinked": [[], {}],
}
PAGES = b"a" * WASM_PAGE + b"b" * WASM_PAGE + b"c" * WASM_PAGE


def image_file(footer: bytes | dict[str, Any], pages: bytes = PAGES, magic: bytes = MAGIC) -> bytes:
    encoded = footer if isinstance(footer, bytes) else json.dumps(footer).encode()
    return pages + encoded + struct.pack("<I12s", len(encoded), magic)


def opened(tmp_path: Path, content: bytes) -> Image:
    path = tmp_path / "image"
    path.write_bytes(content)
    return Image.open(os.open(path, os.O_RDONLY))


def open_descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()


def test_a_good_file_is_opened(tmp_path: Path) -> None:
    image = opened(tmp_path, image_file(FOOTER))
    assert image.runs == (
        PageRun(0, 0, WASM_PAGE),
        PageRun(4 * WASM_PAGE, WASM_PAGE, 2 * WASM_PAGE),
    )
    assert (image.memory_bytes, image.globals, image.notes) == (
        8 * WASM_PAGE,
        {"__stack_pointer": 1024},
        {"ring": 7},
    )
    image.close()


def test_content_is_pages_and_zeros_between(tmp_path: Path) -> None:
    image = opened(tmp_path, image_file(FOOTER))
    assert image.content(WASM_PAGE - 2, 4) == b"aa\0\0"
    assert image.content(4 * WASM_PAGE - 1, 3) == b"\0bb"
    assert image.content(5 * WASM_PAGE - 1, 2) == b"bc"
    assert image.content(6 * WASM_PAGE - 1, 2) == b"c\0"
    assert image.content(0, 8 * WASM_PAGE) == (
        b"a" * WASM_PAGE + bytes(3 * WASM_PAGE) + PAGES[WASM_PAGE:] + bytes(2 * WASM_PAGE)
    )
    image.close()


def test_closing_twice_and_using_it_afterwards(tmp_path: Path) -> None:
    image = opened(tmp_path, image_file(FOOTER))
    image.close()
    image.close()
    with pytest.raises(ImageMismatch, match="was closed"):
        image.content(0, 1)


def _with(**changes: Any) -> dict[str, Any]:
    return {**FOOTER, **changes}


def _runs(*runs: list[Any]) -> dict[str, Any]:
    return _with(runs=list(runs))


DAMAGED: dict[str, bytes] = {
    "empty": b"",
    "short": b"x" * 10,
    "pages only": PAGES,
    "other magic": image_file(FOOTER, magic=b"pywasm-img-1"),
    "cut off at the end": image_file(FOOTER)[:-1],
    "cut off in the middle": image_file(FOOTER)[: WASM_PAGE + 5],
    "cut off at the start": image_file(FOOTER)[100:],
    "footer is no json": image_file(b"{" * 40),
    "footer is deep": image_file(b"[" * 100_000),
    "footer is a list": image_file(b"[]"),
    "footer is longer than the file": PAGES + struct.pack("<I12s", 1 << 19, MAGIC),
    "footer is huge": PAGES + struct.pack("<I12s", 0xFFFFFFFF, MAGIC),
    "no runs": image_file({key: value for key, value in FOOTER.items() if key != "runs"}),
    "a run past the file": image_file(_runs([0, 16 * WASM_PAGE, WASM_PAGE])),
    "a run that ends past the file": image_file(_runs([0, 2 * WASM_PAGE, 4 * WASM_PAGE])),
    "a run at a huge offset": image_file(_runs([0, 1 << 62, WASM_PAGE])),
    "a run at a negative offset": image_file(_runs([0, -WASM_PAGE, WASM_PAGE])),
    "a run past the memory": image_file(_runs([8 * WASM_PAGE, 0, WASM_PAGE])),
    "a run at a negative address": image_file(_runs([-WASM_PAGE, 0, WASM_PAGE])),
    "a run that is not aligned": image_file(_runs([4096, 0, WASM_PAGE])),
    "a run of odd length": image_file(_runs([0, 0, 4096])),
    "a run of no length": image_file(_runs([0, 0, 0])),
    "a run of negative length": image_file(_runs([0, 0, -WASM_PAGE])),
    "runs that overlap": image_file(_runs([0, 0, 2 * WASM_PAGE], [WASM_PAGE, 0, WASM_PAGE])),
    "runs out of order": image_file(_runs([WASM_PAGE, 0, WASM_PAGE], [0, 0, WASM_PAGE])),
    "a run of four numbers": image_file(_runs([0, 0, WASM_PAGE, 0])),
    "a run of text": image_file(_runs(["x", "y", "z"])),
    "a run of infinity": image_file(b'{"runs": [[1e999, 0, 0]], "memory_bytes": 65536}'),
    "no memory": image_file(_with(memory_bytes=0)),
    "too much memory": image_file(_with(memory_bytes=(4 << 30) + WASM_PAGE)),
    "memory of odd size": image_file(_with(memory_bytes=8 * WASM_PAGE + 1)),
    "another global": image_file(_with(globals={"secret": 1})),
    "a global of text": image_file(_with(globals={"__stack_pointer": "1"})),
    "a list of globals": image_file(_with(globals=[1])),
    "notes that are none": image_file(_with(notes=5)),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_file_is_refused_and_closed(tmp_path: Path, content: bytes) -> None:
    before = open_descriptors()
    with pytest.raises(ImageMismatch):
        opened(tmp_path, content)
    assert open_descriptors() == before


@pytest.mark.parametrize(
    "make",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:1000] + b"X" + data[1000:],
        lambda data: data[:-40] + b"\xff" + data[-39:],
    ],
    ids=["half", "one byte more", "a byte of the footer"],
)
def test_a_file_damaged_in_any_other_way_is_refused(tmp_path: Path, make: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ImageMismatch):
        opened(tmp_path, make(image_file(FOOTER)))
