"""The unit tests of endpoints with real WebAssembly in between; see `test_every_function`."""

from tests.unit.wasi.test_endpoints import *  # noqa: F403
