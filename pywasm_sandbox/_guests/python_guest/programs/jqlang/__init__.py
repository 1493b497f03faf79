"""The language of jq: `parser` makes nodes and `nodes` runs them; `functions`, `filters` and `prelude` are
what is built in."""
