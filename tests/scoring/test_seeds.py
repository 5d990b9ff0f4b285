"""Claims about methods by seeds: by hand, and in size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workflow_scripts.scoring import seeds, tables

from .test_resampling import NULLS, rejected
from .test_tables import LANGUAGES, rows

NS = [f"ns{number}" for number in range(3)]
DENSE = [f"dense{number}" for number in range(3)]
VALUES = dict(zip([*NS, *DENSE], (12.0, 13.0, 14.0, 10.0, 12.0, 11.0), strict=True))


@pytest.fixture
def summary():
    scores = {"baseline": 9.0, **VALUES}
    frame = tables.directions(rows({name: {"en-nl": value, "nl-en": value} for name, value in scores.items()}))
    return tables.summary(frame, LANGUAGES, "en", ["baseline", "dense0"], {"ns": NS, "dense": DENSE})


def test_by_hand(summary):
    found = seeds.table(summary, {"ns": NS, "dense": DENSE}, ["baseline", "dense0"])
    found = found[(found["tier"] == "All") & (found["type"] == "Avg")].set_index(["group", "kind", "against"])
    assert set(found.index) == {
        ("ns", "another seed", "ns"),
        ("ns", "contrast", "baseline"),
        ("ns", "contrast", "dense"),
        ("dense", "another seed", "dense"),
        ("dense", "contrast", "baseline"),
    }, "a group is not compared with its own member, but with the whole group of another's"
    row = found.loc["ns", "contrast", "dense"]
    expected = stats.ttest_1samp([2.0, 1.0, 3.0], 0).confidence_interval()
    assert (row["difference"], row["seeds"]) == (2, 3)
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    assert pd.isna(row["p"]), "three seeds cannot be significant by signs"
    assert found.loc["dense", "another seed", "dense"][["difference", "high"]].tolist() == pytest.approx([4 / 3, 2])


def test_signs_by_hand():
    assert seeds.sign_flips(np.arange(1.0, 7.0)) == 2 / 64
    assert seeds.sign_flips(np.zeros(6)) == 1


def test_sign_flips_and_intervals_keep_their_size():
    generator = np.random.default_rng(8)
    draws = generator.normal(size=(NULLS, 8))
    assert 0.035 <= rejected(np.array([seeds.sign_flips(row) for row in draws]), "sign flips, 8 seeds") <= 0.065
    outside = [0.0 if low > 0 or high < 0 else 1.0 for low, high in map(seeds.interval, draws)]
    assert 0.035 <= rejected(np.array(outside), "paired interval, 8 seeds") <= 0.065
