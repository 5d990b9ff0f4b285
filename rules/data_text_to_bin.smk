# Text (folder TEXT, files TEXT_FILES) is checked, cleaned, and binarized with one SentencePiece model and dictionary.
CLEANED = [
    f"{R}/data/clean/{name}"
    for corpus in CORPUS
    for name in (
        *(f"{split}.{corpus}.{language}" for split in parallel.SPLITS for language in corpus.split("-")),
        f"{corpus}.json",
    )
]


rule check_text:
    input:
        TEXT_FILES,
    output:
        f"{R}/data/checked.json",
    log:
        f"{LOGS}/check_text/check_text.log",
    benchmark:
        f"{BENCH}/check_text/check_text.jsonl"
    params:
        folder=lambda wildcards: TEXT,
        pairs=CORPUS,
    shell:
        "python -m workflow_scripts.steps.check_text --folder {params.folder:q} --pairs {params.pairs:q}"
        " --output {output:q} 2>&1 | tee {log:q}"


rule clean:
    input:
        lambda wildcards: parallel.needed(TEXT_FILES, f"{wildcards.first}-{wildcards.second}"),
        checked=rules.check_text.output,
    output:
        [f"{R}/data/clean/{split}.{{first}}-{{second}}.{{first}}" for split in parallel.SPLITS],
        [f"{R}/data/clean/{split}.{{first}}-{{second}}.{{second}}" for split in parallel.SPLITS],
        kept=f"{R}/data/clean/{{first}}-{{second}}.json",
    log:
        f"{LOGS}/clean/{{first}}-{{second}}.log",
    benchmark:
        f"{BENCH}/clean/{{first}}-{{second}}.jsonl"
    params:
        text=lambda wildcards: TEXT,
        pairs=CORPUS,
        settings=as_json(config["data"]["clean"]),
        folder=subpath(output.kept, parent=True),
    shell:
        "python -m workflow_scripts.steps.clean --folder {params.text:q} --pair {wildcards.first}-{wildcards.second}"
        " --pairs {params.pairs:q} --settings {params.settings:q} --output {params.folder:q} 2>&1 | tee {log:q}"


rule sentencepiece_model:
    input:
        cleaned=CLEANED,
        given=[
            file
            for key in ("model", "dictionary")
            if (file := config["data"]["sentencepiece"][key]) is not None
        ],
    output:
        model=f"{R}/data/sentencepiece.model",
        dictionary=f"{R}/data/dict.txt",
    log:
        f"{LOGS}/sentencepiece_model/sentencepiece_model.log",
    benchmark:
        f"{BENCH}/sentencepiece_model/sentencepiece_model.jsonl"
    params:
        folder=lambda wildcards, input: Path(input.cleaned[0]).parent,
        pairs=CORPUS,
        settings=as_json(config["data"]["sentencepiece"]),
    shell:
        "python -m workflow_scripts.steps.sentencepiece_model --folder {params.folder:q} --pairs {params.pairs:q}"
        " --settings {params.settings:q} --model {output.model:q} --dictionary {output.dictionary:q} 2>&1 | tee {log:q}"


rule binarize:
    input:
        cleaned=CLEANED,
        model=rules.sentencepiece_model.output.model,
        dictionary=rules.sentencepiece_model.output.dictionary,
    output:
        databin=directory(f"{R}/data/bin"),
        filters=f"{R}/data/filters.csv",
        manifest=MANIFEST,
    log:
        f"{LOGS}/binarize/binarize.log",
    benchmark:
        f"{BENCH}/binarize/binarize.jsonl"
    params:
        folder=lambda wildcards, input: Path(input.cleaned[0]).parent,
        text=lambda wildcards: TEXT,
        pairs=CORPUS,
        languages=list(LANGUAGES),
        max_pieces=config["data"]["clean"]["max_pieces"],
        output=subpath(output.manifest, parent=True),
    shell:
        "python -m workflow_scripts.steps.binarize --folder {params.folder:q} --pairs {params.pairs:q}"
        " --languages {params.languages:q} --model {input.model:q} --dictionary {input.dictionary:q}"
        " --references {params.text:q} --max-pieces {params.max_pieces} --output {params.output:q} 2>&1 | tee {log:q}"
