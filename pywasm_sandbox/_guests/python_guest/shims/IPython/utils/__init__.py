"""What of `IPython.utils` the transformer of cells needs."""
