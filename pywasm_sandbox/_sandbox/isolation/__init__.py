"""``isolation="process"``: a sandbox whose guests run in a process of their own (docs/guide/isolation.md)."""
