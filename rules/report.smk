# Tables, figures and the report.
TABLES = f"{SELECTION}/tables"


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
        published=[str(configuration.located(SCORE["published"], BASE))] if SCORE["published"] else [],
    output:
        directions=f"{TABLES}/directions.csv",
        summary=f"{TABLES}/summary.csv",
        markdown=f"{TABLES}/summary.md",
        readings=[f"{TABLES}/readings.csv"] if TOKENIZATION == "moses" else [],
        tests=[f"{TABLES}/{name}.csv" for name in ("significance", "wins") if any(TESTED.values())],
    log:
        f"{LOGS}/tables/tables.log",
    benchmark:
        f"{BENCH}/tables/tables.jsonl"
    params:
        scores=f"{R}/scores",
        systems=json.dumps(SCORED),
        out=TABLES,
        options=lambda wildcards, input: as_options(
            {
                "languages": input.languages,
                "pivot": config["languages"]["pivot"],
                "against": AGAINST if AGAINST in SYSTEMS else None,
                "replicates": SCORE["replicates"],
                "published": input.published,
                "run": config["run"],
            }
        ),
    shell:
        "python -m workflow_scripts.tables {params.scores:q} --systems {params.systems:q} {params.options}"
        " --out {params.out:q} > {log:q} 2>&1"


FINISHED = [rules.tables.output.summary]
