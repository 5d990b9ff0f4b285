# Text from a small grammar: English and invented languages.
TEXT = f"{R}/data/raw"
TEXT_FILES = [
    f"{TEXT}/{split}.{corpus}.{language}"
    for corpus in CORPUS
    for split in parallel.SPLITS
    for language in corpus.split("-")
]


rule synthesize:
    input:
        languages=LANGUAGE_TABLE,
    output:
        TEXT_FILES,
    log:
        f"{LOGS}/synthesize/synthesize.log",
    benchmark:
        f"{BENCH}/synthesize/synthesize.jsonl"
    params:
        sizes=as_json(config["data"]["synthetic"]),
        seed=config["seed"],
        folder=subpath(output[0], parent=True),
        pairs=CORPUS,
    shell:
        "python -m workflow_scripts.steps.synthesize --languages {input.languages:q} --pairs {params.pairs:q}"
        " --sizes {params.sizes:q} --seed {params.seed} --output {params.folder:q} 2>&1 | tee {log:q}"


include: "data_text_to_bin.smk"
