# Text from a small grammar: English and invented languages. The test text is drawn by itself.
rule synthesize:
    input:
        languages=RUN.language_table,
    output:
        DATA.raw(parallel.SPLITS),
    log:
        f"{PATHS.logs}/synthesize/synthesize.log",
    benchmark:
        f"{PATHS.benchmarks}/synthesize/synthesize.jsonl"
    params:
        code=step_digest("synthesize"),
        sizes=as_json(DATA.sizes(parallel.SPLITS)),
        seed=RUN.config["seed"],
        folder=subpath(output[0], parent=True),
        pairs=joined(RUN.corpora),
    shell:
        "python -m workflow_scripts.steps.synthesize --languages {input.languages:q} --pairs {params.pairs:q}"
        " --sizes {params.sizes:q} --seed {params.seed:q} --output {params.folder:q} 2>&1 | tee {log:q}"


use rule synthesize as synthesize_test with:
    output:
        DATA.raw([DEFAULT_SET]),
    log:
        f"{PATHS.logs}/synthesize_test/synthesize_test.log",
    benchmark:
        f"{PATHS.benchmarks}/synthesize_test/synthesize_test.jsonl"
    params:
        code=step_digest("synthesize"),
        sizes=as_json(DATA.sizes([DEFAULT_SET])),
        seed=RUN.config["seed"],
        folder=subpath(output[0], parent=True),
        pairs=joined(RUN.corpora),


include: "data_text_to_bin.smk"
