# The joint SentencePiece model is trained on the training text of all languages (or given), its dictionary counted.
rule sentencepiece_model:
    input:
        cleaned=DATA.cleaned(["train"]),
        given=[
            file
            for key in ("model", "dictionary")
            if (file := RUN.config["data"]["sentencepiece"][key]) is not None
        ],
    output:
        model=PATHS.sentencepiece,
        dictionary=PATHS.dictionary,
    log:
        f"{PATHS.logs}/sentencepiece_model/sentencepiece_model.log",
    benchmark:
        f"{PATHS.benchmarks}/sentencepiece_model/sentencepiece_model.jsonl"
    params:
        code=step_digest("sentencepiece_model"),
        folder=lambda wildcards: DATA.clean,
        pairs=joined(RUN.corpora),
        settings=as_json(RUN.config["data"]["sentencepiece"]),
    shell:
        "python -m workflow_scripts.steps.sentencepiece_model --folder {params.folder:q} --pairs {params.pairs:q}"
        " --settings {params.settings:q} --model {output.model:q} --dictionary {output.dictionary:q} 2>&1 | log_to {log:q}"
