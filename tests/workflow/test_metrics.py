"""Metrics through the whole pipeline: one more, of which less is better, is added to a finished run."""

from __future__ import annotations

import json

import pandas as pd

CONFIG = {
    "run": "theirs",
    "outputs": "outputs",
    "languages": {"table": "config/languages/ec30.tsv"},
    "data": {"source": "none"},
    "systems": {"theirs": {"translations": "theirs"}, "ours": {"translations": "ours"}},
    "score": {"against": "theirs", "significance": {"bootstrap": 0, "randomization": 200}},
}
REFERENCES = ["de kat zit op de mat", "een hond rent weg", "het huis is rood en groot", "ja dat is zo"] * 5
TEXTS = {"ours": [*REFERENCES[:1], "een hond loopt weg", *REFERENCES[2:]], "theirs": ["de mat kat", "hond"] * 10}


def scores(flow, system):
    path = flow.folder / f"results/theirs/scores/{system}/en-nl.json"
    return {entry["name"]: entry for entry in json.loads(path.read_text())}


def test_ter_is_added_to_a_finished_run(flow):
    run = flow(CONFIG)
    for system, hypotheses in TEXTS.items():
        for pair in ("en-nl", "nl-en", "en-de", "de-en"):
            folder = run.folder / f"outputs/{system}/{pair}"
            folder.mkdir(parents=True)
            for role, lines in (("hyp", hypotheses), ("ref", REFERENCES), ("src", REFERENCES)):
                (folder / f"{role}.txt").write_text("".join(f"{line}\n" for line in lines))
    run.run()
    before = {system: scores(run, system) for system in TEXTS}
    assert list(before["ours"]) == ["BLEU", "chrF2++"]
    run.configure(CONFIG | {"score": CONFIG["score"] | {"metrics": ["bleu", "chrf++", "ter"]}})
    again = run.plan()
    assert "import_translations" not in again
    assert again["score"] == 2
    run.run()
    for system in TEXTS:
        after = scores(run, system)
        assert after.pop("TER")["score"] > 0
        assert after == before[system]
    results = run.folder / "results/theirs"
    wins = pd.read_csv(results / "tables/wins.csv").set_index("metric")
    assert wins.loc["TER", ["system", "wins", "losses"]].tolist() == ["ours", 4, 0]
    assert (results / "figures/scores-by-tier-TER.svg").exists()
    assert "TER, lower is better" in (results / "report.html").read_text()
    assert run.plan() == {}
