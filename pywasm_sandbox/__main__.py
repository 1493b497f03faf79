"""``python -m pywasm_sandbox``: the command line."""

from __future__ import annotations

import sys

from pywasm_sandbox.cli import main

if __name__ == "__main__":
    sys.exit(main())
