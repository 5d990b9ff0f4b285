# Text from a small grammar: English and invented languages.
TEXT = f"{PATHS.results}/data/raw"
TEXT_FILES = [
    f"{TEXT}/{split}.{corpus}.{language}"
    for corpus in RUN.corpora
    for split in parallel.SPLITS
    for language in corpus.languages
]


rule synthesize:
    input:
        languages=RUN.language_table,
    output:
        TEXT_FILES,
    log:
        f"{PATHS.logs}/synthesize/synthesize.log",
    benchmark:
        f"{PATHS.benchmarks}/synthesize/synthesize.jsonl"
    params:
        code=step_digest("synthesize"),
        sizes=as_json(RUN.config["data"]["synthetic"]),
        seed=RUN.config["seed"],
        folder=subpath(output[0], parent=True),
        pairs=list(map(str, RUN.corpora)),
    shell:
        "python -m workflow_scripts.steps.synthesize --languages {input.languages:q} --pairs {params.pairs:q}"
        " --sizes {params.sizes:q} --seed {params.seed} --output {params.folder:q} 2>&1 | tee {log:q}"


include: "data_text_to_bin.smk"
