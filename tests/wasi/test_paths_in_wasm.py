"""The unit tests of `_wasi`'s paths functions with real WebAssembly in between; see `test_every_function`."""

from tests.unit.wasi.test_paths import *  # noqa: F403
