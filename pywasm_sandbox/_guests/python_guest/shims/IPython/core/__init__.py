"""The parts of `IPython.core` that other libraries import."""
