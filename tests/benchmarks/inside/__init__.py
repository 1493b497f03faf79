"""Programs that run unchanged in the sandbox, on a native Python and in other sandboxes.

They import nothing but the standard library. Each module has ``PROGRAMS``: name → function. A function
returns something that says whether it computed what it should, equal on every interpreter.
"""
