"""What a run cost: Snakemake's benchmarks, added up by stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.files import json_lines
from workflow_scripts.progress import duration


@dataclass
class Cost:
    """Jobs of one stage (rule): how many, their wall and CPU seconds together, and the most memory of one, in MiB."""

    stage: str
    jobs: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory: float = 0.0

    @property
    def wall(self) -> str:
        """Wall time in words."""
        return duration(self.seconds)

    @property
    def cpu(self) -> str:
        """CPU time in words."""
        return duration(self.cpu_seconds)


def by_stage(folder: Path) -> list[Cost]:
    """Costs of every stage below `folder` (`{rule}/….jsonl`), in the order of their first end, and of all together.

    A stage counts the last run of each of its jobs; what was not benchmarked is not in it.
    """
    stages: dict[str, Cost] = {}
    files = sorted(folder.glob("*/**/*.jsonl"), key=lambda path: (path.stat().st_mtime, path))
    for path in files:
        name = path.relative_to(folder).parts[0]
        rows = json_lines(path)
        if not rows:
            continue
        cost = stages.setdefault(name, Cost(name))
        cost.jobs += 1
        cost.seconds += _number(rows[-1].get("s"))
        cost.cpu_seconds += _number(rows[-1].get("cpu_time"))
        cost.memory = max(cost.memory, _number(rows[-1].get("max_rss")))
    costs = list(stages.values())
    if costs:
        total = [sum(values) for values in zip(*((c.jobs, c.seconds, c.cpu_seconds) for c in costs), strict=True)]
        costs.append(Cost("all", *total, memory=max(cost.memory for cost in costs)))
    return costs


def _number(value: object) -> float:
    """A number of a benchmark; very short jobs have `NA` for some."""
    return float(value) if isinstance(value, (int, float)) else 0.0
