"""What differences mean to people: the published curves, of the metrics that they were fitted to and no others."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from workflow_scripts.scoring.markdown import probability
from workflow_scripts.scoring.metrics import METRICS
from workflow_scripts.scoring.outcomes import with_people
from workflow_scripts.scoring.people import agreeing

WORDS = "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.5.1"
MODEL = "model:wmt22-comet-da|nrefs:1|version:2.2.7"


@pytest.mark.parametrize(
    ("metric", "signature", "difference", "share"),
    [
        # The paper's formula and its published parameters: 1 BLEU is 64 %.
        ("bleu", WORDS, 1.0, 0.8833333 / (1 + math.exp(-0.9663927))),
        ("bleu", WORDS, -1.0, 0.8833333 / (1 + math.exp(-0.9663927))),
        ("bleu", WORDS, 30.0, 0.8833333),
        ("bleu", WORDS, 0.0, 0.5),
        ("bleu", WORDS.replace("13a", "zh"), 1.0, None),
        ("bleu", WORDS, math.nan, None),
        ("comet", MODEL, 0.0056, 0.9622374 / (1 + math.exp(-2.8359195 * 0.56))),
        ("comet", MODEL.replace("22", "20"), 0.0056, None),
        ("chrf++", "nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:2.5.1", 1.0, None),
    ],
)
def test_shares_by_hand(metric, signature, difference, share):
    found = agreeing(METRICS[metric], signature, difference)
    assert math.isnan(found) if share is None else found == pytest.approx(share, abs=1e-6)


def test_a_mean_over_directions_that_were_scored_unalike_says_nothing():
    rows = [{"metric": name, "difference": 1.0} for name in ("BLEU", "chrF++")]
    alike, unalike = (
        pd.DataFrame({"metric": ["BLEU", "BLEU", "chrF++"], "signature": [WORDS, second, "x"]})
        for second in (WORDS, WORDS.replace("13a", "zh"))
    )
    assert with_people(rows, alike)["people"].tolist() == [
        pytest.approx(0.6399, abs=1e-4),
        pytest.approx(math.nan, nan_ok=True),
    ]
    assert with_people(rows, unalike)["people"].isna().all()
    assert with_people([], alike).empty


@pytest.mark.parametrize(("p", "text"), [(math.nan, "–"), (1 / 20001, "<0.0001"), (0.00005, "0.0001"), (1, "1.0000")])
def test_a_p_that_rounds_to_nothing_is_not_nothing(p, text):
    assert probability(p) == text
