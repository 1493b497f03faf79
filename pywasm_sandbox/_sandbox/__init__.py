"""Sandboxes and contexts: the rules above the guests, and the synchronous API."""
