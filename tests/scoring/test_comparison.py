"""Two runs side by side."""

import pandas as pd
import pytest

from workflow_scripts.scoring import tables
from workflow_scripts.scoring.comparison import paired

from .test_tables import LANGUAGES, SCORES, rows


@pytest.fixture
def runs(tmp_path):
    """Two finished runs; the second has one more system and a better ns."""
    better = {"baseline": SCORES["baseline"], "ns": {pair: score + 2 for pair, score in SCORES["ns"].items()}}
    better["ns"]["en-es"] -= 10
    for name, scores in (("one", SCORES), ("two", better | {"dense": SCORES["ns"]})):
        folder = tmp_path / name / "tables"
        folder.mkdir(parents=True)
        directions = tables.directions(rows(scores))
        directions.to_csv(folder / "directions.csv", index=False)
        tables.summary(directions, LANGUAGES, "en", "baseline").to_csv(folder / "summary.csv", index=False)
    return tmp_path / "one", tmp_path / "two"


def test_scores_and_differences_stand_side_by_side(command, runs, tmp_path):
    result = command("compare", *runs, "--output", tmp_path / "both.csv").ok()
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in result.out.splitlines() if "|" in line]
    assert ["ns", "en-es", "39.0", "31.0", "-8.0"] in lines
    assert any(line[:3] == ["ns", "one", "17.0"] for line in lines)
    assert any(line[:3] == ["dense", "one", "–"] for line in lines), "a system of one run alone is shown"
    both = pd.read_csv(tmp_path / "both.csv").set_index(["system", "pair"])
    assert both.loc[("ns", "en-nl"), "difference"] == 2
    assert len(both) == 12


def test_other_settings_of_a_metric_are_pointed_out(command, runs):
    path = runs[1] / "tables/directions.csv"
    path.write_text(path.read_text().replace(",s,", ",other,"))
    assert "Beware" in command("compare", *runs).ok().out


def test_an_unfinished_run_and_the_same_run_are_refused(command, runs, tmp_path):
    missing = command("compare", runs[0], tmp_path / "none")
    assert missing.code == 2
    assert "must be the folder of a finished run" in missing.err
    assert command("compare", runs[0], runs[0]).code == 2


def test_only_common_directions_are_paired():
    first, second = (tables.directions(rows({"ns": scores})) for scores in ({"en-nl": 1}, {"en-nl": 3, "en-de": 9}))
    assert paired(first, second)[["pair", "difference"]].to_dict("records") == [{"pair": "en-nl", "difference": 2}]
