# Raw text that the source makes. The test text is made by itself.
rule make_text:
    input:
        languages=RUN.language_table,
        files=DATA.read,
    output:
        DATA.raw(parallel.SPLITS),
    log:
        f"{PATHS.logs}/make_text/make_text.log",
    benchmark:
        f"{PATHS.benchmarks}/make_text/make_text.jsonl"
    params:
        code=step_digest("make_text", DATA.module),
        source=DATA.source,
        splits=",".join(parallel.SPLITS),
        settings=as_json(DATA.settings(parallel.SPLITS)),
        seed=RUN.config["seed"],
        folder=subpath(output[0], parent=True),
        pairs=joined(RUN.corpora),
    shell:
        "python -m workflow_scripts.steps.make_text --source {params.source:q} --languages {input.languages:q}"
        " --pairs {params.pairs:q} --splits {params.splits:q} --settings {params.settings:q} --seed {params.seed:q}"
        " --output {params.folder:q} 2>&1 | log_to {log:q}"


use rule make_text as make_test_text with:
    output:
        DATA.raw([DEFAULT_SET]),
    log:
        f"{PATHS.logs}/make_test_text/make_test_text.log",
    benchmark:
        f"{PATHS.benchmarks}/make_test_text/make_test_text.jsonl"
    params:
        code=step_digest("make_text", DATA.module),
        source=DATA.source,
        splits=DEFAULT_SET,
        settings=as_json(DATA.settings([DEFAULT_SET])),
        seed=RUN.config["seed"],
        folder=subpath(output[0], parent=True),
        pairs=joined(RUN.corpora),


include: "data_text.smk"
