"""CPython's own test suite inside the guest: ``python -m tests.conformance.cpython``.

- `catalog`: the modules of the suite, from the zip that the build makes (`cpython-tests`) or a folder.
- `guest_side`: runs one module inside the guest and keeps a journal in a file.
- `journal`: what the journal says about a module, also if the guest did not live to its end.
- `worker`: a process that runs modules, one fresh sandbox each; `pool` keeps some of them busy.
- `expectations`: what is known to fail, and why; `report` compares, counts and writes the table.
"""
