# Tables, figures and the report.
TABLES = f"{SELECTION}/tables"
METRICS = ["BLEU", "chrF++", *(["spBLEU"] if SCORE["spbleu"] else []), *(["COMET"] if COMET["model"] else [])]
COMPARED = AGAINST in SYSTEMS and any(
    set(SCORED[name]) & set(SCORED[AGAINST]) for name in SYSTEMS if name != AGAINST
)
# Components whose neurons can be compared between languages: with two directions on the side where languages differ.
PIVOT = config["languages"]["pivot"]
PUBLISHED = [str(configuration.located(SCORE["published"], BASE))] if SCORE["published"] else []
COMPARABLE = [
    component
    for component, end in (("encoder", 1), ("decoder", 0))
    if sum(pair.split("-")[end] == PIVOT for pair in DIRECTIONS) > 1
]
# Neuron sets to analyse: the masks of every system, and what another threshold selects.
SELECTIONS = {
    name: [part for part in COMPARABLE if part in config["systems"][name]["masks"]["components"]]
    for name in systems(*configuration.KINDS, masked=True)
}
OVERLAP_K = config["report"]["overlap_k"]
if OVERLAP_K and any(SELECTIONS.values()):
    SELECTIONS[f"k{OVERLAP_K:g}"] = COMPARABLE
SELECTIONS = {name: parts for name, parts in SELECTIONS.items() if parts}
CURVES = {"baseline": f"{R}/baseline/training.csv"} if not config["baseline"].get("checkpoint") else {}
CURVES |= {name: f"{R}/systems/{name}/training.csv" for name in systems("trained")}
if config["data"]["source"] == "none":
    CURVES = {}


rule tables:
    input:
        scores=[f"{R}/scores/{name}/{pair}.json" for name in SYSTEMS for pair in SCORED[name]],
        comet=[
            f"{R}/scores/{name}/{pair}.comet.json"
            for name in SYSTEMS
            for pair in SCORED[name]
            if COMET["model"]
        ],
        significance=[
            f"{R}/scores/{name}/{pair}.significance.json" for name in SYSTEMS for pair in TESTED[name]
        ],
        languages=LANGUAGE_TABLE,
        published=PUBLISHED,
    output:
        directions=in_report(f"{TABLES}/directions.csv", category="Scores", caption="captions/directions.rst"),
        summary=in_report(f"{TABLES}/summary.csv", category="Scores", caption="captions/summary.rst"),
        markdown=f"{TABLES}/summary.md",
        readings=[f"{TABLES}/readings.csv"] if TOKENIZATION == "moses" else [],
        tests=[
            in_report(f"{TABLES}/{name}.csv", category="Scores", caption="captions/significance.rst")
            for name in ("significance", "wins")
            if any(TESTED.values())
        ],
    log:
        f"{LOGS}/tables/tables.log",
    benchmark:
        f"{BENCH}/tables/tables.jsonl"
    params:
        scores=subpath(input[0], ancestor=2),
        systems=json.dumps(SCORED),
        out=subpath(output.directions, parent=True),
        options=as_options(
            {
                "languages": LANGUAGE_TABLE,
                "pivot": PIVOT,
                "against": AGAINST if AGAINST in SYSTEMS else None,
                "replicates": SCORE["replicates"],
                "published": PUBLISHED,
                "run": config["run"],
            }
        ),
    shell:
        "python -m workflow_scripts.steps.tables {params.scores:q} --systems {params.systems:q} {params.options}"
        " --output {params.out:q} > {log:q} 2>&1"


