"""``pip`` of the sandbox: installs what the sandbox's policy allows, through its host."""

__version__ = "26.0"
