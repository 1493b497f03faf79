"""The unit tests of `_wasi`'s poll functions with real WebAssembly in between; see `test_every_function`."""

from tests.unit.wasi.test_poll import *  # noqa: F403
