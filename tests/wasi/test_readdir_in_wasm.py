"""The unit tests of `_wasi`'s readdir functions with WebAssembly in between; see `test_every_function`."""

from tests.unit.wasi.test_readdir import *  # noqa: F403
