"""The bundled packages' own test suites inside the guest: ``python -m tests.conformance.packages numpy``.

- `suites`: which packages have a suite here, where its files are, and what it takes to run them.
- `guest_side`: runs one file of tests with pytest inside the guest and keeps a journal in a file.
- `worker`: a process with one sandbox; each file runs in a fork of a context that has imported the package.

Journals, expectations, counts and the pool of workers are those of `tests.conformance.cpython`.
"""
