"""Analyses of masks, figures, and the report."""
