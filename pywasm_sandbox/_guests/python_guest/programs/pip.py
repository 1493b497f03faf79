"""``pip``."""

import sys

from pip.__main__ import main  # type: ignore[attr-defined]

sys.exit(main())
