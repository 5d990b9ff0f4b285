"""The synthetic corpus: English from a small grammar, and invented languages in families."""
