# Training text is checked, cleaned, and binarized with one SentencePiece model and dictionary.
rule check_text:
    input:
        lambda wildcards: DATA.raw(parallel.SPLITS),
    output:
        f"{PATHS.results}/data/checked.json",
    log:
        f"{PATHS.logs}/check_text/check_text.log",
    benchmark:
        f"{PATHS.benchmarks}/check_text/check_text.jsonl"
    params:
        code=step_digest("check_text"),
        folder=lambda wildcards: DATA.text,
        pairs=joined(RUN.corpora),
        splits=",".join(parallel.SPLITS),
        scripts=as_json(DATA.scripts),
    shell:
        "python -m workflow_scripts.steps.check_text --folder {params.folder:q} --pairs {params.pairs:q}"
        " --splits {params.splits:q} --scripts {params.scripts:q} --output {output:q} 2>&1 | log_to {log:q}"


rule clean:
    input:
        lambda wildcards: DATA.read_by_clean(Direction(wildcards.first, wildcards.second)),
        checked=rules.check_text.output,
    output:
        [f"{DATA.clean}/{split}.{{first}}-{{second}}.{{first}}" for split in parallel.SPLITS],
        [f"{DATA.clean}/{split}.{{first}}-{{second}}.{{second}}" for split in parallel.SPLITS],
        kept=f"{DATA.clean}/{{first}}-{{second}}.json",
    log:
        f"{PATHS.logs}/clean/{{first}}-{{second}}.log",
    benchmark:
        f"{PATHS.benchmarks}/clean/{{first}}-{{second}}.jsonl"
    params:
        code=step_digest("clean"),
        text=lambda wildcards: DATA.text,
        pair="{first}-{second}",
        pairs=joined(RUN.corpora),
        settings=as_json(DATA.cleaning),
        folder=subpath(output.kept, parent=True),
    shell:
        "python -m workflow_scripts.steps.clean --folder {params.text:q} --pair {params.pair:q}"
        " --pairs {params.pairs:q} --settings {params.settings:q} --output {params.folder:q} 2>&1 | log_to {log:q}"


include: f"data_vocabulary_{DATA.vocabulary}.smk"


rule binarize:
    input:
        cleaned=DATA.cleaned(),
        filtered=DATA.filtered,
        model=PATHS.sentencepiece,
        dictionary=PATHS.dictionary,
    output:
        databin=directory(f"{PATHS.results}/data/bin"),
        filters=f"{PATHS.results}/data/filters.csv",
        manifest=PATHS.manifest,
    log:
        f"{PATHS.logs}/binarize/binarize.log",
    benchmark:
        f"{PATHS.benchmarks}/binarize/binarize.jsonl"
    threads: 2
    params:
        code=step_digest("binarize"),
        folder=lambda wildcards: DATA.clean,
        pairs=joined(RUN.corpora),
        codes=",".join(RUN.languages),
        max_pieces=RUN.config["data"]["clean"]["max_pieces"],
        output=subpath(output.manifest, parent=True),
    shell:
        "python -m workflow_scripts.steps.binarize --folder {params.folder:q} --pairs {params.pairs:q}"
        " --codes {params.codes:q} --model {input.model:q} --dictionary {input.dictionary:q}"
        " --max-pieces {params.max_pieces:q} --processes {threads} --output {params.output:q} 2>&1 | log_to {log:q}"


include: "data_test_sets.smk"
