"""What the Python guests of a process share: the program, the mounted libraries, and images.

An image is an interpreter that has booted and imported a set of modules. It is made on first use, in a
private filesystem with nothing of any sandbox in it, and kept beside the compiled code.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from pywasm_sandbox._engine import LINKING, Engine, Image, Program
from pywasm_sandbox._vfs.memory import MemoryFS
from pywasm_sandbox._vfs.namespace import Namespace
from pywasm_sandbox._vfs.zipfs import ZipFS
from pywasm_sandbox._wasi import FdTable

from .assets import Asset, Assets
from .base import GuestOptions
from .guest_code import GuestCode, files_of
from .python import GUEST_CODE, LIBRARY, PACKAGES, PythonGuest
from .python_program import PythonPrograms
from .reproducible import CountingBytes, SteppingClocks
from .state import GuestState, Relocate
from .tree import BASE_ENV, lay_out
from .wheels import Wheels

if TYPE_CHECKING:
    from pywasm_sandbox._vfs.zipindex import ZipIndex

    from .python_script import PythonScript

__all__ = ["DEFAULT_MODULES", "PreloadError", "PythonRuntime", "check_modules", "fitting_modules"]

STANDARD_MODULES: Final = (
    "array",
    "asyncio",
    "base64",
    "bisect",
    "calendar",
    "collections",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "fractions",
    "functools",
    "glob",
    "gzip",
    "hashlib",
    "heapq",
    "html",
    "inspect",
    "io",
    "itertools",
    "json",
    "linecache",
    "logging",
    "math",
    "operator",
    "os",
    "pathlib",
    "pickle",
    "pprint",
    "queue",
    "random",
    "re",
    "secrets",
    "shutil",
    "sqlite3",
    "statistics",
    "string",
    "struct",
    "sys",
    "tempfile",
    "textwrap",
    "time",
    "traceback",
    "types",
    "typing",
    "unicodedata",
    "urllib.parse",
    "uuid",
    "warnings",
    "zipfile",
    "IPython.display",
)
"""Of the standard library, and `display`."""

DEFAULT_MODULES: Final = (*STANDARD_MODULES, "matplotlib.pyplot", "numpy", "numpy.random", "pandas")
"""What a sandbox's contexts have imported unless its ``preload`` says otherwise."""

SMALL_MEMORY_BYTES: Final = 128 << 20
"""A context with less than this has the `STANDARD_MODULES` imported: the others take half of it."""

FORMAT: Final = "7"
PRELOAD_TIMEOUT_SECONDS: Final = 600.0
_MODULE_NAME: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


class PreloadError(ValueError):
    """A module that an image was to hold can't be imported."""


def check_modules(modules: Sequence[str]) -> tuple[str, ...]:
    """Names of modules, sorted and each once."""
    if isinstance(modules, str):
        raise TypeError(f"preload is a list of module names, not the text {modules!r}")
    for name in modules:
        if not isinstance(name, str) or not _MODULE_NAME.fullmatch(name):
            raise ValueError(f"preload has {name!r}, which is not the name of a module")
    return tuple(sorted(set(modules)))


def fitting_modules(modules: Sequence[str], memory_bytes: int) -> Sequence[str]:
    """The modules to import in contexts with so much memory: only the default set depends on it."""
    if modules is DEFAULT_MODULES and memory_bytes < SMALL_MEMORY_BYTES:
        return STANDARD_MODULES
    return modules


