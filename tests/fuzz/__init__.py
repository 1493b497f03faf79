"""Fuzzing: ``python -m tests.fuzz TARGET --seconds 60`` with coverage guidance (needs atheris);
`test_fuzz.py` runs the same targets for a moment with hypothesis."""
