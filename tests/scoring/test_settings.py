"""Settings of scoring that name what is not there are refused before anything runs."""

import pytest

from workflow_scripts.errors import UserError
from workflow_scripts.scoring.names import chosen
from workflow_scripts.scoring.settings import check, check_trials, primary

SYSTEMS = ["ns", "ns-seed2"]
FINE = {"against": "baseline", "replicates": {"ns (2 seeds)": SYSTEMS}, "spbleu": None, "comet": {"model": None}}
FINE |= {"primary": None, "metrics": ["bleu", "ter"], "bleu_tokenize": {"default": "13a"}}


def test_a_run_without_a_baseline_is_fine():
    check(FINE, SYSTEMS)
    check(FINE | {"against": "ns", "spbleu": "flores200"}, SYSTEMS)
    check(FINE | {"against": ["baseline", "ns"], "primary": "ter"}, SYSTEMS)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"against": "basline"}, "score.against: there is no system basline; there are ns, ns-seed2"),
        ({"against": ["ns", "dens"]}, "score.against: there is no system dens; there are ns, ns-seed2"),
        ({"primary": "comet"}, "score.primary: comet is not computed; there are bleu, ter"),
        ({"replicates": {"both": ["ns", "ns-seed3"]}}, "score.replicates.both: there is no system ns-seed3"),
        ({"replicates": {"ns": SYSTEMS}}, "ns is the name of a system"),
        ({"spbleu": "missing.model"}, "score.spbleu: missing.model is neither a file"),
        ({"metrics": ["bleu", "spbleu"]}, "score.metrics: spbleu needs score.spbleu, which is not set"),
        ({"metrics": ["comet"]}, "score.metrics: comet needs score.comet.model, which is not set"),
    ],
)
def test_refusals_say_what_there_is(wrong, message):
    with pytest.raises(UserError, match=message):
        check(FINE | wrong, SYSTEMS)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["BLEU", "TER"]),
        ({"metrics": ["ter", "chrf++"]}, ["chrF++", "TER"]),
        ({"spbleu": "flores200"}, ["BLEU", "spBLEU", "TER"]),
        ({"spbleu": "flores200", "metrics": ["spbleu"]}, ["spBLEU"]),
        ({"comet": {"model": "a/b"}}, ["BLEU", "TER", "COMET"]),
    ],
)
def test_metrics_are_listed_or_turned_on_by_their_model(settings, names):
    assert [metric.name for metric in chosen(FINE | settings).values()] == names


def test_the_primary_metric_is_named_or_the_first():
    assert primary(FINE).name == "BLEU"
    assert primary(FINE | {"metrics": ["ter", "chrf++"]}).name == "chrF++", "the first that tables have"
    assert primary(FINE | {"primary": "ter"}).name == "TER"


@pytest.mark.parametrize(("trials", "tests"), [(0, 60), (1200, 60), (20000, 60), (20, 1)])
def test_enough_trials_are_fine(trials, tests):
    check_trials(trials, tests, "directions")


def test_too_few_trials_are_refused_with_how_many_are_needed():
    with pytest.raises(UserError, match=r"1000 trials cannot .* for 60 directions; at least 1200 are needed"):
        check_trials(1000, 60, "directions")
