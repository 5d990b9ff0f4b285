"""The science: which neurons are specialized, and how sets of them compare. Pure functions on NumPy arrays."""
