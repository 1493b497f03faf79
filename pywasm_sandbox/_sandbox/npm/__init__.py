"""`npm install` for sandboxes: resolved, fetched and checked on the host, written into the sandbox's files.

Nothing of a package runs: its scripts are data, as all of it is. What a range of versions means is the
library ``nodesemver``'s; where packages lie in ``node_modules`` is decided in `tree`.
"""
