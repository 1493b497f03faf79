"""The virtual filesystem: what guests see as files. It knows nothing of WASI; see `api` for the contract."""
