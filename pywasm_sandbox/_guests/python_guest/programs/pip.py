"""``pip``."""

import sys

# Beside this file lie programs, one of which has the name of the package.
del sys.path[0]

from pip.__main__ import main  # type: ignore[attr-defined]  # noqa: E402

sys.exit(main())
