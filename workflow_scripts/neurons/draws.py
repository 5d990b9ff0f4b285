"""Randomness by seed and names alone: whatever else is drawn, in whatever order, a draw is the same."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *names: object) -> np.random.Generator:
    """The generator of `seed` and `names`."""
    key = "/".join(map(str, (seed, *names)))
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(key.encode()).digest())))
