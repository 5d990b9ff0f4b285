"""Scoring translations: reading them, the texts that are compared, metrics, significance and tables."""
