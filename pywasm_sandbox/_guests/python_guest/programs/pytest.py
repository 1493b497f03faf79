"""``pytest``."""

import sys

# In place of this program's folder: as the real one, it knows modules of the tests' folder only.
del sys.path[0]

from _pytest.config import _console_main  # noqa: E402

sys.argv[0] = "pytest"
sys.exit(_console_main())
