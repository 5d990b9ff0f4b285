# Metrics per system and direction, with one start for a batch of directions, and tests against one system.
from workflow_scripts.scoring.existing import find_directions
from workflow_scripts.scoring.settings import check as check_score

SCORE = config["score"]
TOKENIZATION = config["data"]["tokenization"] if config["data"]["source"] in ("databin", "none") else "none"


def existing(system):
    """Folder and files per direction of a system from elsewhere."""
    folder = Path(config["outputs"]) / config["systems"][system]["translations"]
    try:
        return folder, find_directions(folder, PAIRS)
    except UserError as error:
        raise WorkflowError(f"systems.{system}.translations: {error}") from None


IMPORTED = {name: existing(name) for name in systems("imported")}
# The directions of each system: all chosen ones, or of translations from elsewhere those that are there.
SCORED = {name: list(IMPORTED[name][1]) if name in IMPORTED else PAIRS for name in SYSTEMS}
# Systems with the same directions share their rules.
SCORE_BATCHES = [
    ([name for name in SYSTEMS if SCORED[name] == pairs], batch)
    for pairs in dict.fromkeys(map(tuple, SCORED.values()))
    for pairs in [list(pairs)]
    for batch in batches(pairs)
]
AGAINST = SCORE["against"]
try:
    check_score(SCORE, SYSTEMS)
except UserError as error:
    raise WorkflowError(f"The configuration cannot be used. {error}") from None
TESTS = {test: samples for test, samples in SCORE["significance"].items() if samples}
# Directions that can be tested, per system: those that the system it is compared with has, too.
TESTED = {
    name: (
        [pair for pair in SCORED[name] if pair in SCORED.get(AGAINST, [])]
        if TESTS and name != AGAINST
        else []
    )
    for name in SYSTEMS
}
COMET = SCORE["comet"]
COMET_PYTHON = str(BASE / ".venv-comet" / "bin" / "python")


for name, (folder, files) in IMPORTED.items():

    rule:
        name:
            f"import_translations_{SYSTEMS.index(name)}"
        input:
            [path for paths in files.values() for path in paths],
        output:
            update(
                expand(
                    f"{R}/translations/{name}/{{pair}}.{{end}}",
                    pair=SCORED[name],
                    end=["hyp.txt", "ref.txt", "src.txt", "parquet"],
                )
            ),
        log:
            f"{LOGS}/import_translations/{name}.log",
        benchmark:
            f"{BENCH}/import_translations/{name}.jsonl"
        params:
            folder=folder,
            pairs=",".join(SCORED[name]),
            out=subpath(output[0], parent=True),
        shell:
            "python -m workflow_scripts.steps.import_translations {params.folder:q} --pairs {params.pairs:q} --output {params.out:q}"
            " 2>&1 | tee {log:q}"


for number, (names, batch) in enumerate(SCORE_BATCHES, start=1):

    rule:
        name:
            batched("score", number)
        input:
            expand(f"{R}/translations/{{{{system}}}}/{{pair}}.{{side}}.txt", pair=batch, side=["hyp", "ref"]),
        output:
            update(
                expand(
                    f"{R}/scores/{{{{system}}}}/{{pair}}.{{end}}",
                    pair=batch,
                    end=["json", "segments.parquet"],
                )
            ),
        log:
            f"{LOGS}/score/{{system}}.{number}.log",
        benchmark:
            f"{BENCH}/score/{{system}}.{number}.jsonl"
        wildcard_constraints:
            system=alternatives(names),
        params:
            pairs=",".join(batch),
            folder=subpath(input[0], parent=True),
            out=subpath(output[0], parent=True),
            options=as_options(
                {
                    "tokenization": TOKENIZATION,
                    "tokenizers": SCORE["bleu_tokenize"],
                    "spbleu": SCORE["spbleu"],
                }
            ),
        shell:
            "python -m workflow_scripts.steps.score {params.folder:q} --pairs {params.pairs:q} --output {params.out:q}"
            " {params.options} 2>&1 | tee {log:q}"

    rule:
        name:
            batched("score_comet", number)
        input:
            expand(
                f"{R}/translations/{{{{system}}}}/{{pair}}.{{side}}.txt",
                pair=batch,
                side=["hyp", "ref", "src"],
            ),
        output:
            update(
                expand(
                    f"{R}/scores/{{{{system}}}}/{{pair}}.comet.{{end}}", pair=batch, end=["json", "parquet"]
                )
            ),
        log:
            f"{LOGS}/score_comet/{{system}}.{number}.log",
        benchmark:
            f"{BENCH}/score_comet/{{system}}.{number}.jsonl"
        wildcard_constraints:
            system=alternatives(names),
        resources:
            gpu=COMET["gpus"],
        params:
            pairs=",".join(batch),
            folder=subpath(input[0], parent=True),
            out=subpath(output[0], parent=True),
            options=as_options({**COMET, "tokenization": TOKENIZATION, "python": COMET_PYTHON}),
        shell:
            "python -m workflow_scripts.steps.score_comet {params.folder:q} --pairs {params.pairs:q}"
            " --output {params.out:q} {params.options} 2>&1 | tee {log:q}"


TEST_BATCHES = [
    ([name for name in SYSTEMS if TESTED[name] == list(pairs)], batch)
    for pairs in dict.fromkeys(map(tuple, filter(None, TESTED.values())))
    for batch in batches(list(pairs))
]
SEGMENTS = ["segments.parquet", *(["comet.parquet"] if COMET["model"] else [])]

for number, (names, batch) in enumerate(TEST_BATCHES, start=1):

    rule:
        name:
            batched("significance", number)
        input:
            expand(f"{R}/scores/{{{{system}}}}/{{pair}}.{{end}}", pair=batch, end=SEGMENTS),
            expand(f"{R}/scores/{AGAINST}/{{pair}}.{{end}}", pair=batch, end=SEGMENTS),
        output:
            update(expand(f"{R}/scores/{{{{system}}}}/{{pair}}.significance.json", pair=batch)),
        log:
            f"{LOGS}/significance/{{system}}.{number}.log",
        benchmark:
            f"{BENCH}/significance/{{system}}.{number}.jsonl"
        wildcard_constraints:
            system=alternatives(names),
        params:
            pairs=",".join(batch),
            folder=subpath(output[0], ancestor=2),
            options=as_options({"against": AGAINST, "seed": config["seed"], **SCORE["significance"]}),
            comet="--comet" if COMET["model"] else "",
        shell:
            "python -m workflow_scripts.steps.significance {params.folder:q} --system {wildcards.system}"
            " --pairs {params.pairs:q} {params.options} {params.comet} 2>&1 | tee {log:q}"
