"""Stands in for Jupyter's package of that name: figures are shown by the sandbox itself."""
