"""How figures look, and how they are saved: SVG, PDF and the table behind them, byte for byte the same every time."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import seaborn as sns

from workflow_scripts.files import replacing, write_text
from workflow_scripts.languages import Language
from workflow_scripts.reporting.svg_fonts import FAMILY, embedded

mpl.use("agg")
import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

COLUMN = 3.4
"""Width of a text column in inches; figures are this wide, or two columns."""
RC = {
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "figure.titlesize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "lines.linewidth": 1.2,
    "savefig.dpi": 300,  # of what is not drawn by lines: the cells of heat maps
    # Without these, identifiers in the SVG would differ between two runs.
    "svg.hashsalt": "neuron-specialization",
    # Letters stay letters: in the PDF by its own means, in the SVG by `svg_fonts`.
    "font.sans-serif": [FAMILY],
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}
mpl.rcParams.update(RC)


def family_colors(languages: Mapping[str, Language]) -> dict[str, tuple[float, float, float]]:
    """A colour per family, in the table's order; distinguishable with colour-blindness up to ten families."""
    families = list(dict.fromkeys(language.family for language in languages.values()))
    palette = sns.color_palette("colorblind" if len(families) <= 10 else "husl", len(families))
    return dict(zip(families, palette, strict=True))


def family_legend(
    figure: Figure,
    colors: Mapping[str, tuple[float, float, float]],
    families: Sequence[str],
    others: Sequence[Artist] = (),
) -> None:
    """A legend of the families that occur, and of other marks, below the figure."""
    handles = [Patch(color=color, label=family) for family, color in colors.items() if family in families]
    handles += others
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5), frameon=False)


def named_cells(axis: Axes, names: Sequence[str], colors: Sequence[tuple[float, float, float]]) -> None:
    """Make `axis` that of a square matrix whose rows (from above) and columns have these names, in colours."""
    size = len(names)
    axis.set(aspect="equal", xlim=(0, size), ylim=(size, 0))
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0, labelsize=6.5 if size <= 16 else 5.5)
    axis.set_xticks([place + 0.5 for place in range(size)], names, rotation=90 if size > 16 else 0)
    axis.set_yticks([place + 0.5 for place in range(size)], names)
    for labels in (axis.get_xticklabels(), axis.get_yticklabels()):
        for label, color in zip(labels, colors, strict=True):
            label.set_color(color)
            label.set_fontweight("bold")


def title(figure: Figure, text: str) -> None:
    """What the figure shows; a caption says of which run it is."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=8.5)


def save(path: Path, figure: Figure, data: pd.DataFrame) -> None:
    """Write `path` with the endings .svg, .pdf and .csv (the table behind the figure), and close the figure."""
    # The layout is computed once: every ending would do it again.
    figure.draw_without_rendering()
    figure.set_layout_engine(None)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    write_text(path.with_name(f"{path.name}.svg"), embedded(drawn.getvalue()))
    with replacing(path.with_name(f"{path.name}.pdf")) as temporary:
        figure.savefig(temporary, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
    plt.close(figure)
    with replacing(path.with_name(f"{path.name}.csv")) as temporary:
        data.to_csv(temporary, index=False, float_format="%.6g")
