"""The language of jq: `parser` makes nodes, `nodes` runs them, `functions` and `prelude` are is built in."""
