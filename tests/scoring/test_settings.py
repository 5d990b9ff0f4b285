"""Settings of scoring that name what is not there are refused before anything runs."""

import pytest

from workflow_scripts.errors import UserError
from workflow_scripts.scoring.settings import check

SYSTEMS = ["ns", "ns-seed2"]
FINE = {"against": "baseline", "replicates": {"ns (2 seeds)": SYSTEMS}, "spbleu": None}


def test_a_run_without_a_baseline_is_fine():
    check(FINE, SYSTEMS)
    check(FINE | {"against": "ns", "spbleu": "flores200"}, SYSTEMS)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"against": "basline"}, "score.against: there is no system basline; there are ns, ns-seed2"),
        ({"replicates": {"both": ["ns", "ns-seed3"]}}, "score.replicates.both: there is no system ns-seed3"),
        ({"replicates": {"ns": SYSTEMS}}, "ns is the name of a system"),
        ({"spbleu": "missing.model"}, "score.spbleu: missing.model is neither a file"),
    ],
)
def test_refusals_say_what_there_is(wrong, message):
    with pytest.raises(UserError, match=message):
        check(FINE | wrong, SYSTEMS)
