"""The network of a sandbox: what guests may reach, and the connections that the host makes for them."""
