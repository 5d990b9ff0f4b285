"""Figures carry the letters that they use."""

from __future__ import annotations

import base64
import html
import io
import re

import pandas as pd
from fontTools.ttLib import TTFont

from workflow_scripts.reporting import style
from workflow_scripts.reporting.style import plt, save


def figure(name: str):
    made, axis = plt.subplots(figsize=(2, 2))
    axis.set_title(name, fontweight="bold")
    axis.plot([0, 1], [0, 1])
    return made


def faces(svg: str) -> dict[str, set[int]]:
    """The characters of each embedded font, by weight."""
    found = re.findall(r"font-weight:(\w+);src:url\(data:font/woff;base64,([^)]*)\)", svg)
    return {weight: set(TTFont(io.BytesIO(base64.b64decode(data))).getBestCmap()) for weight, data in found}


def test_text_stays_text_and_its_letters_are_embedded(tmp_path):
    save(tmp_path / "one", figure("Añ & <ö>"), pd.DataFrame({"x": [1]}))
    svg = (tmp_path / "one.svg").read_text(encoding="utf-8")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert "Añ & <ö>" in map(html.unescape, texts)
    found = faces(svg)
    assert found["bold"] == set(map(ord, "Añ & <ö>"))
    assert set(map(ord, "0.")) <= found["normal"]
    assert style.FAMILY in svg


def test_the_same_figure_is_the_same_files(tmp_path):
    for name in ("one", "two"):
        save(tmp_path / name, figure("same"), pd.DataFrame({"x": [1]}))
    for ending in ("svg", "pdf", "csv"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()
    assert b"/FontFile2" in (tmp_path / "one.pdf").read_bytes(), "TrueType, embedded"
