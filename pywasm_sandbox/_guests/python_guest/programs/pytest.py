"""``pytest``."""

import sys

# Beside this file lie programs, one of which has the name of the package.
del sys.path[0]

import pytest  # noqa: E402

sys.exit(pytest.console_main())
