"""The language of bc: `parser` makes trees of a program, `machine` runs them over `numbers`."""
