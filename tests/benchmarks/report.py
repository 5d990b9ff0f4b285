"""The benchmark's results as files: a table for people, `latest.json` for machines, a plot of the scaling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import machine
from workflow_scripts.files import replacing, write_json, write_text

RESULTS = Path(__file__).parent / "results"


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; numbers with three digits that count."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)


def profile(title: str, spent: dict[str, dict[str, float]]) -> str:
    """A table of `{variant: {kind of work: cost}}`, a row per kind that was met."""
    rows = [[kind, *(costs[kind] for costs in spent.values())] for kind in next(iter(spent.values()))]
    return "Where the time goes:\n\n" + table([title, *spent], [row for row in rows if any(row[1:])])


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def write(
    sections: Sequence[tuple[str, str]],
    variant: str = "",
    keys: dict[str, float | None] | None = None,
    scaling: list[dict[str, float]] | None = None,
) -> Path:
    """Write `<commit><variant>.md`, latest.json of `keys` and a plot of `scaling` into results/; returns the first."""
    facts = machine.facts()
    where = table(["measured on", ""], list(facts.items()))
    text = "\n\n".join(f"## {title}\n\n{body}" for title, body in [("Machine", where), *sections])
    path = RESULTS / f"{facts['commit'].rpartition('+g')[2]}{variant}.md"
    write_text(path, f"# Benchmarks\n\nMedians; times in seconds unless said otherwise.\n\n{text}\n")
    if keys is not None:
        write_json(RESULTS / "latest.json", keys)
    if scaling is not None:
        plot(scaling)
    return path


def plot(rows: list[dict[str, float]]) -> None:
    """Cost per stage over the number of directions."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    # Same input, same bytes.
    matplotlib.rcParams["svg.hashsalt"] = "scaling"
    figure, axes = pyplot.subplots(figsize=(5, 3.2), layout="constrained")
    for stage in [name for name in rows[0] if name != "directions"]:
        axes.plot([row["directions"] for row in rows], [row[stage] for row in rows], marker="o", label=stage)
    axes.set(
        xlabel="directions", ylabel="seconds", title="Cost of each stage, one process (small model)", ylim=(0, None)
    )
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    with replacing(RESULTS / "scaling.svg") as temporary:
        figure.savefig(temporary, metadata={"Date": None})
    pyplot.close(figure)
