"""What runs inside the sandbox's Python: it receives cells, runs them and reports what they show.

The interpreter imports `pywasm_guest.boot`, which installs a request handler. Everything else follows from
the host's requests, one JSON object each (the host's `protocol.py` describes them). Nothing here imports the
host's package, and all of it runs on a native CPython 3.11+ as well, given a module named ``_pywasm``: that
is how the unit tests run it.

Modules that a cell may never need (asyncio, traceback, inspect and what they pull in) are imported when they
are first used: importing is what the start of a context mostly costs.
"""
