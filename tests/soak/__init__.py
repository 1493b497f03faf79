"""``python -m tests.soak --minutes 10``: contexts from many threads, at random."""