for number, (selection, parts) in enumerate(SELECTIONS.items(), start=1):

    rule:
        name:
            batched("overlap", number)
        input:
            sets=[path for paths in sets_of(selection).values() for path in paths],
            languages=LANGUAGE_TABLE,
        output:
            expand(f"{R}/tables/overlap-{selection}/{{table}}.csv", table=["overlap", "families", "sparsity"]),
        log:
            f"{LOGS}/overlap/{selection}.log",
        benchmark:
            f"{BENCH}/overlap/{selection}.jsonl"
        params:
            options=as_options(
                {
                    **sets_of(selection),
                    "k": OVERLAP_K if selection not in SYSTEMS else None,
                    "pivot": PIVOT,
                }
            ),
            out=subpath(output[0], parent=True),
        shell:
            "python -m workflow_scripts.steps.overlap {params.options} --languages {input.languages:q}"
            " --output {params.out:q} 2>&1 | tee {log:q}"

    rule:
        name:
            batched("figures_masks", number)
        input:
            sets=[path for paths in sets_of(selection).values() for path in paths],
            languages=LANGUAGE_TABLE,
        output:
            [
                drawn(f"overlap-{selection}-{part}", "Overlap", neurons=selection, figure=part)
                for part in parts
            ],
            drawn(f"overlap-by-layer-{selection}", "Overlap", neurons=selection, figure="by layer"),
            drawn(f"languages-{selection}", "Overlap", neurons=selection, figure="languages"),
            drawn(f"sparsity-{selection}", "Sparsity", neurons=selection, figure="by layer"),
        log:
            f"{LOGS}/figures_masks/{selection}.log",
        benchmark:
            f"{BENCH}/figures_masks/{selection}.jsonl"
        params:
            options=as_options(
                {
                    **sets_of(selection),
                    "k": OVERLAP_K if selection not in SYSTEMS else None,
                    "pivot": PIVOT,
                }
            ),
            name=selection,
            run=config["run"],
            out=subpath(output[0], parent=True),
        shell:
            "python -m workflow_scripts.steps.figures_masks {params.options} --name {params.name:q}"
            " --languages {input.languages:q} --run {params.run:q} --output {params.out:q}"
            " > {log:q} 2>&1"


rule figures_scores:
    input:
        scores=rules.tables.output.directions,
        tests=rules.tables.output.tests,
        languages=LANGUAGE_TABLE,
    output:
        [
            drawn(f"scores-by-{group}-{metric}", "Scores", metric=metric, figure=f"by {group}")
            for metric in METRICS
            for group in ("tier", "language")
        ],
    log:
        f"{LOGS}/figures_scores/figures_scores.log",
    benchmark:
        f"{BENCH}/figures_scores/figures_scores.jsonl"
    params:
        options=as_options({"against": AGAINST, "metrics": METRICS, "pivot": PIVOT, "run": config["run"]}),
        tables=subpath(input.scores, parent=True),
        out=subpath(output[0], parent=True),
    shell:
        "python -m workflow_scripts.steps.figures_scores {params.tables:q} {params.options}"
        " --languages {input.languages:q} --output {params.out:q} > {log:q} 2>&1"


rule figures_training:
    input:
        list(CURVES.values()),
    output:
        drawn("training", "Training", figure="loss"),
    log:
        f"{LOGS}/figures_training/figures_training.log",
    benchmark:
        f"{BENCH}/figures_training/figures_training.jsonl"
    params:
        curves=shlex.join(f"{name}={path}" for name, path in CURVES.items()),
        run=config["run"],
        out=subpath(output[0], parent=True),
    shell:
        "python -m workflow_scripts.steps.figures_training {params.curves} --run {params.run:q} --output {params.out:q}"
        " > {log:q} 2>&1"


OVERLAPS = [f"{R}/tables/overlap-{selection}/families.csv" for selection in SELECTIONS]
SHOWN = [
    *(
        f"{FIGURES}/scores-by-{group}-{metric}.svg"
        for metric in METRICS
        for group in ("tier", "language")
        if COMPARED
    ),
    *(
        f"{FIGURES}/{name}.svg"
        for selection, parts in SELECTIONS.items()
        for name in (
            f"languages-{selection}",
            f"overlap-by-layer-{selection}",
            *(f"overlap-{selection}-{part}" for part in parts),
            f"sparsity-{selection}",
        )
    ),
    *([f"{FIGURES}/training.svg"] if CURVES else []),
]


rule report:
    input:
        tables=[rules.tables.output.summary, rules.tables.output.directions, *rules.tables.output.tests],
        overlaps=OVERLAPS,
        figures=SHOWN,
    output:
        in_report(f"{R}/report.html", category="Report", caption="captions/report.rst"),
    log:
        f"{LOGS}/report/report.log",
    benchmark:
        f"{BENCH}/report/report.jsonl"
    params:
        files=lambda wildcards, input: as_options({"figures": input.figures, "overlaps": input.overlaps}),
        options=as_options(
            {
                "config": dict(config),
                "against": AGAINST if AGAINST in SYSTEMS else None,
                "benchmarks": BENCH,
            }
        ),
        tables=subpath(input[0], parent=True),
    shell:
        "python -m workflow_scripts.steps.report {params.tables:q} {params.files} {params.options} --output {output:q} > {log:q} 2>&1"


# A selection of directions gets its tables; figures and report are about the whole run.
FINISHED = [rules.tables.output.summary, *([rules.report.output, OVERLAPS] if SELECTION == R else [])]
