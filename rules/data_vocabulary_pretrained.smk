# The vocabulary is that of the pretrained model which the baseline is: a folder of this machine, or a download.
rule fetch_pretrained:
    output:
        directory(PATHS.pretrained),
    log:
        f"{PATHS.logs}/fetch_pretrained/fetch_pretrained.log",
    benchmark:
        f"{PATHS.benchmarks}/fetch_pretrained/fetch_pretrained.jsonl"
    params:
        # No digest of code: what was downloaded and verified does not change with it.
        name=RUN.pretrained.name,
        revision=RUN.pretrained.revision,
        # A function of more than wildcards, so that pinning the digest that was found downloads nothing again.
        sha256=lambda wildcards, output: as_options({"sha256": RUN.pretrained.given.get("sha256")}),
    shell:
        "python -m workflow_scripts.steps.fetch_pretrained --name {params.name:q} --revision {params.revision:q}"
        " {params.sha256} --output {output:q} 2>&1 | log_to {log:q}"


rule pretrained_vocabulary:
    input:
        RUN.pretrained.vocabulary_files,
        used=DATA.used,
    output:
        model=PATHS.sentencepiece,
        dictionary=PATHS.dictionary,
        vocabulary=PATHS.vocabulary,
    log:
        f"{PATHS.logs}/pretrained_vocabulary/pretrained_vocabulary.log",
    benchmark:
        f"{PATHS.benchmarks}/pretrained_vocabulary/pretrained_vocabulary.jsonl"
    priority: 1
    params:
        code=step_digest("pretrained_vocabulary"),
        folder=RUN.pretrained.folder,
        tags=as_json(RUN.pretrained.tags),
        used=as_options({"used": DATA.clean, "pairs": joined(RUN.corpora)} if DATA.used else {}),
        output=subpath(output.dictionary, parent=True),
    shell:
        "python -m workflow_scripts.steps.pretrained_vocabulary --pretrained {params.folder:q} --tags {params.tags:q}"
        " {params.used} --output {params.output:q} 2>&1 | log_to {log:q}"


rule vocabulary_changes:
    input:
        RUN.pretrained.vocabulary_files,
        valid=DATA.cleaned(["valid"]),
        data=PATHS.manifest,
        test_sets=[PATHS.test_set(one.name) for one in RUN.test_sets],
    output:
        PATHS.vocabulary_changes,
    log:
        f"{PATHS.logs}/vocabulary_changes/vocabulary_changes.log",
    benchmark:
        f"{PATHS.benchmarks}/vocabulary_changes/vocabulary_changes.jsonl"
    params:
        code=step_digest("vocabulary_changes"),
        folder=RUN.pretrained.folder,
        clean=lambda wildcards: DATA.clean,
    shell:
        "python -m workflow_scripts.steps.vocabulary_changes --pretrained {params.folder:q} --data {input.data:q}"
        " --clean {params.clean:q} --test-sets {input.test_sets:q} --output {output:q} 2>&1 | log_to {log:q}"
