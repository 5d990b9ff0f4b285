"""The figure of the baseline under other directions' masks: what it draws, for which metric, in which colours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.reporting import crossed, crossed_figures
from workflow_scripts.reporting.page import _figure

from .test_analysis import LANGUAGES

OUT, IN = ["en-qa", "en-qe", "en-xa"], ["qa-en", "qe-en", "xa-en"]


def score(pair, masks, metric):
    """Another one for every cell; own masks add 5."""
    place = (OUT + IN).index(pair)
    if not masks:
        return 20.0 + place
    return 20.0 + place + (5 if masks == pair else -(OUT + IN).index(masks)) * (1 if metric == "BLEU" else -1)


def table(metrics=("BLEU", "TER"), texts=("published", "repaired")):
    rows = [
        {"system": "ns", "kind": kind, "pair": pair, "masks": masks, "metric": metric, "text": text, "lines": 200}
        | {"score": score(pair, masks, metric) + (text == "published")}
        for kind, pairs in (("en-x", OUT), ("x-en", IN))
        for pair in pairs
        for masks in ("", *pairs)
        for metric in metrics
        for text in texts
    ]
    return pd.DataFrame(rows, columns=list(crossed.COLUMNS))


def texts_of(figure):
    return " ".join(text.get_text() for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text")))


@pytest.mark.parametrize("metric", ["BLEU", "TER"])
def test_it_draws_differences_to_no_masks_and_frames_the_own_ones(metric):
    figure, drawn = crossed_figures.heat_map(table(), LANGUAGES, "en", metric)
    assert set(drawn["text"]) == {"repaired"}
    *panels, _ = figure.axes
    for axis, pairs, kind in zip(panels, (OUT, IN), ("en→X", "X→en"), strict=True):
        assert axis.get_title(loc="left") == kind
        for labels in (axis.get_xticklabels(), axis.get_yticklabels()):
            assert [label.get_text() for label in labels] == ["qa", "qe", "xa"]
        found = axis.collections[0].get_array().reshape(3, 3)
        expected = [[score(row, column, metric) - score(row, "", metric) for column in pairs] for row in pairs]
        np.testing.assert_allclose(found, expected)
        assert [patch.get_xy() for patch in axis.patches] == [(0, 0), (1, 1), (2, 2)]
        # Better is blue, which may be lower.
        red, _, blue, _ = axis.collections[0].to_rgba(expected[0][0])
        assert blue > red
        low, high = axis.collections[0].get_clim()
        assert low == -high
    said = texts_of(figure)
    assert "The baseline under masks of ns, own ones framed (200 lines a direction)" in said
    assert ("lower is better" in said) == (metric == "TER")
    assert "+5.0" in said or metric == "TER"


def test_the_command_draws_it_and_the_report_names_it(command, tmp_path):
    languages = tmp_path / "languages.tsv"
    pd.DataFrame([vars(language) for language in LANGUAGES.values()]).to_csv(languages, sep="\t", index=False)
    table().to_csv(tmp_path / "crossed-ns.csv", index=False)
    options = ("--languages", languages, "--output", tmp_path / "figures")
    command("figures_crossed", tmp_path / "crossed-ns.csv", "--metric", "TER", *options).ok()
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        *(f"crossed-ns.{ending}" for ending in ("svg", "pdf", "csv"))
    }
    shown = _figure(tmp_path / "figures/crossed-ns.svg", tmp_path)
    assert shown["caption"] == "The baseline under the masks of other directions: ns"
    refused = command("figures_crossed", tmp_path / "crossed-ns.csv", "--metric", "COMET", *options)
    assert (refused.code, "has no COMET; it has BLEU, TER" in refused.err) == (2, True)
    assert "is made by" in command("figures_crossed", tmp_path / "gone.csv", *options).err


def test_directions_without_the_pivot_and_alone_are_drawn():
    pairs = ["qa-xa", "xa-qa"]
    rows = [("x-x", pair, masks) for pair in pairs for masks in ("", *pairs)]
    rows += [("en-x", "en-qa", ""), ("en-x", "en-qa", "en-qa")]
    frame = pd.DataFrame(rows, columns=["kind", "pair", "masks"])
    frame = frame.assign(system="ns", metric="BLEU", text="raw", score=1.0, lines=3)
    figure, _ = crossed_figures.heat_map(frame, LANGUAGES, "en", "BLEU")
    assert "X→Y" in texts_of(figure)
    assert "qa-xa" in texts_of(figure)
