"""A training seen from outside: its folder, and its curves. Standard library only."""
