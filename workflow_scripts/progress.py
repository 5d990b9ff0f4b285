"""Progress for people: short lines that say the stage, how far, how fast, and how long still."""

from __future__ import annotations

import time


def duration(seconds: float) -> str:
    """Seconds as `47 s`, `3 min 05 s` or `2 h 07 min`."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


class Progress:
    """Print at most one line every `interval` seconds, and always the last.

    `stage` names what runs (`baseline`, `decode ns`), `total` is how many `unit`s there are in all, and `done` how many
    an earlier attempt has finished already (they do not count for the rate).
    """

    def __init__(self, stage: str, total: int, unit: str, done: int = 0, interval: float = 10.0) -> None:
        self.stage, self.total, self.unit, self.first, self.interval = stage, total, unit, done, interval
        self.start = time.monotonic()
        # Silent until the first interval has passed: short steps print their last line only.
        self.shown = self.start

    def update(self, done: int, note: str = "") -> None:
        """`done` units are finished; `note` says more (a direction, a loss)."""
        now = time.monotonic()
        if done < self.total and now - self.shown < self.interval:
            return
        self.shown = now
        elapsed = max(now - self.start, 1e-9)
        rate = (done - self.first) / elapsed
        # Slow units are told by the time one takes.
        speed = f"{rate:,.1f} {self.unit}/s" if rate >= 0.5 or not rate else f"{duration(1 / rate)} each"
        parts = [f"{done:,}/{self.total:,} {self.unit}", note, speed]
        left = f"{duration((self.total - done) / rate)} left" if rate and done < self.total else ""
        parts.append(left or f"{duration(elapsed)} in all")
        print(f"[{self.stage}] " + " · ".join(part for part in parts if part), flush=True)
