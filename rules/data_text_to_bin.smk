# Text (folder TEXT, files TEXT_FILES) is checked, cleaned, and binarized with one SentencePiece model and dictionary.
CLEANED = [
    f"{PATHS.results}/data/clean/{name}"
    for corpus in RUN.corpora
    for name in (
        *(f"{split}.{corpus}.{language}" for split in parallel.SPLITS for language in corpus.languages),
        f"{corpus}.json",
    )
]


rule check_text:
    input:
        TEXT_FILES,
    output:
        f"{PATHS.results}/data/checked.json",
    log:
        f"{PATHS.logs}/check_text/check_text.log",
    benchmark:
        f"{PATHS.benchmarks}/check_text/check_text.jsonl"
    params:
        code=step_digest("check_text"),
        folder=lambda wildcards: TEXT,
        pairs=list(map(str, RUN.corpora)),
    shell:
        "python -m workflow_scripts.steps.check_text --folder {params.folder:q} --pairs {params.pairs:q}"
        " --output {output:q} 2>&1 | tee {log:q}"


rule clean:
    input:
        lambda wildcards: parallel.needed(TEXT_FILES, f"{wildcards.first}-{wildcards.second}"),
        checked=rules.check_text.output,
    output:
        [f"{PATHS.results}/data/clean/{split}.{{first}}-{{second}}.{{first}}" for split in parallel.SPLITS],
        [f"{PATHS.results}/data/clean/{split}.{{first}}-{{second}}.{{second}}" for split in parallel.SPLITS],
        kept=f"{PATHS.results}/data/clean/{{first}}-{{second}}.json",
    log:
        f"{PATHS.logs}/clean/{{first}}-{{second}}.log",
    benchmark:
        f"{PATHS.benchmarks}/clean/{{first}}-{{second}}.jsonl"
    params:
        code=step_digest("clean"),
        text=lambda wildcards: TEXT,
        pair="{first}-{second}",
        pairs=list(map(str, RUN.corpora)),
        settings=as_json(RUN.config["data"]["clean"]),
        folder=subpath(output.kept, parent=True),
    shell:
        "python -m workflow_scripts.steps.clean --folder {params.text:q} --pair {params.pair:q}"
        " --pairs {params.pairs:q} --settings {params.settings:q} --output {params.folder:q} 2>&1 | tee {log:q}"


rule sentencepiece_model:
    input:
        cleaned=CLEANED,
        given=[
            file
            for key in ("model", "dictionary")
            if (file := RUN.config["data"]["sentencepiece"][key]) is not None
        ],
    output:
        model=f"{PATHS.results}/data/sentencepiece.model",
        dictionary=f"{PATHS.results}/data/dict.txt",
    log:
        f"{PATHS.logs}/sentencepiece_model/sentencepiece_model.log",
    benchmark:
        f"{PATHS.benchmarks}/sentencepiece_model/sentencepiece_model.jsonl"
    params:
        code=step_digest("sentencepiece_model"),
        folder=lambda wildcards, input: Path(input.cleaned[0]).parent,
        pairs=list(map(str, RUN.corpora)),
        settings=as_json(RUN.config["data"]["sentencepiece"]),
    shell:
        "python -m workflow_scripts.steps.sentencepiece_model --folder {params.folder:q} --pairs {params.pairs:q}"
        " --settings {params.settings:q} --model {output.model:q} --dictionary {output.dictionary:q} 2>&1 | tee {log:q}"


rule binarize:
    input:
        cleaned=CLEANED,
        model=rules.sentencepiece_model.output.model,
        dictionary=rules.sentencepiece_model.output.dictionary,
    output:
        databin=directory(f"{PATHS.results}/data/bin"),
        filters=f"{PATHS.results}/data/filters.csv",
        manifest=PATHS.manifest,
    log:
        f"{PATHS.logs}/binarize/binarize.log",
    benchmark:
        f"{PATHS.benchmarks}/binarize/binarize.jsonl"
    params:
        code=step_digest("binarize"),
        folder=lambda wildcards, input: Path(input.cleaned[0]).parent,
        text=lambda wildcards: TEXT,
        pairs=list(map(str, RUN.corpora)),
        languages=list(RUN.languages),
        max_pieces=RUN.config["data"]["clean"]["max_pieces"],
        output=subpath(output.manifest, parent=True),
    shell:
        "python -m workflow_scripts.steps.binarize --folder {params.folder:q} --pairs {params.pairs:q}"
        " --languages {params.languages:q} --model {input.model:q} --dictionary {input.dictionary:q}"
        " --references {params.text:q} --max-pieces {params.max_pieces} --output {params.output:q} 2>&1 | tee {log:q}"