class PythonRuntime:
    """Makes Python guests. Thread-safe."""

    def __init__(self, engine: Engine, assets: Assets) -> None:
        self.engine = engine
        self._core, self._stdlib = assets["python-core"], assets["python-stdlib"]
        self._linker = assets["linker"]
        # Neither's directory is read before somebody looks: a cell that imports nothing needs none.
        self._library = ZipFS(self._library_index)
        self._wheels = Wheels(engine, assets.of_kind("wheel"))
        self._programs = PythonPrograms(engine, assets, self._wheels)
        self._packages = ZipFS(self._wheels.index)
        self._code = GuestCode("python_guest", ".py")
        # Here and not on the guest's thread, which would ask for the GIL with each of the files while the
        # caller's thread imports the models.
        self._code_sha256 = self._code.sha256()
        self._lock = threading.Lock()
        self._verifying = threading.Lock()
        self._verified = False
        self._images: dict[tuple[str, ...], Image] = {}

    def _library_index(self) -> ZipIndex:
        from pywasm_sandbox._vfs.zipindex import ZipIndex

        return ZipIndex(self._stdlib.path)

    @property
    def wheels(self) -> Sequence[Asset]:
        """The bundled packages."""
        return tuple(self._wheels)

    def program(self) -> Program:
        """The interpreter, compiled now if the cache doesn't have it."""
        return self._programs.plain()

    def mount(self, namespace: Namespace) -> None:
        """Put the libraries and the guest's own code where the interpreter looks for them."""
        namespace.mount(LIBRARY, self._library)
        namespace.mount(PACKAGES, self._packages, look=False)  # looking would read the library's directory
        namespace.mount(GUEST_CODE, self._code.fs)

    def guest(
        self, namespace: Namespace, options: GuestOptions, preload: Iterable[str] | None
    ) -> PythonGuest:
        """A guest over the files of ``namespace``, not booted yet: a clone of the image with these modules,
        or for None an interpreter of its own."""
        if preload is None:
            self._verify()
            return PythonGuest(self._programs.of, namespace, options, base=lambda: self.image(()))
        modules = tuple(preload)
        return PythonGuest(self._programs.of, namespace, options, lambda: self.image(modules))

    def python_script(
        self, namespace: Namespace, options: GuestOptions, preload: Iterable[str] | None, fds: FdTable
    ) -> PythonScript:
        """An interpreter for one program whose descriptors are ``fds``, not booted yet."""
        from .python_script import PythonScript  # most processes run cells alone

        image = None
        if preload is None:
            self._verify()
        else:
            modules = tuple(preload)
            image = lambda: self.image(modules)  # noqa: E731
        return PythonScript(self._programs.of, namespace, options, image, fds=fds)

    def resumed(
        self, namespace: Namespace, options: GuestOptions, state: GuestState, relocate: Relocate
    ) -> PythonGuest:
        """A guest over the files of ``namespace``, not booted yet, that goes on from a state."""
        return PythonGuest(self._programs.of, namespace, options, state=(state, relocate))

    def image(self, modules: tuple[str, ...]) -> Image:
        """The image with these modules imported. On a guest thread.

        Raises `PreloadError` if one can't be imported.
        """
        with self._lock:
            image = self._images.get(modules)
            if image is None:
                image = self._images[modules] = self.engine.image(
                    self._image_key(modules),
                    "python image",
                    lambda descriptor: self._capture(modules, descriptor),
                )
            return image

    def assets(self) -> dict[str, str]:
        """sha256 (hex) of what every Python guest is made of, by name."""
        return {
            self._core.name: self._core.sha256,
            self._linker.name: self._linker.sha256,
            self._stdlib.name: self._stdlib.sha256,
            **{wheel.name: wheel.sha256 for wheel in self._wheels},
            "guest code": self._code_sha256,
        }

    def _verify(self) -> None:
        # An image is made of the library's content, so it need not be read again where there is one.
        with self._verifying:
            if not self._verified:
                self._stdlib.verify()
                self._wheels.verify()
                self._verified = True

    def _image_key(self, modules: tuple[str, ...]) -> str:
        parts = (FORMAT, LINKING, self.engine.c.version, *self.assets().values(), *modules)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]

    def _capture(self, modules: tuple[str, ...], descriptor: int) -> Image:
        self._verify()
        program = self._programs.for_modules(modules)
        clocks = SteppingClocks()
        namespace = Namespace(MemoryFS(clock=clocks.realtime_ns))
        lay_out(namespace)
        namespace.mount(LIBRARY, self._library)
        namespace.mount(PACKAGES, self._packages)
        namespace.mount(GUEST_CODE, files_of(self._code.files(), clocks))
        guest = PythonGuest(
            lambda _: program,
            namespace,
            GuestOptions(env=BASE_ENV),
            reproducible=(clocks, CountingBytes()),
        )
        try:
            guest.boot()
            failed = guest.preload(modules, PRELOAD_TIMEOUT_SECONDS)
            if failed is not None:
                raise PreloadError(f"preload: {failed.name}: {failed.message}")
            return guest.capture(descriptor, {"modules": list(modules)})
        finally:
            guest.close()
