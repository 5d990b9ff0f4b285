"""The summary as LaTeX."""

from __future__ import annotations

import re

import pandas as pd

from workflow_scripts.scoring import latex

ROW = {"test_set": "test", "metric": "BLEU", "text": "raw"}


def summary() -> pd.DataFrame:
    rows = [
        {"system": "baseline", "tier": "High", "O2M": 20.04, "M2O": 30.0, "Avg": 25.02},
        {"system": "baseline", "tier": "All", "O2M": 20.0, "M2O": 30.0, "Avg": 25.0},
        {"system": "ns_1", "tier": "High", "O2M": 21.0, "M2O": 29.5, "Avg": 25.25, "O2M_difference": 0.96},
        {"system": "ns_1", "tier": "All", "O2M": 21.0, "M2O": 29.5, "Avg": 25.25, "O2M_sd": 0.3},
    ]
    frame = pd.DataFrame([ROW | row for row in rows])
    return frame.assign(M2O_difference=[None, None, -0.5, -0.5], Avg_difference=[None, None, 0.23, 0.25])


def test_a_table_with_booktabs_rules_and_a_row_per_system():
    text = latex.page("demo", summary(), "baseline")
    assert [text.count(f"\\{rule}") for rule in ("toprule", "midrule", "bottomrule")] == [1, 1, 1]
    assert "\\multicolumn{3}{c}{High} & \\multicolumn{3}{c}{All}" in text
    assert "baseline & 20.0 & 30.0 & 25.0 & 20.0 & 30.0 & 25.0 \\\\" in text
    assert "ns\\_1 & 21.0 & 29.5 & 25.2 & 21.0 {\\small$\\pm$0.3} & 29.5 & 25.2 \\\\" in text
    assert "ns\\_1 $-$ baseline & +1.0 & $-$0.5 & +0.2 & – & $-$0.5 & +0.2 \\\\" in text


def test_every_row_has_a_cell_for_every_column():
    text = latex.page("demo", summary(), "baseline")
    columns = len(re.search(r"begin{tabular}{(l?r+)}", text)[1])
    rows = [line for line in text.splitlines() if line.endswith("\\\\") and "multicolumn" not in line]
    assert {line.count("&") + 1 for line in rows} == {columns}
