"""Put the fonts of a figure into its SVG: text stays text, and looks the same where the font is not installed.

Drawn as outlines, letters were more than half of a figure's size, and nobody could select or edit them.
"""

from __future__ import annotations

import base64
import html
import io
import re

from fontTools import subset
from fontTools.ttLib import TTFont
from matplotlib import font_manager

TEXT = re.compile(r'<text style="([^"]*)"[^>]*>(.*?)</text>', re.DOTALL)
FAMILY = "DejaVu Sans"
BOLD = re.compile(r"\b(bold|700)\b")


def embedded(svg: str) -> str:
    """The SVG, of matplotlib with `svg.fonttype: none`, with the letters it uses of each weight of its font."""
    letters: dict[str, set[str]] = {}
    for style, text in TEXT.findall(svg):
        weight = "bold" if BOLD.search(style) else "normal"
        letters.setdefault(weight, set()).update(html.unescape(re.sub("<[^>]*>", "", text)))
    faces = "".join(_face(weight, used) for weight, used in sorted(letters.items()))
    return svg.replace("</style>", f"{faces}</style>", 1)


def _face(weight: str, letters: set[str]) -> str:
    """A CSS rule with these letters of the font in it, as WOFF."""
    path = font_manager.findfont(font_manager.FontProperties(family=FAMILY, weight=weight))
    font = TTFont(path, recalcTimestamp=False)
    cutter = subset.Subsetter(subset.Options(layout_features=[], hinting=False, drop_tables=["FFTM"]))
    cutter.populate(unicodes=sorted(map(ord, letters)))
    cutter.subset(font)
    font.flavor = "woff"
    made = io.BytesIO()
    font.save(made)
    data = base64.b64encode(made.getvalue()).decode()
    rules = {
        "font-family": f"'{FAMILY}'",
        "font-weight": weight,
        "src": f"url(data:font/woff;base64,{data}) format('woff')",
    }
    return f"@font-face{{{';'.join(f'{name}:{value}' for name, value in rules.items())}}}"
